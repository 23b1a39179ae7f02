"""A backup into an empty home and database, of the same kind or another.

Everything is checked before anything is written. The rows go into tables as they were when the
backup was made; the migrations since then follow, as they would have at the platform's next start.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, Table, func, select, text

from proctor.spec.base import FileRef
from proctor_platform import migrate
from proctor_platform.database import Database
from proctor_platform.first_start import secret_files
from proctor_platform.settings import PlatformSettings
from proctor_platform.storage import FolderStore
from proctor_platform.upkeep.backup import (
    Checked,
    Manifest,
    blob_name,
    read_manifest,
    revision_of,
    table_name,
)
from proctor_platform.upkeep.bundle import MANIFEST, BundleReader, opened_bundle
from proctor_platform.upkeep.errors import UpkeepError
from proctor_platform.upkeep.rows import read_rows, tables_of

_CHUNK_BYTES = 1 << 20
_PRIVATE_UMASK = 0o077


class Restored(NamedTuple):
    """What was restored."""

    rows: int
    blobs: int
    made_by: str
    secrets_left_out: tuple[str, ...]


def restore(settings: PlatformSettings, source: Path) -> Restored:
    """Fill an empty platform from a backup.

    Raises:
        UpkeepError: the platform is not empty, or the backup is damaged or made by a newer one.
    """
    with opened_bundle(source) as bundle, _for_the_owner_alone():
        with bundle.open(MANIFEST) as stream:
            manifest = read_manifest(stream.read())
        if manifest.revision not in migrate.revisions():
            raise UpkeepError(
                f"This backup was made by Proctor {manifest.proctor}, whose tables"
                f" (revision {manifest.revision}) are newer than those known here.",
                "Install that Proctor or a newer one and restore with it.",
            )
        _check(bundle, manifest)
        settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        database = Database(settings.database_address)
        try:
            _refuse_what_is_not_empty(settings, database)
            # Blobs first: rows without their blobs would be a platform that looks whole.
            _fill_store(settings.blobs, bundle, manifest)
            rows = _fill_tables(database, bundle, manifest)
            migrate.upgrade(database.engine)
        finally:
            database.close()
    return Restored(rows, len(manifest.blobs), manifest.proctor, manifest.secrets_left_out)


@contextmanager
def _for_the_owner_alone() -> Iterator[None]:
    """Let nobody else read what is made: models, hidden data, hashes of tokens."""
    before = os.umask(_PRIVATE_UMASK)
    try:
        yield
    finally:
        os.umask(before)


def _check(bundle: BundleReader, manifest: Manifest) -> None:
    for table, record in manifest.tables.items():
        state = hashlib.sha256()
        with bundle.open(table_name(table)) as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                state.update(chunk)
        if f"sha256:{state.hexdigest()}" != record.digest:
            raise UpkeepError(f"{table_name(table)} of the backup is damaged.")
    for digest, size in manifest.blobs.items():
        with bundle.open(blob_name(digest)) as stream:
            checked = Checked(stream, FileRef(digest=digest, size=size))
            for _ in checked.chunks():
                pass
            checked.finish(f"{blob_name(digest)} of the backup")


def _refuse_what_is_not_empty(settings: PlatformSettings, database: Database) -> None:
    hint = "Restore into an empty home and an empty database; nothing was changed here."
    for path in secret_files(settings.home):
        if path.exists():
            raise UpkeepError(f"{path} is there: this home has a platform.", hint)
    if any(path.is_file() for path in settings.blobs.rglob("*")):
        raise UpkeepError(f"{settings.blobs} has blobs already.", hint)
    if revision_of(database.engine) is None:
        if tables_of(database.engine):
            raise UpkeepError("The database has tables that are not Proctor's.", hint)
        return
    with database.engine.connect() as connection:
        for table in tables_of(database.engine):
            if connection.scalar(select(func.count()).select_from(table)):
                raise UpkeepError(f"The database has rows already, in {table.name}.", hint)


def _fill_store(folder: Path, bundle: BundleReader, manifest: Manifest) -> None:
    store = FolderStore(folder)
    for digest, size in manifest.blobs.items():
        ref = FileRef(digest=digest, size=size)
        with bundle.open(blob_name(digest)) as stream, store.writer(ref) as writer:
            for chunk in Checked(stream, ref).chunks():
                writer.write(chunk)
            writer.finish()


def _fill_tables(database: Database, bundle: BundleReader, manifest: Manifest) -> int:
    if revision_of(database.engine) not in (None, manifest.revision):
        migrate.downgrade(database.engine, "base")
    migrate.upgrade(database.engine, manifest.revision)
    rows = 0
    engine = database.engine.execution_options(proctor_writes=True)
    with engine.begin() as connection:
        if database.is_sqlite:
            connection.execute(text("PRAGMA defer_foreign_keys = ON"))
        for table in tables_of(database.engine):
            if table.name not in manifest.tables:
                continue
            with bundle.open(table_name(table.name)) as stream:
                rows += read_rows(connection, table, stream)
            if not database.is_sqlite:
                _count_on(connection, table)
    return rows


def _count_on(connection: Connection, table: Table) -> None:
    """Have the numbers that PostgreSQL gives to new rows go on after those that are there."""
    for column in table.primary_key.columns:
        name = connection.scalar(
            text("SELECT pg_get_serial_sequence(:table, :column)"),
            {"table": f'"{table.name}"', "column": column.name},
        )
        highest = connection.scalar(select(func.max(column))) if name else None
        if highest is not None:
            connection.execute(
                text("SELECT setval(:name, :value)"), {"name": name, "value": highest}
            )
