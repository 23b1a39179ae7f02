"""A copy of everything that must be kept, of one moment, while the platform runs.

The rows are read in one transaction that sees one moment; the blobs they name come after, for a
blob that has a row is never changed. Rows are written in a form of our own and not in the
database's, so that a backup of SQLite can be restored into PostgreSQL and back.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Engine, text
from sqlmodel import col, select

from proctor.spec.base import FileRef
from proctor.spec.outcomes import ProctorError
from proctor_platform.database import Database
from proctor_platform.first_start import secret_files
from proctor_platform.settings import PlatformSettings
from proctor_platform.storage import FolderStore
from proctor_platform.tables import Blob
from proctor_platform.upkeep.bundle import MANIFEST, BundleWriter, new_bundle
from proctor_platform.upkeep.errors import UpkeepError
from proctor_platform.upkeep.rows import tables_of, write_rows

FORMAT = 1
_CHUNK_BYTES = 1 << 20


class TableRecord(BaseModel):
    """What a backup holds of one table."""

    model_config = ConfigDict(frozen=True)

    rows: int
    digest: str


class Manifest(BaseModel):
    """What a backup holds; written last."""

    model_config = ConfigDict(frozen=True)

    format: int
    proctor: str
    revision: str
    made_at: datetime
    tables: dict[str, TableRecord]
    blobs: dict[str, int]
    secrets_left_out: tuple[str, ...]


class BackupMade(NamedTuple):
    """What was copied."""

    rows: int
    blobs: int
    size_bytes: int
    secrets_left_out: tuple[Path, ...]


def blob_name(digest: str) -> str:
    """Return what a blob is called in a backup."""
    name = digest.removeprefix("sha256:")
    return f"blobs/{name[:2]}/{name}"


def table_name(table: str) -> str:
    """Return what a table's rows are called in a backup."""
    return f"tables/{table}.jsonl"


def back_up(settings: PlatformSettings, target: Path) -> BackupMade:
    """Copy rows and blobs to a folder or tar file that is not there yet.

    Raises:
        UpkeepError: there is no platform, the target is there, or a blob is damaged.
    """
    database = Database(settings.database_address)
    try:
        revision = revision_of(database.engine)
        if revision is None:
            raise UpkeepError(
                f"There is no platform in {settings.home}.",
                "Set PROCTOR_HOME and PROCTOR_DATABASE_URL as the platform has them.",
            )
        with new_bundle(target) as bundle:
            records, blobs = _copy_rows(database, bundle)
            _copy_blobs(FolderStore(settings.blobs), blobs, bundle)
            secrets = tuple(path for path in secret_files(settings.home) if path.exists())
            manifest = Manifest(
                format=FORMAT,
                proctor=version("proctor"),
                revision=revision,
                made_at=datetime.now(UTC),
                tables=records,
                blobs=blobs,
                secrets_left_out=tuple(path.name for path in secrets),
            )
            document = manifest.model_dump_json(indent=1).encode()
            bundle.add(MANIFEST, len(document), BytesIO(document))
    finally:
        database.close()
    rows = sum(record.rows for record in records.values())
    return BackupMade(rows, len(blobs), sum(blobs.values()), secrets)


def revision_of(engine: Engine) -> str | None:
    """Return the newest migration that a database has had, or none where there are no tables."""
    with engine.connect() as connection:
        if not engine.dialect.has_table(connection, "alembic_version"):
            return None
        return cast(
            "str | None", connection.scalar(text("SELECT version_num FROM alembic_version"))
        )


def _copy_rows(
    database: Database, bundle: BundleWriter
) -> tuple[dict[str, TableRecord], dict[str, int]]:
    records: dict[str, TableRecord] = {}
    with database.reading() as session:
        connection = session.connection()
        for table in tables_of(database.engine):
            with tempfile.TemporaryFile() as lines:
                rows, digest = write_rows(connection, table, lines)
                size = lines.tell()
                lines.seek(0)
                bundle.add(table_name(table.name), size, lines)
            records[table.name] = TableRecord(rows=rows, digest=digest)
        named = session.exec(select(Blob.digest, Blob.size).order_by(col(Blob.digest)))
        return records, dict(named.all())


def _copy_blobs(store: FolderStore, blobs: dict[str, int], bundle: BundleWriter) -> None:
    for digest, size in blobs.items():
        try:
            stream = store.open(digest)
        except ProctorError as error:
            raise UpkeepError(
                f"The blob {digest} has a row but cannot be read; no backup was made.",
                "Look at the disk of the blob folder, or take the blob from an older backup.",
            ) from error
        with stream:
            checked = Checked(stream, FileRef(digest=digest, size=size))
            bundle.add(blob_name(digest), size, cast(BinaryIO, checked))
            checked.finish(f"The blob {digest} of the platform")


class Checked:
    """A stream whose bytes are compared with a digest when they have been read."""

    def __init__(self, stream: BinaryIO, ref: FileRef) -> None:
        self._stream, self._ref = stream, ref
        self._state, self._size = hashlib.sha256(), 0

    def read(self, size: int = -1) -> bytes:
        """Read some bytes."""
        chunk = self._stream.read(size)
        self._state.update(chunk)
        self._size += len(chunk)
        return chunk

    def chunks(self) -> Iterator[bytes]:
        """Read all bytes, part by part."""
        while chunk := self.read(_CHUNK_BYTES):
            yield chunk

    def finish(self, name: str) -> None:
        """Compare.

        Raises:
            UpkeepError: the bytes are others; the message begins with ``name``.
        """
        rest = self._stream.read(1)
        if rest or (self._size, f"sha256:{self._state.hexdigest()}") != (
            self._ref.size,
            self._ref.digest,
        ):
            raise UpkeepError(
                f"{name} is damaged: its bytes do not have the digest {self._ref.digest}."
            )


def read_manifest(content: bytes) -> Manifest:
    """Return what a backup holds.

    Raises:
        UpkeepError: it is damaged, or made by a newer Proctor.
    """
    try:
        document = json.loads(content)
        made_by, form = str(document["proctor"]), int(document["format"])
    except (ValueError, KeyError, TypeError) as error:
        raise UpkeepError(f"{MANIFEST} is damaged.") from error
    if form > FORMAT:
        raise UpkeepError(
            f"This backup has format {form}, made by Proctor {made_by};"
            f" Proctor {version('proctor')} reads up to {FORMAT}.",
            "Install that Proctor or a newer one and restore with it.",
        )
    try:
        return Manifest.model_validate(document)
    except ValueError as error:
        raise UpkeepError(f"{MANIFEST} is damaged.") from error
