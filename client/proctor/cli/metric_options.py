"""Reads what people type of metrics, labels, regions and spacing into what a task declares."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from proctor.cli.failures import CommandError, Exit
from proctor.spec.task import MetricSpec

_OPENING, _CLOSING = "[{(", ")}]"
_WORST = "worst"


def read_metrics(text: str, output: str, reference: str) -> tuple[MetricSpec, ...]:
    """Read metrics such as ``dice,hd95:definition=voxel6,nsd:tolerance_mm=2``.

    Raises:
        CommandError: there is no such metric, or it has no such parameter.
    """
    found: list[MetricSpec] = []
    for part in split_outside(text, ","):
        if not part.strip():
            continue
        name, *parameters = split_outside(part.strip(), ":")
        name = name.strip().lower()
        given = dict(_parameter(part, parameter) for parameter in parameters)
        worst = given.pop(_WORST, None)
        if worst is not None and (isinstance(worst, bool) or not isinstance(worst, int | float)):
            raise CommandError(f"{part}: worst is {worst!r}; give a number.", "", Exit.USAGE)
        number = sum(before.name == name for before in found) + 1
        spec = MetricSpec(
            id=name if number == 1 and name.isidentifier() else f"m{len(found)}-{number}",
            name=name,
            parameters=given,
            output=output,
            reference=reference,
            worst=worst,
        )
        _resolve(part, spec)
        found.append(spec)
    if not found:
        raise CommandError("--metrics names none.", f"There are: {_known()}.", Exit.USAGE)
    return tuple(found)


def read_labels(text: str) -> dict[int, str]:
    """Read ``1=CSF,2=GM``, or a file of that: JSON or YAML (nnU-Net's dataset.json too), or CSV.

    Raises:
        CommandError: it is neither.
    """
    path = Path(text)
    if "=" in text and not path.exists():
        entries = [entry.partition("=") for entry in text.split(",") if entry.strip()]
        return _numbered([(number, name) for number, _, name in entries], text)
    if not path.is_file():
        raise CommandError(
            f"There is no file {text}, and 1=name,2=name it is not either.", "", Exit.USAGE
        )
    if path.suffix.lower() not in (".json", ".yaml", ".yml"):
        lines = path.read_text(encoding="utf-8-sig").splitlines()
        pairs = [line.replace("=", ",").replace("\t", ",").partition(",") for line in lines]
        return _numbered(
            [(number, name) for number, _, name in pairs if number.strip().isdecimal()], text
        )
    document = _document(path)
    labels = document.get("labels", document) if isinstance(document, dict) else None
    if not isinstance(labels, dict):
        raise CommandError(f"{path} holds no labels.", "", Exit.USAGE)
    # nnU-Net has names first: {"background": 0, "tumor": 1}.
    return _numbered(
        [
            (key, value) if str(key).strip().isdecimal() else (value, key)
            for key, value in labels.items()
        ],
        text,
    )


def read_regions(text: str) -> dict[str, tuple[int, ...]]:
    """Read regions such as ``whole=1+2+4,core=1+4``.

    Raises:
        CommandError: it is not that.
    """
    found = {}
    for entry in text.split(","):
        name, _, values = entry.partition("=")
        numbers = [value.strip() for value in values.split("+")]
        if not name.strip() or not all(number.isdecimal() for number in numbers):
            raise CommandError(
                f"--regions {entry!r} is no region.",
                "Write a name and the labels that make it up: whole=1+2+4,core=1+4.",
                Exit.USAGE,
            )
        found[name.strip()] = tuple(int(number) for number in numbers)
    return found


def read_spacing(text: str) -> tuple[float, ...]:
    """Read lengths in mm such as ``1x1x3`` or ``0.5``, in the order of the array's axes.

    Raises:
        CommandError: it is not that.
    """
    try:
        found = tuple(float(part) for part in text.replace(",", "x").split("x"))
    except ValueError:
        found = ()
    if not found or not all(0 < length < float("inf") for length in found):
        raise CommandError(
            f"--spacing {text!r} gives no lengths in mm.", "Write 1x1x3, or 0.5.", Exit.USAGE
        )
    return found


def split_outside(text: str, separator: str) -> Iterator[str]:
    """Split at a separator that lies in no brackets.

    >>> list(split_outside("a,b:x=[1,2],c", ","))
    ['a', 'b:x=[1,2]', 'c']
    """
    depth, start = 0, 0
    for place, sign in enumerate(text):
        depth += (sign in _OPENING) - (sign in _CLOSING)
        if sign == separator and depth == 0:
            yield text[start:place]
            start = place + 1
    yield text[start:]


def _parameter(metric: str, text: str) -> tuple[str, object]:
    import yaml

    name, found, value = text.partition("=")
    if not found:
        raise CommandError(
            f"{metric}: {text!r} is not NAME=VALUE.", "For example nsd:tolerance_mm=2.", Exit.USAGE
        )
    try:
        return name.strip(), yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise CommandError(f"{metric}: {value!r} is no value.", "", Exit.USAGE) from error


def _resolve(typed: str, spec: MetricSpec) -> None:
    from proctor_metrics.registry import (
        MetricParameterError,
        UnknownMetricError,
        names,
        resolve,
    )

    try:
        resolve(spec.name, spec.parameters, worst=spec.worst)
    except UnknownMetricError as error:
        near = get_close_matches(spec.name, names(), n=3, cutoff=0.5)
        meant = f"Did you mean {' or '.join(near)}? " if near else ""
        raise CommandError(
            f"There is no metric {spec.name!r}. There are: {_known()}.",
            f"{meant}docs/metrics.md says what each is.",
            Exit.USAGE,
        ) from error
    except MetricParameterError as error:
        if error.field == _WORST and spec.worst is None:
            # It is asked for where a case is missing, and not before.
            return
        raise CommandError(
            f"{error}.",
            f"A parameter follows its metric: {spec.name}:{error.field}=VALUE, more of them after"
            " another colon. In quotes a value may be a list, [1,2], or by name, {CSF: 1,GM: 2}.",
            Exit.USAGE,
        ) from error


def _known() -> str:
    from proctor_metrics.registry import names

    return ", ".join(names())


def _document(path: Path) -> object:
    import yaml

    try:
        document: object = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} cannot be read: {error}.", "", Exit.USAGE) from error
    return document


def _numbered(pairs: list[tuple[object, object]], text: str) -> dict[int, str]:
    found: dict[int, str] = {}
    for number, name in pairs:
        if not str(number).strip().isdecimal() or not str(name).strip():
            raise CommandError(
                f"--labels {text}: {number}={name} is no label.",
                "Write numbers and names: 1=CSF,2=GM.",
                Exit.USAGE,
            )
        found[int(str(number))] = str(name).strip()
    if not found:
        raise CommandError(f"--labels {text} names no label.", "", Exit.USAGE)
    return found
