"""How a submission is cited: CITATION.cff, DataCite metadata, BibTeX.

They say what the card and the rows say. Text of strangers goes through a serializer, or is escaped
letter by letter where a format has none.
"""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

import yaml

from proctor.spec.card.open_licenses import single_license
from proctor.spec.model import ModelCard

_DATACITE = "http://datacite.org/schema/kernel-4"
_TEX = {
    "\\": "\\textbackslash{}",
    "{": "\\textbraceleft{}",
    "}": "\\textbraceright{}",
    "~": "\\textasciitilde{}",
    "^": "\\textasciicircum{}",
    "<": "\\textless{}",
    ">": "\\textgreater{}",
    '"': "''",
    **{sign: f"\\{sign}" for sign in "$&%#_"},
}


@dataclass(frozen=True)
class Citable:
    """A submission as it is cited.

    Attributes:
        participant: stands for authors that the card does not name.
        doi: registered by an organizer; empty where there is none.
        address: of its page; empty where the platform has none.
    """

    id: str
    challenge: str
    challenge_title: str
    participant: str
    card: ModelCard
    content_digest: str
    submitted_at: datetime
    doi: str = ""
    address: str = ""

    @property
    def title(self) -> str:
        """Its title, or its name."""
        return self.card.title or self.card.name

    @property
    def authors(self) -> tuple[str, ...]:
        """Each author once, as the card names them."""
        named = tuple(dict.fromkeys(name for name in self.card.authors if name.strip()))
        return named or (self.participant,)

    @property
    def description(self) -> str:
        """What the card says, and where it was entered."""
        said = self.card.description.strip()
        entered = (
            f"Entered in {self.challenge_title} as {self.id}, with the data digests,"
            " settings and metrics of its scores."
        )
        return f"{said} {entered}".strip()


def citation_cff(cited: Citable) -> bytes:
    """Return CITATION.cff, version 1.2.0."""
    identifiers = [
        {
            "type": "other",
            "value": cited.content_digest,
            "description": "Digest of what was entered",
        },
        {"type": "other", "value": cited.id, "description": f"Submission to {cited.challenge}"},
    ]
    document: dict[str, Any] = {
        "cff-version": "1.2.0",
        "message": "If you use this model or its scores, cite it as below.",
        "type": "software",
        "title": cited.title,
        "authors": [{"name": name} for name in cited.authors],
        "date-released": cited.submitted_at.date(),
        "identifiers": identifiers,
    }
    if cited.card.version:
        document["version"] = cited.card.version
    if cited.doi:
        document["doi"] = cited.doi
    if cited.address:
        document["url"] = cited.address
    if cited.card.description:
        document["abstract"] = cited.card.description
    if license_id := single_license(cited.card.license):
        document["license"] = license_id
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True).encode()


def datacite(cited: Citable) -> bytes:
    """Return DataCite metadata, schema 4.5, as JSON; a DOI is there once one is registered."""
    document: dict[str, Any] = {
        "schemaVersion": _DATACITE,
        "identifiers": [
            {"identifier": cited.content_digest, "identifierType": "SHA-256"},
            {"identifier": cited.id, "identifierType": "Proctor submission"},
        ],
        "creators": [{"name": name} for name in cited.authors],
        "titles": [{"title": cited.title}],
        "publisher": {"name": f"{cited.challenge_title} (Proctor)"},
        "publicationYear": str(cited.submitted_at.year),
        "types": {"resourceTypeGeneral": "Software", "resourceType": "Archived submission"},
        "dates": [{"date": f"{cited.submitted_at:%Y-%m-%d}", "dateType": "Submitted"}],
        "version": cited.card.version,
        "formats": ["application/zip"],
        "language": "en",
        "descriptions": [
            {"description": cited.description, "descriptionType": "Abstract"},
        ],
    }
    if cited.doi:
        document["doi"] = cited.doi
        document["identifiers"].insert(0, {"identifier": cited.doi, "identifierType": "DOI"})
    if cited.address:
        document["url"] = cited.address
    if license_id := single_license(cited.card.license):
        document["rightsList"] = [
            {
                "rights": license_id,
                "rightsUri": license_address(license_id),
                "rightsIdentifier": license_id,
                "rightsIdentifierScheme": "SPDX",
            }
        ]
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def bibtex(cited: Citable) -> bytes:
    """Return a BibTeX entry of the kind ``@software``."""
    fields = {
        "author": " and ".join(_author(name) for name in cited.authors),
        "title": f"{{{_tex(cited.title)}}}",
        "year": str(cited.submitted_at.year),
        "month": str(cited.submitted_at.month),
        "version": _tex(cited.card.version),
        "publisher": f"{_tex(cited.challenge_title)} (Proctor)",
        "note": f"Submission {_tex(cited.id)}, {cited.content_digest}",
    }
    if cited.doi:
        fields["doi"] = _verbatim(cited.doi)
    if cited.address:
        fields["url"] = _verbatim(cited.address)
    lines = "".join(f"  {name} = {{{value}}},\n" for name, value in fields.items() if value)
    return f"@software{{{_key(cited)},\n{lines}}}\n".encode()


def license_address(license_id: str) -> str:
    """Return where SPDX shows a license."""
    return f"https://spdx.org/licenses/{license_id}"


def _key(cited: Citable) -> str:
    """Return a citation key of letters and digits: author, year, name, and the end of the id."""
    last = cited.authors[0].split()[-1]
    letters = unicodedata.normalize("NFKD", last).encode("ascii", "ignore").decode().lower()
    author = re.sub(r"[^a-z0-9]", "", letters) or "model"
    return f"{author}{cited.submitted_at.year}-{cited.card.name}-{cited.id[-6:]}"


def _author(name: str) -> str:
    """Return a name that BibTeX takes for one person's."""
    escaped = _tex(name)
    return f"{{{escaped}}}" if " and " in f" {escaped} " or "," in escaped else escaped


def _tex(text: str) -> str:
    return "".join(_TEX.get(sign, sign) for sign in " ".join(text.split()))


def _verbatim(text: str) -> str:
    """Return an address for a field that BibTeX prints as it stands, its signs not escaped."""
    return quote(text, safe="/:?=&#%_~.;,()+@!$'*-<>[]")
