"""Makes an archive: documents first, so that all is known to be there before a byte is sent."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from typing import BinaryIO, NamedTuple

from sqlmodel import Session

from proctor.spec.archive import (
    MANIFEST,
    ArchivedEvaluation,
    ArchivedFile,
    ArchiveKind,
)
from proctor.spec.base import FileRef
from proctor.spec.digests import digest_bytes
from proctor.spec.outcomes import Code, PlatformError
from proctor_platform.archive import documents
from proctor_platform.archive.documents import Listed
from proctor_platform.archive.gathering import Gathered, gather
from proctor_platform.archive.packing import Member
from proctor_platform.archive.rights import archive_in_sight
from proctor_platform.rights import Asker
from proctor_platform.storage import Store

_LOCK_WORD = "the versions of the libraries that scored"


Open = Callable[[], BinaryIO]


class Archive(NamedTuple):
    """An archive ready to be sent: what to call it, its members in order, and what names them."""

    name: str
    members: tuple[Member, ...]
    digest: str


def make_archive(
    session: Session, store: Store, submission_id: str, kind: ArchiveKind, asker: Asker
) -> Archive:
    """Put an archive together for whoever may have it.

    Raises:
        ProctorError: the asker may not have it, or there is nothing to keep yet.
        PlatformError: STORAGE_FAILED, a blob of it is not in the store.
    """
    sight = archive_in_sight(session, submission_id, kind, asker)
    found = gather(session, sight, kind)
    for file in found.blobs.values():
        if not store.has(file.digest):
            raise PlatformError(Code.STORAGE_FAILED, f"{file.digest} has no file")
    wheels = _wheels(found)
    kept: list[tuple[Listed, Open]] = [
        (_kept(wheels, file, found.words[digest]), partial(store.open, digest))
        for digest, file in sorted(found.blobs.items())
    ]
    texts = {
        documents.README: (documents.readme(found.manifest), "what this is, and how to run it"),
        documents.CITATION: (documents.citation(found.manifest), "how to cite it"),
        documents.DATACITE: (documents.datacite(found.manifest), "metadata for a DOI"),
        **{path: (text, _LOCK_WORD) for path, text in _locks(found).items()},
    }
    written: list[tuple[Listed, Open]] = [
        (_listed(path, content, word), partial(io.BytesIO, content))
        for path, (content, word) in texts.items()
    ]
    listed = [entry for entry, _ in (*kept, *written)]
    crate = documents.crate(found.manifest, listed)
    crate_file = _listed(documents.CRATE, crate, "the metadata of all files")
    manifest = found.manifest.model_copy(
        update={"files": tuple(entry.member for entry in (*listed, crate_file))}
    )
    text = manifest.model_dump_json(indent=1).encode()
    first = [
        Member(MANIFEST, len(text), partial(io.BytesIO, text)),
        Member(documents.CRATE, len(crate), partial(io.BytesIO, crate)),
    ]
    rest = [
        Member(entry.member.path, entry.member.file.size, opened)
        for entry, opened in (*written, *kept)
    ]
    # The manifest has the digest of every other member.
    return Archive(f"{submission_id}-{kind.value}.zip", (*first, *rest), digest_bytes(text))


def _kept(wheels: dict[str, str], file: FileRef, word: str) -> Listed:
    path = wheels.get(file.digest) or f"blobs/{file.digest.removeprefix('sha256:')}"
    return Listed(ArchivedFile(path=path, file=file), word)


def _wheels(found: Gathered) -> dict[str, str]:
    """Return the paths of metric packages, each under the name that pip knows a wheel by."""
    return {
        scoring.wheel.digest: f"metrics/proctor_metrics-{_label(scoring)}-py3-none-any.whl"
        for scoring in _scorings(found)
        if scoring.wheel is not None
    }


def _locks(found: Gathered) -> dict[str, bytes]:
    """Return a requirements file for each metric package: what it was used with, exactly."""
    return {
        f"metrics/requirements-{_label(scoring)}.txt": "".join(
            f"{name}=={version}\n" for name, version in sorted(scoring.libraries.items())
        ).encode()
        for scoring in _scorings(found)
    }


def _scorings(found: Gathered) -> list[ArchivedEvaluation]:
    runs = [run for task in found.manifest.tasks for run in (task.run, task.tryout)]
    return [run.evaluation for run in runs if run is not None and run.evaluation is not None]


def _label(scoring: ArchivedEvaluation) -> str:
    release = scoring.libraries.get("proctor", "0")
    return f"{release}+{scoring.code_digest.removeprefix('sha256:')[:12]}"


def _listed(path: str, content: bytes, word: str) -> Listed:
    file = FileRef(digest=digest_bytes(content), size=len(content))
    return Listed(ArchivedFile(path=path, file=file), word)
