"""The report of `proctor model test`: one HTML file with every check, answer and measurement."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from proctor.plots.page import Section, page, quiet, table
from proctor.plots.table import Table
from proctor.spec.card.completeness import Completeness
from proctor.spec.card.detected import (
    DetectedLayer,
    DetectedMetadata,
    DetectedModel,
    DetectedStep,
    Hyperparameter,
)
from proctor.spec.card.examination import Check, Examination, Finding
from proctor.spec.card.package_licenses import license_report
from proctor.spec.limits import Limits

_MARKS = {
    Finding.PASSED: "✓ passed",
    Finding.WARNED: "! warning",
    Finding.FAILED: "✗ failed",
    Finding.SKIPPED: "– skipped",
}
_ORDER = (Finding.FAILED, Finding.WARNED, Finding.SKIPPED, Finding.PASSED)
_MOST_ROWS = 1000
_DASH = "–"


def model_report(found: Examination) -> str:
    """Return the report as one HTML file; every text in it is untrusted."""
    sections = [
        Section("Checks", table(_checks(found.checks)) + quiet(_MODELHUB)),
        *([Section("Answers", table(_answers(found)))] if found.cases else []),
        *([Section("Limits", table(_limits(found.limits)))] if found.limits else []),
        *(_measured(found.metadata) if found.metadata else []),
        *([_completeness(found.completeness)] if found.completeness else []),
    ]
    return page(f"Test of {_title(found)}", _lead(found), sections)


_MODELHUB = (
    "Checks marked with M are ModelHub's seven integration checks; the others are Proctor's."
)


def _title(found: Examination) -> str:
    return found.card.title or found.card.name if found.card else found.model


def _lead(found: Examination) -> list[str]:
    failed = len(found.found(Finding.FAILED))
    counts = ", ".join(
        f"{len(found.found(one))} {one.value}" for one in Finding if found.found(one)
    )
    fails = "one check fails" if failed == 1 else f"{failed} checks fail"
    verdict = "It passes" if found.passed else f"It does not pass: {fails}"
    where = f" in the {found.sandbox} sandbox" if found.sandbox else ""
    on = f" on the sample of {found.challenge}" if found.challenge else ""
    card = found.card
    about = [f"{card.name} {card.version}. {card.description}"] if card else []
    return [
        f"{verdict} ({counts}).",
        f"Tested {found.at:%Y-%m-%d %H:%M} UTC by Proctor {found.version}{where}{on}:"
        f" {found.model}.",
        *about,
    ]


def _checks(checks: Sequence[Check]) -> Table:
    ordered = sorted(checks, key=lambda check: _ORDER.index(check.finding))
    return Table(
        ("Check", "Result", "Asked", "Found", "What to do"),
        tuple(
            (
                f"{check.name}{' M' if check.modelhub else ''}",
                _MARKS[check.finding],
                check.title,
                check.reason,
                check.fix,
            )
            for check in ordered
        ),
        text_columns=5,
        is_prose=True,
    )


def _answers(found: Examination) -> Table:
    words = {None: _DASH, True: "yes", False: "no"}
    return Table(
        ("Case", "Task", "Protocol", "Outcome", "Same again", "Turn", "Seconds", "MiB"),
        tuple(
            (
                case.case,
                case.task,
                case.protocol.value,
                case.outcome.value if not case.detail else f"{case.outcome.value}: {case.detail}",
                words[case.same],
                str(case.turn),
                _DASH if case.seconds is None else f"{case.seconds:.3f}",
                _mib(case.peak_memory_bytes),
            )
            for case in found.cases[:_MOST_ROWS]
        ),
        text_columns=5,
        is_prose=True,
    )


def _limits(limits: Limits) -> Table:
    values = limits.model_dump(mode="json", exclude_none=True)
    return Table(("Limit", "Value"), tuple((name, str(value)) for name, value in values.items()))


def _measured(found: DetectedMetadata) -> Iterable[Section]:
    facts = [
        ("Python", found.python),
        ("Platform", found.platform),
        ("Seconds to load", "" if found.load_s is None else f"{found.load_s:.3f}"),
        ("Parameters", _number(found.parameters)),
        ("Image, bytes", _number(found.image_bytes)),
        ("Folder, bytes", _number(found.folder_bytes)),
        ("Weights, bytes", _number(found.weights_bytes)),
        *(("Not found out", problem) for problem in found.problems),
    ]
    rows = tuple((name, value) for name, value in facts if value)
    yield Section("Measured", table(Table(("Fact", "Value"), rows, text_columns=2, is_prose=True)))
    for model in found.models:
        yield Section(f"{model.framework}: {model.source}", _model(model))
    if found.weights:
        weights = tuple(
            (one.path, one.format, "yes" if one.unpickled else "no", _number(one.bytes))
            for one in found.weights[:_MOST_ROWS]
        )
        head = ("File", "Format", "May run code", "Bytes")
        yield Section("Weight files", table(Table(head, weights, text_columns=3, is_prose=True)))
    if found.packages:
        report = license_report(found.packages)
        packages = tuple(
            (one.name, one.version, one.license or "not stated", one.standing.value)
            for one in report.packages[:_MOST_ROWS]
        )
        head4 = ("Package", "Version", "License", "Standing")
        yield Section(
            "Installed packages",
            table(Table(head4, packages, text_columns=4, is_prose=True))
            + quiet(f"{report.words}. A license is what the package says of itself."),
        )


def _model(model: DetectedModel) -> str:
    counts = ", ".join(f"{count} × {kind}" for kind, count in model.layer_counts.items())
    used = ", ".join(f"{count} × {kind}" for kind, count in model.activation_counts.items())
    facts = [
        ("Class", model.type),
        ("Framework", f"{model.framework} {model.framework_version}".strip()),
        ("Architecture", model.architecture),
        ("Task", model.task),
        ("Parameters", _number(model.parameters)),
        ("Trainable", _number(model.trainable)),
        ("Depth", _number(model.depth)),
        ("Features", _number(model.features)),
        ("Classes", _number(model.classes)),
        ("Layers", counts),
        ("Activations", used),
        ("Optimizer", model.optimizer),
        ("Loss", model.loss),
        ("Epochs or iterations", _number(model.epochs)),
        ("Bytes of parameters", _number(model.memory_bytes)),
    ]
    rows = tuple((name, value) for name, value in facts if value)
    parts = [table(Table(("Fact", "Value"), rows, text_columns=2, is_prose=True))]
    if model.hyperparameters:
        parts.append(table(_settings(model.hyperparameters)))
    if len(model.steps) > 1:
        parts.append(table(_steps(model.steps)))
    if model.layers:
        parts.append(table(_layers(model.layers)))
        if model.truncated or len(model.layers) > _MOST_ROWS:
            parts.append(quiet("There are more layers than are shown."))
    return "".join(parts)


def _settings(settings: Sequence[Hyperparameter]) -> Table:
    return Table(
        ("Setting", "Value", "Default"),
        tuple((one.name, _text(one.value), _default(one)) for one in settings),
        text_columns=3,
        is_prose=True,
    )


def _steps(steps: Sequence[DetectedStep]) -> Table:
    return Table(
        ("Step", "Class", "Settings that are not the default", "Parameters"),
        tuple(
            (
                step.path,
                step.type,
                ", ".join(
                    f"{one.name}={_text(one.value)}"
                    for one in step.hyperparameters
                    if one.is_default is False
                ),
                _number(step.parameters),
            )
            for step in steps
        ),
        text_columns=3,
        is_prose=True,
    )


def _layers(layers: Sequence[DetectedLayer]) -> Table:
    return Table(
        ("Layer", "Type", "Shape", "Weights", "Activation", "Reads", "Parameters"),
        tuple(
            (
                layer.name,
                layer.type,
                _shape(layer.shape),
                ", ".join(map(_shape, layer.weight_shapes)),
                layer.activation,
                ", ".join(layer.inputs),
                _number(layer.parameters),
            )
            for layer in layers[:_MOST_ROWS]
        ),
        text_columns=6,
        is_prose=True,
    )


def _completeness(found: Completeness) -> Section:
    rows = tuple(
        (
            state.dimension.value,
            state.element.value.replace("_", " "),
            state.source.value,
            ", ".join(state.fields),
        )
        for state in found.elements
    )
    head = ("Dimension", "Element", "There", "Stated in")
    return Section(
        f"Completeness: {found.percent} %", table(Table(head, rows, text_columns=4, is_prose=True))
    )


def _default(one: Hyperparameter) -> str:
    return _DASH if one.is_default is None else _text(one.default)


def _text(value: object) -> str:
    return "none" if value is None else str(value)


def _shape(lengths: Sequence[int | None]) -> str:
    return " × ".join("?" if length is None else str(length) for length in lengths)


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _mib(count: int | None) -> str:
    return _DASH if count is None else f"{count / 2**20:.0f}"
