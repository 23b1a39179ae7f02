"""Scores beside what models are made of, over time, for whoever studies designs.

A line is one score of one public version. Nothing is in it that the pages of these models do not
show to everybody: scores are those of boards, architectures are measured.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlmodel import Session, col, select

from proctor.spec.card.detected import DetectedMetadata, DetectedModel
from proctor.spec.registry.lists import Filter
from proctor.spec.registry.pages import ModelScore
from proctor_platform.registry.descriptions import Described, Descriptions
from proctor_platform.registry.lists import every_public_model
from proctor_platform.registry.places import Place, places_of, scores_of
from proctor_platform.registry.sight import open_challenges
from proctor_platform.spreadsheets import cell
from proctor_platform.tables import ModelMeasurement

_PORTION = 200

_MADE_OF = (
    "framework",
    "framework_version",
    "type",
    "architecture",
    "deep_learning",
    "parameters",
    "trainable",
    "depth",
    "features",
    "classes",
    "memory_bytes",
    "optimizer",
    "loss",
    "epochs",
)
"""Fields of ``DetectedModel`` that are columns as they are."""

COLUMNS = (
    *("submitted_at", "challenge", "phase", "submission", "model", "participant", "baseline"),
    *("tasks", "modalities", "license"),
    *_MADE_OF,
    *("layers", "layer_counts", "activation_counts", "hyperparameters"),
    *("weights_bytes", "image_bytes", "seconds_per_case", "hardware"),
    *("score", "title", "unit", "higher_is_better", "decides", "definition"),
    *("value", "low", "high", "claimed", "rank", "board"),
)


class Studied(NamedTuple):
    """Which models are studied."""

    filters: Mapping[Filter, str]
    offset: int
    limit: int


class Table(NamedTuple):
    """A table as CSV, and how many models it could be of, whether or not a board has them."""

    text: str
    models: int


def analytics_csv(session: Session, descriptions: Descriptions, studied: Studied) -> Table:
    """Return the table of public models, the oldest first; what only members see is not in it."""
    challenges = open_challenges(session, None)
    every = every_public_model(session, descriptions, challenges)[::-1]
    found = [one for one in every if all(one.has(which, v) for which, v in studied.filters.items())]
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    last = min(len(found), studied.offset + studied.limit)
    for start in range(studied.offset, last, _PORTION):
        writer.writerows(_lines(session, found[start : min(last, start + _PORTION)]))
    return Table(stream.getvalue(), len(found))


def _lines(session: Session, models: Sequence[Described]) -> Iterator[list[Any]]:
    ids = [one.id for one in models]
    places = places_of(session, ids)
    rows = session.execute(
        select(col(ModelMeasurement.submission_id), col(ModelMeasurement.document)).where(
            col(ModelMeasurement.submission_id).in_(ids)
        )
    )
    measured = {id_: _without_packages(document) for id_, document in rows}
    for one in models:
        place = places.get(one.id)
        if place is None:
            continue
        known = [*_identity(one, place), *_made_of(measured.get(one.id)), *_costs(place)]
        for score in scores_of(place):
            yield [cell(value) for value in (*known, *_score(score), place.rank, place.board.id)]


def _without_packages(document: Mapping[str, Any]) -> DetectedMetadata:
    return DetectedMetadata.model_validate(
        {name: value for name, value in document.items() if name != "packages"}
    )


def _identity(one: Described, place: Place) -> list[Any]:
    row = place.row
    return [
        row.submitted_at.isoformat().replace("+00:00", "Z"),
        *one.values[Filter.CHALLENGE],
        place.board.phase,
        one.id,
        row.title,
        row.participant,
        row.baseline,
        *("; ".join(one.values[which]) for which in (Filter.TASK, Filter.MODALITY, Filter.LICENSE)),
    ]


def _made_of(found: DetectedMetadata | None) -> list[Any]:
    main = None if found is None else found.main
    fields: list[Any] = [None if main is None else getattr(main, name) for name in _MADE_OF]
    described = [None] * 4 if main is None else [*_layers(main), _settings(main)]
    sizes = [None, None] if found is None else [found.weights_bytes, found.image_bytes]
    return [*fields, *described, *sizes]


def _layers(main: DetectedModel) -> list[Any]:
    return [
        sum(main.layer_counts.values()) or len(main.layers) or None,
        _counted(main.layer_counts),
        _counted(main.activation_counts),
    ]


def _counted(counts: Mapping[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    return "; ".join(f"{name} {count}" for name, count in ordered)


def _settings(main: DetectedModel) -> str:
    """Return the hyperparameters that are not their class's own."""
    chosen = [one for one in main.hyperparameters if not one.is_default]
    return "; ".join(f"{one.name}={one.value}" for one in chosen)


def _costs(place: Place) -> list[Any]:
    return [place.row.seconds_per_case, place.row.hardware]


def _score(score: ModelScore) -> list[Any]:
    value, claim = score.measured, score.claim
    return [
        score.key,
        score.title,
        score.unit,
        score.higher_is_better,
        score.decides,
        score.definition_id,
        value.value,
        value.low,
        value.high,
        None if claim is None else claim.score,
    ]
