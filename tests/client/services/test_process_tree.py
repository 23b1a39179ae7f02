import select
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from proctor.cli.services.errors import ServiceError
from proctor.cli.services.process_tree import ProcessTree

PATIENCE_S = 120

# The shell and two descendants, one in a session of its own, hold the pipe open while they live.
FAMILY = 'exec 3>"$1"; sleep 600 & setsid sleep 600 & echo up >&3; wait'

STUBBORN = """
import os, signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pipe = os.open(sys.argv[1], os.O_WRONLY)
os.write(pipe, b"up\\n")
signal.pause()
"""

PARENT = """
import sys
from pathlib import Path
from proctor.cli.services.process_tree import ProcessTree
tree = ProcessTree(Path(sys.argv[1]))
tree.start("family", ["sh", "-c", sys.argv[2], "sh", sys.argv[3]])
sys.stdin.read()
"""


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    path = tmp_path / "alive"
    subprocess.run(["mkfifo", str(path)], check=True)
    return path


def await_line(stream: IO[bytes]) -> bytes:
    """Return what arrives next: a line, or nothing once no process holds the pipe any more."""
    assert select.select([stream], [], [], PATIENCE_S)[0], "some process still holds the pipe"
    return stream.readline()


def test_nothing_outlives_a_parent_that_is_killed_with_minus_9(tmp_path: Path, pipe: Path) -> None:
    command = [sys.executable, "-c", PARENT, str(tmp_path / "logs"), FAMILY, str(pipe)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as parent, pipe.open("rb") as alive:
        assert await_line(alive) == b"up\n"
        parent.kill()
        assert await_line(alive) == b""


def test_what_a_child_writes_is_for_its_owner_alone(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with ProcessTree(home / "logs") as tree:
        child = tree.start("writer", ["sh", "-c", 'echo secret > "$1"', "sh", str(home / "kept")])
        child.process.wait(PATIENCE_S)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (home, *home.rglob("*"))}
    assert modes == {"home": 0o700, "logs": 0o700, "writer.log": 0o600, "kept": 0o600}


def test_nothing_outlives_an_orderly_stop(tmp_path: Path, pipe: Path) -> None:
    with ProcessTree(tmp_path) as tree:
        tree.start("family", ["sh", "-c", FAMILY, "sh", str(pipe)])
        alive = pipe.open("rb")
        assert await_line(alive) == b"up\n"
    with alive:
        assert await_line(alive) == b""


def test_a_child_that_ignores_the_request_to_end_is_killed(tmp_path: Path, pipe: Path) -> None:
    with ProcessTree(tmp_path) as tree:
        command = [sys.executable, "-c", STUBBORN, str(pipe)]
        child = tree.start("stubborn", command, grace_s=0.2)
        with pipe.open("rb") as alive:
            assert await_line(alive) == b"up\n"
            tree.stop()
            assert await_line(alive) == b""
    assert child.returncode == 128 + 9


def test_children_end_in_reverse_order(tmp_path: Path) -> None:
    order = tmp_path / "order"
    say = f"trap 'echo $0 >> {order}; exit' TERM; touch {tmp_path}/$0.up; sleep 600 & wait"
    with ProcessTree(tmp_path) as tree:
        for name in ("first", "second"):
            ready = (tmp_path / f"{name}.up").exists
            tree.start(name, ["sh", "-c", say, name], ready=ready)
    assert order.read_text().split() == ["second", "first"]


def test_a_child_that_died_is_reported_with_the_end_of_its_log(tmp_path: Path) -> None:
    with ProcessTree(tmp_path) as tree:
        child = tree.start("api", ["sh", "-c", "echo the database is locked >&2; exit 3"])
        child.process.wait(PATIENCE_S)
        with pytest.raises(
            ServiceError, match=r"api ended with exit status 3.*\n.*is locked"
        ) as raised:
            tree.check()
    assert str(tmp_path / "api.log") in raised.value.hint


def test_a_child_that_dies_before_it_is_ready_is_reported_at_once(tmp_path: Path) -> None:
    with ProcessTree(tmp_path) as tree:
        with pytest.raises(ServiceError, match="no-such-program cannot be started"):
            tree.start("api", ["no-such-program"], ready=lambda: False)
        tree.check()


def test_a_child_that_never_gets_ready_is_stopped_and_reported(tmp_path: Path, pipe: Path) -> None:
    with ProcessTree(tmp_path) as tree, pytest.raises(ServiceError, match="was not ready within"):
        tree.start("slow", ["sleep", "600"], ready=lambda: False, ready_limit_s=0.1)


def test_a_child_sees_the_settings_given_to_it(tmp_path: Path) -> None:
    with ProcessTree(tmp_path) as tree:
        child = tree.start("env", ["sh", "-c", "echo $COLOR"], environment={"COLOR": "blue"})
        child.process.wait(PATIENCE_S)
    assert child.last_lines() == "blue"


def test_a_long_log_is_shown_by_its_end(tmp_path: Path) -> None:
    with ProcessTree(tmp_path) as tree:
        child = tree.start("talker", ["seq", "100000"])
        child.process.wait(PATIENCE_S)
    assert child.last_lines().splitlines()[-2:] == ["99999", "100000"]
    assert len(child.last_lines().splitlines()) == 15
