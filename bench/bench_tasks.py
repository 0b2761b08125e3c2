# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks a second from master to guest and back, with a process each and built in, one host in
series and 64 at once, beside Mininet and a bare agent (goals 4 and 5)."""
import os

import harness

PEER = os.path.join(harness.ROOT, "bench", "peers", "mininet_tasks.py")
FLOOR = os.path.join(harness.FLOORS, "floor-tasks")
SERIES = {"spawn": 2000, "builtin": 10000}
ROUNDS = {"spawn": 40, "builtin": 400}  # so that each measurement takes about a second
HOSTS = 64


def script(name, hosts, count, call):
    return f"""experiment "{name}";
use std.proc;
use std.file;
segment lan 10.0.0.0/16;
host h[1..{hosts}] on lan;
task t[1] = h: {call};
for i in 2..{count} {{ task t[i] = h: {call} after t[i - 1]; }}
"""


def rate(bench, count):
    return count / (bench.trial()["tasks"] / 1e9)


def mininet(mode, count, command):
    return harness.last_numbers(harness.run(
        ["unshare", "-nm", "/usr/bin/python3", PEER, mode, str(HOSTS), str(count), command]))[0]


def floor(hosts, rounds):
    return harness.last_numbers(harness.run([FLOOR, str(hosts), str(rounds)]))[0]


def measure_one(report, kind, what, hosts, call, command, goal):
    mode, rounds = ("series", SERIES[kind]) if hosts == 1 else ("group", ROUNDS[kind])
    count = rounds * hosts
    with harness.Script(script(mode, hosts, rounds, call)) as bench:
        sides = [("vnec", lambda: rate(bench, count)),
                 ("mininet", lambda: mininet(mode, min(count, 3000), command))]
        if kind == "builtin":
            sides.append(("floor", lambda: floor(hosts, rounds)))
        report.add(what, harness.pairs(sides), "tasks/s", {"mininet": goal})


def measure(report):
    spawn, builtin = 'run(["/bin/true"])', 'exists("/tmp")'
    for hosts, how, goals in [(1, "one host in series", (1.3, 2.0)),
                              (HOSTS, "64 hosts at once", (1.15, 8.0))]:
        measure_one(report, "spawn", f"a process each, {how}", hosts, spawn, "/bin/true", goals[0])
        measure_one(report, "builtin", f"built in, {how}", hosts, builtin, ":", goals[1])
