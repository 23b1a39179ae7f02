"""What is heard of a serving program, where no sandbox is needed to tell."""

from __future__ import annotations

import threading
import time

import pytest

from proctor_runner.sandbox.conversation import Conversation


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
