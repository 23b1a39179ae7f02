"""Which snapshot the asker may see. The condition is in the query: what is hidden is not found."""

from __future__ import annotations

import threading
from collections import OrderedDict
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, bindparam, literal, or_, true
from sqlmodel import Session, col, select

from proctor.spec.challenge import BoardVisibility, ChallengeSpec, PhaseSpec
from proctor.spec.outcomes import Code, ProctorError
from proctor_platform.clock import UtcDateTime, now
from proctor_platform.database import Database
from proctor_platform.rights import (
    Asker,
    Feedback,
    feedback_of,
    organizes,
    phase_of,
    refuse_hidden,
    sees,
)
from proctor_platform.tables import (
    Challenge,
    ChallengeVersion,
    LeaderboardSnapshot,
    PrivateBoard,
)
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


class ChallengeSpecAt(NamedTuple):
    """What a version of a challenge says."""

    challenge: str
    version: int
    spec: ChallengeSpec


class BoardSight:
    """Looks for snapshots. It keeps the documents of versions, which never change."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._specs: OrderedDict[tuple[str, int], ChallengeSpec] = OrderedDict()
        self._versions: dict[str, ChallengeSpecAt] = {}

    def newest(self, database: Database, slug: str, phase: str, asker: Asker) -> str:
        """Return the id of a phase's newest snapshot.

        One short query is enough as long as the challenge's newest version is the one that was
        newest before; else, and to say why nothing is shown, the way is longer.

        Raises:
            ProctorError: there is no such phase in sight, its board is hidden, or not yet made.
        """
        known = self._versions.get(slug)
        if known is not None and (found := _newest_at_once(database, known, phase, asker)):
            return found
        with database.reading() as session:
            listed = self.listed(session, slug, phase, asker, limit=1)
        if not listed:
            raise ProctorError(Code.NOT_FOUND, f"Nothing was scored in phase {phase} yet.")
        return listed[0].id

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
        _, phase = self._rules_of_snapshot(session, seen, row)
        visible = session.exec(
            select(LeaderboardSnapshot.id).where(
                LeaderboardSnapshot.id == snapshot_id, _open(phase, organizer=seen.organizer)
            )
        ).first()
        if visible is None:
            refuse_hidden(phase, hidden=True)
        return Sighted(row.id, row.number, row.created_at)

    def private(self, session: Session, snapshot_id: str, asker: Asker) -> Sighted:
        """Return a snapshot whose private board is open to the asker.

        Raises:
            ProctorError: there is none in sight, it has no private cases, or not yet.
        """
        found = self.one(session, snapshot_id, asker)
        row = session.get_one(LeaderboardSnapshot, snapshot_id)
        seen = self._challenge(session, col(Challenge.id) == row.challenge_id, asker)
        spec, phase = self._rules_of_snapshot(session, seen, row)
        opens_at = spec.private_opens_at(phase)
        shown = true() if seen.organizer else literal(opens_at, UtcDateTime()) <= now()
        there = session.exec(
            select(PrivateBoard.leaderboard_id).where(
                PrivateBoard.leaderboard_id == snapshot_id, shown
            )
        ).first()
        if there is not None:
            return found
        if phase.private is None:
            raise ProctorError(Code.NOT_FOUND, f"Phase {phase.slug} has no private cases.")
        if session.execute(select(shown)).scalar_one():
            raise ProctorError(Code.NOT_FOUND, "This snapshot has no private board.")
        raise ProctorError(
            Code.NOT_YET,
            f"The private cases of phase {phase.slug} are shown from"
            f" {opens_at:%Y-%m-%d %H:%M} UTC on.",
        )

    def feedback(self, session: Session, snapshot_id: str, asker: Asker) -> Feedback:
        """Say how much of the scores behind a snapshot in sight is open to the asker."""
        row = session.get_one(LeaderboardSnapshot, snapshot_id)
        seen = self._challenge(session, col(Challenge.id) == row.challenge_id, asker)
        spec, phase = self._rules_of_snapshot(session, seen, row)
        return feedback_of(session, spec, phase, organizer=seen.organizer)

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

    def _rules_of_snapshot(
        self, session: Session, seen: _Seen, row: LeaderboardSnapshot
    ) -> tuple[ChallengeSpec, PhaseSpec]:
        """Return challenge and phase as the newest version has them, or the last that had it."""
        spec = self._spec(session, seen)
        if row.phase not in {phase.slug for phase in spec.phases}:
            spec = self._spec(session, seen._replace(version=row.version))
        return spec, spec.phase(row.phase)

    def _spec(self, session: Session, seen: _Seen) -> ChallengeSpec:
        key = (seen.challenge, seen.version)
        with self._lock:
            if (kept := self._specs.get(key)) is not None:
                self._specs.move_to_end(key)
                return kept
        spec = spec_of(session.get_one(ChallengeVersion, key))
        with self._lock:
            self._specs[key] = spec
            self._versions[spec.slug] = ChallengeSpecAt(*key, spec)
            while len(self._specs) > _KEPT:
                _, oldest = self._specs.popitem(last=False)
                self._versions.pop(oldest.slug, None)
        return spec


def _newest_at_once(
    database: Database, known: ChallengeSpecAt, slug: str, asker: Asker
) -> str | None:
    phase = next((phase for phase in known.spec.phases if phase.slug == slug), None)
    if phase is None:
        return None
    facts = {"challenge": known.challenge, "version": known.version, "phase": slug}
    if phase.visibility is BoardVisibility.LIVE:
        statement = _live_statement(asker)
    else:
        statement = _hidden_statement(asker)
        facts["closes_at"] = phase.closes_at
    with database.engine.connect() as connection:
        found: str | None = connection.execute(statement, facts).scalar()
    return found


@lru_cache(_KEPT)
def _live_statement(asker: Asker) -> Select[str]:
    return _visible(asker)


@lru_cache(_KEPT)
def _hidden_statement(asker: Asker) -> Select[str]:
    closed = bindparam("closes_at", type_=UtcDateTime()) <= now()
    return _visible(asker).where(closed if asker is None else or_(closed, organizes(asker)))


def _visible(asker: Asker) -> Select[str]:
    """Return the query for the newest snapshot, made once for each asker: it is asked often."""
    return (
        select(col(LeaderboardSnapshot.id))
        .join(Challenge, col(Challenge.id) == col(LeaderboardSnapshot.challenge_id))
        .where(
            col(Challenge.id) == bindparam("challenge"),
            col(Challenge.newest_version) == bindparam("version"),
            sees(asker),
            col(LeaderboardSnapshot.phase) == bindparam("phase"),
        )
        .order_by(col(LeaderboardSnapshot.number).desc())
        .limit(1)
    )


def _open(phase: PhaseSpec, *, organizer: bool) -> ColumnElement[bool]:
    """Return the condition that the phase's boards are open to the asker at this moment."""
    if organizer or phase.visibility is BoardVisibility.LIVE:
        return true()
    return literal(phase.closes_at, UtcDateTime()) <= now()


def _refuse_if_hidden(session: Session, phase: PhaseSpec, *, organizer: bool) -> None:
    visible = session.execute(select(_open(phase, organizer=organizer))).scalar_one()
    refuse_hidden(phase, hidden=not visible)
