# SPDX-License-Identifier: GPL-3.0-or-later
"""The analysis of workflow anomalies: how its time grows, its memory, and a check of a file of
everyday size (goal 9 of the bench: under a second and 1 GiB for 100,000 tasks on 10,000 hosts)."""
import json
import math
import os
import resource
import statistics
import tempfile

import harness

SIZES = [12500, 25000, 50000, 100000]
SHAPES = [("chain", "one after the other"), ("fan", "between two groups"),
          ("grid", "each after two neighbours"), ("random", "each after three of the last 1000"),
          ("wild", "each after any three before"),
          ("mixed", "each after its machine's last, and two at random")]
REPEAT = 3
EVERYDAY = """experiment "everyday";
use std.net;
segment lan[1..4] 10.1.0.0/16;
router core joins lan;
for i in 1..40 { host h[i] on lan[(i - 1) % 4 + 1]; }
host server on lan[1];
task boot = h: power_on();
task save = h: snapshot("clean") after boot;
task serve = server: http_serve();
for i in 1..40 {
  task scan[i] = h[i]: ping(server) after save;
  task page[i] = h[i]: http_get(server) after scan[i], serve on_failure ignore;
  task log[i] = h[i]: pull("/var/log/messages", "log") after page[i];
}
task back = h: revert("clean") after log;
task again = h: ping(server) after back;
task end_ = stop(serve) after again;
task down = h: power_off() after again always;
"""


def analyse(shape, tasks):
    """One process: processor seconds of the analysis, and its line."""
    text = harness.run([os.path.join(harness.FLOORS, "analysis"), shape, str(tasks), "5"])
    return json.loads(text)


def fit(points):
    """The exponent e of seconds = c * tasks ** e, by least squares of the logarithms."""
    xs = [math.log(x) for x, _ in points]
    ys = [math.log(y) for _, y in points]
    mx, my = statistics.mean(xs), statistics.mean(ys)
    return sum((x - mx) * (y - my) for x, y in zip(xs, ys)) / sum((x - mx) ** 2 for x in xs)


def measure_shape(report, shape, what):
    # The sizes in turn, so that a machine whose speed drifts treats all alike.
    lines = {tasks: [] for tasks in SIZES}
    for _ in range(REPEAT):
        for tasks in SIZES:
            lines[tasks].append(analyse(shape, tasks))
    points = []
    for tasks in SIZES:
        seconds = statistics.median(line["seconds"] for line in lines[tasks])
        points.append((lines[tasks][0]["tasks"], seconds))
        print(f"   {shape} ({what}): {points[-1][0]} tasks {seconds * 1000:.1f} ms, "
              f"{lines[tasks][0]['findings']} findings")
    report.figure(f"{shape}: growth of time, exponent", fit(points), "", 1.15)
    report.figure(f"{shape}: {points[-1][0]} tasks on {points[-1][0] // 10} hosts", points[-1][1],
                  "s", 1.0)
    report.figure(f"{shape}: most memory of the process",
                  max(line["memory_mib"] for line in lines[SIZES[-1]]), "MiB", 1024)


def check_seconds(argv):
    """Processor time of a command: user and system."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    harness.run(argv)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


LARGE = """experiment "large";
use std.net;
segment lan[1..3] 10.0.0.0/8;
router core joins lan;
for i in 1..10000 { host h[i] on lan[(i - 1) % 3 + 1]; }
host server on lan[1];
task serve = server: http_serve();
task boot = h: power_on();
for i in 1..10000 {
  task a[i] = h[i]: ping(server) after boot;
  task b[i] = h[i]: http_get(server) after a[i], serve;
  task c[i] = h[i]: ping(h[i % 10000 + 1]) after b[i];
  task d[i] = h[i]: http_get(server) after c[i];
  task e[i] = h[i]: snapshot("x") after d[i];
  task f[i] = h[i]: ping(h[(i * 7) % 10000 + 1]) after e[i];
  task g[i] = h[i]: pull("/var/log/x", "x") after f[i];
  task j[i] = h[i]: revert("x") after g[i];
}
task down = h: power_off() after j always;
task end_ = stop(serve) after down always;
"""


def measure_everyday(report):
    with tempfile.TemporaryDirectory(prefix="vnec-bench-") as folder:
        path = os.path.join(folder, "everyday.vnl")
        with open(path, "w", encoding="utf-8") as file:
            file.write(EVERYDAY)
        times = [check_seconds([harness.VNECC, "--check", path]) for _ in range(11)]
        large = os.path.join(folder, "large.vnl")
        with open(large, "w", encoding="utf-8") as file:
            file.write(LARGE)
        long = [check_seconds([harness.VNECC, "--check", large]) for _ in range(3)]
    report.figure("vnecc --check of 41 hosts and 366 steps, processor time",
                  statistics.median(times) * 1000, "ms", 20)
    report.figure("vnecc --check of 10,001 hosts and 100,002 steps, all of it, processor time",
                  statistics.median(long), "s", 1.0)


def measure(report):
    for shape, what in SHAPES:
        measure_shape(report, shape, what)
    measure_everyday(report)
