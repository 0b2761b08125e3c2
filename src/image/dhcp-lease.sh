#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What udhcpc calls: puts a lease into the kernel. Leases don't end, so it is called once.
case $1 in
  deconfig)
    ip link set "$interface" up
    ;;
  bound|renew)
    ip addr flush dev "$interface" scope global
    ip addr add "$ip/$mask" dev "$interface"
    if [ -n "$staticroutes" ]; then
      # shellcheck disable=SC2086
      set -- $staticroutes
      while [ $# -ge 2 ]; do
        if [ "$2" = 0.0.0.0 ]; then ip route replace "$1" dev "$interface"
        else ip route replace "$1" via "$2" dev "$interface" onlink; fi
        shift 2
      done
    elif [ -n "$router" ]; then
      ip route replace default via "${router%% *}" dev "$interface"
    fi
    if [ -n "$dns" ]; then
      for server in $dns; do echo "nameserver $server"; done >/etc/resolv.conf
    fi
    : >"/run/lease-$interface"
    ;;
esac
