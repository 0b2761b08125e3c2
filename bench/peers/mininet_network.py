#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mininet with Linux bridges builds the network of bench_network and takes it down.

    mininet_network.py HOSTS flat|routed

Prints seconds: up, down, until links are gone. Run it inside `unshare -nm`."""
import logging
import sys
import tempfile
import time
import warnings

warnings.filterwarnings("ignore")
from mininet.log import setLogLevel  # noqa: E402
from mininet.net import Mininet  # noqa: E402
from mininet.nodelib import LinuxBridge  # noqa: E402

setLogLevel("error")
logging.disable(logging.CRITICAL)


def flat(net, count):
    switch = net.addSwitch("s1")
    for i in range(1, count + 1):
        net.addLink(net.addHost(f"h{i}", ip=f"10.0.{i // 250}.{i % 250 + 1}/16"), switch)
    return []


def routed(net, count):
    backbone = net.addSwitch("s9999")
    subnets = (count + 9) // 10
    routers = []
    for k in range(subnets):
        switch = net.addSwitch(f"s{k + 1}")
        router = net.addHost(f"r{k}", ip=None)
        routers.append(router)
        net.addLink(router, switch)
        net.addLink(router, backbone)
        for j in range(k * 10, min(count, k * 10 + 10)):
            host = net.addHost(f"h{j}", ip=f"10.1.{k}.{j % 10 + 2}/24",
                               defaultRoute=f"via 10.1.{k}.1")
            net.addLink(host, switch)
    return routers


def configure(routers):
    """One `ip -batch` a router: the fastest way that Mininet's users have."""
    for k, router in enumerate(routers):
        lines = [f"addr add 10.1.{k}.1/24 dev r{k}-eth0",
                 f"addr add 10.2.{k // 250}.{k % 250 + 1}/16 dev r{k}-eth1"]
        lines += [f"route add 10.1.{q}.0/24 via 10.2.{q // 250}.{q % 250 + 1}"
                  for q in range(len(routers)) if q != k]
        with tempfile.NamedTemporaryFile("w", suffix=".batch") as batch:
            batch.write("\n".join(lines) + "\n")
            batch.flush()
            said = router.cmd(f"sysctl -q -w net.ipv4.ip_forward=1; ip -batch {batch.name}")
        if said.strip():
            sys.exit(said)


def links():
    with open("/proc/net/dev", encoding="ascii") as file:
        return sum("-eth" in line.split(":")[0] for line in file)


started = time.monotonic()
network = Mininet(switch=LinuxBridge, controller=None, waitConnected=False, build=False)
all_routers = (flat if sys.argv[2] == "flat" else routed)(network, int(sys.argv[1]))
network.build()
network.start()
configure(all_routers)
up = time.monotonic()
network.stop()
stopped = time.monotonic()
while links():
    time.sleep(0.001)
gone = time.monotonic()
print(f"{up - started:.4f} {stopped - up:.4f} {gone - up:.4f}")
