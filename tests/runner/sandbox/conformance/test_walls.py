"""What a container cannot reach; taking one setting away must turn a row red."""

from __future__ import annotations

import errno
import json
from typing import Any

import pytest

from proctor_runner.sandbox import settings
from proctor_runner.sandbox.interface import Ending

pytestmark = pytest.mark.docker

LOOK = r"""
import ctypes, errno, socket, subprocess

libc = ctypes.CDLL(None, use_errno=True)

def number(call):
    try:
        call()
    except OSError as error:
        return error.errno
    return 0

def syscall(*arguments):
    ctypes.set_errno(0)
    done = libc.syscall(*arguments)
    return ctypes.get_errno() if done < 0 else 0

def write(path):
    return number(lambda: open(path, "w").close())

def connect(address):
    with socket.socket() as one:
        one.settimeout(2)
        return number(lambda: one.connect((address, 80)))

def script():
    open("/tmp/script", "w").write("#!/bin/sh\n")
    os.chmod("/tmp/script", 0o755)
    return number(lambda: subprocess.run(["/tmp/script"]))

status = dict(line.split(":\t") for line in open("/proc/self/status").read().splitlines())
facts = {
    "interfaces": os.listdir("/sys/class/net"),
    "connect": [connect(a) for a in ("172.17.0.1", "192.0.2.1", "169.254.169.254")],
    "families": {str(f): number(lambda: socket.socket(f, k).close())
                 for f, k in [(1, 1), (2, 1), (10, 1), (16, 3), (38, 5), (40, 1), (17, 3)]},
    "calls": {name: syscall(*arguments) for name, arguments in {
        "io_uring_setup": (425, 1, None), "keyctl": (250, 0, 0), "ptrace": (101, 16, 999999, 0, 0),
        "bpf": (321, 0, None, 0), "unshare": (272, 0x10000000), "userfaultfd": (323, 0),
        "perf_event_open": (298, None, 0, 0, 0, 0), "process_vm_readv": (310, 1, 0, 0, 0, 0, 0),
        "mount": (165, 0, 0, 0, 0, 0), "open_by_handle_at": (304, 0, 0, 0),
        "kexec_load": (246, 0, 0, 0, 0), "setns": (308, 0, 0)}.items()},
    "writes": {path: write(path) for path in (
        "/x", "/etc/x", "/input/x", "/model/x", "/usr/x", "/dev/x", "/run/x", "/sys/x")},
    "scratch": [write("/tmp/x"), write("/dev/shm/x"), write(OUTPUT + "x")],
    "script": script(),
    "ids": [os.getuid(), os.getgid(), os.getgroups()],
    "capabilities": [int(status[key], 16) for key in ("CapEff", "CapPrm", "CapBnd", "CapAmb")],
    "no_new_privileges": status["NoNewPrivs"],
    "mounts": [line.split()[1] for line in open("/proc/mounts")
               if line.split()[1] in ("/input", "/output", "/model")],
    "root": [line.split()[3].split(",")[0] for line in open("/proc/mounts")
             if line.split()[1] == "/"][-1],
    "hostname": socket.gethostname(),
    "proxy": [name for name in os.environ if "proxy" in name.lower()],
    "preload": os.environ["LD_PRELOAD"],
}
json.dump(facts, open(OUTPUT + "facts", "w"))
"""


def look(bench) -> dict[str, Any]:
    result = bench.run(LOOK, ("facts",))
    assert result.exit_code == 0, result.log.decode()
    facts: dict[str, Any] = json.loads(result.outputs["facts"].read_text())
    return facts


def no_network(facts: dict[str, Any]) -> bool:
    unreachable = set(facts["connect"]) <= {errno.ENETUNREACH}
    return facts["interfaces"] == ["lo"] and unreachable


def only_known_socket_families(facts: dict[str, Any]) -> bool:
    open_ones = {family for family, problem in facts["families"].items() if problem == 0}
    return open_ones == {"1", "2", "10"}


def no_dangerous_calls(facts: dict[str, Any]) -> bool:
    return set(facts["calls"].values()) <= {errno.EPERM, errno.ENOSYS}


def read_only_world(facts: dict[str, Any]) -> bool:
    refused = {errno.EROFS, errno.EACCES, errno.EPERM}
    return set(facts["writes"].values()) <= refused and facts["writes"]["/input/x"] == errno.EROFS


def root_is_read_only(facts: dict[str, Any]) -> bool:
    return bool(facts["root"] == "ro")


def no_capabilities(facts: dict[str, Any]) -> bool:
    return facts["capabilities"] == [0, 0, 0, 0]


def no_new_privileges(facts: dict[str, Any]) -> bool:
    return bool(facts["no_new_privileges"] == "1")


def no_programs_in_tmp(facts: dict[str, Any]) -> bool:
    return bool(facts["script"] == errno.EACCES)


ROWS = [
    no_network,
    only_known_socket_families,
    no_dangerous_calls,
    read_only_world,
    root_is_read_only,
    no_capabilities,
    no_new_privileges,
    no_programs_in_tmp,
]


def test_a_container_sees_its_case_and_nothing_else(docker_bench) -> None:
    facts = look(docker_bench)

    assert {row.__name__: row(facts) for row in ROWS} == {row.__name__: True for row in ROWS}
    assert facts["scratch"] == [0, 0, 0]
    assert facts["ids"][:2] == [61_000, 61_000]
    assert set(facts["ids"][2]) <= {61_000}
    assert sorted(facts["mounts"]) == ["/input", "/model", "/output"]
    assert (facts["hostname"], facts["proxy"], facts["preload"]) == ("sandbox", [], "")


UNCONFINED = {"security_opt": ["no-new-privileges:true", "seccomp=unconfined"]}
WEAKER: list[tuple[dict[str, Any], Any]] = [
    ({"security_opt": ["no-new-privileges:true", "seccomp=unconfined"]}, no_dangerous_calls),
    (
        {"security_opt": ["no-new-privileges:true", "seccomp=unconfined"]},
        only_known_socket_families,
    ),
    ({"security_opt": []}, no_new_privileges),
    ({"cap_drop": []}, no_capabilities),
    ({"read_only": False}, root_is_read_only),
    ({"network_mode": "bridge"}, no_network),
]


@pytest.mark.parametrize(("change", "row"), WEAKER)
def test_a_weaker_setting_turns_its_row_red(
    docker_bench, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], row: Any
) -> None:
    strong = settings.confinement
    monkeypatch.setattr(settings, "confinement", lambda request: strong(request) | change)
    if "network_mode" in change:
        create = settings.docker.APIClient.create_container
        monkeypatch.setattr(
            settings.docker.APIClient,
            "create_container",
            lambda api, **more: create(api, **more | {"network_disabled": False}),
        )
    assert not row(look(docker_bench))


def test_without_a_limit_on_processes_the_bomb_goes_further(
    docker_bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    strong = settings.confinement
    monkeypatch.setattr(
        settings, "confinement", lambda request: strong(request) | {"pids_limit": 120}
    )
    result = docker_bench.run(
        """
        import time
        count = 0
        try:
            for _ in range(80):
                if os.fork() == 0:
                    time.sleep(10)
                    os._exit(0)
                count += 1
        except BlockingIOError:
            pass
        open(OUTPUT + "count", "w").write(str(count))
        os._exit(0)
        """,
        ("count",),
    )

    assert result.ending is Ending.EXITED
    assert int(result.outputs["count"].read_text()) == 80
