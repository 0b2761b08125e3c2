# SPDX-License-Identifier: GPL-3.0-or-later
"""QEMU machines until their agents answer, cold and restored; memory a guest; restores a second.

Beside `qemu-system-x86_64` by hand with the same kernel, initrd and devices (goal 14)."""
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import time

import harness
from bench_network import below

QEMU = "qemu-system-x86_64"
TOKEN = b"0123456789abcdef"
MEMORIES = [96, 128, 256]
GUESTS = int(os.environ.get("VNEC_BENCH_GUESTS", "8"))
REPEAT = int(os.environ.get("VNEC_BENCH_REPEAT", "5"))
PATIENCE = 300  # seconds for one guest


def image():
    """The folder of the built-in image, built if need be."""
    harness.need(QEMU)
    harness.run([harness.VNEC, "image", "build", "linux", "linux-router"])
    store = os.environ.get("VNEC_IMAGES") or os.path.join(
        os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share"), "vnec", "images")
    return os.path.join(store, "linux")


def kvm():
    """Does KVM run guests here? By the probe that the driver uses."""
    probe = os.path.join(harness.BUILD, "libexec", "vnec", "vnec-virt")
    if not os.path.exists(probe):
        raise harness.Unavailable("built without libvirt")
    return subprocess.run([probe, "--kvm"], stdout=subprocess.DEVNULL, check=False).returncode == 0


class ByHand:
    """One guest of a bare qemu-system, as libvirt would start it. Gone at the end of `with`."""

    def __init__(self, folder, accelerated, memory=128):
        self.place = tempfile.mkdtemp(prefix="vnec-bench-")
        port, console, nic = (os.path.join(self.place, n) for n in ("port", "console", "nic"))
        accelerator = (["-accel", "kvm", "-cpu", "host"] if accelerated
                       else ["-accel", "tcg,tb-size=32"])
        append = ("console=ttyS0 quiet panic=-1 vnec.hostname=a vnec.ip=02:00:00:00:00:01,"
                  "10.0.0.1/24 vnec.route=default,10.0.0.254")
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            [QEMU, "-machine", "pc,usb=off", *accelerator, "-m", str(memory), "-nodefaults",
             "-no-user-config", "-display", "none", "-no-reboot", "-rtc", "base=utc",
             "-kernel", os.path.join(folder, "vmlinux"), "-initrd", os.path.join(folder, "initrd"),
             "-append", append, "-device", "virtio-serial-pci",
             "-chardev", f"socket,id=port,path={port},server=on,wait=off",
             "-device", "virtserialport,chardev=port,name=vnec.0",
             "-chardev", f"socket,id=console,path={console},server=on,wait=off",
             "-serial", "chardev:console",
             "-netdev", f"stream,id=n,server=on,addr.type=unix,addr.path={nic}",
             "-device", "virtio-net-pci,netdev=n,mac=02:00:00:00:00:01,romfile="],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.port = port

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.place, ignore_errors=True)

    def until_ready(self):
        """Seconds from its start until its agent has answered a beginning (frame/line.h)."""
        with socket.socket(socket.AF_UNIX) as line:
            while True:
                try:
                    line.connect(self.port)
                    break
                except (FileNotFoundError, ConnectionRefusedError):
                    if self.process.poll() is not None:
                        raise RuntimeError("QEMU ended") from None
                    time.sleep(0.002)
            line.settimeout(PATIENCE)
            line.sendall(b"\xfd" + TOKEN)
            said = b""
            while b"\xfd" + TOKEN not in said or said.endswith(TOKEN):
                more = line.recv(4096)
                if not more:
                    raise RuntimeError("QEMU ended")
                said += more
        return time.monotonic() - self.began


def by_hand(folder, accelerated):
    with ByHand(folder, accelerated) as guest:
        return guest.until_ready()


def script(keep, hosts=1, memory=128):
    """Hosts that a task turns on when all else is there."""
    keys = "" if keep else " keep_ready false;"
    return f"""experiment "machines";
image box {{ technology qemu; memory {memory}MiB;{keys} }}
segment lan 10.0.0.0/24;
host h[1..{hosts}] on lan image box initially off;
task on = h: power_on;
"""


def power_on(bench):
    """Seconds from the start of the first power_on to the end of the last."""
    events = [e for e in bench.events() if e.get("task") == "on" and e["event"] == "ended"]
    return (max(e["ended"] for e in events) - min(e["started"] for e in events)) / 1e9


def pss(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Pss:")) / 1024


def is_qemu(pid):
    with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
        return file.read().startswith("qemu-system")


def memory_of(keep, hosts, memory):
    """MiB a guest, of hosts that are on."""
    text = script(keep, hosts, memory) + "task w = wait(30min) after on;\n"
    with harness.Script(text) as bench:
        run = subprocess.Popen([harness.VNEC, "run", "--json", "--out",
                                os.path.join(bench.folder, "out"), bench.path],
                               stdout=subprocess.PIPE, text=True)
        for line in run.stdout:
            event = json.loads(line)
            if event["event"] == "started" and event.get("task") == "w":
                break
        shares = [pss(pid) for pid in below(run.pid) if is_qemu(pid)]
        run.send_signal(signal.SIGINT)
        run.communicate(timeout=PATIENCE)
    if len(shares) <= hosts:  # the segment's router is one of them
        raise RuntimeError(f"{len(shares)} machines instead of {hosts + 1}")
    return statistics.median(shares)


def available():
    with open("/proc/meminfo", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file
                    if line.startswith("MemAvailable:")) / 1024


def measure_memory(report, folder, accelerated):
    for memory in MEMORIES:
        booted = memory_of(True, 3, memory)  # and takes the ready states
        restored = memory_of(True, 3, memory)
        with ByHand(folder, accelerated, memory) as guest:
            guest.until_ready()
            alone = pss(guest.process.pid)
        report.add(f"memory of a guest of {memory} MiB",
                   [("vnec, restored", restored, 1), ("booted", booted, restored / booted),
                    ("by hand", alone, restored / alone)], "MiB", better="lower")
        report.figure(f"guests of {memory} MiB for which there is memory here",
                      available() // restored, "")


def measure(report):
    folder, accelerated = image(), kvm()
    with tempfile.TemporaryDirectory(prefix="vnec-bench-") as cache:
        kept = os.environ.get("XDG_CACHE_HOME")
        os.environ["XDG_CACHE_HOME"] = cache  # ready states of this benchmark alone
        try:
            with harness.Script(script(False)) as cold, harness.Script(script(True)) as warm, \
                    harness.Script(script(True, GUESTS)) as many:
                power_on(cold)
                power_on(warm)  # takes the ready state
                results = harness.pairs([("vnec", lambda: power_on(cold)),
                                         ("by hand", lambda: by_hand(folder, accelerated)),
                                         ("restored", lambda: power_on(warm))], REPEAT)
                report.add("a machine ready, cold", results[:2], "s", {"by hand": round(1 / 1.15, 2)},
                           better="lower")
                report.figure("a machine ready, restored", results[2][1], "s", 0.3)
                report.figure("restored, of the time of a cold boot", 1 / results[2][2], "", 0.25)
                power_on(many)
                times = [power_on(many) for _ in range(REPEAT)]
                report.figure(f"{GUESTS} machines restored at once", GUESTS /
                              statistics.median(times), "machines/s")
            measure_memory(report, folder, accelerated)
        finally:
            if kept is None:
                del os.environ["XDG_CACHE_HOME"]
            else:
                os.environ["XDG_CACHE_HOME"] = kept
