"""Judges what was measured of a model, beside what its card states."""

from __future__ import annotations

from collections.abc import Iterator

from proctor.spec.card.detected import DetectedMetadata
from proctor.spec.card.examination import Check
from proctor.spec.card.package_licenses import Standing, license_report
from proctor.spec.model import ModelCard
from proctor_runner.examination.verdicts import Question

_FOUND = Question("metadata", "What it is made of can be measured")
_NAME = Question("name", "Inside and outside it has the same name", modelhub=True)
_FRAMEWORK = Question("framework", "The stated framework is the measured one")
_WEIGHTS = Question("weights", "Its weights can be read without running code")
_PACKAGES = Question("packages", "Every installed package tells a license that is open source")

_SHOWN = 5
_ALSO_CALLED = {"sklearn": "scikit-learn", "torch": "pytorch", "tensorflow": "keras"}


def metadata_checks(card: ModelCard | None, found: DetectedMetadata) -> Iterator[Check]:
    """Judge what the model told of itself in the sandbox, and what the worker saw."""
    yield _found(found)
    if card is not None and found.card_name:
        yield (
            _NAME.passed(f"{card.name}.")
            if found.card_name == card.name
            else _NAME.failed(
                f"model.json calls it {card.name!r} here and {found.card_name!r} inside.",
                "Build the image from this folder again.",
            )
        )
    if card is not None and card.model.framework and found.main is not None:
        yield _framework(card.model.framework, found)
    if found.weights:
        yield _weights(found)
    if found.packages:
        yield _packages(found)


def _found(found: DetectedMetadata) -> Check:
    main = found.main
    if main is None:
        return _FOUND.warned(
            found.problems[0] if found.problems else "No model of a known framework was found.",
            "Keep the trained object in an attribute of Model, or its file in the model folder.",
        )
    count = found.parameters
    size = "" if count is None else f", {count:,} parameters"
    version = f" {main.framework_version}" if main.framework_version else ""
    return _FOUND.passed(f"{main.framework}{version}: {main.type}{size}.")


def _packages(found: DetectedMetadata) -> Check:
    report = license_report(found.packages)
    doubtful = [
        f"{one.name} ({one.license or 'none'})"
        for standing in (Standing.RESTRICTED, Standing.UNKNOWN)
        for one in report.of(standing)
    ]
    if not doubtful:
        return _PACKAGES.passed(f"All {len(report.packages)} do.")
    return _PACKAGES.warned(
        f"{len(doubtful)} of {len(report.packages)} do not: {', '.join(doubtful[:_SHOWN])}"
        f"{', …' if len(doubtful) > _SHOWN else ''}.",
        "Look them up before you pass the image on.",
    )


def _framework(stated: str, found: DetectedMetadata) -> Check:
    measured = {one.framework for one in found.models}
    words = {_ALSO_CALLED.get(word, word) for word in stated.lower().replace(",", " ").split()}
    if words & measured:
        return _FRAMEWORK.passed(f"{stated}.")
    return _FRAMEWORK.warned(
        f"The card says {stated}; found was {', '.join(sorted(measured))}.",
        "Correct model.framework; pages show the measured one.",
    )


def _weights(found: DetectedMetadata) -> Check:
    pickled = [file.path for file in found.weights if file.unpickled]
    if pickled:
        return _WEIGHTS.warned(
            f"{', '.join(pickled[:_SHOWN])} may run code when it is read.",
            "Save weights as ONNX, safetensors or .npz: then others can read them safely.",
        )
    return _WEIGHTS.passed(f"{len(found.weights)} files, {found.weights_bytes or 0:,} bytes.")
