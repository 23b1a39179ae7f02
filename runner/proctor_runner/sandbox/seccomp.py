"""The system calls a model may make.

An allow-list of our own: what ordinary programs need (numpy, threads, multiprocessing,
subprocesses) and nothing that reaches past a container. Beside what engines refuse by default it
leaves out io_uring, ptrace, reading another process, keys, namespaces, and every socket family but
local and internet ones: AF_VSOCK and AF_NETLINK are not held back by a network namespace of one's
own.
"""

from __future__ import annotations

import json
from importlib import resources

_FUNCTION_NOT_IMPLEMENTED = 38
_OPERATION_NOT_PERMITTED = 1
_NEW_NAMESPACE_FLAGS = 0x7E020000
_AF_UNIX, _AF_INET, _AF_INET6 = 1, 2, 10
_PERSONALITIES = (0x0, 0x8, 0x20000, 0x20008, 0x40000, 0xFFFFFFFF)
# The C library and asynchronous runtimes try these first and fall back when told they do not exist.
_PRETENDED_ABSENT = ("clone3", "io_uring_setup", "io_uring_enter", "io_uring_register")


def profile() -> str:
    """Return the profile as the JSON text that the engine's ``seccomp=`` option takes."""
    listed = resources.files(__package__).joinpath("system_calls.txt").read_text(encoding="ascii")
    names = [line for line in listed.split() if line]
    calls: list[dict[str, object]] = [
        {"names": names, "action": "SCMP_ACT_ALLOW"},
        {
            "names": list(_PRETENDED_ABSENT),
            "action": "SCMP_ACT_ERRNO",
            "errnoRet": _FUNCTION_NOT_IMPLEMENTED,
        },
        _allow_when("clone", 0, "SCMP_CMP_MASKED_EQ", _NEW_NAMESPACE_FLAGS, 0),
        _allow_when("socketpair", 0, "SCMP_CMP_EQ", _AF_UNIX),
    ]
    calls += [
        _allow_when("socket", 0, "SCMP_CMP_EQ", family)
        for family in (_AF_UNIX, _AF_INET, _AF_INET6)
    ]
    calls += [_allow_when("personality", 0, "SCMP_CMP_EQ", value) for value in _PERSONALITIES]
    return json.dumps(
        {
            "defaultAction": "SCMP_ACT_ERRNO",
            "defaultErrnoRet": _OPERATION_NOT_PERMITTED,
            # No 32-bit mode: its calls have other numbers and other doors (socketcall).
            "archMap": [
                {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": []},
                {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": []},
            ],
            "syscalls": calls,
        }
    )


def _allow_when(
    name: str, index: int, operator: str, value: int, value_two: int = 0
) -> dict[str, object]:
    argument = {"index": index, "value": value, "valueTwo": value_two, "op": operator}
    return {"names": [name], "action": "SCMP_ACT_ALLOW", "args": [argument]}
