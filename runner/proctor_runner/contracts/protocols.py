"""Which protocols a submission says it speaks: the word of its own content, nobody else's.

A model folder says so in its card, an image in its label and by what it starts. Both are part of
what the submission's digest names, so a re-run years later is spoken to in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from proctor.spec.card.reading import CardError, read_card_file
from proctor.spec.model import Protocol

LABEL = "proctor.protocols"
CARD = "model.json"
_ENGINE = "proctor.template"
_ASSUMED = frozenset({Protocol.CASE})


def of_folder(folder: Path) -> frozenset[Protocol]:
    """Return what the card of a model folder declares; without a readable card, ``case``."""
    try:
        card = read_card_file(folder / CARD)
    except (OSError, CardError):
        return _ASSUMED
    return _ASSUMED | set(card.protocols)


def of_image(labels: Mapping[str, str], command: Sequence[str]) -> frozenset[Protocol]:
    """Return what an image declares; our engine describes itself, whatever the label forgets.

    Args:
        command: What the image starts.
    """
    is_engine = ("-m", _ENGINE) in pairwise(command)
    return of_labels(labels) | ({Protocol.DESCRIBE} if is_engine else frozenset())


def of_labels(labels: Mapping[str, str]) -> frozenset[Protocol]:
    """Return what an image's labels declare.

    >>> sorted(of_labels({"proctor.protocols": "case,serve"}))
    [<Protocol.CASE: 'case'>, <Protocol.SERVE: 'serve'>]
    """
    said = {word.strip() for word in labels.get(LABEL, "").split(",")}
    return _ASSUMED | {protocol for protocol in Protocol if protocol.value in said}
