"""A public board beside its private one: how far the orders differ."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from sqlmodel import Session, select

from proctor.spec.leaderboard import SnapshotRef
from proctor.spec.overfitting import OverfittingReport, PrivateMove
from proctor_metrics.ranking import kendall_tau
from proctor_platform.leaderboards.sight import Sighted
from proctor_platform.tables import LeaderboardRow, LeaderboardSnapshot, PrivateBoardRow


class _Pair(NamedTuple):
    """The row of one submission on both boards."""

    public: Mapping[str, Any]
    private: Mapping[str, Any]

    @property
    def ranked(self) -> bool:
        return self.public["rank"] is not None and self.private["rank"] is not None

    @property
    def move(self) -> int:
        return abs(self.private["rank"] - self.public["rank"]) if self.ranked else 0


def overfitting_report(session: Session, found: Sighted, limit: int) -> OverfittingReport:
    """Compare the two boards of a snapshot; at most ``limit`` rows are told, the largest first."""
    head = session.get_one(LeaderboardSnapshot, found.id).head
    deciding = [column["key"] for column in head["columns"] if column["decides"]]
    private = _bodies(
        session.exec(select(PrivateBoardRow.body).where(PrivateBoardRow.leaderboard_id == found.id))
    )
    public = _bodies(
        session.exec(select(LeaderboardRow.body).where(LeaderboardRow.leaderboard_id == found.id))
    )
    pairs = [_Pair(row, private[key]) for key, row in public.items() if key in private]
    ranked = [pair for pair in pairs if pair.ranked]
    moved = sum(pair.move > 0 for pair in ranked)
    largest = max((pair.move for pair in ranked), default=0)
    tau = _tau(ranked)
    stays = any(pair.public["rank"] == 1 and pair.private["rank"] == 1 for pair in ranked)
    order = sorted(pairs, key=lambda pair: (-pair.move, pair.public["rank"] or 0))
    return OverfittingReport(
        snapshot=SnapshotRef(**found._asdict()),
        sentence=_sentence(len(ranked), moved, largest, tau, stays=stays),
        kendall_tau=tau,
        rows=len(ranked),
        moved_rows=moved,
        largest_move=largest,
        first_stays=stays,
        moves=tuple(_move(pair, deciding) for pair in order[:limit]),
    )


def _bodies(rows: Iterable[str]) -> dict[str, Mapping[str, Any]]:
    documents = [json.loads(body) for body in rows]
    return {document["submission"]: document for document in documents}


def _tau(ranked: list[_Pair]) -> float | None:
    if len(ranked) < 2:
        return None
    public, private = (
        np.array([float(getattr(pair, side)["rank"]) for pair in ranked])
        for side in ("public", "private")
    )
    tau = float(kendall_tau(public, private[:, np.newaxis])[0])
    return None if np.isnan(tau) else tau


def _sentence(rows: int, moved: int, largest: int, tau: float | None, *, stays: bool) -> str:
    if not rows:
        return "No row has a rank on both the public and the private cases."
    first = "Who was first on the public cases is first on the private ones"
    if not stays:
        first = "Who was first on the public cases is not first on the private ones"
    alike = "" if tau is None else f"; Kendall's tau of the two orders is {tau:.3f}"
    return f"{first}. Of {rows} rows {moved} moved, by at most {largest} ranks{alike}."


def _move(pair: _Pair, deciding: list[str]) -> PrivateMove:
    public, private = pair
    return PrivateMove(
        participant=public["participant"],
        title=public["title"],
        submission=public["submission"],
        baseline=public["baseline"],
        public_rank=public["rank"],
        private_rank=private["rank"],
        public={key: _value(public, key) for key in deciding},
        private={key: _value(private, key) for key in deciding},
    )


def _value(row: Mapping[str, Any], key: str) -> float | None:
    found: float | None = (row["values"].get(key) or {}).get("value")
    return found
