# SPDX-License-Identifier: GPL-3.0-or-later
"""A network of N hosts up and down, flat and routed, beside Mininet and a bare floor; memory a
host (goals 1, 2 and 3)."""
import os

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


def memory(count):
    """PSS of all agents of a flat network, a host, while it is up: the run says it itself."""
    with harness.Script(script(count, "flat")) as bench:
        events = bench.events()
    return next(e["guest_pss_kib"] for e in events if e["event"] == "begin") / count


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
