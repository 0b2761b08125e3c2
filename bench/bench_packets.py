# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets: TCP on a kernel segment beside a plain bridge (goal 10), and from router to router
across two slaves beside tinc (goal 12; in clear: the cipher is still to come)."""
import os

import harness

PEERS = os.path.join(harness.ROOT, "bench", "peers")
SECONDS = 2

ACTIONS = """
action tcp(target: host) returns (gbits: float) {
  run ["iperf3", "-c", target, "-t", "%d", "-f", "g"] {
    parse /(?<gbits>[\\d.]+) Gbits\\/sec .*receiver/;
  }
}
action udp(target: host, size: int) returns (packets: int, lost: int) {
  run ["iperf3", "-c", target, "-u", "-b", "0", "-l", size, "-t", "%d", "-J"] {
    parse /"lost_packets":\\s*(?<lost>\\d+),\\s*"packets":\\s*(?<packets>\\d+)/;
  }
}
""" % (SECONDS, SECONDS)


def segment(ports):
    return f"""experiment "segment"; use std.net;
{ACTIONS}
segment lan 10.9.0.0/24;
host h[1..{ports}] on lan;
task serve = h[1]: iperf_serve();
task blast = h[2]: tcp(h[1]) after serve;
measure result = blast.gbits;
"""


def across(call, result):
    return f"""experiment "across"; use std.net;
{ACTIONS}
site other at "spawn";
segment left 10.9.1.0/24;
segment right 10.9.2.0/24 at other;
host a on left;
host b on right;
router r joins left, right;
task serve = b: iperf_serve();
task blast = a: {call} after serve;
measure result = {result};
"""


def vnec(bench):
    return next(e["value"] for e in bench.events()
                if e["event"] == "measure" and e["name"] == "result")


def peer(name, *words):
    return harness.last_numbers(harness.run([os.path.join(PEERS, name), *map(str, words)]))[0]


def measure(report):
    for program in ("iperf3", "jq"):
        harness.need(program)
    for ports, goal in ((2, 0.95), (10, 0.75)):
        with harness.Script(segment(ports)) as bench:
            report.add(f"TCP on a segment of {ports} ports", harness.pairs([
                ("vnec", lambda: vnec(bench)),
                ("a plain bridge of 2", lambda: peer("bridge.sh", 2, SECONDS)),
                (f"a hub of {ports}", lambda: peer("bridge.sh", ports, SECONDS)),
            ]), "Gbit/s", {"a plain bridge of 2": goal})
    harness.need("tincd")
    with harness.Script(across("tcp(b)", "blast.gbits")) as bench:
        report.add("TCP across two slaves, in clear", harness.pairs([
            ("vnec", lambda: vnec(bench)),
            ("tinc", lambda: peer("tinc.sh", "tcp", SECONDS)),
        ]), "Gbit/s", {"tinc": 2.0})
    for size in (64, 512, 1400):
        result = f"(blast.packets - blast.lost) / {SECONDS}.0"
        with harness.Script(across(f"udp(b, {size})", result)) as bench:
            report.add(f"datagrams of {size} bytes across two slaves, in clear", harness.pairs([
                ("vnec", lambda: vnec(bench)),
                ("tinc", lambda: peer("tinc.sh", size, SECONDS)),
            ]), "packets/s", {"tinc": 2.0})
