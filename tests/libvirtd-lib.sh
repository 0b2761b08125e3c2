# SPDX-License-Identifier: GPL-3.0-or-later
# A libvirtd of a test's own: in namespaces of its own, with all its files below $top, so that
# nothing of it meets the machine's libvirt, and with the end of its first process all it started
# ends. After run-lib.sh.

libvirtd_need() { command -v libvirtd >/dev/null || skip "libvirtd is not there: apt-get install libvirt-daemon"; }

# libvirtd_start NAME: sets libvirtd_pid (to be killed with -9: all of it then ends),
# libvirtd_socket. It takes itself for a user's libvirtd, whoever runs the test: its connection is
# qemu+unix:///session?socket=$libvirtd_socket.
libvirtd_start() {
  local home=$top/$1 i
  mkdir -p "$home/run" && chmod 700 "$home/run"
  libvirtd_socket=$home/run/libvirt/libvirt-sock
  XDG_RUNTIME_DIR=$home/run XDG_CONFIG_HOME=$home/config XDG_CACHE_HOME=$home/cache HOME=$home \
    unshare --user --map-user=1000 --map-group=1000 --mount --net --pid --fork --kill-child \
    --mount-proc sh -c 'libvirtd --timeout 0 & wait; exec sleep 1000000' >"$home/log" 2>&1 &
  libvirtd_pid=$!
  for i in $(seq 300); do
    [ -S "$libvirtd_socket" ] && virsh -q -c "qemu+unix:///session?socket=$libvirtd_socket" list >/dev/null 2>&1 && return
    kill -0 "$libvirtd_pid" 2>/dev/null || break
    sleep 0.1
  done
  cat "$home/log"
  skip "a libvirtd can't be started here"
}

libvirtd_stop() {
  [ -z "$libvirtd_pid" ] && return
  kill -9 "$libvirtd_pid" 2>/dev/null
  wait "$libvirtd_pid" 2>/dev/null
  libvirtd_pid=
}

# The process of libvirtd itself. When it alone is killed, what it started lives on.
libvirtd_itself() {
  local pid
  for pid in $(tree "$libvirtd_pid"); do
    [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = libvirtd ] && { echo "$pid"; return; }
  done
}
