"""One model, many who ask: a row, never a race."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from proctor.template.rest.failures import RefusedError
from proctor.template.rest.lane import Lane
from proctor.template.rest.settings import Settings

ALONE = """
import threading

class Model:
    def load(self, folder):
        self.inside, self.most, self.thread = 0, 0, threading.get_ident()

    def predict(self, inputs):
        self.inside += 1
        self.most = max(self.most, self.inside)
        word = inputs["text"]
        for _ in range(200):
            word = word[::-1]
        self.inside -= 1
        return {"word": word, "most": {"at once": self.most}}
"""
TEXT = {"text": {"type": "text"}}
WORD = {"word": {"type": "text"}, "most": {"type": "custom"}}


def test_everybody_gets_the_answer_to_the_own_question(serve: Any) -> None:
    running = serve(ALONE, TEXT, WORD, settings=Settings(most_waiting=100))

    def ask(number: int) -> tuple[str, Any]:
        with running.stranger() as client:
            answers = [
                client.post("/predict", files={"text": f"word {number} {turn}".encode()}).json()
                for turn in range(10)
            ]
        return (
            "".join(answer["outputs"]["word"]["value"][0] for answer in answers),
            max(answer["outputs"]["most"]["value"]["at once"] for answer in answers),
        )

    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(ask, range(16)))

    for number, (words, at_once) in enumerate(told):
        assert words == "".join(f"word {number} {turn}" for turn in range(10))
        assert at_once == 1
    left = (running.service.scratch / "requests").rglob("*")
    assert not [path for path in left if path.is_file()], "no file is left behind"


def test_who_would_wait_too_long_is_told_when_to_come_again(serve: Any) -> None:
    running = serve(ALONE, TEXT, WORD, settings=Settings(most_waiting=2), runs=False)
    with ThreadPoolExecutor(6) as pool, running.stranger() as client:
        waiting = [pool.submit(client.post, "/predict", files={"text": b"a"}) for _ in range(3)]
        while running.service.waiting < 3:
            threading.Event().wait(0.005)
        refused = {
            path: client.post(path, files={"text": b"late"})
            for path in ("/predict", "/api/predict", "/model/predict")
        }
        thread = running.service.run_aside()
        assert [one.result().status_code for one in waiting] == [200] * 3
        running.service.close()
        thread.join()
    for answer in refused.values():
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) >= 1
        assert json.loads(answer.text)["code"] == "busy"


def test_nobody_is_answered_who_has_left() -> None:
    lane: Lane[int] = Lane()
    asked = []
    thread = threading.Thread(target=lane.run)

    with ThreadPoolExecutor(1) as pool:
        left = pool.submit(lane.ask, lambda: len(asked.append(1) or ()), lambda: True)
        while not lane.waiting:
            threading.Event().wait(0.001)
        thread.start()
        with pytest.raises(RefusedError) as refused:
            left.result()
    lane.close()
    thread.join()

    assert refused.value.code == "gone"
    assert asked == []


def test_a_lane_that_closes_sends_everybody_away() -> None:
    lane: Lane[int] = Lane()
    with ThreadPoolExecutor(1) as pool:
        waits = pool.submit(lane.ask, lambda: 1)
        while not lane.waiting:
            threading.Event().wait(0.001)
        lane.close()
        with pytest.raises(RefusedError, match="being stopped"):
            waits.result()
    with pytest.raises(RefusedError, match="being stopped"):
        lane.ask(lambda: 1)


def test_a_failed_question_costs_the_next_one_nothing() -> None:
    lane: Lane[int] = Lane()
    thread = threading.Thread(target=lane.run)
    thread.start()

    with pytest.raises(ZeroDivisionError):
        lane.ask(lambda: 1 // 0)
    assert lane.ask(lambda: 2) == 2
    lane.close()
    thread.join()


def test_who_waits_longer_than_allowed_leaves_the_row() -> None:
    lane: Lane[int] = Lane(most_wait_s=0.01)

    with pytest.raises(RefusedError) as refused:
        lane.ask(lambda: 1)

    assert refused.value.code == "busy"
    assert lane.waiting == 0
