#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many commands a second Mininet runs inside its hosts.

    mininet_tasks.py series|group HOSTS COUNT COMMAND

`series`: one after the other on one host; `group`: on all hosts at once, again and again. Prints
commands a second. Run it inside `unshare -nm`."""
import logging
import sys
import time
import warnings

warnings.filterwarnings("ignore")
from mininet.log import setLogLevel  # noqa: E402
from mininet.net import Mininet  # noqa: E402
from mininet.nodelib import LinuxBridge  # noqa: E402

setLogLevel("error")
logging.disable(logging.CRITICAL)
mode, count, command = sys.argv[1], int(sys.argv[3]), sys.argv[4]
network = Mininet(switch=LinuxBridge, controller=None, build=False)
switch = network.addSwitch("s1")
hosts = [network.addHost(f"h{i}") for i in range(int(sys.argv[2]))]
for host in hosts:
    network.addLink(host, switch)
network.build()
network.start()
started = time.monotonic()
done = 0
while done < count:
    if mode == "series":
        hosts[0].cmd(command)
        done += 1
    else:
        for host in hosts:
            host.sendCmd(command)
        for host in hosts:
            host.waitOutput()
        done += len(hosts)
elapsed = time.monotonic() - started
network.stop()
print(f"{done / elapsed:.1f}")
