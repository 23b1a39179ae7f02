"""What workers found out about models by looking at them: kept once, and never by their authors.

A document may be megabytes, for a graph of thousands of layers, so lists read a summary of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from sqlmodel import Session, col, select

from proctor.spec.card.detected import DetectedMetadata
from proctor_platform.database import insert_once
from proctor_platform.tables import ModelMeasurement, Run


@dataclass(frozen=True)
class Measured:
    """What lists need to know: frameworks, classes of trained objects, what training minimized."""

    frameworks: tuple[str, ...] = ()
    algorithms: tuple[str, ...] = ()
    objectives: tuple[str, ...] = ()

    @classmethod
    def of(cls, metadata: DetectedMetadata) -> Measured:
        """Return the summary of what was found."""
        # A graph's own name says nothing of how it works.
        loaded = [one for one in metadata.models if not one.from_file]
        return cls(
            frameworks=once(one.framework for one in metadata.models),
            algorithms=once(one.type for one in loaded),
            objectives=once(one.loss for one in metadata.models),
        )


def keep_measurement(session: Session, run: Run, metadata: DetectedMetadata) -> None:
    """Keep what a run found out, unless an earlier one did already.

    A re-run of other files, to be compared with the model's, tells nothing of the model.
    """
    if run.content is not None:
        return
    values = {
        "submission_id": run.submission_id,
        "run_id": run.id,
        "document": metadata.model_dump(mode="json", exclude_defaults=True),
        "summary": asdict(Measured.of(metadata)),
    }
    insert_once(session, ModelMeasurement, values)


def measurement_of(session: Session, submission_id: str) -> DetectedMetadata | None:
    """Return what is known of a submission, if it was looked at."""
    row = session.get(ModelMeasurement, submission_id)
    return DetectedMetadata.model_validate(row.document) if row else None


def summaries_of(session: Session, submissions: Sequence[str]) -> dict[str, Measured]:
    """Return the summaries of those that were looked at."""
    rows = session.execute(
        select(col(ModelMeasurement.submission_id), col(ModelMeasurement.summary)).where(
            col(ModelMeasurement.submission_id).in_(submissions)
        )
    )
    return {
        id_: Measured(**{name: tuple(values) for name, values in summary.items()})
        for id_, summary in rows
    }


def once(values: Iterable[str | None]) -> tuple[str, ...]:
    """Return each value once, where it came first, without those that say nothing."""
    return tuple(dict.fromkeys(value for value in values if value))
