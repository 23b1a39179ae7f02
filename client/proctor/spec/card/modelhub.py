"""Turns ModelHub's ``config.json``, in its current and its legacy form, into a card.

Current: every input stands under a key of its own, ``single`` where there is one. Legacy (before
0.4): format and limits of the one input stand in ``input`` itself. Published configs keep to
neither by the letter, so whatever can be understood is, and all that was changed on the way, or
could not be taken along, is told.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard
from uuid import UUID

from pydantic import ValidationError

from proctor.spec.base import slug_from
from proctor.spec.card.license_texts import recognize
from proctor.spec.card.modelhub_io import upgraded_io
from proctor.spec.card.notes import Change, Notes, listed, whole
from proctor.spec.card.reading import CardError, CardProblem, problems_of
from proctor.spec.card.sections import Modality
from proctor.spec.model import ModelCard

_LINE = 300
_META = dict.fromkeys(
    ("application_area", "task", "task_extended", "data_type", "data_source"), _LINE
)
_METHOD = {"architecture": _LINE, "learning_type": _LINE, "format": 60, "provenance": _LINE}
_PUBLICATION = {
    "title": 500,
    "source": _LINE,
    "authors": 5000,
    "email": _LINE,
    "abstract": 10_000,
    "url": 1000,
    "google_scholar": 1000,
    "bibtex": 10_000,
}
_MOST_DESCRIPTION = 20_000
_DOI = re.compile(r"\b10\.[0-9]{4,9}/[^\s\"'{},<>]{1,150}")


@dataclass(frozen=True)
class Upgrade:
    """A card made from a config, and what became of the rest."""

    card: ModelCard
    changes: tuple[Change, ...]


def is_modelhub(document: object) -> TypeGuard[dict[str, Any]]:
    """Tell whether a JSON document is a ModelHub config, of either form."""
    if not isinstance(document, dict):
        return False
    meta, model = document.get("meta"), document.get("model")
    return isinstance(meta, dict) and "name" in meta and isinstance(model, dict) and "io" in model


def upgrade(
    config: Mapping[str, Any],
    licenses: Mapping[str, str] | None = None,
    init: Mapping[str, Any] | None = None,
) -> Upgrade:
    """Return the card that says what a ModelHub config says.

    Args:
        licenses: Texts of the repository's ``license/model`` and ``license/sample_data``.
        init: The repository's ``init.json``.

    Raises:
        CardError: There is no sound card in it.
    """
    notes = Notes()
    top = notes.known(config, ("id", "meta", "publication", "model", "modelhub"), "")
    meta = notes.known(_section(top, "meta"), (*_META, "name"), "meta")
    model = notes.known(_section(top, "model"), (*_METHOD, "description", "io"), "model")
    card: dict[str, Any] = {
        **_identity(top, meta, notes),
        **notes.texts(model, {"description": _MOST_DESCRIPTION}, "model"),
        "protocols": ["case"],
        "meta": notes.texts(meta, _META, "meta"),
        "model": notes.texts(model, _METHOD, "model"),
        **_licenses(licenses or {}, notes),
        "io": upgraded_io(_section(model, "io", "model.io"), notes),
    }
    if "description" in card:
        notes.changed("model.description", "is now description")
    if "publication" in top:
        card["publication"] = _publication(_section(top, "publication"), notes)
    if isinstance(top.get("modelhub"), dict):
        card["modelhub"] = top["modelhub"]
    kinds = {one["type"] for one in card["io"]["inputs"].values()}
    if len(kinds) == 1 and kinds <= set(Modality):
        (card["meta"]["modality"],) = kinds
        notes.changed("meta.modality", f"{kinds.pop()}, from the formats of its inputs")
    _tell_what_runs_it(init or {}, notes)
    try:
        return Upgrade(ModelCard.model_validate(card), tuple(notes.changes))
    except ValidationError as error:
        raise CardError(problems_of(error)) from error


def _section(given: Mapping[str, Any], name: str, path: str = "") -> dict[str, Any]:
    value = given.get(name)
    if isinstance(value, dict):
        return value
    raise CardError([CardProblem(path or name, "ModelHub's config has an object here")])


def _identity(top: Mapping[str, Any], meta: Mapping[str, Any], notes: Notes) -> dict[str, Any]:
    said = str(meta.get("name", ""))
    name = slug_from(said, "model")
    told = "is now name" if name == said else f"{said!r} is now name {name!r}, and the title"
    notes.changed("meta.name", told)
    identity = {"name": name, "title": said[:120]}
    if "id" in top:
        try:
            identity["id"] = str(UUID(str(top["id"])))
        except ValueError:
            notes.lost("id", f"{str(top['id'])[:60]!r} is no UUID")
    return identity


def _publication(section: Mapping[str, Any], notes: Notes) -> dict[str, Any]:
    given = notes.known(section, (*_PUBLICATION, "year", "doi"), "publication")
    made: dict[str, Any] = notes.texts(given, _PUBLICATION, "publication")
    year = whole(given.get("year"))
    if year is not None and 1800 <= year <= 2200:
        made["year"] = year
        if not isinstance(given["year"], int):
            notes.changed("publication.year", f"{given['year']!r} is now {year}")
    elif given.get("year") is not None:
        notes.lost("publication.year", f"{str(given['year'])[:60]!r} is no year")
    where = " ".join(str(given.get(name, "")) for name in ("doi", "url", "bibtex"))
    if found := _DOI.search(where):
        made["doi"] = found[0].rstrip(".)")
        notes.changed("publication", f"doi {made['doi']}, found in its address or BibTeX")
    return made


def _licenses(texts: Mapping[str, str], notes: Notes) -> dict[str, Any]:
    known = {file: recognize(text) for file, text in texts.items()}
    for file, name in known.items():
        fields = "license and licenses.weights" if file == "model" else f"licenses.{file}"
        if name is None:
            notes.lost(f"license/{file}", f"its text is no well-known license; state {fields}")
        else:
            notes.changed(f"license/{file}", f"reads as {name}: {fields}")
    if "model" not in texts:
        notes.lost("license", "a config names none; state license as an SPDX expression")
    parts = {"weights": known.get("model"), "sample_data": known.get("sample_data")}
    stated = {part: name for part, name in parts.items() if name}
    own = {"license": known["model"]} if known.get("model") else {}
    return own | ({"licenses": stated} if stated else {})


def _tell_what_runs_it(init: Mapping[str, Any], notes: Notes) -> None:
    if image := init.get("docker_id"):
        notes.lost("init.json: docker_id", f"a card names no image; ModelHub runs it in {image}")
    for one in listed(init.get("external_contrib_files")):
        if isinstance(one, dict):
            notes.lost(
                "init.json: external_contrib_files",
                f"fetch {one.get('src_url')} and put it at {one.get('dest_file_path')}",
            )
    notes.lost("", "a config does not say what runs the model: see runtime and protocols")
