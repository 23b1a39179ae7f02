"""What is hidden stays hidden, in every query, also from a submission's owner."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from proctor.spec.outcomes import OUTCOMES, Code

HIDDEN = "hidden_until_close"
SCORE = 0.8125  # no other number of these tests


@pytest.fixture
def hidden(
    published: Any,
    organizer: Any,
    participant: Any,
    scored: Callable[..., None],
    tiny_phase: Callable[..., Any],
) -> str:
    """A scored submission in a phase that hides its scores until it closes."""
    phases = [tiny_phase(visibility=HIDDEN)]
    assert published.publish(organizer, phases=phases).status_code == 201
    made = published.enter(participant).json()["id"]
    scored(made, SCORE)
    return str(made)


def everything(who: Any, submission: str) -> str:
    """Return all that somebody may read about a submission, as one text."""
    paths = (
        f"/submissions/{submission}",
        f"/submissions/{submission}/cases",
        f"/submissions/{submission}/events",
        "/submissions",
        "/submissions?challenge=tiny&phase=main&mine=true",
        "/challenges/tiny",
        "/challenges/tiny/phases/main/leaderboard",
        "/challenges/tiny/phases/main/leaderboards",
    )
    return "\n".join(who.get(path).text for path in paths)


def test_the_owner_of_a_hidden_phase_sees_that_it_ended_and_no_score(
    hidden: str, participant: Any
) -> None:
    view = participant.get(f"/submissions/{hidden}").json()
    assert (view["progress"], view["final"]) == ("scored", True)
    assert (view["rank"], view["leaderboard"]) == (None, None)
    assert view["runs"][0]["evaluation"]["scores"] == {}
    cases = participant.get(f"/submissions/{hidden}/cases").json()
    assert [case["scores"] for case in cases] == [{}, {}, {}]
    seen = everything(participant, hidden)
    assert str(SCORE) not in seen
    assert "scanner b" not in seen


def test_the_owner_of_a_hidden_phase_is_told_until_when_it_is_hidden(
    hidden: str, participant: Any, organizer: Any
) -> None:
    view = participant.get(f"/submissions/{hidden}").json()
    (phase,) = participant.get("/challenges/tiny").json()["challenge"]["phases"]
    closes = datetime.fromisoformat(phase["closes_at"])
    assert view["standing"] == (
        f"Scores are hidden until {closes:%Y-%m-%d %H:%M} UTC, when the phase closes."
    )
    refused = participant.get(f"/submissions/{hidden}/log")
    assert (refused.status_code, refused.json()["code"]) == (403, "NOT_YET")
    assert refused.json()["detail"] == view["standing"].replace("Scores", "Logs")
    assert not any(c["log"] for c in participant.get(f"/submissions/{hidden}/cases").json())
    assert organizer.get(f"/submissions/{hidden}").json()["standing"] == "Rank 1 of 1."
    assert "seen by the model" in organizer.get(f"/submissions/{hidden}/log").text


def test_a_hidden_phase_answers_its_owner_from_the_fixed_vocabulary(
    hidden: str, participant: Any, organizer: Any
) -> None:
    path = f"/submissions/{hidden}/cases"
    crashed = participant.get(path).json()[2]
    assert (crashed["outcome"], crashed["detail"]) == ("CRASH", "The model ended with an error.")
    assert organizer.get(path).json()[2]["detail"] == "KeyError: 'patient-7'"


def test_another_participant_finds_nothing_of_a_hidden_phase(
    hidden: str, other: Any, anonymous: Any
) -> None:
    assert other.post("/challenges/tiny/join", {"terms_version": "1"}).status_code == 204
    for who in (other, anonymous):
        assert who.get(f"/submissions/{hidden}").status_code == 404
        assert who.get(f"/submissions/{hidden}/cases").status_code == 404
        seen = everything(who, hidden)
        assert str(SCORE) not in seen
        assert hidden not in seen


def test_the_board_of_a_hidden_phase_is_not_yet_to_be_seen(
    hidden: str, participant: Any, other: Any, anonymous: Any
) -> None:
    for who in (participant, other, anonymous):
        for address in ("leaderboard", "leaderboards"):
            refused = who.get(f"/challenges/tiny/phases/main/{address}")
            assert (refused.status_code, refused.json()["code"]) == (403, "NOT_YET")
            assert "closes at" in refused.json()["detail"]


def test_organizers_see_the_scores_of_a_hidden_phase(hidden: str, organizer: Any) -> None:
    view = organizer.get(f"/submissions/{hidden}").json()
    assert view["runs"][0]["evaluation"]["scores"] == {"classify/top1/all": SCORE}
    assert view["rank"] == 1
    cases = organizer.get(f"/submissions/{hidden}/cases").json()
    assert cases[0]["scores"] == {"top1/all": SCORE}


def test_a_hidden_phase_opens_when_it_closes(
    hidden: str,
    published: Any,
    organizer: Any,
    participant: Any,
    other: Any,
    tiny_phase: Callable[..., Any],
) -> None:
    over = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    phases = [tiny_phase(visibility=HIDDEN, closes_at=over)]
    assert published.publish(organizer, phases=phases).status_code == 201
    view = participant.get(f"/submissions/{hidden}").json()
    assert view["runs"][0]["evaluation"]["scores"] == {"classify/top1/all": SCORE}
    assert view["rank"] == 1
    assert other.get(f"/submissions/{hidden}").status_code == 200


def test_readers_of_a_live_board_see_what_stands_on_it_and_less_than_its_owner(
    published: Any, participant: Any, other: Any, anonymous: Any, scored: Callable[..., None]
) -> None:
    made = published.enter(participant, message="for me alone").json()["id"]
    for who in (other, anonymous):
        assert who.get(f"/submissions/{made}").status_code == 404, "it is on no board yet"
    scored(made)
    for who in (other, anonymous):
        view = who.get(f"/submissions/{made}").json()
        assert (view["yours"], view["message"], view["rank"]) == (False, "", 1)
        assert view["runs"][0]["evaluation"]["scores"] == {"classify/top1/all": 0.75}
        cases = who.get(f"/submissions/{made}/cases").json()
        assert [case["detail"] for case in cases] == ["", "", "The model ended with an error."]
        assert not any(case["log"] for case in cases)
    for path in (f"/submissions/{made}/log", f"/submissions/{made}/events"):
        assert other.get(path).status_code == 404
        assert anonymous.get(path).status_code == 401
    for action in ("cancel", "reruns"):
        assert other.post(f"/submissions/{made}/{action}", {}).status_code == 404
    assert other.get("/submissions").json()["total"] == 0


def test_owners_see_the_details_of_their_own_failures_in_a_live_phase(
    published: Any, participant: Any, scored: Callable[..., None]
) -> None:
    made = published.enter(participant).json()["id"]
    scored(made)
    cases = participant.get(f"/submissions/{made}/cases").json()
    assert cases[2]["detail"] == "KeyError: 'patient-7'"
    view = participant.get(f"/submissions/{made}").json()
    assert (view["runs"][0]["cases_failed"], view["runs"][0]["owner"]) == (1, "nobody")


def test_logs_are_shown_where_the_phase_shows_them(
    published: Any, organizer: Any, participant: Any, scored: Callable[..., None]
) -> None:
    made = published.enter(participant).json()["id"]
    scored(made)
    for who in (participant, organizer):
        log = who.get(f"/submissions/{made}/log")
        assert log.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert log.text.count("seen by the model") == 3
        assert "==> case c1 <==" in log.text
        assert who.get(f"/submissions/{made}/log?case=c1").text == "seen by the model"
        assert who.get(f"/submissions/{made}/log?case=c9").status_code == 404


def test_logs_stay_with_the_organizers_where_the_phase_hides_them(
    published: Any,
    organizer: Any,
    participant: Any,
    scored: Callable[..., None],
    tiny_phase: Callable[..., Any],
) -> None:
    assert published.publish(organizer, phases=[tiny_phase(show_logs=False)]).status_code == 201
    made = published.enter(participant).json()["id"]
    scored(made)
    refused = participant.get(f"/submissions/{made}/log")
    assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN")
    assert not any(c["log"] for c in participant.get(f"/submissions/{made}/cases").json())
    assert "seen by the model" in organizer.get(f"/submissions/{made}/log").text


def test_what_a_model_says_without_a_log_stays_with_the_organizers_too(
    published: Any,
    organizer: Any,
    participant: Any,
    fake: Any,
    tiny_phase: Callable[..., Any],
) -> None:
    assert published.publish(organizer, phases=[tiny_phase(show_logs=False)]).status_code == 201
    made = published.enter(participant).json()["id"]
    held = fake.claim()
    facts = {"seconds": 1.2345, "peak_memory_bytes": 324_104_193}
    for case, outcome in (("c0", "INVALID_OUTPUT"), ("c1", "CRASH"), ("c2", "TIMEOUT")):
        said = {"case": case, "outcome": outcome, "detail": f"{outcome} by canary", **facts}
        assert held.say("cases", **said).status_code == 204
    assert held.complete_run("INVALID_OUTPUT", "All 3 cases failed: canary").status_code == 204
    cases = participant.get(f"/submissions/{made}/cases").json()
    assert [case["detail"] for case in cases] == [
        "An output is not what the task declares.",
        OUTCOMES[Code.CRASH].message,
        "TIMEOUT by canary",
    ]
    assert {(case["seconds"], case["peak_memory_bytes"]) for case in cases} == {(1.0, 1 << 29)}
    assert "canary" not in participant.get(f"/submissions/{made}").text
    cases = organizer.get(f"/submissions/{made}/cases").json()
    assert cases[0]["detail"] == "INVALID_OUTPUT by canary"
    assert {(case["seconds"], case["peak_memory_bytes"]) for case in cases} == {
        (1.2345, 324_104_193)
    }


@pytest.mark.parametrize("code", ["PROTOCOLS_DISAGREE", "CUDA_OOM"])
def test_no_code_that_a_model_can_choose_brings_its_words_along(
    code: str,
    published: Any,
    organizer: Any,
    participant: Any,
    fake: Any,
    tiny_phase: Callable[..., Any],
) -> None:
    assert published.publish(organizer, phases=[tiny_phase(show_logs=False)]).status_code == 201
    made = published.enter(participant).json()["id"]
    held = fake.claim()
    assert held.complete_run(code, "not through case: columns canary").status_code == 204
    view = participant.get(f"/submissions/{made}").json()
    assert view["detail"] == view["runs"][0]["detail"] == OUTCOMES[Code(code)].message
    assert "canary" in organizer.get(f"/submissions/{made}").json()["detail"]


def test_neither_time_nor_digest_of_a_run_tells_what_its_log_may_not(
    published: Any,
    organizer: Any,
    participant: Any,
    anonymous: Any,
    fake: Any,
    scores: Callable[..., Any],
    dispatch: Callable[[], None],
    tiny_phase: Callable[..., Any],
) -> None:
    phases = [tiny_phase(show_logs=False, feedback={"digits": 3})]
    assert published.publish(organizer, phases=phases).status_code == 201
    made = published.enter(participant).json()["id"]
    fake.run()
    fake.score(scores(0.7, 0.8, 0.9))
    dispatch()

    def told(who: Any) -> tuple[float, str | None]:
        (run,) = who.get(f"/submissions/{made}").json()["runs"]
        return run["seconds"], run["predictions_digest"]

    exact, digest = told(organizer)
    assert digest is not None
    assert exact != float(f"{exact:.0e}")
    for who in (participant, anonymous):
        assert told(who) == (float(f"{exact:.0e}"), None)


def test_organizers_of_another_challenge_are_strangers(
    published: Any, participant: Any, other: Any
) -> None:
    made = published.enter(participant).json()["id"]
    assert published.publish(other, slug="elsewhere").status_code == 201
    for path in ("", "/cases", "/log", "/events"):
        assert other.get(f"/submissions/{made}{path}").status_code == 404
    assert other.get("/submissions?challenge=tiny").json()["total"] == 0
