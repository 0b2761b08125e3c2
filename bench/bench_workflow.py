# SPDX-License-Identifier: GPL-3.0-or-later
"""A workflow of 10,000 nodes, a process each (fan, chain, layers), beside ninja and make; and of
no-op nodes, parsed and scheduled (goals 6 and 7)."""
import json
import os
import resource
import tempfile
import time

import harness

NODES = 10000


def edges(shape):
    """For each node, those it comes after."""
    if shape == "fan":
        return [[] if i == 0 else [0] for i in range(NODES)]
    if shape == "chain":
        return [[] if i == 0 else [i - 1] for i in range(NODES)]
    width = 100
    return [[] if i < width else [i - width, i - i % width - width + (i + 1) % width]
            for i in range(NODES)]


def script(before, technology, call, limit=""):
    lines = ['experiment "workflow";', "use std.proc;",
             f"segment lan 10.0.0.0/24{technology};", "host h on lan;"]
    for i, earlier in enumerate(before):
        after = " after " + ", ".join(f"t{k}" for k in earlier) if earlier else ""
        lines.append(f"task t{i} = {call}{after};")
    return "\n".join(lines) + "\n" + limit


def ninja_file(before, folder, command):
    with open(os.path.join(folder, "build.ninja"), "w", encoding="ascii") as file:
        file.write("rule r\n  command = " + command + "\n")
        for i, earlier in enumerate(before):
            file.write(f"build t{i}: r " + " ".join(f"t{k}" for k in earlier) + "\n")


def make_file(before, folder, command):
    with open(os.path.join(folder, "Makefile"), "w", encoding="ascii") as file:
        file.write(".PHONY: all " + " ".join(f"t{i}" for i in range(len(before))) + "\n")
        file.write("all: " + " ".join(f"t{i}" for i in range(len(before))) + "\n")
        for i, earlier in enumerate(before):
            file.write(f"t{i}: " + " ".join(f"t{k}" for k in earlier) + f"\n\t@{command}\n")


def timed(argv, folder):
    started = time.monotonic()
    harness.run(argv, cwd=folder)
    return NODES / (time.monotonic() - started)


def vnec_rate(bench):
    return NODES / (bench.trial()["tasks"] / 1e9)


def process_seconds(argv, folder):
    """Processor time of a command: user and system."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    harness.run(argv, cwd=folder)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def no_ops(before, folder):
    """The same order for ninja and make, with nothing to be done."""
    with open(os.path.join(folder, "build.ninja"), "w", encoding="ascii") as file:
        for i, earlier in enumerate(before):
            file.write(f"build t{i}: phony " + " ".join(f"t{k}" for k in earlier) + "\n")
    with open(os.path.join(folder, "Makefile"), "w", encoding="ascii") as file:
        names = " ".join(f"t{i}" for i in range(len(before)))
        file.write(f".PHONY: all {names}\nall: {names}\n\t@:\n")  # no search for rules
        for i, earlier in enumerate(before):
            file.write(f"t{i}: " + " ".join(f"t{k}" for k in earlier) + "\n")


def measure_no_ops(report):
    scheduler = os.path.join(harness.FLOORS, "scheduler")
    before = edges("layers")
    text = script(before, " using sim", "wait(0s)").replace("use std.proc;\n", "")
    with tempfile.TemporaryDirectory(prefix="vnec-bench-") as folder, \
            harness.Script(text) as bench:
        no_ops(before, folder)
        results = harness.pairs([
            ("vnec", lambda: process_seconds([scheduler, bench.path], folder)),
            ("make", lambda: process_seconds(["make", "-s", "all"], folder)),
            ("ninja", lambda: process_seconds(["ninja"], folder)),
        ], repeat=11)
        report.add("10,000 no-op nodes, parsed and scheduled, processor time", results, "s",
                   {"make": 1.0, "ninja": 1.0}, better="lower")
    for line in harness.run([scheduler]).splitlines():
        shape = json.loads(line)
        report.figure(f"scheduler alone on simulated machines, {shape['shape']} of "
                      f"{shape['nodes']:,} nodes", shape["nodes_per_s"], "nodes/s", 1e6, most=False)


def measure(report):
    harness.need("ninja")
    for shape in ("fan", "chain", "layers"):
        before = edges(shape)
        with tempfile.TemporaryDirectory(prefix="vnec-bench-") as folder, \
                harness.Script(script(before, "", 'h: run(["/bin/true"])')) as bench:
            ninja_file(before, folder, "/bin/true")
            make_file(before, folder, "/bin/true")
            results = harness.pairs([
                ("vnec", lambda: vnec_rate(bench)),
                ("ninja -j2", lambda: timed(["ninja", "-j2"], folder)),
                ("make -j2", lambda: timed(["make", "-j2", "-s", "all"], folder)),
            ])
            report.add(f"10,000 processes, {shape}", results, "nodes/s",
                       {"ninja -j2": 2.0, "make -j2": 1.0})
    measure_no_ops(report)
