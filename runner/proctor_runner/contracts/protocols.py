"""Which protocols a submission says it speaks: the word of its own content, nobody else's.

A model folder says so in its card, an image in its label. Both are part of what the submission's
digest names, so a re-run years later is spoken to in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from proctor.spec.model import ModelCard, Protocol

LABEL = "proctor.protocols"
CARD = "model.json"
_MOST_CARD_BYTES = 1 << 20
_ASSUMED = frozenset({Protocol.CASE})


def of_folder(folder: Path) -> frozenset[Protocol]:
    """Return what the card of a model folder declares; without a readable card, ``case``."""
    try:
        with (folder / CARD).open("rb") as stream:
            card = ModelCard.model_validate_json(stream.read(_MOST_CARD_BYTES))
    except (OSError, ValidationError):
        return _ASSUMED
    return _ASSUMED | set(card.protocols)


def of_labels(labels: Mapping[str, str]) -> frozenset[Protocol]:
    """Return what an image's labels declare.

    >>> sorted(of_labels({"proctor.protocols": "case,serve"}))
    [<Protocol.CASE: 'case'>, <Protocol.SERVE: 'serve'>]
    """
    said = {word.strip() for word in labels.get(LABEL, "").split(",")}
    return _ASSUMED | {protocol for protocol in Protocol if protocol.value in said}
