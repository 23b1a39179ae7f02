"""Published versions: how they are found, and their documents as models.

A version never changes, so its parsed form is kept by its digest.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from sqlmodel import Session, col, select
from sqlmodel.sql.expression import Select

from proctor.spec.challenge import ChallengeSpec
from proctor.spec.dataset import Dataset
from proctor.spec.outcomes import Code, ProctorError
from proctor_platform.tables import Challenge, ChallengeVersion, DatasetRow

_KEPT = 128


@dataclass(frozen=True)
class _Document:
    digest: str
    content: dict[str, Any] = field(compare=False)


@lru_cache(_KEPT)
def _parsed(document: _Document) -> ChallengeSpec:
    return ChallengeSpec.model_validate(document.content)


def spec_of(version: ChallengeVersion) -> ChallengeSpec:
    """Return what a version says."""
    return _parsed(_Document(version.digest, version.spec))


def newest(session: Session, challenge: Challenge) -> ChallengeVersion:
    """Return a challenge's newest version."""
    return session.get_one(ChallengeVersion, (challenge.id, challenge.newest_version))


def with_newest() -> Select[Challenge, ChallengeVersion]:
    """Return the query of every challenge with its newest version."""
    return select(Challenge, ChallengeVersion).join(
        ChallengeVersion,
        (col(ChallengeVersion.challenge_id) == col(Challenge.id))
        & (col(ChallengeVersion.number) == col(Challenge.newest_version)),
    )


def numbered(session: Session, challenge: Challenge, number: int | None) -> ChallengeVersion:
    """Return a challenge's version by its number, or the newest.

    Raises:
        ProctorError: there is no such version.
    """
    wanted = challenge.newest_version if number is None else number
    version = session.get(ChallengeVersion, (challenge.id, wanted))
    if version is None:
        detail = f"{challenge.slug} has the versions 1 to {challenge.newest_version}."
        raise ProctorError(Code.NOT_FOUND, detail)
    return version


def dataset_row(session: Session, version: ChallengeVersion, task: str, split: str) -> DatasetRow:
    """Return the row of a split's inputs; it counts the cases and items."""
    return session.get_one(DatasetRow, version.data[task][split]["inputs"])


def dataset(
    session: Session, version: ChallengeVersion, task: str, split: str, half: str
) -> Dataset:
    """Return one half (``inputs`` or ``reference``) of a split of a task."""
    row = session.get_one(DatasetRow, version.data[task][split][half])
    return Dataset.model_validate(row.document)
