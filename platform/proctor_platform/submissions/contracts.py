"""Which contract the images of submissions keep, without reading their whole contents."""

from __future__ import annotations

from collections.abc import Iterable

from sqlmodel import Session, col, select

from proctor.spec.challenge import SubmissionKind
from proctor.spec.contract import Contract
from proctor_platform.tables import Submission


def declared_contracts(session: Session, submissions: Iterable[str]) -> dict[str, Contract]:
    """Return the contract of each image that declares another than the native one, by id."""
    name = col(Submission.content)["contract"]["name"].as_string()
    rows = session.exec(
        select(Submission.id, name).where(
            col(Submission.id).in_(list(submissions)),
            col(Submission.kind) == SubmissionKind.IMAGE.value,
        )
    )
    return {submission: Contract(said) for submission, said in rows if said}
