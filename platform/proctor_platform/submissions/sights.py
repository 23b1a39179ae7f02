"""Who sees a submission, and how much of it.

Its owner and the organizers see it always; readers of a board see what stands on that board,
while its scores are open, and once it was reviewed where the challenge asks for that. To everybody
else it does not exist.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import ColumnElement, false, true
from sqlmodel import Session, col, or_, select

from proctor.spec.challenge import ChallengeSpec, PhaseSpec
from proctor.spec.columns import column_places
from proctor.spec.model import ModelCard
from proctor.spec.outcomes import OUTCOMES, Code, Owner, ProctorError
from proctor_platform.identity import UserIdentity
from proctor_platform.private_cases import no_private_case
from proctor_platform.registry.publication import may_be_read, stood_on_a_board
from proctor_platform.rights import Asker, Feedback, feedback_of, organizes, sees
from proctor_platform.tables import Challenge, ChallengeVersion, Submission
from proctor_platform.versions import newest, spec_of

# Details that repeat what a model wrote, how it chose to end or how much it took. A model has seen
# hidden inputs.
_MODELS_WORDS = frozenset(
    (
        Code.INVALID_OUTPUT,
        Code.CRASH,
        Code.START_FAILED,
        Code.PROTOCOLS_DISAGREE,
        Code.CUDA_OOM,
    )
)


class Access(StrEnum):
    """As what somebody sees a submission."""

    OWNER = "owner"
    ORGANIZER = "organizer"
    READER = "reader"


@dataclass(frozen=True, eq=False)
class SubmissionSight:
    """A submission that the asker sees.

    Attributes:
        phase: as the newest version has it: its window and visibility hold now.
        ruling: the version that ``phase`` is of.
        spec: what that version says.
        feedback: how much of the phase's scores is open to the asker at this moment.
    """

    submission: Submission
    challenge: Challenge
    phase: PhaseSpec
    access: Access
    ruling: ChallengeVersion
    spec: ChallengeSpec
    feedback: Feedback
    yours: bool

    @property
    def hidden(self) -> bool:
        """Whether scores are hidden from the asker at this moment."""
        return self.feedback.hidden

    def open_case(self) -> ColumnElement[bool]:
        """Return the condition on (``CaseResult``, ``Run``) that the case is open to the asker."""
        if self.feedback.private:
            return true()
        return no_private_case(self.challenge.id, self.ruling.number, self.phase.slug)

    def in_order(
        self, task: str, scores: Mapping[tuple[str, str], float | None]
    ) -> Iterator[tuple[str, float | None]]:
        """Yield ``metric/label`` with its score, as the task declares them, then the mean."""
        declared = next((one for one in self.spec.tasks if one.slug == task), None)
        place = column_places(declared) if declared else None
        for key in sorted(scores, key=lambda key: place(*key) if place else key):
            yield "/".join(key), scores[key]

    def told(
        self, code: str | None, detail: str, *, sample: bool = False, whole: bool = False
    ) -> str:
        """Return what of a failure's detail the asker is told.

        Details may name hidden cases, those of failures that are not the participant's may name
        an organizer's files or our machines, and some repeat what a model wrote, which is for whom
        its log is: then the table's own sentence must do. On the public sample there is nothing
        to hide from a model's owner. What is told of a run as a ``whole`` may be of a private case.
        """
        if self.access is Access.ORGANIZER:
            return detail
        if code is None or code == Code.OK:
            return ""
        outcome = OUTCOMES[Code(code)]
        theirs = outcome.owner in (Owner.PARTICIPANT, Owner.NOBODY)
        if sample and theirs and self.access is Access.OWNER:
            return detail
        theirs = theirs and (self.phase.show_logs or code not in _MODELS_WORDS)
        theirs = theirs and (self.feedback.private or not whole)
        if self.access is Access.OWNER and theirs and not self.hidden:
            return detail
        return outcome.message


def is_inside(asker: Asker) -> ColumnElement[bool]:
    """Return the condition on (``Submission``, ``Challenge``) that it is the asker's own."""
    if asker is None:
        return false()
    return or_(col(Submission.user_id) == asker.id, organizes(asker))


def submission_in_sight(session: Session, submission_id: str, asker: Asker) -> SubmissionSight:
    """Find a submission that the asker may see, perhaps only as a reader of its board.

    Raises:
        ProctorError: there is none in sight.
    """
    readable = sees(asker) & stood_on_a_board()
    sight = _find(session, submission_id, asker, or_(is_inside(asker), readable))
    if sight.access is Access.READER and (
        sight.hidden or not may_be_read(session, sight.submission, sight.challenge)
    ):
        raise ProctorError(Code.NOT_FOUND)
    return sight


def own_submission(
    session: Session, submission_id: str, asker: UserIdentity, *, lock: bool = False
) -> SubmissionSight:
    """Find a submission that is the asker's, or in a challenge the asker organizes.

    Raises:
        ProctorError: there is none.
    """
    if lock:
        wanted = select(Submission).where(col(Submission.id) == submission_id).with_for_update()
        session.exec(wanted).first()
    return _find(session, submission_id, asker, is_inside(asker))


def _find(
    session: Session, submission_id: str, asker: Asker, condition: ColumnElement[bool]
) -> SubmissionSight:
    row = session.exec(
        select(Submission, Challenge, organizes(asker))
        .join(Challenge, col(Challenge.id) == col(Submission.challenge_id))
        .where(col(Submission.id) == submission_id, condition)
    ).first()
    if row is None:
        raise ProctorError(Code.NOT_FOUND)
    submission, challenge, organizer = row
    return sight_of(session, submission, challenge, asker, organizer=bool(organizer))


def sight_of(
    session: Session,
    submission: Submission,
    challenge: Challenge,
    asker: Asker,
    *,
    organizer: bool,
) -> SubmissionSight:
    """Say as what the asker sees a submission that a query of rights has found."""
    ruling, spec, phase = ruling_phase(session, submission, challenge)
    yours = asker is not None and submission.user_id == asker.id
    access = Access.ORGANIZER if organizer else Access.OWNER if yours else Access.READER
    feedback = feedback_of(session, spec, phase, organizer=organizer)
    return SubmissionSight(submission, challenge, phase, access, ruling, spec, feedback, yours)


def shown_card(submission: Submission, *, bare: bool) -> ModelCard:
    """Return a submission's card; of a withdrawn one, the names that its board shows anyway."""
    card = ModelCard.model_validate(submission.card)
    return ModelCard(name=card.name, title=card.title, version="") if bare else card


class Ruling(NamedTuple):
    """The phase that rules a submission now, and the version that says so."""

    version: ChallengeVersion
    spec: ChallengeSpec
    phase: PhaseSpec


def ruling_phase(session: Session, submission: Submission, challenge: Challenge) -> Ruling:
    """Return a submission's phase as it is now; as it was then if it has been taken out since."""
    present = newest(session, challenge)
    spec = spec_of(present)
    for phase in spec.phases:
        if phase.slug == submission.phase:
            return Ruling(present, spec, phase)
    then = session.get_one(ChallengeVersion, (challenge.id, submission.version))
    return Ruling(then, spec_of(then), spec_of(then).phase(submission.phase))
