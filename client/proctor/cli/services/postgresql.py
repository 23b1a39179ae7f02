"""A PostgreSQL of our own on a private socket: thrown away with its folder, so it may be quick.

For tests and trials; a server's own PostgreSQL is named in ``PROCTOR_DATABASE_URL``. The hard part
is that its programs refuse to run as root: they then run as the account of Debian's package, in a
folder that belongs to it and that nobody else can enter.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from proctor.cli.services.errors import ServiceError
from proctor.cli.services.process_tree import ProcessTree

DRIVER = "postgresql+psycopg"
_DEBIAN = Path("/usr/lib/postgresql")
_ACCOUNT = "postgres"
_LIMIT_S = 120
# What a power cut would lose is thrown away anyhow.
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "400",
    "autovacuum": "off",
}


@dataclass(frozen=True)
class PostgresqlServer:
    """A running server; whoever can reach its socket is its administrator."""

    folder: Path

    def url(self, database: str) -> str:
        """Return the SQLAlchemy URL of one of its databases."""
        return f"{DRIVER}://{_ACCOUNT}@/{database}?host={self.folder}"


def programs_folder() -> Path | None:
    """Return where ``initdb`` and ``postgres`` are, the newest of Debian's versions first."""
    if _DEBIAN.is_dir():
        versions = [path for path in _DEBIAN.glob("*/bin") if (path / "initdb").exists()]
        if versions:
            return max(versions, key=lambda path: float(path.parent.name))
    found = shutil.which("initdb")
    return Path(found).parent if found else None


@contextmanager
def postgresql_server(tree: ProcessTree) -> Generator[PostgresqlServer]:
    """Give an empty server that answers; it and its data are gone afterwards.

    Args:
        tree: Runs the server, and stops it if this process cannot.

    Raises:
        ServiceError: The programs or their account are missing, or the server does not start.
    """
    programs = programs_folder()
    if programs is None:
        raise ServiceError(
            "PostgreSQL's programs initdb and postgres are not here.",
            "Install them: apt-get install postgresql",
        )
    become = _other_account()
    # Not below a folder of the caller's: its parents may be closed to the other account.
    folder = Path(tempfile.mkdtemp(prefix="proctor-postgresql-"))
    try:
        if become:
            account = pwd.getpwnam(_ACCOUNT)
            os.chown(folder, account.pw_uid, account.pw_gid)
        data = folder / "data"
        initdb = [str(programs / "initdb"), "--pgdata", str(data), "--username", _ACCOUNT]
        _run([*become, *initdb, "--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8"])
        options = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        tree.start(
            "postgresql",
            [*become, str(programs / "postgres"), "-D", str(data), "-k", str(folder), *options],
            ready=lambda: _answers(programs, folder),
            grace_s=3,
        )
        try:
            yield PostgresqlServer(folder)
        finally:
            # A server asked to end by a signal waits for its clients; this way it does not.
            stop = [str(programs / "pg_ctl"), "stop", "--pgdata", str(data), "--mode", "immediate"]
            _run([*become, *stop])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _other_account() -> Sequence[str]:
    """Return the words before a command that must not run as root; none for other users."""
    if os.geteuid() != 0:
        return ()
    try:
        account = pwd.getpwnam(_ACCOUNT)
    except KeyError as error:
        raise ServiceError(
            f"PostgreSQL refuses to run as root, and there is no account {_ACCOUNT}.",
            "Debian's package makes it: apt-get install postgresql",
        ) from error
    identity = [f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
    return ["setpriv", *identity, "--"]


def _answers(programs: Path, folder: Path) -> bool:
    asked = [str(programs / "pg_isready"), "--quiet", "--host", str(folder)]
    return subprocess.run(asked, check=False).returncode == 0


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(
        command, cwd="/", capture_output=True, text=True, timeout=_LIMIT_S, check=False
    )
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise ServiceError(
            f"{Path(command[-1]).name}: PostgreSQL failed: {' '.join(lines[-3:])}",
            "Look whether /tmp has room, or name a server in PROCTOR_DATABASE_URL.",
        )
