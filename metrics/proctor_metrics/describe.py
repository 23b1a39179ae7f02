"""Say of a metric what a task may tell it, for reference pages and for people who ask.

Nothing is listed twice: a metric is built with a reader that writes down what it is asked for, once
as it is by default and once for every other choice, since a choice may ask for more.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar

from proctor_metrics.metric import Metric, number_text
from proctor_metrics.parameters import MetricParameterError, Parameters

_Choice = TypeVar("_Choice", bound=StrEnum)
_SOME_WORST = 1000.0


@dataclass(frozen=True)
class Parameter:
    """One parameter of a metric.

    Attributes:
        name: its field in `challenge.yaml`.
        allowed: what it may be, as a phrase; empty where the metric alone can say.
        default: its default as text, or None where it is required.
        only_with: the choice that it goes with, as in `average: binary`; empty if with any.
        choices: the values of a choice.
        example: a value that it takes; None where none is known but its default.
    """

    name: str
    allowed: str
    default: str | None
    only_with: str = ""
    choices: tuple[str, ...] = ()
    example: object = None


@dataclass(frozen=True)
class Description:
    """What a metric may be told, and what it says of itself where it is told the least.

    Attributes:
        parameters: in the order in which the metric reads them.
        worst_required: whether the task must declare a worst value.
        example: the metric by its defaults, with some value for whatever is required.
    """

    parameters: tuple[Parameter, ...]
    worst_required: bool
    example: Metric


def describe(metric: type[Metric]) -> Description:
    """Return what the metric may be told.

    >>> from proctor_metrics.registry import metric_class
    >>> found = describe(metric_class("hd95"))
    >>> [(one.name, one.default) for one in found.parameters][:2]
    [('definition', 'surfel'), ('percentile', '95')]
    """
    by_default, worst_required, example = _read(metric, {})
    found = {parameter.name: parameter for parameter in by_default}
    choices = [parameter for parameter in by_default if parameter.choices]
    asked: dict[tuple[str, str], set[str]] = {}
    for choice in choices:
        for value in choice.choices:
            parameters = _read(metric, {choice.name: value})[0]
            asked[choice.name, value] = {parameter.name for parameter in parameters}
            for parameter in parameters:
                found.setdefault(parameter.name, parameter)
    for name, parameter in found.items():
        for choice in choices:
            values = [value for value in choice.choices if name in asked[choice.name, value]]
            if values and len(values) < len(choice.choices):
                only = f"{choice.name}: {' or '.join(values)}"
                found[name] = replace(parameter, only_with=only)
    return Description(tuple(found.values()), worst_required, example)


def _read(
    metric: type[Metric], given: Mapping[str, object]
) -> tuple[tuple[Parameter, ...], bool, Metric]:
    for worst in (None, _SOME_WORST):
        reader = _Recorder(metric.name, given, worst)
        try:
            made = metric.build(reader)
        except MetricParameterError as error:
            if error.field != "worst" or worst is not None:
                raise
        else:
            return tuple(reader.found.values()), worst is not None, made
    raise AssertionError("the second turn returns or raises")


class _Recorder(Parameters):
    """Writes down every parameter that is asked for, and answers with something allowed."""

    def __init__(self, metric: str, values: Mapping[str, object], worst: float | None) -> None:
        super().__init__(metric, values, worst)
        self.found: dict[str, Parameter] = {}

    def choice(self, field: str, default: _Choice) -> _Choice:
        choices = tuple(member.value for member in type(default))
        self.found[field] = Parameter(field, "", default.value, choices=choices)
        return super().choice(field, default)

    def integer(self, field: str, default: int | None, minimum: int | None = None) -> int:
        bound = "" if minimum is None else f" of at least {minimum}"
        some = max(minimum or 1, 1) if default is None else default
        self._note(field, f"an integer{bound}", None if default is None else str(default), some)
        return super().integer(field, some, minimum)

    def number(self, field: str, default: float | None, above: float, at_most: float) -> float:
        allowed = f"a number above {above:g} and at most {at_most:g}"
        some = min(above + 1, (above + at_most) / 2) if default is None else default
        self._note(field, allowed, None if default is None else number_text(default), some)
        return super().number(field, some, above, at_most)

    def optional_number(self, field: str, above: float, at_most: float) -> float | None:
        allowed = f"a number above {above:g} and at most {at_most:g}"
        self._note(field, allowed, "none", min(above + 1, (above + at_most) / 2))
        return None

    def ascending(self, field: str, default: tuple[float, ...]) -> tuple[float, ...]:
        shown = ", ".join(number_text(number) for number in default)
        allowed = "a list of numbers above 0 in ascending order"
        self._note(field, allowed, f"[{shown}]" if default else None, default or (1.0,))
        return super().ascending(field, default or (1.0,))

    def number_or_by_name(self, field: str, at_least: float) -> float | Mapping[str, float]:
        allowed = f"a number of at least {at_least:g}, or a map that gives each label or region one"
        self._note(field, allowed, None, at_least + 1)
        return at_least + 1

    def square_matrix(self, field: str) -> tuple[tuple[float, ...], ...] | None:
        self._note(field, "a list of rows of numbers from 0, as many rows as columns", "none")
        return super().square_matrix(field)

    def _note(self, field: str, allowed: str, default: str | None, example: object = None) -> None:
        self.found[field] = Parameter(field, allowed, default, example=example)

    def _read(self, field: str, default: object) -> object:
        if field not in self.found:
            self._note(field, "", "none" if default is None else str(default))
        return super()._read(field, default)
