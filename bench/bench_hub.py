# SPDX-License-Identifier: GPL-3.0-or-later
"""The hub in user space, beside vde_switch (goal 11); how exactly it delays (goal 13)."""
import os
import statistics

import harness

PEERS = os.path.join(harness.ROOT, "bench", "peers")
SECONDS = 1  # of each measurement; all of it takes about three minutes
REPEAT = 5


def through(kind, metric):
    return harness.last_numbers(harness.run(
        [os.path.join(PEERS, "hub.sh"), kind, str(metric), str(SECONDS)]))[0]


def delay(how, *load):
    """Median and 99th percentile of the error in us."""
    return harness.last_numbers(harness.run(
        [os.path.join(harness.FLOORS, "delay"), how, "10", "1000", str(SECONDS), *load]))


def throughput(report):
    for program in ("vde_switch", "vde_plug2tap", "iperf3", "jq"):
        harness.need(program)
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        raise harness.Unavailable("/dev/net/tun is closed to this user")
    for what, kind, metric, unit, goal in (
            ("TCP", "tap", "tcp", "Gbit/s", 3),
            ("TCP with segmentation offload", "offload", "tcp", "Gbit/s", 8),
            ("TCP between hosts of netns", "link", "tcp", "Gbit/s", None),
            ("datagrams of 64 bytes", "tap", 64, "packets/s", 3)):
        report.add(what, harness.pairs([
            ("vnec", lambda k=kind, m=metric: through(k, m)),
            ("vde_switch -hub", lambda m=metric: through("vde", m)),
        ], REPEAT), unit, {"vde_switch -hub": goal})


def exactness(report):
    for what, load, goals in (("idle", (), (60, 300)), ("loaded", ("load",), (None, 150))):
        runs = [(delay("hub", *load), delay("floor", *load)) for _ in range(REPEAT)]
        for i, name in enumerate(("median", "99th percentile")):
            report.figure(f"error of a delay of 10 ms, {what}, {name}",
                          statistics.median(hub[i] for hub, _ in runs), "us", goals[i])
            report.figure("   of the bare loop", statistics.median(f[i] for _, f in runs), "us")


def measure(report):
    try:
        throughput(report)
    except harness.Unavailable as why:  # the delays need nobody else
        print(f"   throughput left out: {why}")
    exactness(report)
