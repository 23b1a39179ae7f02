"""The documents that make an archive citable and findable: RO-Crate, CFF, DataCite, a README.

They say of the submission what its card says, and of the rest where it is in the manifest. Text of
strangers goes through a serializer, never into a template.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from proctor.spec.archive import MANIFEST, ArchivedFile, ArchiveKind, ArchiveManifest
from proctor.spec.card.open_licenses import single_license
from proctor_platform import citing
from proctor_platform.citing import Citable, license_address

CRATE = "ro-crate-metadata.json"
CITATION = "CITATION.cff"
DATACITE = "datacite.json"
README = "README.md"

_CRATE_CONTEXT = "https://w3id.org/ro/crate/1.1/context"
_CRATE_VERSION = "https://w3id.org/ro/crate/1.1"
_SHA256 = "https://schema.org/sha256"
_TYPES = {".json": "application/json", ".md": "text/markdown", ".txt": "text/plain"}


class Listed(NamedTuple):
    """A file of the archive and what it is."""

    member: ArchivedFile
    word: str


def citable(manifest: ArchiveManifest) -> Citable:
    """Return the archived submission as it is cited."""
    submission = manifest.submission
    return Citable(
        id=submission.id,
        challenge=manifest.challenge.slug,
        challenge_title=manifest.challenge.title,
        participant=submission.participant,
        card=submission.card,
        content_digest=submission.content_digest,
        submitted_at=submission.submitted_at,
    )


def citation(manifest: ArchiveManifest) -> bytes:
    """Return CITATION.cff, version 1.2.0."""
    return citing.citation_cff(citable(manifest))


def datacite(manifest: ArchiveManifest) -> bytes:
    """Return DataCite metadata, schema 4.5, as JSON; the DOI is for whoever registers one."""
    return citing.datacite(citable(manifest))


def crate(manifest: ArchiveManifest, files: Sequence[Listed]) -> bytes:
    """Return RO-Crate 1.1 metadata that describes every file of the archive.

    The manifest has this file's digest, so this cannot have the manifest's.
    """
    cited = citable(manifest)
    license_id = single_license(cited.card.license)
    people = [
        {"@id": f"#author-{number}", "@type": "Person", "name": name}
        for number, name in enumerate(cited.authors, start=1)
    ]
    # RO-Crate demands a license of every crate, of one that nobody may hand on too.
    terms = license_address(license_id) if license_id else "#license"
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": cited.title,
        "description": cited.description,
        "datePublished": f"{manifest.submission.submitted_at:%Y-%m-%dT%H:%M:%SZ}",
        "identifier": manifest.submission.content_digest,
        "author": [{"@id": person["@id"]} for person in people],
        "license": {"@id": terms},
        "hasPart": [{"@id": MANIFEST}, *({"@id": listed.member.path} for listed in files)],
    }
    graph: list[dict[str, Any]] = [
        {
            "@id": CRATE,
            "@type": "CreativeWork",
            "conformsTo": {"@id": _CRATE_VERSION},
            "about": {"@id": "./"},
        },
        root,
        *people,
        {
            "@id": terms,
            "@type": "CreativeWork",
            "name": manifest.submission.card.license or "No license was given",
            "description": "The license of the model, as its card names it.",
        },
        {
            "@id": MANIFEST,
            "@type": "File",
            "name": "everything about the submission, by digest",
            "encodingFormat": _TYPES[".json"],
        },
        *(_crate_file(listed) for listed in files),
    ]
    return _json({"@context": [_CRATE_CONTEXT, {"sha256": _SHA256}], "@graph": graph})


def readme(manifest: ArchiveManifest) -> bytes:
    """Return how to check and run what is here."""
    submission = manifest.submission
    sealed = manifest.kind is ArchiveKind.SEALED
    data = (
        "It holds the hidden data, its reference and the predictions on it."
        if sealed
        else "It holds no hidden data: of that it names digests alone. The sample is public."
    )
    again = (
        f"    proctor rerun FILE.zip\n\n"
        f"needs Proctor {manifest.requires} or newer and Docker, and no platform. It checks every"
        f" digest, runs the\nmodel on the {'hidden set' if sealed else 'public sample'} in a"
        " sandbox, compares the predictions with those that are\nkept, and scores them with the"
        " metrics of this archive and with those of your Proctor."
        if manifest.rerunnable
        else "Predictions were entered here, not a model, so nothing can be run again."
    )
    return (
        f"# Archive of {submission.id}\n\n"
        f"A submission to the challenge {manifest.challenge.slug}, version"
        f" {manifest.challenge_version}, phase {submission.phase}; made by Proctor"
        f" {manifest.made_by}.\n{data}\n\n"
        f"{again}\n\n"
        f"- `{MANIFEST}`: everything, by digest; other files are named there with size and"
        " digest.\n"
        "- `blobs/`: bytes, each under its SHA-256: model, runtime image, data, predictions.\n"
        "- `metrics/`: the metric package that scored, as a wheel, and the versions it needs.\n"
        f"- `{CRATE}`, `{CITATION}`, `{DATACITE}`: what it is, and how to cite it.\n"
    ).encode()


def _crate_file(listed: Listed) -> dict[str, Any]:
    path, file = listed.member.path, listed.member.file
    suffix = path[path.rfind(".") :] if "." in path else ""
    return {
        "@id": path,
        "@type": "File",
        "name": listed.word,
        "contentSize": str(file.size),
        "encodingFormat": _TYPES.get(suffix, "application/octet-stream"),
        "sha256": file.digest.removeprefix("sha256:"),
    }


def _json(document: dict[str, Any]) -> bytes:
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()
