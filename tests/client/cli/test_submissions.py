import csv
import json
import subprocess
import sys
from contextlib import contextmanager
from io import StringIO
from types import SimpleNamespace

import pytest
from docker.errors import ImageNotFound

from proctor import compare
from proctor.cli.failures import CommandError
from proctor.template.scaffold import scaffold


@pytest.fixture
def model(tmp_path):
    scaffold(tmp_path / "svc", "svc", "classification")
    return tmp_path / "svc"


@pytest.fixture
def open_challenge(logged_in, challenge_view):
    logged_in.on("GET /challenges/digits", (200, challenge_view))
    return logged_in


def once_uploaded(platform, problem, view):
    """Answer as the platform does: a submission enters when its files are there."""

    def answer(call):
        entries = call.json()["content"]["entries"]
        if any(entry["file"]["digest"] not in platform.blobs for entry in entries):
            return 409, problem(409, "BLOB_MISSING", "A file is not here.")
        return 201, view

    return answer


def scored(submission_view, run_view, **changes):
    evaluation = {
        "id": "eva_1",
        "state": "scored",
        "outcome": "OK",
        "scores": {"classify/top1/mean": 0.9912},
        "definitions": {"top1": "top_k.v1"},
    }
    return submission_view(
        **{
            "progress": "scored",
            "final": True,
            "outcome": "OK",
            "rank": 3,
            "runs": [run_view(evaluation=evaluation)],
            **changes,
        }
    )


def test_submit_uploads_the_folder_and_prints_id_and_page(
    proctor, open_challenge, model, submission_view, problem
):
    enters = once_uploaded(open_challenge, problem, submission_view())
    open_challenge.on("POST /submissions", enters)
    ended = proctor("submit", "digits", model, "-m", "first try", "--idempotency-key", "k" * 20)
    assert ended.code == 0
    assert ended.out.splitlines() == [
        "sub_1",
        f"{open_challenge.url}/api/v1/submissions/sub_1",
    ]
    *_, call = open_challenge.made("POST /submissions")
    assert call.headers["Idempotency-Key"] == "k" * 20
    sent = call.json()
    assert sent["phase"] == "main"
    assert sent["message"] == "first try"
    assert sent["content"]["kind"] == "folder"
    paths = [entry["path"] for entry in sent["content"]["entries"]]
    assert paths == ["Dockerfile", "README.md", "model.json", "model.py", "samples/images.npy"]
    assert set(open_challenge.blobs) == {
        entry["file"]["digest"] for entry in sent["content"]["entries"]
    }


def test_submit_and_wait_prints_the_id_before_state_scores_and_rank(
    proctor, open_challenge, model, submission_view, run_view
):
    running = run_view(state="running", outcome=None, cases_done=1)
    open_challenge.on("POST /submissions", (201, submission_view()))
    open_challenge.on(
        "GET /submissions/sub_1",
        (200, submission_view(progress="running", runs=[running])),
        (200, scored(submission_view, run_view)),
    )
    ended = proctor("submit", "digits", model, "--wait", "--poll-interval", "0.05")
    assert ended.code == 0
    assert ended.out.startswith("sub_1\n")
    assert "0.9912" in ended.out
    lines = ended.err.splitlines()
    assert "running  1/4 cases" in lines
    assert "scored  4/4 cases" in lines
    assert "Rank 3." in lines


def test_submit_as_json_is_one_document(proctor, open_challenge, model, submission_view, run_view):
    open_challenge.on("POST /submissions", (201, submission_view()))
    open_challenge.on("GET /submissions/sub_1", (200, scored(submission_view, run_view)))
    ended = proctor("submit", "digits", model, "--wait", "--format", "json")
    assert json.loads(ended.out)["rank"] == 3
    assert ended.err.index("sub_1") < ended.err.index("scored")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"state": "rejected", "progress": "rejected", "outcome": "FOLDER_REJECTED"}, 4),
        ({"progress": "failed", "outcome": "CRASH", "detail": "exit status 3"}, 1),
    ],
)
def test_a_submission_that_ends_badly_says_why_and_ends_with_its_code(
    proctor, open_challenge, model, submission_view, changes, code
):
    open_challenge.on("POST /submissions", (201, submission_view()))
    ended_badly = submission_view(final=True, hint="Do this.", **changes)
    open_challenge.on("GET /submissions/sub_1", (200, ended_badly))
    ended = proctor("submit", "digits", model, "--wait")
    assert ended.code == code
    reason = ": ".join(filter(None, (changes["outcome"], changes.get("detail"))))
    assert ended.err.splitlines()[-3:] == [changes["progress"], reason, "Hint: Do this."]


