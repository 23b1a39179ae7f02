"""Clearing out: what nothing needs any more leaves the store.

Three things are of no use: bytes of uploads that broke off, blobs without a row, and blobs that
somebody uploaded and then never entered anywhere. Only what has been so for some time goes, so
that an upload that is going on now, or was made for a submission in a minute, is safe.

What is needed is decided from the rows alone: a blob stays if any row but its own names its digest
anywhere, or if anybody but its uploader may read it.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy
from sqlalchemy import JSON, Connection, String, Table, delete
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from proctor_platform.clock import now
from proctor_platform.database import Database
from proctor_platform.settings import PlatformSettings
from proctor_platform.storage import FolderStore
from proctor_platform.tables import Blob, BlobGrant
from proctor_platform.upkeep.rows import tables_of

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_HEX = re.compile(r"[0-9a-f]{64}")
_USERS = "user:"
# These tell of digests without needing the bytes.
_NEEDS_NOTHING = frozenset({"blob", "blob_grant", "event", "outbox", "token"})
_AT_ONCE = 1_000


class Clearing(NamedTuple):
    """What is of no use, or was removed.

    Attributes:
        unused: digests of blobs that were uploaded and never entered.
        unknown: files of the store that no row knows.
        broken_off: files of uploads that were never finished.
        size_bytes: of all of these together.
    """

    unused: tuple[str, ...]
    unknown: tuple[Path, ...]
    broken_off: tuple[Path, ...]
    size_bytes: int


def clear_out(settings: PlatformSettings, *, older_than_s: float, remove: bool) -> Clearing:
    """Find what is of no use for at least so long, and with ``remove`` remove it."""
    database = Database(settings.database_address)
    try:
        folder = settings.blobs
        store = FolderStore(folder)
        before = time.time() - older_than_s
        unused = _unused(database, store, older_than_s, before)
        unknown = _unknown(database, folder, before)
        broken_off = [path for path in (folder / "incoming").iterdir() if _old(path, before)]
        sizes = sum(unused.values()) + sum(_size(path) for path in [*unknown, *broken_off])
        if remove:
            for path in broken_off:
                path.unlink(missing_ok=True)
            paths = {digest: store.path(digest) for digest in unused}
            gone = [
                path for digest, path in paths.items() if _forget(database, digest, path, before)
            ]
            for path in [*unknown, *gone]:
                _remove_unless_uploaded(database, path, before)
        return Clearing(tuple(unused), tuple(unknown), tuple(broken_off), sizes)
    finally:
        database.close()


def _unused(
    database: Database, store: FolderStore, older_than_s: float, before: float
) -> dict[str, int]:
    """Return digests and sizes of blobs that nobody but their uploaders has to do with."""
    with database.reading() as session:
        shared = select(BlobGrant.digest).where(
            col(BlobGrant.digest) == col(Blob.digest), ~col(BlobGrant.audience).startswith(_USERS)
        )
        old = select(Blob.digest, Blob.size).where(
            col(Blob.created_at) < now(-older_than_s), ~shared.exists()
        )
        found = {
            digest: size
            for digest, size in session.exec(old)
            # Whoever uploads what is here already makes its file anew.
            if _old(store.path(digest), before)
        }
        if found:
            connection = session.connection()
            for table in tables_of(database.engine):
                if table.name not in _NEEDS_NOTHING:
                    for digest in _named(connection, table):
                        found.pop(digest, None)
    return found


def _named(connection: Connection, table: Table) -> Iterator[str]:
    """Yield every digest that a table's rows name in a text or a document."""
    columns = [column for column in table.columns if isinstance(column.type, JSON | String)]
    if not columns:
        return
    rows = connection.execute(
        sqlalchemy.select(*columns), execution_options={"yield_per": _AT_ONCE}
    )
    for row in rows:
        for value in row:
            yield from _DIGEST.findall(_text(value))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)


def _unknown(database: Database, folder: Path, before: float) -> list[Path]:
    files = [
        path for path in folder.glob("??/??/*") if _HEX.fullmatch(path.name) and _old(path, before)
    ]
    unknown: list[Path] = []
    with database.reading() as session:
        for start in range(0, len(files), _AT_ONCE):
            part = {f"sha256:{path.name}": path for path in files[start : start + _AT_ONCE]}
            known = session.exec(select(Blob.digest).where(col(Blob.digest).in_(list(part))))
            for digest in known:
                del part[digest]
            unknown += part.values()
    return unknown


def _forget(database: Database, digest: str, path: Path, before: float) -> bool:
    """Delete a blob's row and its uploaders' rights, unless somebody has come to need it."""
    with database.writing() as session:
        # Whoever uploads it again holds the row until the file is new, or waits for this.
        row = session.get(Blob, digest, with_for_update=True)
        if row is None or not _old(path, before):
            return False
        uploaders = col(BlobGrant.audience).startswith(_USERS)
        try:
            session.execute(delete(BlobGrant).where(col(BlobGrant.digest) == digest, uploaders))
            session.execute(delete(Blob).where(col(Blob.digest) == digest))
            session.commit()
        except IntegrityError:
            return False
    return True


def _remove_unless_uploaded(database: Database, path: Path, before: float) -> None:
    """Remove a file, shutting out whoever uploads the same bytes at this moment.

    An upload adds the blob's row before it names the file. So does this, and takes the row back:
    until then the upload waits, and if it was first, the row is there and the file stays.
    """
    with database.writing() as session:
        if not _reserve(session, f"sha256:{path.name}"):
            return
        if _old(path, before):
            path.unlink(missing_ok=True)
        session.rollback()


def _reserve(session: Session, digest: str) -> bool:
    try:
        session.add(Blob(digest=digest, size=0))
        session.flush()
    except IntegrityError:
        session.rollback()
        return False
    return True


def _old(path: Path, before: float) -> bool:
    try:
        return path.is_file() and path.stat().st_mtime < before
    except FileNotFoundError:
        return False


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
