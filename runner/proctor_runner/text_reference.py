"""Loads the accepted texts of a case, and puts answers beside them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy.typing as npt

from proctor.spec.outcomes import Code, PlatformError
from proctor_metrics import cases
from proctor_runner.decode.text import unpack_texts

_SUFFIX = ".json"


@dataclass(frozen=True, eq=False)
class TextReference:
    """The accepted texts of each item."""

    values: tuple[tuple[str, ...], ...]


def load_texts(path: Path) -> TextReference:
    """Read a JSON array that has, for each item, a text or an array of accepted texts.

    Raises:
        ValueError: It is no such array; the message is a phrase for its owner.
    """
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"is no readable JSON ({error})") from error
    if not isinstance(found, list):
        raise ValueError("is no JSON array with the accepted texts of each item")
    texts = [[item] if isinstance(item, str) else item for item in found]
    for number, accepted in enumerate(texts):
        if (
            not isinstance(accepted, list)
            or not accepted
            or not all(isinstance(text, str) for text in accepted)
        ):
            raise ValueError(
                f"holds in item {number + 1} neither a text nor an array of accepted texts"
            )
    return TextReference(tuple(tuple(accepted) for accepted in texts))


def make_text_case(
    case: str, prediction: npt.NDArray[Any] | None, reference: TextReference
) -> cases.TextCase:
    """Put a canonical prediction, or the lack of one, beside the accepted texts.

    Raises:
        MetricInputError: one side is not sound; it says which.
        PlatformError: INTERNAL, the prediction holds no texts although decode wrote it.
    """
    accepted = reference.values
    if prediction is None:
        return cases.TextCase.missing(case, accepted)
    try:
        texts = unpack_texts(prediction, len(accepted))
    except ValueError as error:
        raise PlatformError(
            Code.INTERNAL, f"a canonical prediction holds no texts: {error}"
        ) from error
    return cases.TextCase(case, texts, accepted)