@pytest.mark.parametrize(
    ("status", "code", "exit_code"),
    [
        (401, "UNAUTHENTICATED", 3),
        (403, "FORBIDDEN", 3),
        (403, "TERMS_NOT_ACCEPTED", 4),
        (409, "PHASE_CLOSED", 4),
        (429, "QUOTA_USED", 4),
        (500, "INTERNAL", 1),
    ],
)
def test_a_refusal_ends_with_the_code_of_its_kind(
    proctor, open_challenge, model, problem, status, code, exit_code
):
    said = problem(status, code, "It was refused.", "Because.", "Do this.")
    open_challenge.on("POST /submissions", (status, said))
    ended = proctor("submit", "digits", model)
    assert ended.code == exit_code
    assert ended.out == ""
    assert "Error: It was refused. Because.\nHint: Do this.\n" in ended.err
    assert open_challenge.blobs == {}, "nothing is sent for an entry that is refused"


def test_a_run_that_failed_says_how_to_see_why(proctor, logged_in, submission_view, run_view):
    run = run_view(state="failed", outcome="CRASH", cases_failed=4)
    view = submission_view(final=True, progress="failed", outcome="CRASH", runs=[run])
    logged_in.on("GET /submissions/sub_1", (200, view))
    ended = proctor("submission", "sub_1")
    assert "`proctor logs sub_1`" in ended.err
    assert "`proctor submission sub_1 --cases`" in ended.err
    assert ended.err.count("CRASH") == 1
    assert "Nothing to show" not in ended.err


def test_the_place_of_a_submission_is_told(proctor, logged_in, submission_view, run_view):
    view = scored(submission_view, run_view, rank=None, standing="Another of yours stands there.")
    logged_in.on("GET /submissions/sub_1", (200, view))
    assert "Another of yours stands there." in proctor("submission", "sub_1").err


def test_json_says_everything_on_standard_output(proctor, logged_in, submission_view, run_view):
    logged_in.on("GET /submissions/sub_1", (200, scored(submission_view, run_view)))
    ended = proctor("submission", "sub_1", "--format", "json")
    assert json.loads(ended.out)["rank"] == 3
    assert ended.err == ""


@pytest.mark.parametrize("docker", [True, False])
def test_what_is_no_folder_file_or_image_is_said_to_be_none(
    proctor, open_challenge, monkeypatch, docker
):
    @contextmanager
    def daemon():
        if not docker:
            raise CommandError("No Docker daemon answers: refused.", "Start one.")

        class Images:
            def get(self, name):
                raise ImageNotFound(f"No such image: {name}")

        yield SimpleNamespace(images=Images())

    monkeypatch.setattr("proctor.cli.contents.docker_client", daemon)
    ended = proctor("submit", "digits", "nothing-here")
    assert ended.code == 2
    said = "is neither a folder nor a file here, nor an image" if docker else "no folder or file"
    assert said in ended.err
    assert "Reading" not in ended.err


def test_words_left_in_the_card_are_remarked_on(proctor, open_challenge, model, submission_view):
    open_challenge.on("POST /submissions", (201, submission_view()))
    assert "`proctor model init`: description, authors." in proctor("submit", "digits", model).err
    card = json.loads((model / "model.json").read_text())
    filled = card | {"description": "A support vector machine.", "authors": ["Ada"]}
    (model / "model.json").write_text(json.dumps(filled))
    assert "model init" not in proctor("submit", "digits", model).err


def test_a_model_that_is_not_there_is_wrong_usage(proctor, open_challenge):
    ended = proctor("submit", "digits", "./nothing")
    assert ended.code == 2
    assert "There is no folder or file ./nothing" in ended.err
    assert "Give the path of a model folder" in ended.err


