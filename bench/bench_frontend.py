# SPDX-License-Identifier: GPL-3.0-or-later
"""The front end: text to tree, and text to a checked, lowered experiment, beside a bare
Flex/Bison parser, jq, ninja and nft (goal 8)."""
import os
import resource
import statistics
import tempfile

import harness

HOSTS = 100000
TASKS = 1000000
WARM_MB = 512  # more than any of the programs beside each other holds


def script(hosts, tasks):
    lines = ['experiment "large";', "use std.proc;"]
    lines += [f"segment lan{k} 10.{k // 250}.{k % 250}.0/24;" for k in range(hosts // 200 + 1)]
    lines += [f"host h{i} on lan{i // 200} memory 64MiB;" for i in range(hosts)]
    lines += [f'task t{i} = h{i % hosts}: run(["echo", "{i}"])'
              + (f" after t{i - hosts}" if i >= hosts else "") + ";" for i in range(tasks)]
    return "\n".join(lines) + "\n"


def compact(hosts, tasks):
    rounds = tasks // hosts
    return f"""experiment "large";
use std.proc;
segment lan[1..500] 10.0.0.0/8;
host h[i in 1..{hosts}] on lan[(i - 1) % 500 + 1];
task t[1] = h: run(["true"]);
for i in 2..{rounds} {{ task t[i] = h: run(["true"]) after t[i - 1]; }}
"""


def cpu(argv, **options):
    """Processor seconds, with memory that is there: a peer's way with it is not what is asked."""
    harness.warm(WARM_MB)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    harness.run(argv, **options)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)


def graph_for_floor(size):
    lines, i = ["graph g {"], 0
    while sum(map(len, lines[-1:])) and len(lines) * 40 < size:
        lines.append(f'n{i} [kind="host", memory=64, on="lan{i // 200}"];')
        lines.append(f"n{i} -- lan{i // 200};")
        i += 1
    return "\n".join(lines) + "\n}\n"


def json_for_jq(size):
    row = '{"name":"h%d","on":"lan%d","memory":64,"after":["t%d"]}'
    return "[" + ",\n".join(row % (i, i // 200, i) for i in range(size // 52)) + "]\n"


def ninja_for(size):
    return ("rule r\n  command = true\n"
            + "\n".join(f"build t{i}: r t{i - 1}" if i else "build t0: r"
                        for i in range(size // 22)) + "\nbuild all: phony t0\ndefault all\n")


def measure(report):
    with tempfile.TemporaryDirectory(prefix="vnec-bench-") as folder:
        def write(name, text):
            path = os.path.join(folder, name)
            with open(path, "w", encoding="ascii") as file:
                file.write(text)
            return path, os.path.getsize(path) / 1e6

        path, size = write("large.vnl", script(20000, 200000))
        empty, _ = write("empty.vnl", 'experiment "empty";\nsegment lan;\nhost h on lan;\n')
        base = cpu([harness.VNECC, "--check", empty])
        floor_path, floor_size = write("floor.txt", graph_for_floor(int(size * 1e6)))
        jq_path, jq_size = write("large.json", json_for_jq(int(size * 1e6)))
        write("build.ninja", ninja_for(int(size * 1e6)))
        ninja_size = os.path.getsize(os.path.join(folder, "build.ninja")) / 1e6
        parse = os.path.join(harness.FLOORS, "bench-parse")
        bare = os.path.join(harness.FLOORS, "floor-parse")
        report.add("lex and parse", harness.pairs([
            ("vnec", lambda: size / cpu([parse, path])),
            ("a bare Flex/Bison parser", lambda: floor_size / cpu([bare, floor_path])),
            ("jq", lambda: jq_size / cpu([harness.need("jq"), "length", jq_path])),
            ("ninja", lambda: ninja_size / cpu([harness.need("ninja"), "-n", "-C", folder])),
        ]), "MB/s")
        checked = statistics.median(size / (cpu([harness.VNECC, "--check", path]) - base)
                                    for _ in range(5))
        report.figure("with all checks, lowered", checked, "MB/s", 30, most=False)
        big, _ = write("compact.vnl", compact(HOSTS, TASKS))
        report.figure("100,000 hosts and 1,000,000 tasks",
                      cpu([harness.VNECC, "--emit=graph", "-o", "/dev/null", big]), "s", 3)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
        report.figure("most memory of any of them", peak, "GB", 1.5)
