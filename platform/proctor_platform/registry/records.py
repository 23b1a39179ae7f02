"""What changes of a model after it was entered: its DOI, and how often it was taken."""

from __future__ import annotations

from sqlalchemy import update
from sqlmodel import Session, col

from proctor.spec.outcomes import Code, ProctorError
from proctor.spec.registry.reviews import DoiGiven
from proctor_platform.database import Database, insert_once
from proctor_platform.events import record
from proctor_platform.identity import UserIdentity
from proctor_platform.registry.sight import model_in_sight
from proctor_platform.submissions.sights import Access
from proctor_platform.tables import ModelRecord


def give_doi(session: Session, user: UserIdentity, submission_id: str, request: DoiGiven) -> None:
    """Keep the DOI under which an organizer registered a model; an empty one takes it back.

    Raises:
        ProctorError: the user sees no such model, or does not organize its challenge.
    """
    model = model_in_sight(session, submission_id, user)
    if model.sight.access is not Access.ORGANIZER:
        raise ProctorError(
            Code.FORBIDDEN, f"Only organizers of {model.challenge.slug} give its models a DOI."
        )
    known = session.get(ModelRecord, submission_id)
    facts = {"before": known.doi if known else "", "after": request.doi}
    _change(session, submission_id, doi=request.doi)
    record(session, submission_id, "model_doi_given", user.id, facts)
    session.commit()


def count_download(database: Database, submission_id: str) -> None:
    """Count that somebody took a model's files."""
    with database.writing() as session:
        _change(session, submission_id, downloads=col(ModelRecord.downloads) + 1)
        session.commit()


def _change(session: Session, submission_id: str, **values: object) -> None:
    insert_once(session, ModelRecord, {"submission_id": submission_id, "doi": "", "downloads": 0})
    session.execute(
        update(ModelRecord).where(col(ModelRecord.submission_id) == submission_id).values(**values)
    )
