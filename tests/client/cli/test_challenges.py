import json
import subprocess
import sys

import pytest
import yaml

from proctor.cli.checking import readable_rows
from proctor.cli.salts import salt_key
from proctor.spec.challenge import ChallengeSpec
from proctor.template.scaffold import TASKS


@pytest.mark.parametrize("task", TASKS)
def test_a_new_challenge_passes_its_check(proctor, tmp_path, task):
    folder = tmp_path / "my-exam"
    ended = proctor("challenge", "init", folder, "--task", task)
    assert ended.code == 0
    assert ended.out == f"{folder}/challenge.yaml\n"
    checked = proctor("challenge", "check", folder, "--no-baselines")
    assert (checked.code, checked.out) == (0, "")
    spec = ChallengeSpec.model_validate(yaml.safe_load((folder / "challenge.yaml").read_text()))
    assert spec.slug == "my-exam"


def test_a_new_challenge_is_the_same_bytes_every_time(proctor, tmp_path):
    for name in ("a", "b"):
        proctor("challenge", "init", tmp_path / name / "exam", "--task", "segmentation")
    first, second = (
        {
            path.relative_to(tmp_path / name): path.read_bytes()
            for path in sorted((tmp_path / name).rglob("*"))
            if path.is_file()
        }
        for name in ("a", "b")
    )
    assert first == second


