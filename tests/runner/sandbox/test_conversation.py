"""What is heard of a serving program, where no sandbox is needed to tell."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest

from proctor_runner.sandbox.conversation import MOST_LINE_BYTES, Conversation
from proctor_runner.sandbox.session import ServingSession


def test_a_flood_of_empty_lines_is_heard_as_fast_as_any() -> None:
    conversation = Conversation(log_bytes=16 << 20)
    conversation.print(b"x" * (32 << 20))
    began = time.thread_time()
    conversation.hear(b"\n" * 32_768 + b'{"ready":1}\nloaded\n')
    assert time.thread_time() - began < 1, "a copy of the log for each line takes minutes"
    assert conversation.is_ready
    assert conversation.take_log().endswith(b"\n\nloaded\n")


def test_last_words_that_arrive_after_the_answer_are_heard() -> None:
    conversation = Conversation(log_bytes=8192)
    conversation.hear(b'{"ready":1}\n')
    conversation.ask("c1")
    conversation.print(b"x" * 100_000)
    conversation.hear(b'{"id":"c1","ok":1}\n')
    late = threading.Timer(0.05, conversation.print, [b"\nthe end\n"])
    late.start()
    conversation.hear_out()
    assert conversation.take_log().endswith(b"x\nthe end\n")
    late.join()


def test_a_program_that_printed_nothing_is_not_waited_for(monkeypatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("waited"))
    conversation = Conversation(log_bytes=8192)
    conversation.hear(b'{"ready":1}\n')
    conversation.print(b"loading")
    conversation.ask("c1")
    conversation.hear(b'{"id":"c1","ok":1}\n')
    conversation.hear_out()


class Rambling:
    """A program that breaks the protocol before it is ready, and is heard to the end when gone."""

    peak_memory_bytes = None

    def __init__(self) -> None:
        self.conversation = Conversation(log_bytes=8192)
        self.conversation.hear(b"x" * (MOST_LINE_BYTES + 2))

    def discard(self) -> None:
        self.conversation.print(b"why I ramble\n")


def test_the_last_words_of_a_program_that_never_was_ready_are_reported() -> None:
    job: Any = SimpleNamespace(left_s=60, limits=SimpleNamespace(start_s=60), outputs=())
    start: Any = lambda _: Rambling()  # noqa: E731
    result = ServingSession(start).start(job, lambda: False)

    assert result is not None
    assert "to standard output" in result.detail
    assert b"why I ramble" in result.log
