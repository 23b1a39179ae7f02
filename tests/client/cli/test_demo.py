import os
from io import StringIO
from pathlib import Path

import pytest
import typer
import yaml

from proctor.cli.demo.entries import checkout, entries, left_out, preparing
from proctor.cli.demo.screen import StateBoard, Steps
from proctor.cli.demo.show import run_demo
from proctor.cli.failures import CommandError, Exit
from proctor.cli.new_challenge import new_challenge
from proctor.cli.running import demo
from proctor.spec.challenge import ChallengeSpec


def load(folder: Path) -> ChallengeSpec:
    return ChallengeSpec.model_validate(yaml.safe_load((folder / "challenge.yaml").read_text()))


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


def test_what_the_demo_prepares_can_be_read_by_the_user_of_an_image(monkeypatch):
    seen: list[int] = []

    def look(*_: object, **__: object) -> Exit:
        seen.append(os.umask(0o022))
        return Exit.OK

    monkeypatch.setattr("proctor.cli.demo.run_demo", look)
    before = os.umask(0o022)
    try:
        with pytest.raises(typer.Exit):
            demo("process", None)
    finally:
        os.umask(before)
    assert seen == [0o022]


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
