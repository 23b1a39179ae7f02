"""A case of texts: what was accepted, what was answered, and the words that differ."""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import streamlit as st

from proctor.spec.task import InputType
from proctor_dashboard.case_kinds.parts import Parts, draw_scores
from proctor_dashboard.text import badge, plain
from proctor_dashboard.volumes import VolumeError

_A_PAGE = 20
_MOST_COMPARED = 400
_MOST_SHOWN = 4_000
_MOST_ACCEPTED = 5


def draw(parts: Parts) -> None:
    """Draw the case.

    Raises:
        VolumeError: a file cannot be read.
    """
    accepted = _accepted(parts.content("reference", parts.reference_name))
    answers: Sequence[str | None] = [None] * len(accepted)
    if parts.answered:
        packed = parts.array("predictions", parts.output).astype(np.uint8).tobytes()
        answers = unpacked(packed, len(accepted))
    else:
        st.info("There is no answer to this case.")
    _draw_page(accepted, answers, _asked(parts, len(accepted)))
    draw_scores(parts.case)


def unpacked(content: bytes, items: int) -> list[str | None]:
    """Return the texts that decode wrote: their ends as int64, then all of them.

    Raises:
        VolumeError: the content is no such thing.
    """
    start = 8 * items
    try:
        ends = [0, *np.frombuffer(content[:start], dtype="<i8").tolist()]
        texts = [content[start + first : start + last].decode() for first, last in pairwise(ends)]
    except ValueError as error:
        raise VolumeError(f"The answer cannot be read as texts ({error}).") from error
    if len(texts) != items:
        raise VolumeError(f"The answer has {len(texts)} texts where the reference has {items}.")
    return list(texts)


def marked(answer: str, accepted: str) -> str:
    """Return an answer as HTML, the words marked that the accepted text does not have there."""
    words, theirs = answer.split(), accepted.split()
    if max(len(words), len(theirs)) > _MOST_COMPARED:
        return plain(answer[:_MOST_SHOWN])
    parts = []
    matcher = difflib.SequenceMatcher(None, words, theirs, autojunk=False)
    for kind, first, last, _, _ in matcher.get_opcodes():
        text = plain(" ".join(words[first:last]))
        if kind == "delete" or kind == "replace":
            parts.append(f"<mark>{text}</mark>")
        elif text:
            parts.append(text)
        if kind == "insert":
            parts.append("<mark>…</mark>")
    return " ".join(parts)


def _accepted(content: bytes) -> list[list[str]]:
    try:
        found = json.loads(content)
        return [[one] if isinstance(one, str) else [str(text) for text in one] for one in found]
    except (ValueError, TypeError, RecursionError) as error:
        raise VolumeError(f"The reference cannot be read as texts ({error}).") from error


def _asked(parts: Parts, items: int) -> list[str] | None:
    """Return what was asked of each item, where an input says it in as many texts."""
    for name in parts.inputs(InputType.FILE):
        try:
            found = json.loads(parts.content("inputs", name))
        except (ValueError, RecursionError):
            continue
        if isinstance(found, list) and len(found) == items:
            return [one if isinstance(one, str) else json.dumps(one) for one in found]
    return None


@st.fragment
def _draw_page(
    accepted: list[list[str]], answers: Sequence[str | None], asked: list[str] | None
) -> None:
    pages = -(-len(accepted) // _A_PAGE)
    page = int(st.number_input(f"Page of {pages}", 1, pages, 1)) if pages > 1 else 1
    first = (page - 1) * _A_PAGE
    shown = "".join(
        _item(number, accepted[number], answers[number], asked[number] if asked else None)
        for number in range(first, min(first + _A_PAGE, len(accepted)))
    )
    st.html(f'<div class="pr-texts">{shown}</div>')


def _item(number: int, accepted: list[str], answer: str | None, asked: str | None) -> str:
    """Return an item: what was asked, accepted and answered, beside or below each other."""
    parts = [] if asked is None else [("Asked", plain(asked[:_MOST_SHOWN]))]
    texts = "<hr>".join(plain(one[:_MOST_SHOWN]) for one in accepted[:_MOST_ACCEPTED])
    parts.append(("Accepted", texts))
    if answer is None:
        parts.append(("Answer", "–"))
    elif answer in accepted:
        parts.append(("Answer", f"{plain(answer[:_MOST_SHOWN])} {badge('the same', 'good')}"))
    else:
        nearest = max(accepted, key=lambda one: len(set(one.split()) & set(answer.split())))
        parts.append(("Answer, where it differs", marked(answer, nearest)))
    cells = "".join(f"<div><small>{name}</small><p>{text}</p></div>" for name, text in parts)
    return f"<b>Item {number}</b><section>{cells}</section>"
