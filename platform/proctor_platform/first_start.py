"""The secrets a platform makes for its operator: an admin's token and the workers' tokens.

Each lies in a file of the home folder that only its owner can read. A file that is gone is made
anew, with a new token; what the old one was good for can be revoked.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlmodel import Session, col, select

from proctor.spec.identifiers import Kind, new_id
from proctor.spec.work import Role
from proctor_platform import tokens
from proctor_platform.database import Database
from proctor_platform.events import PLATFORM, record
from proctor_platform.tables import User

ADMIN = "admin"


def admin_token_file(home: Path) -> Path:
    """Return where the admin's token lies."""
    return home / "admin-token"


def worker_token_file(home: Path, role: Role) -> Path:
    """Return where the token of this machine's workers of a role lies."""
    return home / f"worker-{role.value}-token"


def secret_files(home: Path) -> list[Path]:
    """Return where the secrets of a platform lie."""
    return [admin_token_file(home), *(worker_token_file(home, role) for role in Role)]


def make_secrets(database: Database, home: Path) -> list[Path]:
    """Make the tokens whose files are not there, and return the files that were made."""
    with _alone(home):
        made = []
        with database.writing() as session:
            path = admin_token_file(home)
            if not path.exists():
                token = tokens.mint(session, user_id=_admin(session).id, note=path.name)
                made.append((path, token))
            for role in Role:
                path = worker_token_file(home, role)
                if not path.exists():
                    made.append((path, tokens.mint(session, worker_role=role, note=path.name)))
            for path, token in made:
                record(session, token.id, "token_created", PLATFORM, {"file": path.name})
            session.commit()
        for path, token in made:
            _write_secret(path, token.secret)
    return [path for path, _ in made]


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Keep a platform that starts in the same home at this moment from doing the same."""
    with (home / ".first-start").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _admin(session: Session) -> User:
    user = session.exec(select(User).where(col(User.name) == ADMIN)).first()
    if user is None:
        user = User(id=new_id(Kind.USER), name=ADMIN, admin=True)
        session.add(user)
        session.flush()
    return user


def _write_secret(path: Path, secret: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{secret}\n")
