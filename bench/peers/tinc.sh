#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# tinc.sh tcp|SIZE SECONDS: what tinc carries between two namespaces. `tcp`: Gbit/s; a size in
# bytes: datagrams a second that arrive. Runs itself inside namespaces of its own.
set -eu
[ -n "${VNEC_BENCH_INSIDE:-}" ] ||
  VNEC_BENCH_INSIDE=1 exec unshare -n -m -p --fork --mount-proc --kill-child "$0" "$@"
what=$1 seconds=$2
mkdir -p /run/netns; mount -t tmpfs none /run/netns; mount -t tmpfs none /mnt
for n in A B; do ip netns add $n; ip -n $n link set lo up; done
ip link add u0 netns A type veth peer name u0 netns B
number=0
for n in A B; do
  number=$((number + 1))
  ip -n $n addr add 10.8.0.$number/24 dev u0
  ip -n $n link set u0 up
  mkdir -p /mnt/$n/hosts
  printf 'Name = n%s\nMode = switch\nDeviceType = tap\nInterface = tap0\nAddressFamily = ipv4\n' \
    $number >/mnt/$n/tinc.conf
  [ $n = B ] || echo 'ConnectTo = n2' >>/mnt/$n/tinc.conf
  printf '#!/bin/sh\n' >/mnt/$n/tinc-up
  chmod +x /mnt/$n/tinc-up
  printf 'Address = 10.8.0.%s\n' $number >/mnt/$n/hosts/n$number
  tincd -c /mnt/$n -K2048 </dev/null >/dev/null 2>&1
done
cp /mnt/A/hosts/n1 /mnt/B/hosts/
cp /mnt/B/hosts/n2 /mnt/A/hosts/
for n in B A; do
  ip netns exec $n tincd -c /mnt/$n --pidfile=/mnt/$n.pid -D >/mnt/$n.log 2>&1 &
  sleep 0.5
done
number=0
for n in A B; do
  number=$((number + 1))
  ip -n $n addr add 10.9.0.$number/24 dev tap0
  ip -n $n link set tap0 up
done
for _ in $(seq 50); do ip netns exec A ping -q -c1 -W1 10.9.0.2 >/dev/null 2>&1 && break; done
ip netns exec B iperf3 -s -1 >/dev/null &
sleep 0.3
if [ "$what" = tcp ]; then
  ip netns exec A iperf3 -c 10.9.0.2 -t "$seconds" -J | jq '.end.sum_received.bits_per_second / 1e9'
else
  ip netns exec A iperf3 -c 10.9.0.2 -u -b 0 -l "$what" -t "$seconds" -J |
    jq '(.end.sum.packets - .end.sum.lost_packets) / .end.sum.seconds'
fi
