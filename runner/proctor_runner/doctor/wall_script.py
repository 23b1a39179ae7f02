"""A program that pushes against the walls of its sandbox and says what gave way.

It runs inside the container with the standard library alone, and prints one JSON object a line; the
floods come last, since a sandbox may end them.
"""

from __future__ import annotations

WALL_SCRIPT = r"""
import ctypes, errno, json, os, platform, socket, time

libc = ctypes.CDLL(None, use_errno=True)
x86 = platform.machine() == "x86_64"

def say(**facts):
    print(json.dumps(facts), flush=True)

def number(call):
    try:
        call()
    except OSError as error:
        return error.errno
    return 0

def connect(address):
    with socket.socket() as one:
        one.settimeout(1)
        return number(lambda: one.connect((address, 80)))

def call(x86_number, arm_number, *arguments):
    ctypes.set_errno(0)
    done = libc.syscall(x86_number if x86 else arm_number, *arguments)
    return ctypes.get_errno() if done < 0 else 0

status = dict(line.split(":\t", 1) for line in open("/proc/self/status").read().splitlines())
say(
    interfaces=sorted(os.listdir("/sys/class/net")),
    connect={a: connect(a) for a in ("192.0.2.1", "169.254.169.254")},
    families={name: number(lambda: socket.socket(family, kind).close()) for name, family, kind in (
        ("AF_VSOCK", 40, 1), ("AF_NETLINK", 16, 3), ("AF_PACKET", 17, 3), ("AF_ALG", 38, 5))},
    calls={
        "io_uring_setup": call(425, 425, 1, None),
        "keyctl": call(250, 219, 0, 0),
        "ptrace": call(101, 117, 16, 999999, 0, 0),
        "bpf": call(321, 280, 0, None, 0),
        "unshare": call(272, 97, 0x10000000),
        "userfaultfd": call(323, 282, 0),
        "perf_event_open": call(298, 241, None, 0, 0, 0, 0),
    },
    writes={path: number(lambda: open(path, "w").close())
            for path in ("/x", "/etc/x", "/usr/x", "/input/x", "/dev/x")},
    uid=os.getuid(),
    capabilities=[int(status[key], 16) for key in ("CapEff", "CapPrm", "CapBnd")],
    no_new_privileges=status.get("NoNewPrivs", "?"),
    places=sorted({line.split()[4] for line in open("/proc/self/mountinfo")}),
    processes=sum(name.isdigit() for name in os.listdir("/proc")),
)
os.symlink("/etc/hostname", "/output/link")

def fill_files():
    for count in range(FILES):
        if number(lambda: open("/output/%d" % count, "x").close()):
            return count
    return FILES

made = fill_files()
for count in range(made):
    os.unlink("/output/%d" % count)
say(files=made)
written = 0
try:
    with open("/output/flood", "wb", buffering=0) as flood:
        while written < BYTES:
            written += flood.write(bytes(65536))
except OSError:
    pass
os.unlink("/output/flood")
say(bytes=written)
"""

FORK_SCRIPT = """
import json, os, time
children = []
try:
    for _ in range(FORKS):
        child = os.fork()
        if child == 0:
            time.sleep(30)
            os._exit(0)
        children.append(child)
except OSError:
    pass
print(json.dumps({"forks": len(children)}), flush=True)
for child in children:
    os.kill(child, 9)
    os.waitpid(child, 0)
"""

HOARD_SCRIPT = """
import time
hoard = []
for _ in range(512):
    hoard.append(b"x" * (1 << 20))
    time.sleep(0.001)
time.sleep(60)
"""

ENDLESS_SCRIPT = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    time.sleep(60)
for _ in range(64):
    sys.stdout.write("x" * 4095 + chr(10))
sys.stdout.flush()
time.sleep(60)
"""
