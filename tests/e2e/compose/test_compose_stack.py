"""docker-compose.yml for real: build, start, publish, submit, score, take away.

No registry is needed: the base is the one Proctor's own images have, the packages come from wheels
that this host's pip downloads for the base's Python, and Redis and PostgreSQL are this host's own
programs with their libraries, behind the few variables of the official image. Proctor's image stays
as a cache of the next build; everything else goes at the end.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import docker
import pytest
from packaging.markers import Marker

from proctor.cli.services.postgresql import programs_folder
from proctor.client import Client
from proctor.client.errors import ClientError
from proctor.spec.api import UserCreate
from proctor_runner.images import ImageBuilder
from proctor_runner.images.wheels import PROBE, download_wheels, parse_probe

pytestmark = [pytest.mark.slow, pytest.mark.docker, pytest.mark.e2e]

ROOT = Path(__file__).resolve().parents[3]
CACHE = ROOT / ".cache" / "images"
BUILD_S = 1200
START_S = 300
COMMAND_S = 180
MARKERS = (
    "import json,platform,sys;print(json.dumps({'sys_platform':sys.platform,"
    "'python_full_version':platform.python_version()}))"
)


START_POSTGRES = """#!/bin/sh
set -e
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  initdb --pgdata "$PGDATA" --username "$POSTGRES_USER" --pwfile "$POSTGRES_PASSWORD_FILE" \\
    --auth-local trust $POSTGRES_INITDB_ARGS
  echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
  pg_ctl --pgdata "$PGDATA" --options "-c listen_addresses=''" --wait start
  psql --username "$POSTGRES_USER" --dbname postgres --command "CREATE DATABASE $POSTGRES_DB"
  pg_ctl --pgdata "$PGDATA" --mode fast --wait stop
fi
exec "$@" -c listen_addresses='*'
"""


@dataclass(frozen=True)
class Compose:
    """One project of docker-compose, in a copy of the repository's files."""

    folder: Path
    project: str
    environment: dict[str, str]
    api: str
    dashboard: str

    def run(self, *arguments: str, limit_s: float = COMMAND_S, check: bool = True) -> str:
        """Run docker-compose and return what it printed."""
        finished = subprocess.run(
            ["docker-compose", "--project-name", self.project, *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=limit_s,
            check=False,
        )
        assert not check or finished.returncode == 0, finished.stdout + finished.stderr
        return finished.stdout

    def proctor(self, *arguments: str, token: str) -> str:
        """Run the command line of this host as a user would and return what it printed."""
        finished = subprocess.run(
            [str(Path(sys.executable).parent / "proctor"), *arguments],
            env=os.environ | {"PROCTOR_HOST": self.api, "PROCTOR_TOKEN": token},
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            check=False,
        )
        said = finished.stdout + finished.stderr
        assert finished.returncode == 0, said + self.run("logs", "--no-color", "--tail=40")
        return finished.stdout


@pytest.fixture(scope="module")
def compose(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compose]:
    if shutil.which("docker-compose") is None:
        pytest.skip("docker-compose is not installed")
    folder = tmp_path_factory.mktemp("compose")
    client = docker.from_env(timeout=600)
    images = ImageBuilder(client, CACHE, print)
    images.ensure_decode()
    base = images.ensure_base().name
    write_context(folder / "context", client, base)
    redis = build_redis(folder / "redis", client, base)
    postgres = build_postgres(folder / "postgres", client, base)
    api_port, dashboard_port = unused_ports(2)
    settings = {
        "BASE_IMAGE": base,
        "PIP_OPTIONS": "--no-index --find-links /wheels",
        "REDIS_IMAGE": redis,
        "POSTGRES_IMAGE": postgres,
        "PROCTOR_IMAGE": "proctor-test/server:e2e",
        "PROCTOR_API_PORT": str(api_port),
        "PROCTOR_DASHBOARD_PORT": str(dashboard_port),
        "PROCTOR_WORKER_STATE": str(folder / "worker"),
    }
    outside = {name: value for name, value in os.environ.items() if "PROCTOR" not in name}
    started = Compose(
        folder / "context",
        f"proctor-test-{os.getpid()}",
        outside | settings,
        f"http://127.0.0.1:{api_port}",
        f"http://127.0.0.1:{dashboard_port}",
    )
    try:
        started.run("build", limit_s=BUILD_S)
        started.run("up", "--detach", "--no-build", limit_s=START_S)
        yield started
    finally:
        started.run("down", "--volumes", "--timeout", "20", check=False)
        for image in (redis, postgres):
            client.images.remove(image, force=True)
        left = client.containers.list(
            all=True, filters={"label": f"com.docker.compose.project={started.project}"}
        )
        client.close()
        assert left == []


def write_context(context: Path, client: docker.DockerClient, base: str) -> None:
    """Copy what a build needs, with the wheels of the base's Python beside it."""
    context.mkdir()
    allowed = re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    for name in {*allowed, ".dockerignore", "Dockerfile", "docker-compose.yml"} - {"wheels"}:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, context / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, context / name)

    def ask(program: str) -> str:
        said = client.containers.run(base, ["python3", "-c", program], entrypoint="", remove=True)
        return bytes(said).decode()

    chosen = context / "chosen.txt"
    chosen.write_text(without_markers(json.loads(ask(MARKERS))))
    target = parse_probe(json.loads(ask(PROBE)), base)
    (context / "wheels").mkdir()
    for name, wheel in download_wheels(chosen, target, CACHE / "wheels").items():
        shutil.copy2(wheel, context / "wheels" / name)