def test_a_wrong_field_in_the_card_is_named_with_its_file(proctor, open_challenge, model):
    card = json.loads((model / "model.json").read_text())
    (model / "model.json").write_text(json.dumps(card | {"licence": "MIT"}))
    ended = proctor("submit", "digits", model)
    assert ended.code == 1
    assert f"{model / 'model.json'}: licence: " in ended.err
    assert open_challenge.made("POST /submissions") == []


def test_a_link_in_the_folder_is_named(proctor, open_challenge, model):
    (model / "weights").symlink_to("/etc")
    ended = proctor("submit", "digits", model)
    assert ended.code == 1
    assert f"{model / 'weights'} is a link" in ended.err


def test_one_of_several_phases_must_be_named(proctor, open_challenge, challenge_view, model):
    (phase,) = challenge_view["challenge"]["phases"]
    challenge_view["challenge"]["phases"].append(phase | {"slug": "final"})
    ended = proctor("submit", "digits", model)
    assert ended.code == 2
    assert "the phases main, final" in ended.err
    assert proctor("submit", "digits", model, "--phase", "other").code == 2


def test_submissions_are_listed_in_every_format(proctor, logged_in, submission_view):
    page = {"items": [submission_view(), submission_view(id="sub_2")], "offset": 0, "total": 2}
    logged_in.on("GET /submissions", (200, page))
    assert "sub_2" in proctor("submissions").out
    assert [view["id"] for view in json.loads(proctor("submissions", "--format", "json").out)] == [
        "sub_1",
        "sub_2",
    ]
    rows = list(csv.DictReader(StringIO(proctor("submissions", "--format", "csv").out)))
    assert [row["id"] for row in rows] == ["sub_1", "sub_2"]


def test_a_program_gets_state_and_cases_in_fields_of_their_own(
    proctor, logged_in, submission_view, run_view
):
    run = run_view(state="failed", outcome="CRASH", cases_done=3, cases_failed=2)
    view = submission_view(progress="failed", outcome="CRASH", detail="It ended.", runs=[run])
    logged_in.on("GET /submissions", (200, {"items": [view], "offset": 0, "total": 1}))
    (row,) = csv.DictReader(StringIO(proctor("submissions", "--format", "csv").out))
    assert (row["state"], row["progress"], row["outcome"]) == ("accepted", "failed", "CRASH")
    assert (row["cases_done"], row["cases_failed"], row["cases_total"]) == ("3", "2", "4")
    (document,) = json.loads(proctor("submissions", "--format", "json").out)
    assert (document["cases_done"], document["cases_total"]) == (3, 4)


def test_a_submission_shows_its_cases(proctor, logged_in):
    cases = [
        {
            "run": "run_1",
            "task": "classify",
            "case": "a",
            "outcome": "TIMEOUT",
            "detail": "It took 61 s.",
            "seconds": 61.0,
            "peak_memory_bytes": None,
            "scores": {"top1/mean": 0.0},
        }
    ]
    logged_in.on("GET /submissions/sub_1/cases", (200, cases))
    ended = proctor("submission", "sub_1", "--cases", "--format", "csv")
    assert ended.out.splitlines() == [
        "case,outcome,seconds,top1/mean,detail",
        "a,TIMEOUT,61.0,0.0,It took 61 s.",
    ]


def test_somebody_elses_submission_is_not_there(proctor, logged_in):
    assert proctor("submission", "sub_9").code == 4


def test_logs_follow_to_the_end_and_print_nothing_twice(proctor, logged_in, submission_view):
    logged_in.on(
        "GET /submissions/sub_1",
        (200, submission_view()),
        (200, submission_view(progress="scored", final=True)),
    )
    b, a = "==> case b <==\none\n", "==> case a <==\ntwo\u001b]0;x\u0007\n"
    logged_in.on("GET /submissions/sub_1/log", (200, b), (200, a + b))
    ended = proctor("logs", "sub_1", "-f", "--poll-interval", "0.05")
    hidden = "\N{REPLACEMENT CHARACTER}"
    assert ended.out == f"{b}==> case a <==\ntwo{hidden}]0;x{hidden}\n"


