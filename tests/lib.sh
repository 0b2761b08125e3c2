# SPDX-License-Identifier: GPL-3.0-or-later
# What the end-to-end tests share: the built programs, a private folder, and a picture of what the
# machine has, so that a test can demand that nothing was left.

vnec=$VNEC_BUILDDIR/bin/vnec
vnecc=$VNEC_BUILDDIR/bin/vnecc
work=$(mktemp -d "${TMPDIR:-/tmp}/vnec-test-XXXXXX") || exit 2
trap 'rm -rf "$work"' EXIT
export LC_ALL=C.UTF-8 NO_COLOR=1

skip() { echo "$*"; exit 77; }
fail() { echo "FAILED: $*"; exit 1; }

need_namespaces() {
  unshare -Ur true 2>/dev/null || skip "user namespaces can't be made here (see vnec doctor)"
}

# Packages, images and states of guests are kept in the build tree, for all tests together.
keep_guests() {
  export XDG_CACHE_HOME=$VNEC_BUILDDIR/tests/guests/cache VNEC_IMAGES=$VNEC_BUILDDIR/tests/guests/images
  mkdir -p "$XDG_CACHE_HOME" "$VNEC_IMAGES"
}

# Prints why QEMU guests can't be started here; nothing if they can. Builds their images.
why_no_guests() {
  local program
  [ -x "$VNEC_BUILDDIR/libexec/vnec/vnec-virt" ] || { echo "VNEC was built without libvirt"; return; }
  for program in qemu-system-x86_64 apt-get dpkg-deb lz4; do
    command -v "$program" >/dev/null || { echo "$program is not there"; return; }
  done
  "$vnec" image build linux linux-router >"$work/images.txt" 2>&1 || tail -n 3 "$work/images.txt"
}

# What VNEC could leave: links, namespaces, mounts, our processes, files in temporary folders. Only
# namespaces and processes that belong to this run are looked at: those of the wanted command names.
picture() {
  ip -o link | sed 's/^[0-9]*: \([^:]*\):.*/link \1/'
  readlink /proc/[0-9]*/ns/net /proc/[0-9]*/ns/mnt /proc/[0-9]*/ns/user 2>/dev/null | sort -u |
    sed 's/^/namespace /'
  sed 's/^[0-9]* [0-9]* //; s/^/mount /' /proc/self/mountinfo
  ls -A "${TMPDIR:-/tmp}" /dev/shm "${XDG_RUNTIME_DIR:-/run/user/$(id -u)}" 2>/dev/null |
    grep -i vnec | sed 's/^/file /'
}

# nothing_left BEFORE: waits until the picture is as it was, at most some seconds: the kernel frees
# namespaces a moment after their last process.
nothing_left() {
  local i
  for i in $(seq 100); do
    picture >"$work/picture"
    # Other tests run beside this one: only what is new and stays is ours to answer for.
    if ! grep -vxFf "$1" "$work/picture" >"$work/left"; then return 0; fi
    sleep 0.1
  done
  echo "left behind ($i looks):"; cat "$work/left"
  return 1
}
