# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks a second from master to guest and back, with a process each and built in, one host in
series and 64 at once, beside Mininet and a bare agent (goals 4 and 5)."""
import os

import harness

PEER = os.path.join(harness.ROOT, "bench", "peers", "mininet_tasks.py")
SERIES = 3000
ROUNDS = 40
HOSTS = 64


def series(call):
    return f"""experiment "series";
use std.proc;
use std.file;
segment lan 10.0.0.0/16;
host h on lan;
task t[1] = h: {call};
for i in 2..{SERIES} {{ task t[i] = h: {call} after t[i - 1]; }}
"""


def group(call):
    return f"""experiment "group";
use std.proc;
use std.file;
segment lan 10.0.0.0/16;
host h[1..{HOSTS}] on lan;
task t[1] = h: {call};
for i in 2..{ROUNDS} {{ task t[i] = h: {call} after t[i - 1]; }}
"""


def rate(bench, count):
    return count / (bench.trial()["tasks"] / 1e9)


def mininet(mode, count, command):
    return harness.last_numbers(harness.run(
        ["unshare", "-nm", "/usr/bin/python3", PEER, mode, str(HOSTS), str(count), command]))[0]


def measure(report):
    spawn, builtin = 'run(["/bin/true"])', 'exists("/tmp")'
    cases = [
        ("a process each, one host in series", series(spawn), SERIES, "series", "/bin/true", 1.3),
        ("a process each, 64 hosts at once", group(spawn), ROUNDS * HOSTS, "group", "/bin/true",
         1.15),
        ("built in, one host in series", series(builtin), SERIES, "series", ":", 2.0),
        ("built in, 64 hosts at once", group(builtin), ROUNDS * HOSTS, "group", ":", 8.0),
    ]
    for what, text, count, mode, command, goal in cases:
        with harness.Script(text) as bench:
            report.add(what, harness.pairs([
                ("vnec", lambda: rate(bench, count)),
                ("mininet", lambda: mininet(mode, count, command)),
            ]), "tasks/s", {"mininet": goal})
