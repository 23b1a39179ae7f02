"""Lineage: which model was made from which, as their authors state it, and what they share.

A statement is believed only as far as both models are in the asker's sight. How many files the
two have in common is counted from their digests.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from sqlmodel import Session, col, select

from proctor.spec.outcomes import Code, ProctorError
from proctor.spec.registry.pages import Kinship, Relative
from proctor_platform.registry.descriptions import Descriptions
from proctor_platform.registry.lists import every_public_model
from proctor_platform.registry.sight import ModelSight, model_in_sight, open_challenges
from proctor_platform.rights import Asker
from proctor_platform.tables import Challenge, Submission, User

_ID = re.compile(r"sub_[0-9a-z]{26}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_MOST_FORKS = 100


def relatives_of(
    session: Session, descriptions: Descriptions, model: ModelSight, asker: Asker
) -> tuple[Relative, ...]:
    """Return what the model was forked from, and its forks, where the asker may see them."""
    forks = _forks(session, descriptions, model, asker)
    return (*_parents(session, model, asker), *forks)


def files_of(content: dict[str, Any]) -> frozenset[str]:
    """Return the digests of what was entered: files of a folder, layers and weights of an image."""
    entries = [*content.get("entries", ()), *content.get("weights", ())]
    layers = [layer["digest"] for layer in content.get("layers", ())]
    return frozenset([*layers, *(entry["file"]["digest"] for entry in entries)])


def _parents(session: Session, model: ModelSight, asker: Asker) -> Iterator[Relative]:
    stated = str(model.submission.card.get("forked_from") or "")
    if found := _ID.search(stated):
        ids: Iterable[str] = [found.group()]
    elif found := _DIGEST.fullmatch(stated):
        ids = session.exec(
            select(Submission.id)
            .where(col(Submission.content_digest) == stated)
            .order_by(col(Submission.id))
        ).all()
    else:
        return
    for id_ in ids:
        if id_ == model.submission.id:
            continue
        try:
            parent = model_in_sight(session, id_, asker)
        except ProctorError as error:
            if error.code is not Code.NOT_FOUND:
                raise
            continue
        if parent.shown:
            yield _relative(
                session, parent.submission, Kinship.FORKED_FROM, parent.submission, model.submission
            )
            return


def _forks(
    session: Session, descriptions: Descriptions, model: ModelSight, asker: Asker
) -> Iterator[Relative]:
    """Yield public models whose cards name this one."""
    wanted = {model.submission.id, model.submission.content_digest}
    every = every_public_model(session, descriptions, open_challenges(session, asker))
    ids = [
        one.id
        for one in reversed(every)
        if one.id > model.submission.id and _names(one.forked_from) & wanted
    ]
    rows = session.exec(
        select(Submission)
        .where(col(Submission.id).in_(ids[:_MOST_FORKS]))
        .order_by(col(Submission.id))
    )
    for row in rows:
        yield _relative(session, row, Kinship.FORK, model.submission, row)


def _names(stated: str) -> set[str]:
    return {*_ID.findall(stated), stated}


def _relative(
    session: Session,
    shown: Submission,
    kinship: Kinship,
    older: Submission,
    younger: Submission,
) -> Relative:
    files = files_of(younger.content)
    return Relative(
        id=shown.id,
        title=shown.card.get("title") or shown.card["name"],
        participant=session.get_one(User, shown.user_id).name,
        challenge=session.get_one(Challenge, shown.challenge_id).slug,
        kinship=kinship,
        shared_files=len(files & files_of(older.content)),
        files=len(files),
    )