def without_markers(environment: dict[str, str]) -> str:
    """Return the pins of the image that hold in ``environment``."""
    blocks = re.split(r"\n(?=\S)", (ROOT / "requirements-server.lock").read_text().strip())
    chosen = []
    for block in blocks:
        head, separator, hashes = block.partition(" \\\n")
        pin, _, marker = head.partition(" ; ")
        if not marker or Marker(marker).evaluate(environment):
            chosen.append(pin + separator + hashes)
    return "\n".join(chosen) + "\n"


def build_redis(folder: Path, client: docker.DockerClient, base: str) -> str:
    """Build an image with this host's Redis."""
    server, ask = shutil.which("redis-server"), shutil.which("redis-cli")
    if server is None or ask is None:
        pytest.skip("Redis is not installed; `apt-get install redis-server` brings it")
    copy_with_libraries([Path(server), Path(ask)], folder / "files")
    (folder / "Dockerfile").write_text(f"FROM {base}\nCOPY files /\n")
    return build(folder, client, "redis")


def build_postgres(folder: Path, client: docker.DockerClient, base: str) -> str:
    """Build an image with this host's PostgreSQL that knows the official one's variables."""
    programs = programs_folder()
    if programs is None:
        pytest.skip("PostgreSQL is not installed; `apt-get install postgresql` brings it")
    files = folder / "files"
    names = ("initdb", "postgres", "psql", "pg_ctl", "pg_isready")
    copy_with_libraries([programs / name for name in names], files)
    version = programs.parent.name
    for shared in (f"/usr/lib/postgresql/{version}/lib", f"/usr/share/postgresql/{version}"):
        shutil.copytree(
            shared, files / shared[1:], ignore=shutil.ignore_patterns("bitcode", "*jit*")
        )
    (files / "start").write_text(START_POSTGRES)
    (files / "start").chmod(0o755)
    (folder / "Dockerfile").write_text(
        f"FROM {base}\nCOPY files /\n"
        f"ENV PATH={programs}:/usr/bin:/bin PGDATA=/var/lib/postgresql/data\n"
        "RUN echo 'postgres:x:999:999::/var/lib/postgresql:/bin/sh' >> /etc/passwd"
        " && mkdir -p /var/lib/postgresql/data /var/run/postgresql"
        " && chown -R 999:999 /var/lib/postgresql /var/run/postgresql\n"
        'USER 999:999\nENTRYPOINT ["/start"]\n'
    )
    return build(folder, client, "postgres")


def copy_with_libraries(programs: list[Path], into: Path) -> None:
    """Copy programs and the libraries they are linked with to the same paths below ``into``."""
    said = subprocess.run(
        ["ldd", *map(str, programs)], capture_output=True, text=True, check=True
    ).stdout
    libraries = {Path(path) for path in re.findall(r"=> (/\S+)", said)}
    # The base has the C library; two of them do not fit together.
    wanted = {path for path in libraries if not re.match(r"lib(c|m)\.so|ld-", path.name)}
    for path in [*programs, *wanted]:
        # /lib is a link to /usr/lib in the base, and a folder must not take its place.
        place = str(path) if str(path).startswith("/usr/") else f"/usr{path}"
        target = into / place[1:]
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path.resolve(), target)


