# SPDX-License-Identifier: GPL-3.0-or-later
# For the tests with real containers. Skips where they can't run, with the reason.

. "$(dirname "$0")/run-lib.sh"
virt=$builddir/libexec/vnec/vnec-virt
[ -x "$virt" ] || skip "built without libvirt"
why=$("$virt" --containers) || skip "$why"

# The head of a script: an action to look around, and the image.
head_of() { # FURTHER-LINES-OF-IMAGE
  cat <<SCRIPT
experiment "containers";
use std.net;
image box { technology lxc; $* }
segment lan 10.0.0.0/24;
action sh(text: string) returns (out: string) {
  linux script """
printf 'out=%s\\n' "\$(eval "\$text" 2>&1 | tr '\n' ' ')"
""" { parse /out=(?<out>.*)/; }
}
SCRIPT
}

passes() { # SCRIPT DIR
  timeout -k 5 300 "$vnec" run "$1" --out "$2" >"$top/out" 2>"$top/err" &&
    grep -q "Verdict: passed" "$top/out" || {
    cat "$top/out" "$top/err" >&2; fail "$1 does not pass"; }
}

# Folders of ours among the machine's cgroups; other runs on the machine have theirs.
groups_of() { # PID of a watcher
  find /sys/fs/cgroup -maxdepth 12 -type d -name "vnec-$1-*" 2>/dev/null
}
# vnec-virt's processes of a run, and libvirt's below: those whose name matches.
pids_of() { # PATTERN
  local pid
  for pid in $(tree "$master"); do
    { tr '\0' ' ' <"/proc/$pid/cmdline"; } 2>/dev/null | grep -qE -- "$1" && echo "$pid"
  done
}
