#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# bridge.sh PORTS SECONDS: iperf3's TCP between two namespaces on a plain Linux bridge that is a hub
# (ageing 0) of so many ports. Prints Gbit/s. Runs itself inside namespaces of its own.
set -eu
[ -n "${VNEC_BENCH_INSIDE:-}" ] ||
  VNEC_BENCH_INSIDE=1 exec unshare -n -m -p --fork --mount-proc --kill-child "$0" "$@"
ports=$1 seconds=$2 ageing=
[ "$ports" -gt 2 ] && ageing="ageing_time 0"
mount -t tmpfs none /run/netns 2>/dev/null || { mkdir -p /run/netns; mount -t tmpfs none /run/netns; }
# shellcheck disable=SC2086
ip link add b0 up type bridge $ageing
for i in $(seq "$ports"); do
  ip netns add "n$i"
  ip link add "v$i" master b0 up type veth peer name e0 netns "n$i"
  ip -n "n$i" addr add "10.9.0.$i/24" dev e0
  ip -n "n$i" link set e0 up
done
ip netns exec n2 ping -q -c 1 -W 5 10.9.0.1 >/dev/null
ip netns exec n1 iperf3 -s -1 >/dev/null &
sleep 0.3
ip netns exec n2 iperf3 -c 10.9.0.1 -t "$seconds" -J | jq '.end.sum_received.bits_per_second / 1e9'
