"""The rows of the threat list that the settings of a container hold, each with its weakening."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.types import LogConfig, Mount

from proctor_runner.sandbox import outputs
from proctor_runner.sandbox.docker import DockerSandbox
from proctor_runner.sandbox.interface import Ending
from proctor_runner.sandbox.slots import Slots

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("attacks")]

_NO_WAY_OUT = {errno.ENETUNREACH, errno.EHOSTUNREACH}
_REFUSED = {errno.EPERM, errno.ENOSYS}
_UNWRITABLE = {errno.EROFS, errno.EACCES, errno.EPERM}
_NO_SECCOMP = ["no-new-privileges:true", "seccomp=unconfined"]
Change = dict[str, Any] | Callable[[dict[str, Any]], dict[str, Any]]


def common(room: Any, payload: str) -> Any:
    """Run the payload that most rows look at."""
    evidence = room.attack(payload)
    evidence.hear(evidence.result.log)
    return evidence


@dataclass(frozen=True)
class Row:
    """One row: whether it holds, what is said of it, and the weakening that must turn it red.

    Attributes:
        holds: Judges an evidence.
        tells: Says what was measured.
        host: Replaces settings of the engine's host configuration.
        create: Replaces other settings of the container.
        patch: Weakens what is no setting of a container.
        run: Makes the evidence.
        quick: Its weakening is tried in every run of the suite, not in the nightly one alone.
    """

    number: int
    holds: Callable[[Any], bool]
    tells: Callable[[Any], str]
    host: Change = field(default_factory=dict)
    create: Change = field(default_factory=dict)
    patch: Callable[[pytest.MonkeyPatch], None] | None = None
    run: Callable[[Any, str], Any] = common
    quick: bool = False


def row(
    number: int,
    holds: Callable[[dict[str, Any]], bool],
    tells: Callable[[dict[str, Any]], str],
    host: Change | None = None,
    create: Change | None = None,
    quick: bool = False,
) -> Row:
    """Make a row that looks at nothing but what the common payload said."""
    return Row(
        number,
        lambda evidence: holds(evidence.facts),
        lambda evidence: tells(evidence.facts),
        host or {},
        create or {},
        quick=quick,
    )


def open_ones(found: dict[str, int], refused: set[int]) -> list[str]:
    return [name for name, number in found.items() if number not in refused]


def names(found: list[str]) -> str:
    return ", ".join(found) or "none"


def calls(facts: dict[str, Any]) -> list[str]:
    others = {k: v for k, v in facts["families"].items() if k in ("AF_NETLINK", "AF_ALG")}
    return open_ones(facts["calls"] | others, {*_REFUSED, errno.EAFNOSUPPORT})


def without_tmpfs(path: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda before: {"tmpfs": {k: v for k, v in before["tmpfs"].items() if k != path}}


def without_files(path: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def change(before: dict[str, Any]) -> dict[str, Any]:
        options = before["tmpfs"][path].split(",")
        kept = ",".join(one for one in options if not one.startswith("nr_inodes"))
        return {"tmpfs": before["tmpfs"] | {path: kept}}

    return change


def without_variable(name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda before: {
        "environment": {k: v for k, v in before["environment"].items() if k != name}
    }


def with_unlimited_output(before: dict[str, Any]) -> dict[str, Any]:
    """Give it an /output without a limit, as others do."""
    kept = [mount for mount in before["mounts"] if mount["Target"] != "/output"]
    return {"mounts": kept, "tmpfs": before["tmpfs"] | {"/output": "mode=1777"}}


EGRESS = row(
    1,
    lambda f: f["interfaces"] == ["lo"] and set(f["connect"]) <= _NO_WAY_OUT,
    lambda f: f"interfaces {'+'.join(f['interfaces'])}",
    {"network_mode": "bridge"},
    {"network_disabled": False},
    quick=True,
)
VSOCK = row(
    2,
    lambda f: f["families"]["AF_VSOCK"] != 0,
    lambda f: f"AF_VSOCK {'open' if f['families']['AF_VSOCK'] == 0 else 'refused'}",
    {"security_opt": _NO_SECCOMP},
)
CALLS = row(
    3,
    lambda f: not calls(f),
    lambda f: f"open: {names(calls(f))}",
    {"security_opt": _NO_SECCOMP},
    quick=True,
)
PROFILE = row(
    4,
    lambda f: f["seccomp"] == "2",
    lambda f: f"seccomp mode {f['seccomp']}",
    {"security_opt": _NO_SECCOMP},
)
WRITES = row(
    5,
    lambda f: not open_ones({k: v for k, v in f["writes"].items() if "data" not in k}, _UNWRITABLE),
    lambda f: f"writable: {names(open_ones(f['writes'], _UNWRITABLE))}",
    {"read_only": False},
    {"user": "0:0"},
    quick=True,
)
VOLUME = row(
    6,
    lambda f: f["writes"]["/opt/data/x"] in _UNWRITABLE,
    lambda f: f"/opt/data {'writable' if f['writes']['/opt/data/x'] == 0 else 'read-only'}",
    without_tmpfs("/opt/data"),
    {"user": "0:0"},
)
DISK = row(
    7,
    lambda f: f.get("output_bytes", 0) < 2 << 20 and f.get("output_files", 0) <= 34,
    lambda f: f"{f.get('output_bytes', 0) >> 10} KiB, {f.get('output_files', 0)} files",
    with_unlimited_output,
)
SHARED_MEMORY = row(
    8,
    lambda f: f["shared_memory_files"] <= 4096 and 0 < f["tmp_files"] <= 16_384,
    lambda f: f"{f['shared_memory_files']} files in /dev/shm",
    without_files("/dev/shm"),
)
FORKS = row(
    12,
    lambda f: f.get("forks", 100) < 48,
    lambda f: f"{f.get('forks')} of 100 forks",
    {"pids_limit": 400},
    quick=True,
)
ZOMBIES = row(
    18, lambda f: f["zombies"] == 0, lambda f: f"{f['zombies']} of 10 left", {"init": False}
)
SETUID = row(
    19,
    lambda f: f["setuid"] == str(f["uid"]) != "0",
    lambda f: f"effective user {f['setuid']}",
    lambda before: {"security_opt": before["security_opt"][1:]},
    quick=True,
)
ROOT = row(
    20,
    lambda f: f["uid"] >= 61_000 and f["secret"] == errno.EACCES,
    lambda f: f"user {f['uid']}, root's file {'open' if f['secret'] == 0 else 'refused'}",
    None,
    {"user": "0:0"},
)
VARIABLES = row(
    24,
    lambda f: (f["preload"], f["gpus"]) == ("", "void"),
    lambda f: f"LD_PRELOAD={f['preload']} GPUs={f['gpus']}",
    None,
    without_variable("LD_PRELOAD"),
)
DUMPS = row(
    27,
    lambda f: f["core"] == 0 and 0 < f["file_size"] <= 17 << 20,
    lambda f: f"core {f['core']}, largest file {f['file_size'] >> 20} MiB",
    {"ulimits": []},
)
SOCKET = row(
    29,
    lambda f: not f["docker_socket"],
    lambda f: "no docker.sock" if not f["docker_socket"] else "docker.sock in reach",
    lambda before: {
        "mounts": [*before["mounts"], Mount("/var/run/docker.sock", "/var/run/docker.sock", "bind")]
    },
)
HEALTH = Row(
    22,
    lambda e: "Health" not in e.container["State"],
    lambda e: "no health check" if "Health" not in e.container["State"] else "it runs",
    {},
    lambda before: {"healthcheck": None},
)
LABELS = Row(
    23,
    lambda e: (
        e.container["Config"]["Labels"].get("proctor.slots") != "victim"
        and e.container["Config"]["Labels"].get("proctor.work") != "run_of_a_victim"
    ),
    lambda e: f"proctor.work={e.container['Config']['Labels'].get('proctor.work')}",
    {},
    lambda before: {"labels": {k: v for k, v in before["labels"].items() if k != "proctor.slots"}},
)


def with_folder_named_after_case(before: dict[str, Any]) -> dict[str, Any]:
    slot = Path(next(one["Source"] for one in before["mounts"] if one["Target"] == "/input")).parent
    folder = slot / "patient-7"
    folder.mkdir(exist_ok=True)
    return {"mounts": [*before["mounts"], Mount("/more", str(folder), "bind", read_only=True)]}


def with_reference(before: dict[str, Any]) -> dict[str, Any]:
    return {"mounts": [*before["mounts"], Mount("/reference", "/etc", "bind", read_only=True)]}


def mounted(evidence: Any) -> list[str]:
    return sorted(mount["Destination"] for mount in evidence.container["Mounts"])


def fill_scratch(room: Any, payload: str) -> Any:
    return room.attack(
        """
        with open("/tmp/x", "wb", buffering=0) as stream:
            for _ in range(192):
                stream.write(bytes(1 << 20))
        """,
        memory_bytes=96 << 20,
        tmp_bytes=512 << 20,
    )


def lose_child(room: Any, payload: str) -> Any:
    return room.attack(
        """
        import os
        child = os.fork()
        if child == 0:
            hoard = [b"x" * (1 << 20) for _ in range(256)]
            os._exit(0)
        os.waitpid(child, 0)
        """
    )


def print_on(room: Any, payload: str) -> Any:
    return room.attack(
        """
        import sys, time
        for _ in range(4096):
            sys.stdout.write("x" * 4095 + chr(10))
        sys.stdout.flush()
        time.sleep(0.5)
        """
    )


def burn(room: Any, payload: str) -> Any:
    """Burn with four processes; also read what the kernel lets them have."""
    evidence = room.attack(
        """
        import json, os, time
        places = ("/sys/fs/cgroup/cpu.max", "/sys/fs/cgroup/cpu/cpu.cfs_quota_us")
        quota = [open(one).read().split()[0] for one in places if os.path.exists(one)]
        ends_at = time.monotonic() + 1.5
        children = [os.fork() for _ in range(2)]
        while time.monotonic() < ends_at:
            pass
        if 0 in children:
            for child in children:
                if child:
                    os.waitpid(child, 0)
            os._exit(0)
        for child in children:
            os.waitpid(child, 0)
        print(json.dumps({"uid": os.getuid(), "spent_s": sum(os.times()[:4]), "quota": quota}))
        """,
        cpus=0.5,
    )
    evidence.hear(evidence.result.log)
    return evidence


def two_jobs(room: Any, payload: str) -> Any:
    """Run a second job while the first one's slot is held."""
    who = "import json, os; print(json.dumps({'uid': os.getuid()}))"
    first = room.attack(who)
    second = DockerSandbox(room.client, room.folder / "second", Slots(room.folder / "slots"))
    try:
        other = replace(room, sandbox=second).attack(who)
    finally:
        second.close()
    for one in (first, other):
        one.hear(one.result.log)
    first.facts["users"] = [first.facts["uid"], other.facts["uid"]]
    return first


