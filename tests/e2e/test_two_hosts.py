"""Two workers on two hosts, as network namespaces: each has an address, a token, and no Redis."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from proctor.client import Client, HostError

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.docker,
    pytest.mark.slow,
    pytest.mark.skipif(
        os.getuid() != 0 or shutil.which("ip") is None, reason="needs root and iproute2"
    ),
]

PATIENCE_S = 300
PORT = 18420
PROGRAMS = Path(sys.executable).parent


@contextmanager
def host(number: int) -> Iterator[tuple[list[str], str]]:
    """Make a host: the prefix that runs a command on it, and this machine's address from there."""
    name, here = f"proctor{os.getpid() % 10_000}-{number}", f"10.213.{number}.1"
    ends = f"pr{os.getpid() % 10_000}h{number}", f"pr{os.getpid() % 10_000}n{number}"
    steps = [
        ["netns", "add", name],
        ["link", "add", ends[0], "type", "veth", "peer", "name", ends[1], "netns", name],
        ["address", "add", f"{here}/30", "dev", ends[0]],
        ["link", "set", ends[0], "up"],
        ["-n", name, "address", "add", f"10.213.{number}.2/30", "dev", ends[1]],
        ["-n", name, "link", "set", ends[1], "up"],
    ]
    try:
        for step in steps:
            made = subprocess.run(["ip", *step], capture_output=True, text=True, check=False)
            if made.returncode:
                pytest.skip(f"no network namespaces here: {made.stderr.strip()}")
        yield ["ip", "netns", "exec", name], here
    finally:
        subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)


@contextmanager
def running(command: list[str], log: Path, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command until the block ends; it must take SIGTERM well."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PROCTOR_")}
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, env=kept | settings, stdout=stream, stderr=subprocess.STDOUT
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) in (0, -signal.SIGTERM), log.read_text()


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[tuple[Client, Path]]:
    """A platform without Redis that other hosts reach, and its home."""
    home = tmp_path / "home"
    settings = {
        "PROCTOR_HOME": str(home),
        "PROCTOR_LISTEN_HOST": "0.0.0.0",
        "PROCTOR_LISTEN_PORT": str(PORT),
    }
    command = [sys.executable, "-m", "proctor_platform"]
    with running(command, tmp_path / "platform.log", **settings) as process:
        wait_for(lambda: (home / "admin-token").exists() or process.poll() is not None)
        token = (home / "admin-token").read_text().strip()
        with closing(Client(f"http://127.0.0.1:{PORT}", token)) as client:
            wait_for(lambda: answers(client))
            yield client, home


def answers(client: Client) -> bool:
    try:
        return bool(client.me().admin)
    except HostError:
        return False


def wait_for(good: Callable[[], Any]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not good():
        assert time.monotonic() < end
        time.sleep(0.2)


def cli(client: Client, home: Path, *arguments: str) -> str:
    token = (home / "admin-token").read_text().strip()
    finished = subprocess.run(
        [str(PROGRAMS / "proctor"), *arguments],
        env=os.environ | {"PROCTOR_HOST": client.host, "PROCTOR_TOKEN": token},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def worker(prefix: list[str], address: str, token: Path, state: Path) -> list[str]:
    options = ["--url", f"http://{address}:{PORT}", "--token-file", str(token)]
    return [*prefix, str(PROGRAMS / "proctor"), "worker", *options, "--state", str(state)]


def test_a_submission_is_run_on_one_host_and_scored_on_another(
    platform: tuple[Client, Path],
    write_challenge: Callable[..., Path],
    model: Callable[..., Path],
    tmp_path: Path,
) -> None:
    client, home = platform
    folder = tmp_path / "half"
    folder.mkdir()
    with ExitStack() as parts:
        for number, role in enumerate(("run", "score"), start=1):
            prefix, address = parts.enter_context(host(number))
            token = home / f"worker-{role}-token"
            command = [*worker(prefix, address, token, tmp_path / role), "--name", f"{role}-host"]
            parts.enter_context(running(command, tmp_path / f"{role}.log"))
        wait_for(lambda: len(client.workers()) == 2)
        cli(client, home, "challenge", "publish", str(write_challenge(folder, "half")))
        client.join("half")
        cli(client, home, "submit", "half", str(model()), "--wait")
        (view,) = client.submissions().items
        assert (view.progress, view.runs[0].environment.worker) == ("scored", "run-host/run-0")
        listed = json.loads(cli(client, home, "workers", "--format", "json"))
    assert {row["name"]: row["queue"] for row in listed} == {
        "run-host/run-0": "run.cpu",
        "score-host/score-0": "score",
    }