def test_cancel_says_what_became_of_it(proctor, logged_in, submission_view):
    logged_in.on(
        "POST /submissions/sub_1/cancel", (200, submission_view(progress="cancelled", final=True))
    )
    assert "sub_1 is cancelled." in proctor("cancel", "sub_1").err


def test_help_answers_at_once_and_loads_no_client():
    code = (
        "import sys, proctor.cli\n"
        "status = proctor.cli.main(['--help'])\n"
        "loaded = {'httpx2', 'pydantic', 'docker', 'numpy', 'fastapi'} & set(sys.modules)\n"
        "print(status, loaded, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "0 set()"
    assert "leaderboard" in done.stdout


def test_an_unknown_option_is_wrong_usage(proctor):
    assert proctor("submissions", "--nonsense").code == 2


def test_an_unforeseen_error_is_one_line_without_a_traceback(proctor, monkeypatch):
    def fail(_option):
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr("proctor.cli.submissions.connect", fail)
    ended = proctor("cancel", "sub_1")
    assert ended.code == 1
    assert ended.err.startswith("Error: ZeroDivisionError: by nothing\n")
    monkeypatch.setenv("PROCTOR_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        proctor("cancel", "sub_1")


def test_a_claim_of_what_is_not_measured_is_remarked_on(
    proctor, open_challenge, model, submission_view
):
    open_challenge.on("POST /submissions", (201, submission_view()))
    card = json.loads((model / "model.json").read_text())
    card["claimed_scores"] = {"top1": 0.9, "classify/top1/one": 0.9, "topp1": 0.9, "other/top1": 1}
    (model / "model.json").write_text(json.dumps(card))
    said = proctor("submit", "digits", model).err
    assert "claimed_scores names what digits does not measure: topp1, other/top1." in said
    card["claimed_scores"] = {"top1 (all)": 0.9}
    (model / "model.json").write_text(json.dumps(card))
    assert (
        "claimed_scores: 'top1 (all)' is no score's name" in proctor("submit", "digits", model).err
    )


def test_too_large_a_wish_is_remarked_on(proctor, open_challenge, model, submission_view):
    open_challenge.on("POST /submissions", (201, submission_view()))
    card = json.loads((model / "model.json").read_text())
    card |= {"resources": {"cpus": 64}}
    (model / "model.json").write_text(json.dumps(card))
    said = proctor("submit", "digits", model).err
    assert "resources.cpus: it asks for 64, the phase gives 1." in said


def test_scores_are_those_that_stand_after_a_refresh(
    proctor, logged_in, submission_view, run_view, monkeypatch
):
    def run(number, purpose, value):
        scores = {"id": f"eva_{number}", "state": "scored", "outcome": "OK"}
        return run_view(
            id=f"run_{number}",
            purpose=purpose,
            evaluation=scores | {"scores": {"classify/top1/mean": value}},
        )

    runs = [run(1, "first", 0.75), run(2, "refresh", 0.9167)]
    view = submission_view(final=True, progress="scored", runs=runs)
    logged_in.on("GET /submissions/sub_1", (200, view))
    logged_in.on("GET /submissions/sub_1/cases", (200, []))
    shown = proctor("submission", "sub_1").out
    assert "0.9167" in shown
    assert "0.75" not in shown

    monkeypatch.setenv("PROCTOR_HOST", logged_in.url)
    monkeypatch.setenv("PROCTOR_TOKEN", "tok_a.b")
    assert compare("sub_1", "sub_1").scores["a"].to_dict() == {"classify/top1/mean": 0.9167}


def test_seconds_in_the_model_are_told_apart_from_those_around_it(
    proctor, logged_in, submission_view, run_view
):
    times = {"started_at": "2026-03-01T12:00:00Z", "ended_at": "2026-03-01T12:00:04Z"}
    runs = [run_view(**times), run_view(id="run_2", task="again", attempt=2, **times)]
    view = submission_view(final=True, progress="scored", runs=runs)
    logged_in.on("GET /submissions/sub_1", (200, view))
    logged_in.on("GET /submissions/sub_1/cases", (200, []))
    said = proctor("submission", "sub_1").err
    assert "classify, first: 2.5 s in the model, 1.5 s around it" in said
    # Of the seconds in the model some were another attempt's.
    assert "again, first" not in said
