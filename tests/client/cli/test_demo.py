from io import BytesIO, StringIO
from math import log
from pathlib import Path
from types import SimpleNamespace

import nibabel
import numpy as np
import pytest
import yaml

from proctor.cli.demo.audit import audit_board
from proctor.cli.demo.entries import checkout, entries, left_out, preparing
from proctor.cli.demo.screen import StateBoard, Steps
from proctor.cli.demo.show import run_demo
from proctor.cli.failures import CommandError
from proctor.cli.new_challenge import new_challenge
from proctor.client import Blob
from proctor.spec.challenge import ChallengeSpec
from proctor.spec.leaderboard import BoardValue


class Archive:
    """A platform that has one submission with the predictions it is given."""

    def __init__(self, predictions, output, scores=None):
        self._blobs, self._cases = {}, []
        for case, array in predictions.items():
            stream = BytesIO()
            np.save(stream, array)
            blob = Blob.of_bytes(stream.getvalue())
            self._blobs[blob.ref.digest] = stream.getvalue()
            self._cases.append(
                SimpleNamespace(
                    run="run_1", case=case, predictions={output: blob.ref}, scores=scores or {}
                )
            )

    def submission(self, _id):
        return SimpleNamespace(
            runs=[
                SimpleNamespace(id="run_1", purpose="first", task=task)
                for task in ("classify", "segment")
            ]
        )

    def cases(self, _id):
        rerun = SimpleNamespace(run="run_2", case="hidden-1", predictions={}, scores={})
        return [*self._cases, rerun]

    def get_blob(self, digest):
        return self._blobs[digest]


def board_with(values):
    made = {key: BoardValue(value=value, n_used=1, n_total=1) for key, value in values.items()}
    return SimpleNamespace(rows=[SimpleNamespace(submission="sub_1", values=made)])


def load(folder: Path) -> ChallengeSpec:
    return ChallengeSpec.model_validate(yaml.safe_load((folder / "challenge.yaml").read_text()))


@pytest.fixture
def three_classes(tmp_path):
    """A challenge of three classes, scored by accuracy with ties shared and by log loss."""
    new_challenge(tmp_path / "exam", "exam", "classification")
    path = tmp_path / "exam" / "challenge.yaml"
    text = path.read_text().replace("{0: dark, 1: bright}", "{0: dark, 1: bright, 2: red}")
    path.write_text(text.replace('["0", "1"]', '["0", "1", "2"]'))
    return tmp_path / "exam"


def test_an_audit_agrees_with_a_board_that_is_right_and_shares_ties(three_classes):
    undecided = {f"hidden-{n}": np.full((12, 3), 1 / 3) for n in range(1, 7)}
    right = board_with({"classify/accuracy/mean": 1 / 3, "classify/log_loss/mean": log(3)})
    findings = list(
        audit_board(Archive(undecided, "probabilities"), three_classes, load(three_classes), right)
    )
    assert [finding.metric for finding in findings] == ["accuracy", "log_loss"]
    assert all(finding.agrees for finding in findings)
    assert findings[0].edges == 72


def test_an_audit_sees_a_board_that_is_wrong_and_one_that_lacks_a_value(three_classes):
    undecided = {f"hidden-{n}": np.full((12, 3), 1 / 3) for n in range(1, 7)}
    wrong = board_with({"classify/accuracy/mean": 0.5})
    accuracy, log_loss = audit_board(
        Archive(undecided, "probabilities"), three_classes, load(three_classes), wrong
    )
    assert not accuracy.agrees
    assert accuracy.largest == pytest.approx(1 / 6)
    assert not log_loss.agrees


