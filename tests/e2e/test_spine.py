"""The one path everything runs along: publish, submit, run, score, rank, run again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = [pytest.mark.e2e, pytest.mark.docker]

RANDOM = """
import os
import numpy as np

class Model:
    def predict(self, inputs):
        seed = int.from_bytes(os.urandom(4), "little")
        p = np.random.default_rng(seed).random(len(inputs["values"]))
        return {"probabilities": np.stack([1 - p, p], axis=1)}
"""

ALTERED = """
import numpy as np

class Model:
    def predict(self, inputs):
        high = inputs["values"][:, 0] > 0.25
        return {"probabilities": np.where(high[:, None], [0.1, 0.9], [0.9, 0.1])}
"""


def test_a_good_model_is_scored_ranked_and_comes_out_identical_again(
    stack: Any, challenge: str, joined: str, model: Callable[..., Path]
) -> None:
    finished = stack.cli("submit", challenge, str(model()), "--wait", token=joined)
    first_lines = (finished.stdout + finished.stderr).split("\n")[:3]
    assert any("sub_" in line for line in first_lines)
    assert any("http" in line for line in first_lines)
    shown = json.loads(stack.cli("submissions", "--format", "json", token=joined).stdout)
    view = stack.client(joined).submission(shown[0]["id"])
    assert view.progress == "scored"
    assert view.runs[0].evaluation.scores["half/top1/mean"] == 1.0
    row = next(
        row
        for row in stack.client(joined).leaderboard(challenge, "main").rows
        if row.submission == view.id
    )
    assert row.rank == 1
    assert (row.failed_cases, row.total_cases) == (0, 3)
    again = stack.cli("rerun", view.id, "--wait", token=joined)
    assert "identical" in again.stdout + again.stderr


def test_a_seedless_random_model_comes_out_different_and_the_case_is_named(
    stack: Any, challenge: str, joined: str, model: Callable[..., Path]
) -> None:
    submission = stack.submit(challenge, model(RANDOM), joined)
    assert stack.finish(submission, joined).progress == "scored"
    again = stack.cli("rerun", submission, "--wait", token=joined, check=False)
    assert again.returncode == 1
    assert "different" in again.stdout + again.stderr
    assert "c1" in again.stdout + again.stderr


def test_an_altered_folder_comes_out_different_and_the_case_is_named(
    stack: Any, challenge: str, joined: str, model: Callable[..., Path]
) -> None:
    submission = stack.submit(challenge, model(), joined)
    assert stack.finish(submission, joined).progress == "scored"
    altered = model(ALTERED, "altered")
    again = stack.cli(
        "rerun", submission, "--folder", str(altered), "--wait", token=joined, check=False
    )
    assert again.returncode == 1
    assert "different" in again.stdout + again.stderr
    assert any(case in again.stdout + again.stderr for case in ("c1", "c2", "c3"))


def test_a_cancelled_submission_ends_and_leaves_no_container(
    stack: Any, challenge: str, joined: str, model: Callable[..., Path]
) -> None:
    slow = "import time\nclass Model:\n    def predict(self, inputs):\n        time.sleep(15)\n"
    submission = stack.submit(challenge, model(slow), joined)
    stack.cli("cancel", submission, token=joined)
    view = stack.finish(submission, joined)
    assert view.progress in {"cancelled", "withdrawn"}


def test_publishing_again_makes_a_version_and_leaves_the_old_board_readable(
    stack: Any,
    organizer: str,
    participant: str,
    model: Callable[..., Path],
    tmp_path: Path,
    write_challenge: Callable[..., Path],
) -> None:
    folder = write_challenge(tmp_path / "twice", "twice")
    stack.cli("challenge", "publish", str(folder), token=organizer)
    stack.client(participant).join("twice")
    submission = stack.submit("twice", model(), participant)
    assert stack.finish(submission, participant).rank == 1
    old = stack.client(participant).leaderboard("twice", "main")
    text = (folder / "challenge.yaml").read_text()
    (folder / "challenge.yaml").write_text(text.replace("The twice challenge", "Another title"))
    stack.cli("challenge", "publish", str(folder), token=organizer)
    assert stack.client(participant).challenge("twice").version == 2
    assert stack.client(participant).snapshot(old.id) == old
    document = yaml.safe_load((folder / "challenge.yaml").read_text())
    document["tasks"][0]["metrics"][1]["worst"] = 8
    (folder / "challenge.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    said = stack.cli("challenge", "publish", str(folder), token=organizer)
    assert "1 archived run is scored anew" in said.stderr
    again = stack.cli("challenge", "reevaluate", "twice", "--wait", token=organizer)
    assert "No rank has moved." in again.stderr
    new = stack.client(participant).leaderboard("twice", "main")
    assert (new.challenge_version, [row.submission for row in new.rows]) == (3, [submission])
    loss = next(column for column in new.columns if column.metric == "loss")
    assert "worst=8" in loss.definition_id
    assert stack.client(participant).snapshot(old.id) == old
    assert len(stack.client(participant).submission(submission).runs) == 1


def test_hidden_scores_stay_hidden_from_the_owner_and_others_until_the_phase_closes(
    stack: Any,
    organizer: str,
    participant: str,
    model: Callable[..., Path],
    tmp_path: Path,
    write_challenge: Callable[..., Path],
) -> None:
    folder = write_challenge(tmp_path / "dark", "dark", visibility="hidden_until_close")
    stack.cli("challenge", "publish", str(folder), token=organizer)
    stack.client(participant).join("dark")
    submission = stack.submit("dark", model(), participant)
    view = stack.finish(submission, participant)
    assert view.rank is None
    assert all(run.evaluation is None or not run.evaluation.scores for run in view.runs)
    for token in (participant, stack.user("curious"), None):
        assert "1.0" not in json.dumps(_everything(stack, token, submission))
    assert stack.client(organizer).leaderboard("dark", "main").rows[0].rank == 1


def _everything(stack: Any, token: str | None, submission: str) -> list[str]:
    """Return every answer about the submission's scores that a token can get."""
    from proctor.client import ApiError

    client = stack.client(token)
    answers = []
    for look in (
        lambda: client.leaderboard("dark", "main").model_dump_json(),
        lambda: client.leaderboard_csv("dark", "main"),
        lambda: json.dumps([case.scores for case in client.cases(submission)]),
        lambda: json.dumps([event.facts for event in client.events(submission)]),
    ):
        try:
            answers.append(look())
        except ApiError as error:
            answers.append(error.problem.code)
    return answers
