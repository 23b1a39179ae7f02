"""What a board is of: a phase as the newest version has it, and the versions comparable with it.

A score made under an older version stands on the board as long as nothing that it was made from
has changed since: data, metrics, what is asked of a model, and how intervals are drawn. Text,
dates and quotas may change without taking anybody off the board.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlmodel import Session, select

from proctor.spec.challenge import ChallengeSpec, PhaseSpec
from proctor.spec.ranking import RankingColumn
from proctor.spec.task import TaskSpec
from proctor_platform.alike import scored_alike
from proctor_platform.parts import Part
from proctor_platform.private_cases import private_cases
from proctor_platform.tables import Challenge, ChallengeVersion
from proctor_platform.versions import newest, spec_of


@dataclass(frozen=True, eq=False)
class Scope:
    """A phase of a challenge, ready to be ranked.

    Attributes:
        comparable: for each task, the numbers of the versions whose scores count.
        private: for each task, the cases that count only when the phase is over.
    """

    challenge: Challenge
    version: ChallengeVersion
    spec: ChallengeSpec
    phase: PhaseSpec
    comparable: dict[str, frozenset[int]]
    private: dict[str, frozenset[str]]

    @property
    def tasks(self) -> list[TaskSpec]:
        """The tasks of the phase, in its order."""
        return [self.spec.task(slug) for slug in self.phase.tasks]

    @property
    def deciding(self) -> tuple[RankingColumn, ...]:
        """The columns that decide ranks, as they were declared."""
        return self.spec.ranking_columns(self.phase)

    def has(self, part: Part, task: str, case: str) -> bool:
        """Tell whether a case of a task is in a part of its test set."""
        return (case in self.private[task]) == part.private

    def inputs_digest(self, task: str) -> str:
        """Return the digest of a task's hidden inputs."""
        digest: str = self.version.data[task]["hidden"]["inputs"]
        return digest


def scope_of(session: Session, challenge_id: str, phase_slug: str) -> Scope | None:
    """Return the scope of a board, or none when the newest version has no such phase."""
    challenge = session.get_one(Challenge, challenge_id)
    version = newest(session, challenge)
    spec = spec_of(version)
    phase = next((phase for phase in spec.phases if phase.slug == phase_slug), None)
    if phase is None:
        return None
    versions = session.exec(
        select(ChallengeVersion).where(ChallengeVersion.challenge_id == challenge_id)
    ).all()
    comparable = {
        task: frozenset(old.number for old in versions if scored_alike(old, version, task, phase))
        for task in phase.tasks
    }
    private = {
        task: private_cases(session, challenge_id, version.number, phase_slug, task)
        for task in phase.tasks
    }
    return Scope(challenge, version, spec, phase, comparable, private)
