"""A program that never reads must not hold its worker: writing to it ends."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from proctor_runner.sandbox import waiting_to_write
from proctor_runner.sandbox.attached import Attached
from proctor_runner.sandbox.waiting_to_write import wait_for_room

LINE = b'{"id":"kze2iftlhugxuh76"}\n'


@pytest.fixture(autouse=True)
def a_short_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting_to_write, "_ROOM_WITHIN_S", 0.05)


def again_and_again(write: Callable[[], None]) -> None:
    for _ in range(100_000):
        write()


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    os.close(reading)
    os.close(writing)


def test_a_full_pipe_is_given_up_and_goes_on_once_it_is_read(pipe: tuple[int, int]) -> None:
    reading, writing = pipe

    def write() -> None:
        wait_for_room(writing)
        os.write(writing, LINE)

    with pytest.raises(TimeoutError, match="nothing was read"):
        again_and_again(write)
    os.read(reading, 1 << 16)
    wait_for_room(writing)


def test_questions_to_a_container_that_reads_none_end() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        attached = Attached(ours)
        with pytest.raises(OSError, match="nothing was read"):
            again_and_again(partial(attached.send, LINE))
