#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# hub.sh KIND METRIC SECONDS: two namespaces on a hub in user space. KIND: vde (vde_switch -hub), tap,
# offload or link (VNEC's, bench/hub.c). METRIC: tcp (Gbit/s) or a size (datagrams a second).
# Prints one number. Runs itself inside namespaces of its own.
set -eu
[ -n "${VNEC_BENCH_INSIDE:-}" ] ||
  VNEC_BENCH_INSIDE=1 exec unshare -n -m -p --fork --mount-proc --kill-child "$0" "$@"
kind=$1 metric=$2 seconds=$3
programs=$(cd "$(dirname "$0")/../../build/bench" && pwd)
mkdir -p /run/netns; mount -t tmpfs none /run/netns; mount -t tmpfs none /mnt
await() { for _ in $(seq 500); do [ -e "$1" ] && return; sleep 0.01; done; echo "no $1" >&2; exit 1; }
for n in n1 n2; do ip netns add $n; ip -n $n link set lo up; done
device=tap0
case $kind in
  vde)
    vde_switch -hub -sock /mnt/switch -daemon -pidfile /mnt/pid
    for n in n1 n2; do ip netns exec $n vde_plug2tap -s /mnt/switch tap0 </dev/null & done
    for n in n1 n2; do
      for _ in $(seq 500); do ip -n $n link show tap0 >/dev/null 2>&1 && break; sleep 0.01; done
    done ;;
  tap|offload)
    "$programs/hub" "$kind" /mnt/ready /run/netns/n1 /run/netns/n2 & await /mnt/ready ;;
  link)
    for i in 1 2; do ip link add "p$i" up type veth peer name e0 netns "n$i"; done
    "$programs/hub" link /mnt/ready p1 p2 & await /mnt/ready
    device=e0 ;;
esac
for i in 1 2; do
  ip -n "n$i" addr add "10.9.0.$i/24" dev $device
  ip -n "n$i" link set $device up
done
for _ in $(seq 100); do ip netns exec n2 ping -q -c 1 -W 1 10.9.0.1 >/dev/null && break; sleep 0.1; done
if [ "$metric" = tcp ]; then
  ip netns exec n1 iperf3 -s -1 >/dev/null &
  sleep 0.3
  ip netns exec n2 iperf3 -c 10.9.0.1 -t "$seconds" -O 1 -J |
    jq '.end.sum_received.bits_per_second / 1e9'
else
  "$programs/datagrams" /run/netns/n2 /run/netns/n1 10.9.0.1 "$metric" "$seconds" | tail -n 1
fi