def build(folder: Path, client: docker.DockerClient, name: str) -> str:
    """Build an image and return its tag."""
    tag = f"proctor-test/{name}:{os.getpid()}"
    client.images.build(path=str(folder), tag=tag, rm=True)
    return tag


def unused_ports(count: int) -> list[int]:
    """Return ports that nobody listens on now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return ports


@pytest.fixture(scope="module")
def admin(compose: Compose) -> str:
    """The admin's token, fetched as the operator's page says."""
    return compose.run("exec", "-T", "platform", "cat", "/var/lib/proctor/admin-token").strip()


def test_a_submitted_folder_is_run_scored_and_ranked(
    compose: Compose,
    admin: str,
    write_challenge: Callable[..., Path],
    model: Callable[..., Path],
    tmp_path: Path,
) -> None:
    folder = tmp_path / "half"
    folder.mkdir()
    with Client(compose.api, admin) as client:
        olga = client.create_user(UserCreate(name="olga")).secret
        paul = client.create_user(UserCreate(name="paul")).secret
    compose.proctor("challenge", "publish", str(write_challenge(folder, "half")), token=olga)
    with Client(compose.api, paul) as client:
        client.join("half")
    said = compose.proctor("submit", "half", str(model()), "--wait", token=paul)
    with Client(compose.api, paul) as client:
        view = client.submission(str(re.findall(r"sub_[0-9a-z]{26}", said)[0]))
        board = client.leaderboard("half", "main")
    assert view.final
    assert view.runs[0].cases_done == view.runs[0].cases_total == 3
    assert [row.submission for row in board.rows] == [view.id]
    assert view.rank == 1


def test_the_dashboard_answers(compose: Compose) -> None:
    end = time.monotonic() + START_S
    while True:
        try:
            with urllib.request.urlopen(f"{compose.dashboard}/_stcore/health", timeout=5) as answer:
                assert answer.read() == b"ok"
                return
        except OSError:
            assert time.monotonic() < end, compose.run("logs", "--no-color", "dashboard")
            time.sleep(0.2)


def test_what_needs_no_root_has_none(compose: Compose) -> None:
    for service in ("platform", "scorer", "dashboard"):
        assert compose.run("exec", "-T", service, "id", "-u").strip() == "65532"


def test_each_worker_sees_its_token_and_no_home(compose: Compose) -> None:
    for service, name in (("worker", "worker-run-token"), ("scorer", "worker-score-token")):
        find = ("exec", "-T", service, "find", "/var/lib/proctor-tokens", "-type", "f")
        assert compose.run(*find, "-printf", "%f %m ").split() == [name, "600"]
        find = ("exec", "-T", service, "find", "/var/lib/proctor", "-name", "*token")
        assert compose.run(*find, check=False) == ""


def test_the_rows_are_in_postgresql(compose: Compose) -> None:
    asked = 'SELECT count(*) FROM "user"'
    login = ("--username", "proctor", "--dbname", "proctor", "--no-align", "--tuples-only")
    said = compose.run("exec", "-T", "postgres", "psql", *login, "--command", asked)
    assert int(said) >= 1
    listed = compose.run("exec", "-T", "platform", "ls", "/var/lib/proctor")
    assert "proctor.sqlite3" not in listed


def test_the_platform_survives_a_restart_of_its_database(compose: Compose, admin: str) -> None:
    compose.run("restart", "--timeout", "20", "postgres")
    end = time.monotonic() + START_S
    while True:
        try:
            with Client(compose.api, admin) as client:
                assert client.me().name == "admin"
                return
        except ClientError:
            assert time.monotonic() < end, compose.run("logs", "--no-color", "--tail=40")
            time.sleep(0.5)


def test_a_backup_is_made_inside(compose: Compose) -> None:
    target = "/var/lib/proctor/backup.tar"
    compose.run("exec", "-T", "platform", "proctor", "admin", "backup", target)
    listed = compose.run("exec", "-T", "platform", "tar", "--list", "--file", target)
    assert "backup.json" in listed.split()
