# SPDX-License-Identifier: GPL-3.0-or-later
# For the tests with real virtual machines: the built-in images, built once for a build folder, and
# ready states of the test's own. Skips where machines can't run.

. "$(dirname "$0")/run-lib.sh"
command -v qemu-system-x86_64 >/dev/null && command -v qemu-img >/dev/null || skip "no QEMU here"
[ -x "$builddir/libexec/vnec/vnec-virt" ] || skip "built without libvirt"
unshare -Ur true 2>/dev/null || skip "user namespaces can't be made here"

export VNEC_IMAGES=${VNEC_TEST_IMAGES:-$builddir/tests/images.d}
export XDG_CACHE_HOME=${VNEC_TEST_CACHE:-$builddir/tests/cache.d}
mkdir -p "$VNEC_IMAGES"
for image in linux linux-router; do
  "$vnec" image build $image >"$top/out" 2>"$top/err" || {
    grep -qE "can't be fetched|no package|offline|apt-get install" "$top/err" &&
      skip "the guests' packages can't be had here: $(tail -n 1 "$top/err")"
    cat "$top/err" >&2; fail "building the image $image"
  }
done
# Packages stay in the cache; ready states are this test's.
mkdir -p "$top/cache/vnec"
[ ! -d "$XDG_CACHE_HOME/vnec/packages" ] || ln -s "$XDG_CACHE_HOME/vnec/packages" "$top/cache/vnec/packages"
export XDG_CACHE_HOME=$top/cache

# The head of a script: two machines on a wire, with what an action needs to look around.
lan() { # FURTHER-LINES-OF-IMAGE
  cat <<SCRIPT
experiment "virtual machines";
use std.net;
image box { technology qemu; memory 96MiB; $* }
segment lan 10.0.0.0/24;
action sh(text: string) returns (out: string) {
  linux script """
printf 'out=%s\\n' "\$(eval "\$text")"
""" { parse /out=(?<out>.*)/; }
}
SCRIPT
}

run() { timeout -k 5 400 "$vnec" run "$@" >"$top/out" 2>"$top/err"; }

passes() { # SCRIPT DIR
  run "$1" --out "$2" && grep -q "Verdict: passed" "$top/out" || {
    cat "$top/out" "$top/err" >&2; fail "$1 does not pass"; }
}

states() { find "$top/cache/vnec/states" -name memory 2>/dev/null | wc -l; }

# No process of a machine, whatever its name, works in the experiment's folders any more.
machines_left() {
  local pid
  for pid in /proc/[0-9]*; do
    { tr '\0' ' ' <"$pid/cmdline"; } 2>/dev/null | grep -qF "vnec-virt 3 4 embed $top" && echo "${pid#/proc/}"
  done
}
no_machines_left() {
  local i
  for i in $(seq 300); do [ -z "$(machines_left)" ] && return; sleep 0.1; done
  fail "machines are left: $(machines_left)"
}
