from __future__ import annotations

import json
import os
from dataclasses import replace

import numpy as np
import pytest
import yaml

from proctor.spec.gpus import GpuLimits
from proctor.spec.outcomes import Code, ParticipantError, PlatformError
from proctor_runner.challenge_folder import load_challenge
from proctor_runner.local import LocalDesk, local_tasks, run_local, run_local_task


@pytest.fixture
def challenge(fakes, tmp_path):
    """A challenge of two cases whose sample the fake's answer gets half right."""
    folder = tmp_path / "challenge"
    for kind, values in (("inputs", np.zeros((2, 3))), ("reference", np.array([0, 0]))):
        (folder / kind).mkdir(parents=True)
        for case in ("c1", "c2"):
            np.save(folder / kind / f"{case}.npy", values)
    phase = {
        "slug": "main",
        "title": "Main",
        "tasks": ["sort"],
        "opens_at": "2026-01-01T00:00:00Z",
        "closes_at": "2027-01-01T00:00:00Z",
        "limits": {"case_s": 7},
        "ranking": {"bootstrap": {"samples": 100}},
    }
    document = {
        "schema": 1,
        "slug": "sorting",
        "title": "Sorting",
        "runtimes": ["runtime-cpu"],
        "tasks": [fakes.TASK],
        "phases": [phase],
    }
    (folder / "challenge.yaml").write_text(yaml.safe_dump(document))
    return folder


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.py").write_text("class Model: ...\n")
    (folder / "model.json").write_text(json.dumps({"name": "m", "runtime": "runtime-cpu"}))
    (folder / ".env").write_text("SECRET=1")
    return folder


@pytest.fixture
def run(fakes, challenge, model):
    def run(answer=fakes.good, chosen=None):
        sandbox = fakes.Sandbox(answer)
        (task,) = local_tasks(challenge, load_challenge(challenge), "sample")
        said = []
        report = run_local_task(
            task,
            chosen or model,
            progress=lambda *told: said.append(told),
            workshop=fakes.Workshop(sandbox),
        )
        return report, sandbox, said

    return run


def test_a_local_run_is_the_workers_run_and_the_scorers_scores(run):
    report, sandbox, said = run()
    assert (report.task, report.outcome, report.model_s) == ("sort", Code.OK, 2.0)
    assert {case.case: case.outcome for case in report.cases} == {"c1": Code.OK, "c2": Code.OK}
    assert dict(report.logs) == {"c1": b"hello\n", "c2": b"hello\n"}
    (accuracy,) = report.scores.aggregates
    assert (accuracy.value, accuracy.n_used, accuracy.n_total) == (0.5, 4, 4)
    assert {job.limits.case_s for job in sandbox.jobs} == {7}
    assert ("running", 2, 2) in said


def test_a_local_run_sees_what_would_be_submitted_and_no_more(run, fakes):
    seen = []

    def answer(job, cancelled):
        seen.append(sorted(path.name for path in job.program.model_folder.iterdir()))
        return fakes.good(job, cancelled)

    run(answer)
    assert seen == [["model.json", "model.py"]] * 2


def test_a_missing_case_counts_locally_as_it_would_on_the_board(run, fakes):
    def answer(job, cancelled):
        answer.first = not getattr(answer, "first", False)
        return fakes.leave(job, {}, exit_code=1) if answer.first else fakes.good(job, cancelled)

    report, _, _ = run(answer)
    assert sorted(case.outcome for case in report.cases) == [Code.CRASH, Code.OK]
    (accuracy,) = report.scores.aggregates
    assert (accuracy.value, accuracy.n_used, accuracy.n_total) == (0.25, 2, 4)


def test_a_model_that_fails_every_case_has_no_scores(run, fakes):
    report, _, _ = run(lambda job, cancelled: fakes.leave(job, {}, exit_code=1))
    assert (report.outcome, report.scores) == (Code.CRASH, None)
    assert len(report.cases) == 2


def test_an_image_needs_docker(run):
    with pytest.raises(PlatformError, match="process sandbox"):
        run(chosen="my/model:1")


@pytest.mark.parametrize(
    ("card", "said"),
    [
        ("{", "it is not JSON"),
        ('{"name": "No Slug"}', "name"),
        ('{"name": "m"}', "runtime"),
    ],
)
def test_a_model_folder_with_a_bad_card_is_refused(run, model, card, said):
    (model / "model.json").write_text(card)
    with pytest.raises(ParticipantError, match=said) as caught:
        run()
    assert caught.value.code is Code.FOLDER_REJECTED


def test_a_model_for_another_challenge_is_refused(challenge, model):
    card = {"name": "m", "runtime": "runtime-cpu", "tasks": ["other"]}
    (model / "model.json").write_text(json.dumps(card))
    with pytest.raises(ParticipantError, match="names no task of sorting"):
        run_local(challenge, model, sandbox="process")


def test_a_model_can_read_its_files_whatever_the_persons_umask_is(tmp_path):
    desk = LocalDesk({}, tmp_path / "stored", lambda _stage, _done, _total: None)
    before = os.umask(0o077)
    try:
        file = desk.store_bytes(b"weights")
        assert desk.store_bytes(b"weights") == file
    finally:
        os.umask(before)
    assert desk.fetch(file).stat().st_mode & 0o777 == 0o444


USES_GPUS = """
import os

class Model:
    def predict(self, inputs):
        print("given:", os.environ["CUDA_VISIBLE_DEVICES"])
        return {"scores": [[1.0, 0.0]] * len(inputs["rows"])}
"""


def with_gpus(challenge, **asked):
    """Return the task, in a phase that asks for GPUs."""
    (task,) = local_tasks(challenge, load_challenge(challenge), "sample")
    return replace(task, limits=task.limits.model_copy(update={"gpu": GpuLimits(**asked)}))


def test_a_model_runs_here_on_a_gpu_that_the_phase_asks_for(challenge, model, driver, gpus):
    (model / "model.py").write_text(USES_GPUS)
    driver.there = [gpus.gpu(0, vram_gb=8), gpus.gpu(1, vram_gb=40)]
    driver.used[gpus.gpu(1).uuid] = 3 * 2**30

    report = run_local_task(
        with_gpus(challenge, min_vram_bytes=20_000_000_000),
        model,
        "process",
        open_driver=driver.open,
    )

    assert report.outcome is Code.OK, report
    assert f"given: {gpus.gpu(1).uuid}\n".encode() in report.logs["c1"]
    assert report.environment.gpu == "NVIDIA A10"
    # What was in use before is not the model's.
    assert {case.peak_gpu_memory_bytes for case in report.cases} == {0}


def test_a_model_without_gpus_in_its_phase_is_given_none(challenge, model):
    (model / "model.py").write_text(USES_GPUS)
    (report,) = run_local(challenge, model, sandbox="process")
    assert b"given: \n" in report.logs["c1"]


def test_a_phase_that_no_gpu_here_fits_is_told_so(challenge, model, driver):
    with pytest.raises(PlatformError, match="1 of the 2 GPUs here, 0 of which are what the phase"):
        run_local_task(
            with_gpus(challenge, models=("H200",)), model, "process", open_driver=driver.open
        )
