"""What is heard of a serving program, where no sandbox is needed to tell."""

from __future__ import annotations

import time

from proctor_runner.sandbox.conversation import Conversation


def test_a_flood_of_empty_lines_is_heard_as_fast_as_any() -> None:
    conversation = Conversation(log_bytes=16 << 20)
    conversation.print(b"x" * (32 << 20))
    began = time.thread_time()
    conversation.hear(b"\n" * 32_768 + b'{"ready":1}\nloaded\n')
    assert time.thread_time() - began < 1, "a copy of the log for each line takes minutes"
    assert conversation.is_ready
    assert conversation.take_log().endswith(b"\n\nloaded\n")