def test_a_folder_that_holds_something_is_left_alone(proctor, tmp_path):
    (tmp_path / "exam").mkdir()
    (tmp_path / "exam" / "notes.txt").write_text("mine")
    ended = proctor("challenge", "init", tmp_path / "exam")
    assert ended.code == 2
    assert [path.name for path in (tmp_path / "exam").iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("name", ["My Exam", "exam-", "über"])
def test_a_name_that_is_no_slug_is_wrong_usage(proctor, tmp_path, name):
    ended = proctor("challenge", "init", tmp_path / name)
    assert ended.code == 2
    assert "is no slug" in ended.err


def test_check_prints_one_line_a_problem_with_file_and_field(proctor, tmp_path):
    folder = tmp_path / "exam"
    proctor("challenge", "init", folder)
    text = (folder / "challenge.yaml").read_text()
    (folder / "challenge.yaml").write_text(
        text.replace("name: log_loss", "name: loss").replace("cpus: 1", "cpus: 0")
    )
    ended = proctor("challenge", "check", folder)
    assert ended.code == 1
    assert ended.out.startswith("challenge.yaml: phases[0].limits.cpus: ")
    (folder / "challenge.yaml").write_text(text.replace("name: log_loss", "name: loss"))
    (folder / "data" / "hidden" / "inputs" / "hidden-1.npy").unlink()
    lines = proctor("challenge", "check", folder).out.splitlines()
    assert lines[0].startswith("challenge.yaml: tasks[0].metrics[1].name: ")
    assert lines[1].startswith("data/hidden/inputs/hidden-1.npy: is missing")


def test_publish_uploads_every_file_and_announces_the_version_last(
    proctor, logged_in, tmp_path, challenge_view
):
    proctor("challenge", "init", tmp_path / "digits")
    challenge_view["challenge"]["baselines"] = ["baselines/simple"]
    logged_in.on("POST /challenges/digits/versions", (201, challenge_view))
    ended = proctor("challenge", "publish", tmp_path / "digits", "--no-docker", "--format", "csv")
    assert ended.code == 0
    assert ended.out.splitlines()[1].startswith("digits,2,")
    assert logged_in.calls[-1].path == "/api/v1/challenges/digits/versions"
    sent = logged_in.calls[-1].json()
    hidden = sent["data"]["classify"]["hidden"]
    assert len(hidden["inputs"]["cases"]) == 6
    digests = {
        file["digest"]
        for split in sent["data"]["classify"].values()
        for part in split.values()
        for case in part["cases"]
        for file in case["files"].values()
    }
    (runtime,) = sent["runtimes"]
    assert digests | {runtime["image"]["config"]["digest"]} == set(logged_in.blobs)
    assert runtime["image"]["layers"] == []
    assert f"proctor submit digits {tmp_path}/digits/baselines/simple --baseline\n" in ended.err
    assert len(hidden["reference"]["salt"]) == 64
    assert hidden["reference"]["salt"] not in ended.out + ended.err


def test_publishing_the_same_again_sends_the_same_request(
    proctor, logged_in, alone, tmp_path, challenge_view
):
    proctor("challenge", "init", tmp_path / "digits")
    logged_in.on("POST /challenges/digits/versions", (201, challenge_view), (200, challenge_view))
    for _ in range(2):
        assert proctor("challenge", "publish", tmp_path / "digits", "--no-docker").code == 0
    first, second = logged_in.made("POST /challenges/digits/versions")
    assert first.body == second.body
    assert (alone / "config" / "proctor" / "salt-key").stat().st_mode & 0o777 == 0o600
    splits = first.json()["data"]["classify"]
    assert splits["hidden"]["reference"]["salt"] != splits["sample"]["reference"]["salt"]


def test_publishing_the_same_again_says_that_nothing_changed(
    proctor, logged_in, tmp_path, challenge_view
):
    proctor("challenge", "init", tmp_path / "digits")
    challenge_view["page"] = "http://d.test/challenge?slug=digits"
    logged_in.on("GET /challenges/digits", (200, challenge_view))
    logged_in.on("POST /challenges/digits/versions", (200, challenge_view))
    ended = proctor("challenge", "publish", tmp_path / "digits", "--no-docker")
    assert "Nothing has changed: it is still version 2." in ended.err
    assert "--baseline" not in ended.err
    assert "http://d.test/challenge?slug=digits" in ended.out


@pytest.mark.parametrize("public", [True, False])
def test_publishing_says_whose_test_inputs_are_shown_from_now_on(
    proctor, logged_in, tmp_path, challenge_view, public
):
    proctor("challenge", "init", tmp_path / "digits")
    challenge_view["challenge"]["tasks"][0]["inputs_public"] = public
    logged_in.on("POST /challenges/digits/versions", (201, challenge_view))
    ended = proctor("challenge", "publish", tmp_path / "digits", "--no-docker")
    assert ("The test inputs of classify are now for whoever sees" in ended.err) is public


def test_salts_of_two_organizers_differ(tmp_path):
    assert salt_key(tmp_path / "a") == salt_key(tmp_path / "a")
    assert salt_key(tmp_path / "a") != salt_key(tmp_path / "b")


def test_a_challenge_with_problems_is_not_sent(proctor, logged_in, tmp_path):
    proctor("challenge", "init", tmp_path / "digits")
    (tmp_path / "digits" / "data" / "sample" / "cases.csv").unlink()
    ended = proctor("challenge", "publish", tmp_path / "digits", "--no-docker")
    assert ended.code == 1
    assert logged_in.calls == []


def test_the_schema_is_that_of_challenge_yaml(proctor):
    assert json.loads(proctor("challenge", "schema").out) == ChallengeSpec.model_json_schema()


def test_list_and_show(proctor, logged_in, challenge_view):
    summary = {
        "slug": "digits",
        "title": "Digits",
        "summary": "",
        "version": 2,
        "phases": ["main"],
        "open_phases": ["main"],
        "submissions": 3,
    }
    logged_in.on("GET /challenges", (200, {"items": [summary], "offset": 0, "total": 1}))
    logged_in.on("GET /challenges/digits", (200, challenge_view))
    assert proctor("challenge", "list", "--format", "csv").out.splitlines() == [
        "slug,title,version,open,submissions",
        "digits,Digits,2,main,3",
    ]
    shown = proctor("challenge", "show", "digits")
    assert "4 hidden cases with 40 items" in shown.err
    assert "main" in shown.out


def test_show_says_what_the_reader_is_to_the_challenge(proctor, logged_in, challenge_view):
    challenge_view["challenge"] |= {"title": "digits", "terms": {"version": "3", "text": "Fair."}}
    challenge_view |= {"terms_accepted": True, "page": "http://d.test/challenge?slug=digits"}
    logged_in.on("GET /challenges/digits", (200, challenge_view))
    ended = proctor("challenge", "show", "digits")
    assert ended.err.startswith("digits (version 2, by olga)\n")
    assert "You take part." in ended.err
    assert "Phase main: Ranked by " in ended.err
    assert "Its terms are version 3; you accepted them." in ended.err
    assert "http://d.test/challenge?slug=digits" in ended.err
    assert "limit per case" in ended.out
    challenge_view |= {"organizer": True, "joined": False, "terms_accepted": False}
    ended = proctor("challenge", "show", "digits")
    assert "You organize this." in ended.err
    assert "take part" not in ended.err
    assert "you have not accepted them" in ended.err


def test_joining_needs_the_terms_accepted(proctor, logged_in, challenge_view, monkeypatch):
    challenge_view["challenge"]["terms"] = {"version": "3", "text": "Be fair."}
    logged_in.on("GET /challenges/digits", (200, challenge_view))
    logged_in.on("POST /challenges/digits/join", (204, None))
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    refused = proctor("challenge", "join", "digits")
    assert refused.code == 2
    assert "Be fair." in refused.err
    assert logged_in.made("POST /challenges/digits/join") == []
    assert proctor("challenge", "join", "digits", "--accept-terms").code == 0
    (call,) = logged_in.made("POST /challenges/digits/join")
    assert call.json() == {"terms_version": "3"}


def test_a_member_that_is_no_user_is_named(proctor, logged_in, challenge_view, problem):
    missing = problem(404, "NOT_FOUND", "There is no such thing.", "There is no user nobody.")
    logged_in.on("POST /challenges/digits/members", (404, missing))
    logged_in.on("GET /challenges/digits", (200, challenge_view))
    ended = proctor("challenge", "member", "digits", "nobody")
    assert ended.code == 4
    assert "There is no user nobody." in ended.err
    assert "`proctor user invite nobody`" in ended.err
    assert "no user" not in proctor("challenge", "member", "other", "nobody").err


def test_a_name_that_no_account_can_have_is_told_by_field(proctor, logged_in):
    ended = proctor("challenge", "member", "digits", "Bob!")
    assert ended.code == 2
    assert "user: String should match" in ended.err
    assert "pydantic" not in ended.err


@pytest.mark.parametrize(
    ("command", "asked", "next_step"),
    [
        (("challenge", "show", "nope"), "challenge nope", "`proctor challenge list`"),
        (("leaderboard", "nope"), "challenge nope", "`proctor challenge list`"),
        (("submission", "sub_nope"), "submission sub_nope", "`proctor submissions`"),
    ],
)
def test_what_is_not_found_is_named_with_where_to_look(
    proctor, logged_in, command, asked, next_step
):
    ended = proctor(*command)
    assert ended.code == 4
    assert f"There is no {asked}, or it is not yours to see." in ended.err
    assert next_step in ended.err


def test_members_invitations_and_tokens_reach_the_platform(proctor, logged_in):
    logged_in.on("POST /challenges/digits/members", (204, None))
    logged_in.on("POST /users", (201, {"id": "tok_1", "secret": "tok_1.shown-once"}))
    logged_in.on("POST /tokens", (201, {"id": "tok_2", "secret": "tok_2.shown-once"}))
    logged_in.on("DELETE /tokens/tok_2", (204, None))
    assert proctor("challenge", "member", "digits", "bob", "--organizer").code == 0
    assert proctor("user", "invite", "bob", "--format", "csv").out.splitlines() == [
        "user,id,token",
        "bob,tok_1,tok_1.shown-once",
    ]
    proctor("user", "token", "--worker", "run")
    assert logged_in.made("POST /tokens")[0].json()["worker_role"] == "run"
    assert proctor("user", "token", "--worker", "walk").code == 2
    assert proctor("user", "revoke", "tok_2.a-secret-that-is-not-sent").code == 0
    assert logged_in.made("DELETE /tokens/tok_2")


def test_a_new_model_is_a_folder_that_can_be_entered(proctor, tmp_path):
    ended = proctor("model", "init", tmp_path / "net", "--task", "segmentation")
    assert ended.code == 0
    assert f"{tmp_path}/net/model.json" in ended.out.splitlines()
    assert proctor("model", "init", tmp_path / "net").code == 2


def test_the_command_is_also_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "proctor.cli", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.count(".") == 2


def test_scores_of_many_regions_are_rows_and_of_few_are_columns():
    few = [{"baseline": "b", "task": "t", "dice/mean": 0.5, "s/case": 1.0}]
    assert readable_rows(few) == few
    many = [{"baseline": "b", "task": "t"} | {f"dice/{n}": n / 10 for n in range(9)}]
    assert readable_rows(many)[1] == {
        "baseline": "b", "task": "t", "score": "dice/1", "value": 0.1,
    }  # fmt: skip
