"""Which snapshot the asker may see. The condition is in the query: what is hidden is not found."""

from __future__ import annotations

import threading
from collections import OrderedDict
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, literal, true
from sqlmodel import Session, col, select

from proctor.spec.challenge import BoardVisibility, ChallengeSpec, PhaseSpec
from proctor.spec.outcomes import Code, ProctorError
from proctor_platform.clock import UtcDateTime, now
from proctor_platform.rights import Asker, organizes, phase_of, refuse_hidden, sees
from proctor_platform.tables import Challenge, ChallengeVersion, LeaderboardSnapshot
from proctor_platform.versions import spec_of

_KEPT = 64


class Sighted(NamedTuple):
    """A snapshot that the asker may see."""

    id: str
    number: int
    created_at: datetime


class _Seen(NamedTuple):
    challenge: str
    version: int
    organizer: bool


class BoardSight:
    """Looks for snapshots. It keeps the documents of versions, which never change."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._specs: OrderedDict[tuple[str, int], ChallengeSpec] = OrderedDict()

    def newest(self, session: Session, slug: str, phase: str, asker: Asker) -> Sighted:
        """Return the newest snapshot of a phase.

        Raises:
            ProctorError: there is no such phase in sight, its board is hidden, or not yet made.
        """
        found = self.listed(session, slug, phase, asker, limit=1)
        if not found:
            raise ProctorError(Code.NOT_FOUND, f"Nothing was scored in phase {phase} yet.")
        return found[0]

    def listed(
        self, session: Session, slug: str, phase: str, asker: Asker, *, limit: int
    ) -> list[Sighted]:
        """Return the snapshots of a phase, newest first.

        Raises:
            ProctorError: there is no such phase in sight, or its boards are hidden.
        """
        seen = self._challenge(session, col(Challenge.slug) == slug, asker)
        spec = phase_of(self._spec(session, seen), phase)
        rows = session.execute(
            select(
                LeaderboardSnapshot.id, LeaderboardSnapshot.number, LeaderboardSnapshot.created_at
            )
            .where(
                LeaderboardSnapshot.challenge_id == seen.challenge,
                LeaderboardSnapshot.phase == phase,
                _open(spec, organizer=seen.organizer),
            )
            .order_by(col(LeaderboardSnapshot.number).desc())
            .limit(limit)
        )
        found = [Sighted(*row) for row in rows]
        if not found:
            _refuse_if_hidden(session, spec, organizer=seen.organizer)
        return found

    def one(self, session: Session, snapshot_id: str, asker: Asker) -> Sighted:
        """Return a snapshot by its id.

        Raises:
            ProctorError: there is none in sight, or it is hidden.
        """
        row = session.get(LeaderboardSnapshot, snapshot_id)
        if row is None:
            raise ProctorError(Code.NOT_FOUND)
        seen = self._challenge(session, col(Challenge.id) == row.challenge_id, asker)
        phase = self._phase_of_snapshot(session, seen, row)
        visible = session.exec(
            select(LeaderboardSnapshot.id).where(
                LeaderboardSnapshot.id == snapshot_id, _open(phase, organizer=seen.organizer)
            )
        ).first()
        if visible is None:
            refuse_hidden(phase, hidden=True)
        return Sighted(row.id, row.number, row.created_at)

    def _challenge(self, session: Session, which: ColumnElement[bool], asker: Asker) -> _Seen:
        row = session.execute(
            select(
                Challenge.id,
                Challenge.newest_version,
                organizes(asker).label("organizer") if asker is not None else literal(False),
            ).where(which, sees(asker))
        ).first()
        if row is None:
            raise ProctorError(Code.NOT_FOUND)
        return _Seen(row[0], row[1], bool(row[2]))

    def _phase_of_snapshot(
        self, session: Session, seen: _Seen, row: LeaderboardSnapshot
    ) -> PhaseSpec:
        """Return the phase as the newest version has it, or the last that had it."""
        newest = self._spec(session, seen)
        found = next((phase for phase in newest.phases if phase.slug == row.phase), None)
        return found or self._spec(session, seen._replace(version=row.version)).phase(row.phase)

    def _spec(self, session: Session, seen: _Seen) -> ChallengeSpec:
        key = (seen.challenge, seen.version)
        with self._lock:
            if (kept := self._specs.get(key)) is not None:
                self._specs.move_to_end(key)
                return kept
        spec = spec_of(session.get_one(ChallengeVersion, key))
        with self._lock:
            self._specs[key] = spec
            while len(self._specs) > _KEPT:
                self._specs.popitem(last=False)
        return spec


def _open(phase: PhaseSpec, *, organizer: bool) -> ColumnElement[bool]:
    """Return the condition that the phase's boards are open to the asker at this moment."""
    if organizer or phase.visibility is BoardVisibility.LIVE:
        return true()
    return literal(phase.closes_at, UtcDateTime()) <= now()


def _refuse_if_hidden(session: Session, phase: PhaseSpec, *, organizer: bool) -> None:
    visible = session.execute(select(_open(phase, organizer=organizer))).scalar_one()
    refuse_hidden(phase, hidden=not visible)