def test_an_audit_of_masks_uses_the_references_of_the_folder(tmp_path):
    folder = tmp_path / "exam"
    new_challenge(folder, "exam", "segmentation")
    truth = {
        path.name.removesuffix(".nii.gz"): np.asanyarray(nibabel.load(path).dataobj)
        for path in (folder / "data" / "hidden" / "reference").iterdir()
    }
    right = board_with({"segment/dice/ball": 1.0, "segment/dice/mean": 1.0})
    dice, hd95 = audit_board(Archive(truth, "mask"), folder, load(folder), right)
    assert dice.agrees
    assert dice.values == 2
    assert hd95.agrees
    shifted = {case: np.roll(mask, 1, axis=0) for case, mask in truth.items()}
    dice, hd95 = audit_board(Archive(shifted, "mask"), folder, load(folder), right)
    assert dice.largest > 0.1
    assert hd95.agrees


def test_an_empty_answer_follows_the_boards_edge_rule(tmp_path):
    folder = tmp_path / "exam"
    new_challenge(folder, "exam", "segmentation")
    nothing = {f"hidden-{n}": np.zeros((12, 12, 12), np.uint8) for n in range(1, 7)}
    right = board_with({"segment/dice/ball": 0.0, "segment/dice/mean": 0.0})
    dice, hd95 = audit_board(Archive(nothing, "mask"), folder, load(folder), right)
    assert dice.agrees
    assert (hd95.values, hd95.edges) == (0, 6)


def test_a_baseline_with_a_dockerfile_is_entered_as_an_image(tmp_path):
    new_challenge(tmp_path / "exam", "exam", "classification")
    folder, spec = tmp_path / "exam", load(tmp_path / "exam")
    (entry,) = entries(folder, spec, images=True)
    assert entry.image == "proctor-demo/exam-simple:latest"
    assert list(entries(folder, spec, images=False)) == []
    assert left_out(folder, spec) == ["exam/simple"]
    (folder / "baselines" / "simple" / "Dockerfile").unlink()
    (entry,) = entries(folder, spec, images=False)
    assert entry.image is None
    assert entry.name == "exam/simple"


def test_preparing_waits_for_every_challenge_and_says_what_each_said(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "prepare.py").write_text(f"print('working'); print('{name} is ready')")
    with preparing([tmp_path / "a", tmp_path / "b"]) as wait:
        assert wait() == ["a is ready", "b is ready"]


def test_a_challenge_that_cannot_be_prepared_is_named_with_its_last_lines(tmp_path):
    (tmp_path / "prepare.py").write_text("raise SystemExit('no data')")
    with preparing([tmp_path]) as wait, pytest.raises(CommandError, match="no data"):
        wait()


def test_leaving_early_ends_the_preparation(tmp_path):
    (tmp_path / "prepare.py").write_text(
        "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(600)"
    )
    with preparing([tmp_path]):
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            pass
        pid = int((tmp_path / "pid").read_text())
        assert Path(f"/proc/{pid}").exists()
    assert not Path(f"/proc/{pid}").exists()


def test_a_pipe_gets_one_line_for_every_change_of_state(monkeypatch):
    seen = StringIO()
    monkeypatch.setattr("sys.stderr", seen)
    with StateBoard(["digits/svc"]) as board:
        board.set("digits/svc", "running  1/4 cases")
        board.set("digits/svc", "running  1/4 cases")
        board.set("digits/svc", "scored  4/4 cases")
    assert [line.partition("digits/svc")[2].strip() for line in seen.getvalue().splitlines()] == [
        "running  1/4 cases",
        "scored  4/4 cases",
    ]


def test_steps_are_numbered_and_timed(capsys):
    steps = Steps()
    for title in ("One thing", "Another"):
        with steps.step(title):
            pass
    steps.show()
    said = capsys.readouterr()
    assert "\n2. Another\n" in said.err
    assert "One thing" in said.out


def test_the_demo_starts_on_no_platform_that_is_there(alone):
    (alone / "home").mkdir()
    (alone / "home" / "proctor.sqlite3").touch()
    with pytest.raises(CommandError, match="holds a platform already"):
        run_demo("process", alone / "home", lambda: None)
    assert (checkout() / "challenges" / "digits" / "challenge.yaml").is_file()
