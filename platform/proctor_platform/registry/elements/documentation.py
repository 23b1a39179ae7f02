"""How the model works and is used, what it was made from, and how good it is."""

from __future__ import annotations

from collections.abc import Iterator

from proctor.spec.card.detected import DetectedModel
from proctor.spec.card.sections import Overlap, TrainingData
from proctor.spec.registry.pages import Fact
from proctor_platform.registry.elements.known import Known, measured, recorded, stated
from proctor_platform.registry.places import scores_of

_MOST_SCORES = 6
_ALIASES = {"sklearn": "scikitlearn", "torch": "pytorch"}
_MOST_KINDS = 5
_MOST_SETTINGS = 12
_DOI = "https://doi.org/"


def instruction(known: Known) -> Iterator[Fact]:
    """Say how to use it."""
    if "run" in known.commands:
        yield recorded("run it", known.commands["run"])
    yield from stated("documentation", known.card.support.documentation)
    yield from stated("notebook", known.card.support.notebook)


def framework(known: Known) -> Iterator[Fact]:
    """Say what it is built with; a statement that is not what was found says so."""
    found = {
        f"{one.framework} {one.framework_version}".strip(): one.framework
        for one in (known.measured.models if known.measured else ())
    }
    for name in found:
        yield measured("framework", name)
    for fact in stated("framework", known.card.model.framework):
        words = {_letters(word) for word in (fact.text, *fact.text.split())}
        differs = bool(found) and not any(_letters(name) in words for name in found.values())
        yield fact.model_copy(update={"differs": differs})
    yield from stated("format", known.card.model.format)


def _letters(name: str) -> str:
    letters = "".join(filter(str.isalnum, name.casefold()))
    return _ALIASES.get(letters, letters)


def algorithms(known: Known) -> Iterator[Fact]:
    """Say how it works."""
    main = known.measured.main if known.measured else None
    if main is not None:
        yield from _found(main)
    model = known.card.model
    yield from stated("algorithm", model.algorithm)
    yield from stated("architecture", model.architecture)
    yield from stated("objective", model.objective)
    yield from stated("learning", model.learning_type)
    yield from stated("hyperparameters", *(f"{k} = {v}" for k, v in model.hyperparameters.items()))


def _found(main: DetectedModel) -> Iterator[Fact]:
    kind = f", {main.architecture}" if main.architecture else ""
    yield measured("model", f"{main.type}{kind}")
    if main.layers:
        common = sorted(main.layer_counts.items(), key=lambda entry: (-entry[1], entry[0]))
        shown = ", ".join(f"{count} {name}" for name, count in common[:_MOST_KINDS])
        yield measured("layers", f"{sum(main.layer_counts.values()) or len(main.layers)}: {shown}")
    for name, value in (("loss", main.loss), ("optimizer", main.optimizer)):
        if value:
            yield measured(name, value)
    chosen = [one for one in main.hyperparameters if not one.is_default]
    if chosen:
        shown = ", ".join(f"{one.name} = {one.value}" for one in chosen[:_MOST_SETTINGS])
        more = f" and {len(chosen) - _MOST_SETTINGS} more" if len(chosen) > _MOST_SETTINGS else ""
        yield measured("hyperparameters", f"{shown}{more}")
    for step in main.steps:
        yield measured(f"step {step.path}", step.type)


def training_set(known: Known) -> Iterator[Fact]:
    """Say what it was trained on, and whether it may have seen the test."""
    for data in known.card.training.data:
        yield from stated(data.role, _data(data), link=data.url)
    yield from stated("training data", known.card.meta.data_source)


def _data(data: TrainingData) -> str:
    parts = [data.name]
    if data.n is not None:
        parts.append(f"{data.n:,} {data.unit or 'cases'}")
    parts += [part for part in (data.split, data.license) if part]
    if data.overlap_with_test is not Overlap.UNKNOWN:
        parts.append(f"overlap with the test: {data.overlap_with_test}")
    return "; ".join(parts)


def performance(known: Known) -> Iterator[Fact]:
    """Say how good it is, as measured here."""
    if known.place is None:
        return
    scores = [score for score in scores_of(known.place) if score.measured.value is not None]
    for score in scores[:_MOST_SCORES]:
        found = score.measured
        interval = (
            f" [{found.low:.3g}, {found.high:.3g}]"
            if found.low is not None and found.high is not None
            else ""
        )
        yield measured(f"{score.title} ({score.task})", f"{found.value:.4g}{interval}")


def origin(known: Known) -> Iterator[Fact]:
    """Say where it comes from."""
    if known.source is not None:
        source = known.source
        folder = f", folder {source.folder}" if source.folder else ""
        yield from stated(source.kind.value, f"{source.url}@{source.revision}{folder}")
    paper = known.card.publication
    if paper is not None:
        year = f" ({paper.year})" if paper.year else ""
        link = f"{_DOI}{paper.doi}" if paper.doi else paper.url
        yield from stated("paper", f"{paper.title or paper.doi or paper.url}{year}", link=link)
    yield from stated("provenance", known.card.model.provenance)
    training = known.card.training
    yield from stated("training code", training.code, training.revision, link=training.code)
    yield from stated("forked from", known.card.forked_from)
    for link in known.card.links:
        yield from stated("link", link)


def release_notes(known: Known) -> Iterator[Fact]:
    """Say what is new."""
    yield from stated(f"version {known.card.version}", known.card.release_notes)
