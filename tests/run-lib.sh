# SPDX-License-Identifier: GPL-3.0-or-later
# For the end-to-end tests of runs (run-*.test): a private folder, the program, what a run consists
# of while it goes on, and that nothing of it is left afterwards.

set -u
srcdir=${VNEC_SRCDIR:-$(cd "$(dirname "$0")/.." && pwd)}
builddir=${VNEC_BUILDDIR:-$srcdir/build}
vnec=$builddir/bin/vnec
top=$(mktemp -d "${TMPDIR:-/tmp}/vnec-test-XXXXXX") || exit 99
mkdir "$top/tmp" "$top/state" "$top/runtime"
chmod 700 "$top/runtime"
export TMPDIR=$top/tmp XDG_STATE_HOME=$top/state XDG_RUNTIME_DIR=$top/runtime
trap 'rm -rf "$top"' EXIT
cd "$top" || exit 99

fail() { echo "FAILED: $*" >&2; exit 1; }
skip() { echo "SKIP: $*"; exit 77; }

"$vnec" doctor >"$top/doctor" 2>&1 || skip "experiments can't run here: $(tail -n 1 "$top/doctor")"

# expect_status WANTED COMMAND…: output goes to $top/out and $top/err.
expect_status() {
  local wanted=$1 status=0; shift
  timeout -k 5 120 "$@" >"$top/out" 2>"$top/err" || status=$?
  [ "$status" = "$wanted" ] || {
    cat "$top/out" "$top/err" >&2
    fail "status $status instead of $wanted: $*"
  }
}

expect_text() { # FILE PATTERN
  grep -qE -- "$2" "$1" || { cat "$1" >&2; fail "no \"$2\" in the output"; }
}

# One value of a query on a results folder.
query() { # DIR SQL
  "$vnec" results "$1" --csv --query "$2" | tail -n 1 | tr -d '\r'
}

# The process and all below it.
tree() {
  local child
  echo "$1"
  for child in $(cat /proc/"$1"/task/*/children 2>/dev/null); do tree "$child"; done
}

# "pid starttime" of each: a number may be given to another process.
remember() {
  local pid
  for pid in "$@"; do
    echo "$pid $(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null | cut -d' ' -f20)"
  done >"$top/processes"
  awk '{ print int($1 * 100) }' /proc/uptime >"$top/moment"
  for pid in "$@"; do
    readlink "/proc/$pid/ns/net" "/proc/$pid/ns/mnt" "/proc/$pid/ns/pid" 2>/dev/null
  done | sort -u | grep -vxF -e "$(readlink /proc/self/ns/net)" -e "$(readlink /proc/self/ns/mnt)" \
    -e "$(readlink /proc/self/ns/pid)" >"$top/namespaces"
}

alive() {
  local pid start now
  while read -r pid start; do
    now=$(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null | cut -d' ' -f1,20)
    [ -n "$now" ] && [ "${now#* }" = "$start" ] && [ "${now% *}" != Z ] && echo "$pid"
  done <"$top/processes"
}

# Numbers of namespaces are given again at once, so only processes count that were there when ours
# were remembered.
namespaces_left() {
  local pid start
  [ -s "$top/namespaces" ] || return 0
  for pid in /proc/[0-9]*; do
    readlink "$pid"/ns/{net,mnt,pid} 2>/dev/null | grep -qxF -f "$top/namespaces" || continue
    start=$(sed 's/.*) //' "$pid/stat" 2>/dev/null | cut -d' ' -f20)
    [ -n "$start" ] && [ "$start" -le "$(cat "$top/moment")" ] && echo "$pid"
  done
}

# Nothing of what was remembered is there any more, and no file outside the results.
expect_nothing_left() {
  local i left
  for i in $(seq 100); do
    left=$(alive)
    [ -z "$left" ] && break
    sleep 0.1
  done
  [ -z "$left" ] || {
    for pid in $left; do tr '\0' ' ' <"/proc/$pid/cmdline" >&2; echo >&2; done
    fail "processes are left: $left"
  }
  # A dead process keeps the name of its pid namespace until its parent has collected it: some
  # init programs take their time.
  for i in $(seq 100); do
    left=$(namespaces_left)
    [ -z "$left" ] && break
    sleep 0.1
  done
  [ -z "$left" ] || fail "namespaces are left: $left"
  ! grep -q "$top" /proc/self/mountinfo || fail "mounts are left"
  left=$(find "$top/tmp" "$top/state" "$top/runtime" -mindepth 1 ! -type d)
  [ -z "$left" ] || fail "files are left: $left"
}

# Starts vnec in the background with a folder for results; waits until it runs tasks.
start_run() { # DIR SCRIPT [OPTION…]
  local dir=$1 i; shift
  "$vnec" run "$@" --out "$dir" >"$top/out" 2>"$top/err" &
  master=$!
  for i in $(seq 200); do
    [ -e "$dir/results.db" ] && grep -q "ready" "$top/out" && break
    kill -0 "$master" 2>/dev/null || { cat "$top/out" "$top/err" >&2; fail "it ended early"; }
    sleep 0.05
  done
  grep -q "ready" "$top/out" || { cat "$top/out" "$top/err" >&2; fail "its tasks did not start"; }
  # shellcheck disable=SC2046
  remember $(tree "$master")
}

# A run that goes on until somebody ends it.
endless() {
  cat <<'SCRIPT'
experiment "endless";
use std.net;
segment lan 10.0.0.0/24;
host a on lan;
host b on lan;
action long() { linux run ["sleep", "600"]; }
task web  = b: http_serve();
task hold = a: long() after web;
task last = a: ping(b, count=1) after hold always;
expect last.received == 1;
SCRIPT
}