OUTPUTS = ("link", "pipe", "first", "second", "sparse", "good")


def leave_odd_files(room: Any, payload: str) -> Any:
    return room.attack(
        """
        import os
        os.chdir("/output")
        os.symlink("/etc/passwd", "link")
        os.mkfifo("pipe")
        open("first", "w").close()
        os.link("first", "second")
        with open("sparse", "wb") as stream:
            stream.truncate(3 << 20)
        open("good", "w").write("good")
        """,
        outputs=OUTPUTS,
    )


def problem(evidence: Any, *files: str) -> str:
    return "; ".join(f"{one} {evidence.result.problems.get(one, 'collected')}" for one in files)


def follow_links(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(os, "O_NOFOLLOW", 0)


def take_anything(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(outputs, "judge_facts", lambda mode, names, size_bytes, most_bytes: "")


_MORE_MEMORY = {"mem_limit": 1 << 30, "memswap_limit": 1 << 30}
SCRATCH = Row(
    9,
    lambda e: e.result.ending is Ending.OUT_OF_MEMORY,
    lambda e: f"192 MiB in /tmp with 96 MiB of memory: {e.result.ending}",
    _MORE_MEMORY,
    run=fill_scratch,
)
LOG = Row(
    10,
    lambda e: e.log_file_bytes < 1 << 20,
    lambda e: f"16 MiB printed, {e.log_file_bytes >> 10} KiB on disk",
    {"log_config": LogConfig(type="json-file", config={})},
    run=print_on,
)
USERS = Row(
    13,
    lambda e: len(set(e.facts["users"])) == 2,
    lambda e: f"users {e.facts['users']}",
    {},
    {"user": "61000:61000"},
    run=two_jobs,
)
CHILD = Row(
    14,
    lambda e: e.result.ending is Ending.OUT_OF_MEMORY,
    lambda e: f"a child of 256 MiB, its parent exits with 0: {e.result.ending}",
    _MORE_MEMORY,
    run=lose_child,
)
PROCESSOR = Row(
    15,
    lambda e: e.facts["spent_s"] < 1.2 and set(e.facts["quota"]) <= {"50000"},
    lambda e: f"{e.facts['spent_s']:.2f} s in 1.5 s by four processes on half a core",
    {"nano_cpus": None},
    run=burn,
)
NAMES = Row(
    26,
    lambda e: "patient" not in e.facts["mounts"],
    lambda e: f"{len(mounted(e))} mounts, none named after a case",
    with_folder_named_after_case,
)
LINKS = Row(
    30,
    lambda e: "link" in e.result.problems,
    lambda e: problem(e, "link"),
    patch=follow_links,
    run=leave_odd_files,
)
PIPES = Row(
    31,
    lambda e: {"pipe", "first", "second"} <= set(e.result.problems),
    lambda e: problem(e, "pipe", "first"),
    patch=take_anything,
    run=leave_odd_files,
)
SPARSE = Row(
    33,
    lambda e: "sparse" in e.result.problems,
    lambda e: problem(e, "sparse"),
    patch=take_anything,
    run=leave_odd_files,
)
CASES = Row(
    42,
    lambda e: mounted(e) == ["/input", "/output"],
    lambda e: f"mounts {', '.join(mounted(e))}; one file",
    with_reference,
)
ROWS = [
    *(EGRESS, VSOCK, CALLS, PROFILE, WRITES, VOLUME, DISK, SHARED_MEMORY, SCRATCH, LOG, FORKS),
    *(USERS, CHILD, PROCESSOR, ZOMBIES, SETUID, ROOT, HEALTH, LABELS, VARIABLES, NAMES, DUMPS),
    *(SOCKET, LINKS, PIPES, SPARSE, CASES),
]


@pytest.fixture(scope="module")
def odd_files(room: Any) -> Any:
    return leave_odd_files(room, "")


def shown(row: Row, ours: Any, plain: Any) -> str:
    return f"{row.tells(ours)} (docker run: {row.tells(plain)})"


def test_row_01_no_packet_leaves(
    ours: Any, plain: Any, measured: Any, docker_client: docker.DockerClient
) -> None:
    bridged = docker_client.networks.list(names=["bridge"])
    assert "eth0" in plain.facts["interfaces"] or not bridged
    assert not plain.facts["resolves"]
    assert EGRESS.holds(ours)
    assert not ours.facts["resolves"]
    measured(shown(EGRESS, ours, plain))


def test_row_02_the_hypervisors_socket_is_refused(ours: Any, plain: Any, measured: Any) -> None:
    assert VSOCK.holds(ours)
    measured(shown(VSOCK, ours, plain))


def test_row_03_calls_that_reach_past_a_container_are_refused(
    ours: Any, plain: Any, measured: Any
) -> None:
    assert calls(plain.facts)
    assert CALLS.holds(ours)
    assert ours.facts["families"]["AF_INET"] == ours.facts["families"]["AF_UNIX"] == 0
    measured(shown(CALLS, ours, plain))


def test_row_04_our_own_profile_is_the_one_that_is_applied(
    ours: Any, plain: Any, docker_client: docker.DockerClient, hostile_image: str, measured: Any
) -> None:
    by_path = docker_client.containers.create(
        hostile_image, security_opt=["seccomp=/no/such/profile.json"], network_mode="none"
    )
    try:
        with pytest.raises(docker.errors.APIError):
            by_path.start()
    finally:
        by_path.remove(v=True, force=True)
    assert PROFILE.holds(ours)
    # The engine's own profile lets through what ours does not.
    assert set(calls(plain.facts)) > set(calls(ours.facts))
    measured(PROFILE.tells(ours))


def test_row_05_nothing_is_writable_but_output_and_scratch(
    ours: Any, plain: Any, measured: Any
) -> None:
    assert not WRITES.holds(plain)
    assert WRITES.holds(ours)
    measured(shown(WRITES, ours, plain))


def test_row_06_a_declared_volume_is_no_way_to_the_hosts_disk(
    ours: Any, plain: Any, measured: Any
) -> None:
    assert not VOLUME.holds(plain)
    assert any(mount["Type"] == "volume" for mount in plain.container["Mounts"])
    assert VOLUME.holds(ours)
    assert not any(mount["Type"] == "volume" for mount in ours.container["Mounts"])
    measured(shown(VOLUME, ours, plain))


def test_row_07_output_ends_at_its_bytes_and_its_files(
    ours: Any, plain: Any, measured: Any
) -> None:
    assert not DISK.holds(plain)
    assert DISK.holds(ours)
    measured(shown(DISK, ours, plain))


def test_row_08_scratch_is_limited_in_files_too(ours: Any, plain: Any, measured: Any) -> None:
    assert plain.facts["shared_memory_files"] == 5000
    assert SHARED_MEMORY.holds(ours)
    measured(shown(SHARED_MEMORY, ours, plain))


def test_row_09_scratch_counts_as_memory(room: Any, measured: Any) -> None:
    evidence = fill_scratch(room, "")
    assert SCRATCH.holds(evidence)
    measured(SCRATCH.tells(evidence))


def test_row_10_a_flood_of_log_is_cut_on_the_hosts_disk(room: Any, measured: Any) -> None:
    evidence = print_on(room, "")
    assert evidence.result.ending is Ending.EXITED
    assert len(evidence.result.log) <= 64 * 1024
    assert LOG.holds(evidence)
    measured(LOG.tells(evidence))


def test_row_12_a_fork_bomb_meets_its_limit(ours: Any, plain: Any, measured: Any) -> None:
    assert plain.facts["forks"] == 100
    assert FORKS.holds(ours)
    measured(shown(FORKS, ours, plain))


def test_row_13_two_jobs_have_two_users(room: Any, measured: Any) -> None:
    evidence = two_jobs(room, "")
    assert USERS.holds(evidence)
    measured(USERS.tells(evidence))


def test_row_14_a_child_killed_for_memory_is_noticed(room: Any, measured: Any) -> None:
    evidence = lose_child(room, "")
    # Of gVisor the whole ends, of the host's kernel the child.
    assert evidence.result.exit_code in (0, 137)
    assert CHILD.holds(evidence)
    measured(CHILD.tells(evidence))


def test_row_15_more_processes_get_no_more_of_the_processor(room: Any, measured: Any) -> None:
    evidence = burn(room, "")
    assert PROCESSOR.holds(evidence), evidence.facts
    measured(PROCESSOR.tells(evidence))


def test_row_16_what_stops_itself_and_ignores_signals_is_killed(room: Any, measured: Any) -> None:
    result = room.attack(
        "import os, signal\n"
        "for one in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP): "
        "signal.signal(one, signal.SIG_IGN)\n"
        "for _ in range(20):\n"
        "    if os.fork() == 0:\n"
        "        os.setsid()\n"
        "        break\n"
        "print('here', flush=True)\n"
        "os.kill(os.getpid(), signal.SIGSTOP)",
        timeout_s=1.0,
    ).result

    assert result.ending is Ending.TIMEOUT
    left = room.client.containers.list(all=True, filters={"ancestor": room.image_id})
    # What `docker run` left for a comparison has kept the label of its image.
    assert [one for one in left if one.labels["proctor.slots"] != "victim"] == []
    measured(f"gone after {result.seconds:.1f} s with a limit of 1 s")


def test_row_18_the_dead_are_buried(ours: Any, plain: Any, measured: Any) -> None:
    assert plain.facts["zombies"] == 10
    assert ZOMBIES.holds(ours)
    measured(shown(ZOMBIES, ours, plain))


def test_row_19_a_set_user_id_program_gives_nobody_root(
    ours: Any, plain: Any, measured: Any
) -> None:
    assert SETUID.holds(ours)
    measured(shown(SETUID, ours, plain))


def test_row_20_an_image_that_wants_root_gets_a_number(
    ours: Any, plain: Any, measured: Any
) -> None:
    assert not ROOT.holds(plain)
    assert ROOT.holds(ours)
    measured(shown(ROOT, ours, plain))


def test_row_22_a_health_check_starts_nothing(ours: Any, plain: Any, measured: Any) -> None:
    assert not HEALTH.holds(plain)
    assert HEALTH.holds(ours)
    measured(shown(HEALTH, ours, plain))


def test_row_23_an_image_cannot_pass_for_anothers_container(
    ours: Any, plain: Any, measured: Any
) -> None:
    assert not LABELS.holds(plain)
    assert LABELS.holds(ours)
    measured(shown(LABELS, ours, plain))


def test_row_24_variables_of_an_image_steer_nothing(ours: Any, plain: Any, measured: Any) -> None:
    assert not VARIABLES.holds(plain)
    assert VARIABLES.holds(ours)
    measured(shown(VARIABLES, ours, plain))


def test_row_26_no_mount_tells_of_the_case(ours: Any, measured: Any) -> None:
    assert NAMES.holds(ours)
    assert not any("patient" in mount["Source"] for mount in ours.container["Mounts"])
    measured(NAMES.tells(ours))


def test_row_27_no_core_is_dumped_and_no_file_grows_past_its_limit(
    ours: Any, plain: Any, measured: Any
) -> None:
    assert not DUMPS.holds(plain)
    assert DUMPS.holds(ours)
    measured(shown(DUMPS, ours, plain))


def test_row_29_the_engines_own_socket_is_out_of_reach(ours: Any, measured: Any) -> None:
    assert SOCKET.holds(ours)
    measured(SOCKET.tells(ours))


def test_row_30_a_link_is_not_followed(odd_files: Any, measured: Any) -> None:
    assert LINKS.holds(odd_files)
    assert set(odd_files.result.outputs) == {"good"}
    measured(LINKS.tells(odd_files))


def test_row_31_what_is_no_plain_file_is_not_opened(odd_files: Any, measured: Any) -> None:
    assert PIPES.holds(odd_files)
    measured(PIPES.tells(odd_files))


def test_row_32_odd_names_and_deep_trees_are_dropped_whole(room: Any, measured: Any) -> None:
    payload = r"""
import os
os.chdir("/output")
names = ["-rf", "new\nline", "\x1b[2J", "x" * 255, b"\xff\xfe", "..."]
for name in names:
    open(name, "w").close()
os.mkdir("locked")
os.chmod("locked", 0)
deep = 0
try:
    for deep in range(1200):
        os.mkdir("d")
        os.chdir("d")
except OSError:
    pass
try:
    os.mknod("/output/device", 0o600 | 0o060000, os.makedev(8, 0))
    print("device")
except OSError as error:
    print("no device", error.errno)
os.chmod("/output", 0)
print(deep)
"""
    evidence = room.attack(payload, outputs=("answer",), output_files=2000)

    assert evidence.result.missing == ("answer",)
    assert evidence.result.log.decode().split("\n")[:2] == ["no device 1", "1199"]
    assert room.attack("pass").result.exit_code == 0
    assert str(room.folder) not in Path("/proc/self/mounts").read_text()
    measured("1,199 folders deep, six odd names: gone with their mount")


def test_row_33_a_sparse_file_counts_by_its_length(odd_files: Any, measured: Any) -> None:
    assert SPARSE.holds(odd_files)
    measured(SPARSE.tells(odd_files))


def test_row_42_one_case_and_nothing_beside_it_is_in_sight(ours: Any, measured: Any) -> None:
    assert CASES.holds(ours)
    assert [name for name in ours.facts["input"] if name.endswith(".json")] == ["case.json"]
    measured(CASES.tells(ours))


def weakened(row: Row) -> Any:
    marks = [] if row.quick else [pytest.mark.slow]
    return pytest.param(row, id=f"row_{row.number:02}", marks=marks)


@pytest.mark.parametrize("row", [weakened(row) for row in ROWS])
def test_a_weakened_setting_turns_its_row_red(
    row: Row, room: Any, weaken: Any, monkeypatch: pytest.MonkeyPatch, payload: str
) -> None:
    weaken(row.host, row.create)
    if row.patch is not None:
        row.patch(monkeypatch)

    evidence = row.run(room, payload)

    assert not row.holds(evidence), row.tells(evidence)
