#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Process 1 of a built-in guest: makes it a place where programs can run, then becomes the agent.
# The kernel's command line may say (doc/manual/images.md):
#   vnec.hostname=NAME
#   vnec.ip=MAC,ADDRESS/LENGTH[,ADDRESS/LENGTH...]    one for an interface; no DHCP there
#   vnec.route=default|default6|PREFIX,GATEWAY        after all addresses
#   vnec.dhcp=wait|background|off                     for the other interfaces; see below
#   vnec.spool=TAG                                    the agent's channel is this 9p share
export PATH=/bin HOME=/root
mount -t devtmpfs none /dev
mkdir -p /dev/pts /dev/shm
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devpts none /dev/pts
mount -t tmpfs none /dev/shm
ln -sf /proc/self/fd /dev/fd

while read -r module; do
  insmod "/lib/modules/$module"
done </lib/modules/order

hostname=linux dhcp=background spool=
for word in $(cat /proc/cmdline); do
  case $word in
    vnec.hostname=*) hostname=${word#*=} ;;
    vnec.dhcp=*) dhcp=${word#*=} ;;
    vnec.spool=*) spool=${word#*=} ;;
  esac
done
hostname "$hostname"
echo "127.0.1.1 $hostname" >>/etc/hosts

# Announced routes count, those for other prefixes too; nobody else has our addresses.
for path in /proc/sys/net/ipv6/conf/default /proc/sys/net/ipv6/conf/eth*; do
  [ -d "$path" ] || continue
  echo 2 >"$path/accept_ra"
  echo 128 >"$path/accept_ra_rt_info_max_plen"
  echo 0 >"$path/accept_dad"
done 2>/dev/null
ip link set lo up

# by_mac MAC: the interface's name.
by_mac() {
  local path
  for path in /sys/class/net/*; do
    [ "$(cat "$path/address")" = "$1" ] && echo "${path##*/}" && return
  done
  echo "init: no interface has the address $1" >&2
}

set_addresses() {
  local mac=${1%%,*} rest=${1#*,} name address
  name=$(by_mac "$mac")
  [ -n "$name" ] || return
  for address in $(echo "$rest" | tr , ' '); do
    ip addr add "$address" dev "$name"
  done
  ip link set "$name" up
  echo "$name" >>/run/addressed
}

set_route() {
  local to=${1%%,*} via=${1#*,}
  case $to in
    default6) ip -6 route add default via "$via" ;;
    default) ip route add default via "$via" ;;
    *:*) ip -6 route add "$to" via "$via" ;;
    *) ip route add "$to" via "$via" ;;
  esac
}

for word in $(cat /proc/cmdline); do
  case $word in vnec.ip=*) set_addresses "${word#*=}" ;; esac
done
for word in $(cat /proc/cmdline); do
  case $word in vnec.route=*) set_route "${word#*=}" ;; esac
done

# Interfaces without a given address ask for one, for as long as it takes. "wait" starts the agent
# when each has its lease, so that a guest that answers has its addresses; a guest that nobody
# answers says so after a minute and goes on.
asked=
if [ "$dhcp" != off ] && [ "$(cat /etc/vnec-role)" = host ]; then
  for path in /sys/class/net/*; do
    name=${path##*/}
    case $name in lo|tunl*|sit*) continue ;; esac
    grep -qx "$name" /run/addressed 2>/dev/null && continue
    ip link set "$name" up
    udhcpc -q -f -i "$name" -x "hostname:$hostname" -t 1000000 -T 1 -s /etc/dhcp-lease >/dev/null 2>&1 &
    asked="$asked $name"
  done
fi
if [ "$dhcp" = wait ]; then
  for name in $asked; do
    tries=0
    until [ -e "/run/lease-$name" ]; do
      tries=$((tries + 1))
      [ "$tries" -le 600 ] || { echo "init: $name has got no address" >&2; break; }
      usleep 100000
    done
  done
fi

cd /root || exit 1
if [ -n "$spool" ]; then
  mkdir -p /vnec/spool
  mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,cache=none "$spool" /vnec/spool || {
    # Without its channel nobody hears of this guest but by its end.
    echo "init: no shared folder: this image can't mount 9p (linux-9p can)"
    poweroff -f
  }
  exec /vnec/agent --spool /vnec/spool
fi
exec /vnec/agent --port vnec.0
