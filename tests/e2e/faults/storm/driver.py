"""Enters submissions a few at a time until all have ended and every planned fault has happened."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial

from storm import oracle
from storm.engine_harms import ENGINE_HARMS
from storm.entries import Entry, enter, invite, invite_in_a_storm
from storm.harms import LONE, TOGETHER
from storm.visit import Director
from storm.world import PATIENCE_S, World, wait_until

_AT_ONCE = 10
_MORE = 4
"""So many are under way when all have been entered and some faults have not happened yet."""

_AHEAD = 0.1
"""So large a part of the faults may have happened before the same part of the work has ended."""

_LOOK_S = 0.2
_SETTLE_S = 240.0


def storm(
    world: World,
    plan: Mapping[str, list[str]],
    *,
    submissions: int,
    generator: random.Random,
    patience_s: float,
    settle_s: float = _SETTLE_S,
) -> tuple[list[Entry], Director]:
    """Have every planned fault happen at its point, over at least so many submissions."""
    director = Director(
        world.fault_socket,
        plan,
        {name: partial(harm, world) for name, harm in (LONE | ENGINE_HARMS).items()},
        {name: partial(harm, world) for name, harm in TOGETHER.items()},
        generator,
    )
    tokens = invite(world, [f"participant-{number}" for number in range(submissions)])
    director.start()
    for name in ("one", "two"):
        world.start_worker(name)
    end = time.monotonic() + patience_s
    entering: list[Future[Entry]] = []
    more = itertools.count(submissions)
    try:
        with ThreadPoolExecutor(4) as pool:
            while True:
                unfinished = oracle.unfinished(world)
                director.allow(_AHEAD + (len(entering) - unfinished) / submissions)
                waiting = sum(not future.done() for future in entering) + unfinished
                if len(entering) == len(tokens) and waiting == 0 and director.left == 0:
                    break
                if director.errors or time.monotonic() > end:
                    break
                if waiting < _AT_ONCE and len(entering) < len(tokens):
                    number = len(entering)
                    entering.append(pool.submit(enter, world, number, tokens[number]))
                elif waiting < _MORE and director.left:
                    # Not every pair has met; more work brings more visits.
                    tokens += invite_in_a_storm(world, f"participant-{next(more)}")
                time.sleep(_LOOK_S)
            director.calm()
        # After a fault that failed itself, what could not be entered is no news.
        entries = [] if director.errors else [future.result() for future in entering]
        if not director.errors:
            # What has not come to its end by then is for the oracle to say.
            with suppress(AssertionError):
                _settle(world, settle_s)
    finally:
        director.stop()
    return entries, director


def _settle(world: World, settle_s: float) -> None:
    wait_until(lambda: oracle.unfinished(world) == 0, "every submission ends", settle_s)
    (row,) = world.read(
        "select count(distinct run.submission_id) as number from evaluation"
        " join run on run.id = evaluation.run_id where evaluation.state = 'scored'"
    )
    scored = row["number"]
    wait_until(lambda: not oracle.board_is_missing(world, scored), "the board", settle_s)


def calm(world: World, *, submissions: int) -> list[Entry]:
    """Have submissions come to their end without any fault."""
    entries, _ = storm(
        world,
        {},
        submissions=submissions,
        generator=random.Random(0),
        patience_s=PATIENCE_S,
    )
    return entries
