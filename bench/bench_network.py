# SPDX-License-Identifier: GPL-3.0-or-later
"""A network of N hosts up and down, flat and routed, beside Mininet and a bare floor; memory a
host (goals 1, 2 and 3)."""
import glob
import json
import os
import signal
import subprocess

import harness

SIZES = [int(n) for n in os.environ.get("VNEC_BENCH_SIZES", "10 100 500 1000").split()]
PEERS = os.path.join(harness.ROOT, "bench", "peers")


def script(count, shape):
    if shape == "flat":
        body = "segment lan 10.0.0.0/16;\nhost h[1..n] on lan;\n"
    else:
        body = """let s = (n + 9) / 10;
segment backbone 10.2.0.0/16;
segment lan[i in 1..s] 10.1.0.0/16;
router r[i in 1..s] joins lan[i], backbone;
for i in 1..n { host h[i] on lan[(i - 1) / 10 + 1]; }
"""
    return f'experiment "network";\nlet n = {count};\n{body}task t = wait(0s);\n'


class Vnec:
    """Up and down come from one run: the pair is measured once and told twice."""

    def __init__(self, bench):
        self.bench = bench
        self.down = []

    def up(self):
        trial = self.bench.trial()
        self.down.append(trial["down"] / 1e9)
        return trial["up"] / 1e9


def peer(argv, index, keep):
    values = harness.last_numbers(harness.run(argv))
    keep.append(values[1])
    return values[index]


def below(pid):
    """The process and all below it."""
    found = [pid]
    for task in glob.glob(f"/proc/{pid}/task/*/children"):
        with open(task, encoding="ascii") as file:
            for child in file.read().split():
                found += below(int(child))
    return found


def pss_kib(pid):
    """The name of a process and its share of memory."""
    with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
        name = file.read().strip()
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return name, next(int(line.split()[1]) for line in file if line.startswith("Pss:"))


def memory(count):
    """KiB a host of a flat network that is up: its agent alone, and all of VNEC's processes."""
    text = script(count, "flat").replace("wait(0s)", "wait(10min)")
    with harness.Script(text) as bench:
        run = subprocess.Popen([harness.VNEC, "run", "--json", "--out",
                                os.path.join(bench.folder, "out"), bench.path],
                               stdout=subprocess.PIPE, text=True)
        for line in run.stdout:
            event = json.loads(line)
            if event["event"] == "started" and event.get("task") == "t":
                break
        shares = [pss_kib(pid) for pid in below(run.pid)]
        run.send_signal(signal.SIGINT)
        run.communicate(timeout=120)
    agents = [share for name, share in shares if name == "vnec-taskrunner"[:15]]
    if len(agents) != count:
        raise RuntimeError(f"{len(agents)} agents instead of {count}")
    return sum(agents) / count, sum(share for _, share in shares) / count


def first_pings(count):
    """How many first pings were lost, and the slowest in ms, when every other host speaks to its neighbour as soon as all are
    up: more pairs at once than that, and the machine's neighbour table overflows."""
    text = f"""experiment "first pings";
use std.net;
let n = {count};
segment lan 10.0.0.0/16;
host h[1..n] on lan;
task first[i in 1..n/2] = h[2 * i - 1]: ping(h[2 * i], count=1) on_failure ignore;
"""
    with harness.Script(text) as bench:
        ended = [e for e in bench.events() if e["event"] == "ended" and "task" in e]
    answered = [e["fields"]["rtt"] / 1e6 for e in ended if e["fields"].get("rtt") is not None]
    return len(ended) - len(answered), max(answered)


def measure(report):
    floor = os.path.join(harness.FLOORS, "floor-network")
    for shape in ("flat", "routed"):
        for count in SIZES:
            with harness.Script(script(count, shape)) as bench:
                vnec, down = Vnec(bench), {"floor": [], "mininet": []}
                namespaces = ["unshare", "-Urnm", floor, str(count), shape]
                mininet = ["unshare", "-nm", "/usr/bin/python3",
                           os.path.join(PEERS, "mininet_network.py"), str(count), shape]
                measures = [("vnec", vnec.up),
                            ("floor", lambda: peer(namespaces, 0, down["floor"]))]
                if count <= 500:
                    measures.append(("mininet", lambda: peer(mininet, 0, down["mininet"])))
                goal = 12 if shape == "flat" else 15
                report.add(f"{count} hosts {shape}, up", harness.pairs(measures), "s",
                           {"floor": 1 / 1.5, "mininet": goal}, better="lower")
                medians = [("vnec", vnec.down)] + [(k, v) for k, v in down.items() if v]
                rows = [(name, sorted(v)[len(v) // 2]) for name, v in medians]
                report.add(f"{count} hosts {shape}, down",
                           [(name, value, rows[0][1] / value) for name, value in rows], "s",
                           {"floor": 1 / 1.5, "mininet": 30}, better="lower")
    for count in SIZES:
        agent, everything = memory(count)
        report.figure(f"{count} hosts, memory of an agent", agent, "KiB", 60)
        report.figure(f"{count} hosts, memory of all processes, a host", everything, "KiB")
        if count <= 500:  # the machine's neighbour table holds 1,024 entries
            lost, slowest = first_pings(count)
            report.figure(f"{count} hosts, first pings lost", lost, "", 0)
            report.figure(f"{count} hosts, slowest first ping", slowest, "ms", 50)
