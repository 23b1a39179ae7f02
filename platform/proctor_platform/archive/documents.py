"""The documents that make an archive citable and findable: RO-Crate, CFF, DataCite, a README.

They say of the submission what its card says, and of the rest where it is in the manifest. Text of
strangers goes through a serializer, never into a template.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import yaml

from proctor.spec.archive import MANIFEST, ArchivedFile, ArchiveKind, ArchiveManifest
from proctor_platform.archive.licenses import single_license

CRATE = "ro-crate-metadata.json"
CITATION = "CITATION.cff"
DATACITE = "datacite.json"
README = "README.md"

_CRATE_CONTEXT = "https://w3id.org/ro/crate/1.1/context"
_CRATE_VERSION = "https://w3id.org/ro/crate/1.1"
_SHA256 = "https://schema.org/sha256"
_DATACITE = "http://datacite.org/schema/kernel-4"
_TYPES = {".json": "application/json", ".md": "text/markdown", ".txt": "text/plain"}


class Listed(NamedTuple):
    """A file of the archive and what it is."""

    member: ArchivedFile
    word: str


def citation(manifest: ArchiveManifest) -> bytes:
    """Return CITATION.cff, version 1.2.0."""
    document: dict[str, Any] = {
        "cff-version": "1.2.0",
        "message": "If you use this model or its scores, cite it as below.",
        "type": "software",
        "title": _title(manifest),
        "authors": [{"name": name} for name in _authors(manifest)],
        "version": manifest.submission.card.version,
        "date-released": manifest.submission.submitted_at.date(),
        "identifiers": [
            {
                "type": "other",
                "value": manifest.submission.content_digest,
                "description": "Digest of what was entered",
            },
            {
                "type": "other",
                "value": manifest.submission.id,
                "description": f"Submission to {manifest.challenge.slug}",
            },
        ],
    }
    if manifest.submission.card.description:
        document["abstract"] = manifest.submission.card.description
    if license_id := single_license(manifest.submission.card.license):
        document["license"] = license_id
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True).encode()


def datacite(manifest: ArchiveManifest) -> bytes:
    """Return DataCite metadata, schema 4.5, as JSON; the DOI is for whoever registers one."""
    submission = manifest.submission
    document: dict[str, Any] = {
        "schemaVersion": _DATACITE,
        "identifiers": [
            {"identifier": submission.content_digest, "identifierType": "SHA-256"},
            {"identifier": submission.id, "identifierType": "Proctor submission"},
        ],
        "creators": [{"name": name} for name in _authors(manifest)],
        "titles": [{"title": _title(manifest)}],
        "publisher": {"name": f"{manifest.challenge.title} (Proctor)"},
        "publicationYear": str(submission.submitted_at.year),
        "types": {"resourceTypeGeneral": "Software", "resourceType": "Archived submission"},
        "dates": [{"date": f"{submission.submitted_at:%Y-%m-%d}", "dateType": "Submitted"}],
        "version": submission.card.version,
        "formats": ["application/zip"],
        "language": "en",
        "descriptions": [
            {"description": _description(manifest), "descriptionType": "Abstract"},
        ],
    }
    if license_id := single_license(submission.card.license):
        document["rightsList"] = [
            {
                "rights": license_id,
                "rightsUri": _license_address(license_id),
                "rightsIdentifier": license_id,
                "rightsIdentifierScheme": "SPDX",
            }
        ]
    return _json(document)


def crate(manifest: ArchiveManifest, files: Sequence[Listed]) -> bytes:
    """Return RO-Crate 1.1 metadata that describes every file of the archive.

    The manifest has this file's digest, so this cannot have the manifest's.
    """
    license_id = single_license(manifest.submission.card.license)
    people = [
        {"@id": f"#author-{number}", "@type": "Person", "name": name}
        for number, name in enumerate(_authors(manifest), start=1)
    ]
    # RO-Crate demands a license of every crate, of one that nobody may hand on too.
    terms = _license_address(license_id) if license_id else "#license"
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": _title(manifest),
        "description": _description(manifest),
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


def _title(manifest: ArchiveManifest) -> str:
    card = manifest.submission.card
    return card.title or card.name


def _authors(manifest: ArchiveManifest) -> tuple[str, ...]:
    named = tuple(dict.fromkeys(name for name in manifest.submission.card.authors if name.strip()))
    return named or (manifest.submission.participant,)


def _description(manifest: ArchiveManifest) -> str:
    said = manifest.submission.card.description.strip()
    entered = (
        f"Entered in {manifest.challenge.title} as {manifest.submission.id}, with the data digests,"
        " settings and metrics of its scores."
    )
    return f"{said} {entered}".strip()


def _license_address(license_id: str) -> str:
    return f"https://spdx.org/licenses/{license_id}"


def _json(document: dict[str, Any]) -> bytes:
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()
