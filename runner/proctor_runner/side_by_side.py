"""Does one thing to many, in processes side by side where that is worth their start.

Each process is a new interpreter that is told which function to call; it shares nothing with this
one but its environment and its path, whatever other code of this program has started, changed or
forked before, and a script that asked for this is not run again in it. It does one thing at a
time, so that when it dies it is known at what, and how it ended is told: the hard part is that a
process killed for want of memory leaves nothing behind but its status.
"""

from __future__ import annotations

import json
import os
import pickle
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import IO, Any, Generic, NamedTuple, TypeVar

import proctor_metrics
from proctor_metrics.threads import thread_limit
from proctor_runner.parent_death import bind_to

WORTH_S = 3.0
"""Other processes are started when what is left would take this one longer."""

_LOOK_S = 0.5
_MOST_TOLD = 300
_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]);"
    " from proctor_runner.side_by_side import serve; serve(int(sys.argv[2]), int(sys.argv[3]))"
)

_Given = TypeVar("_Given")
_Made = TypeVar("_Made")


class ProcessDiedError(Exception):
    """A process ended before it had done what it was given; ``reason`` says how."""

    def __init__(self, given: Any, reason: str) -> None:
        super().__init__(reason)
        self.given = given
        self.reason = reason


class Done(NamedTuple, Generic[_Given, _Made]):
    """What was given, and what came of it."""

    given: _Given
    made: _Made


def side_by_side(
    work: Callable[[_Given], _Made],
    given: Iterable[_Given],
    total: int,
    processes: int,
    look: Callable[[int], None] = lambda _done: None,
    limit_s: float | None = None,
) -> Iterator[Done[_Given, _Made]]:
    """Yield what comes of each, as it comes; one is held for each process.

    Args:
        work: what another process can be given; it takes and makes such things too.
        given: asked for the next one only when there is a process for it.
        total: how many there are.
        processes: at most so many; 1 is this one alone.
        look: told how many are done, before each and twice a second; what it raises ends all.
        limit_s: another process that takes longer for one is killed.

    Raises:
        ProcessDiedError: a process did.
    """
    began = time.monotonic()
    ahead = iter(given)
    for done in range(total):
        left_s = (time.monotonic() - began) / max(done, 1) * (total - done)
        if processes > 1 and done and left_s > WORTH_S:
            crew = _Crew(work, limit_s)
            try:
                yield from crew.do(ahead, done, min(processes, total - done), look)
            finally:
                crew.dismiss()
            return
        look(done)
        one = next(ahead, None)
        if one is None:
            return
        yield Done(one, work(one))


class _Failed(NamedTuple):
    """An exception on its way to the process that asked, and where it was raised."""

    error: Exception
    trace: str


@dataclass(eq=False)
class _Hand(Generic[_Given]):
    """Another process: what it was given last, and since when it is at it."""

    process: subprocess.Popen[bytes]
    line: Connection
    said: IO[bytes]
    given: list[_Given] = field(default_factory=list)
    since: float = 0.0

    def give(self, one: _Given) -> None:
        self.given, self.since = [one], time.monotonic()
        # Whether it is dead is found where its answer is waited for.
        with suppress(OSError):
            self.line.send(one)

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        self.line.close()
        self.said.close()

    def ending(self) -> str:
        """Say how a dead process ended, with its last words where it had any."""
        status = self.process.wait()
        self.said.seek(max(0, self.said.seek(0, os.SEEK_END) - 4096))
        lines = self.said.read().decode(errors="replace").strip().splitlines()
        words = f"; it last said: {lines[-1].strip()[:_MOST_TOLD]}" if lines else ""
        if status >= 0:
            return f"with exit status {status}{words}"
        name = signal.Signals(-status).name
        memory = ", most often because memory ran out" if -status == signal.SIGKILL else ""
        return f"by {name}{memory}{words}"


class _Crew(Generic[_Given, _Made]):
    """Other processes that do the same work."""

    def __init__(self, work: Callable[[_Given], _Made], limit_s: float | None) -> None:
        self._work = work
        self._limit_s = limit_s
        self._hands: list[_Hand[_Given]] = []

    def do(
        self, ahead: Iterator[_Given], done: int, hands: int, look: Callable[[int], None]
    ) -> Iterator[Done[_Given, _Made]]:
        idle = hands
        while True:
            while idle and (one := next(ahead, None)) is not None:
                hand = next((hand for hand in self._hands if not hand.given), None)
                (hand or self._hire()).give(one)
                idle -= 1
            busy = {hand.line: hand for hand in self._hands if hand.given}
            if not busy:
                return
            for line in wait(list(busy), timeout=_LOOK_S):
                hand = busy[line]  # type: ignore[index]
                found = self._answer(hand)
                (one,), hand.given = hand.given, []
                idle += 1
                done += 1
                yield Done(one, found)
            look(done)
            self._end_late(busy.values())

    def dismiss(self) -> None:
        """End all of them."""
        for hand in self._hands:
            hand.end()

    def _hire(self) -> _Hand[_Given]:
        ours, theirs = socket.socketpair()
        said = tempfile.TemporaryFile()  # noqa: SIM115
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-c", _START, json.dumps(sys.path), str(theirs.fileno()),
                 str(os.getpid())],
                pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=said, stderr=said,
            )  # fmt: skip
        hand: _Hand[_Given] = _Hand(process, Connection(ours.detach()), said)
        self._hands.append(hand)
        with suppress(OSError):
            hand.line.send(proctor_metrics.__file__)
            hand.line.send(self._work)
        return hand

    def _answer(self, hand: _Hand[_Given]) -> _Made:
        try:
            found = hand.line.recv()
        except (EOFError, OSError):
            raise ProcessDiedError(hand.given[0], hand.ending()) from None
        if isinstance(found, _Failed):
            found.error.add_note(found.trace)
            raise found.error
        made: _Made = found
        return made

    def _end_late(self, busy: Iterable[_Hand[_Given]]) -> None:
        if self._limit_s is None:
            return
        for hand in busy:
            took_s = time.monotonic() - hand.since
            if hand.given and took_s > self._limit_s:
                raise ProcessDiedError(
                    hand.given[0], f"because it was stopped after {took_s:.0f} s"
                )


def serve(descriptor: int, parent: int) -> None:
    """Be another process: do what comes down the line until it is closed."""
    bind_to(parent)
    line = Connection(descriptor)
    with suppress(EOFError, ConnectionError), thread_limit(1):
        metrics = line.recv()
        if proctor_metrics.__file__ != metrics:
            # An archive's metrics are never replaced by the installed ones without a word.
            sys.exit(f"found the metrics {proctor_metrics.__file__} in place of {metrics}")
        work = line.recv()
        while True:
            line.send_bytes(_done(work, line.recv()))


def _done(work: Callable[[Any], Any], given: Any) -> bytes:
    try:
        return pickle.dumps(work(given))
    except Exception as error:
        return _carried(error)


def _carried(error: Exception) -> bytes:
    """Return an exception as bytes; one that cannot be taken apart goes by its text."""
    trace = "".join(traceback.format_exception(error))
    try:
        content = pickle.dumps(_Failed(error, trace))
        pickle.loads(content)  # noqa: S301
    except Exception:
        return pickle.dumps(_Failed(RuntimeError(f"{type(error).__name__}: {error}"), trace))
    return content
