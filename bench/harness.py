# SPDX-License-Identifier: GPL-3.0-or-later
"""Pairs, medians, tables: what every benchmark needs.

A measurement is a function that returns a number. `pairs` calls several of them in turn, so that
a machine whose speed drifts treats all alike, and gives the medians and the ratios of each to the
first, pair by pair.
"""
import json
import mmap
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, "build")
VNEC = os.path.join(BUILD, "bin", "vnec")
VNECC = os.path.join(BUILD, "bin", "vnecc")
FLOORS = os.path.join(BUILD, "bench")


class Unavailable(Exception):
    """A peer that this machine does not have."""


def need(program):
    if shutil.which(program) is None:
        raise Unavailable(f"{program} is not installed")
    return program


def run(argv, **options):
    """Runs a command to its end and returns its standard output; raises with what it said."""
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=options.pop("timeout", 600), **options)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: status {done.returncode}\n{done.stderr[-500:]}")
    return done.stdout


def last_numbers(text):
    """The numbers of the last line."""
    numbers = []
    for word in text.strip().splitlines()[-1].split():
        try:
            numbers.append(float(word))
        except ValueError:
            pass
    return numbers


class Script:
    """A .vnl file in a folder of its own, run by vnec with --json; gone afterwards."""

    def __init__(self, text, *options):
        self.folder = tempfile.mkdtemp(prefix="vnec-bench-")
        self.path = os.path.join(self.folder, "bench.vnl")
        self.options = options
        self.runs = 0
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(text)

    def events(self, *options):
        """Runs it once and returns the list of JSON events."""
        self.runs += 1
        out = os.path.join(self.folder, f"out{self.runs}")
        text = run([VNEC, "run", "--json", "--out", out, *self.options, *options, self.path])
        shutil.rmtree(out, ignore_errors=True)
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    def trial(self):
        """Runs it once: the times of its phases in ns (up, tasks, down)."""
        return next(e for e in self.events() if e["event"] == "trial_ended")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)


def warm(megabytes):
    """Touches memory and gives it back. A virtual machine may have to ask its host for each page
    that nobody used for a while, which costs far more than what is done in it: the program that
    comes next finds pages that are there."""
    with mmap.mmap(-1, megabytes << 20) as pages:
        pages.madvise(mmap.MADV_HUGEPAGE)  # the large ones, from which all others are cut
        for at in range(0, len(pages), mmap.PAGESIZE):
            pages[at] = 1


def pairs(measures, repeat=5):
    """measures: [(name, function)]. Returns [(name, median, median ratio to the first)]."""
    values = {name: [] for name, _ in measures}
    for _ in range(repeat):
        for name, function in measures:
            values[name].append(function())
    first = measures[0][0]
    return [(name, statistics.median(values[name]),
             statistics.median(a / b if b else float("nan")
                               for a, b in zip(values[first], values[name])))
            for name, _ in measures]


class Report:
    """Rows of one benchmark: printed as they come, kept as JSON."""

    def __init__(self, name):
        self.name = name
        self.rows = []

    def add(self, what, results, unit, target=None, better="higher"):
        """results: of `pairs`. The ratio told is VNEC's advantage over each of the others."""
        first = results[0]
        print(f"{what}: {first[0]} {first[1]:.4g} {unit}")
        for name, median, ratio in results[1:]:
            advantage = ratio if better == "higher" else 1 / ratio if ratio else float("nan")
            goal = (target or {}).get(name)
            say = f"   beside {name} {median:.4g} {unit}: {advantage:.2f} times"
            if goal is not None:
                say += f" (goal {goal}: {'reached' if advantage >= goal else 'missed'})"
            print(say)
            self.rows.append({"what": what, "unit": unit, "vnec": first[1], "peer": name,
                              "peer_value": median, "advantage": advantage, "goal": goal})
        sys.stdout.flush()

    def figure(self, what, value, unit, goal=None, most=True):
        """A figure on its own, beside a goal (`most`: it should be at most that)."""
        say = f"{what}: {value:.4g} {unit}"
        if goal is not None:
            good = value <= goal if most else value >= goal
            say += f" (goal {goal}: {'reached' if good else 'missed'})"
        print(say)
        self.rows.append({"what": what, "unit": unit, "vnec": value, "goal": goal})
        sys.stdout.flush()

    def write(self):
        os.makedirs(FLOORS, exist_ok=True)
        with open(os.path.join(FLOORS, self.name + ".json"), "w", encoding="utf-8") as file:
            json.dump(self.rows, file, indent=1)
