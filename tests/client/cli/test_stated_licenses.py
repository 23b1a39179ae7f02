"""The license under which something is entered."""

import json

import pytest

from proctor.template.scaffold import scaffold


@pytest.fixture
def submit(proctor, logged_in, challenge_view, submission_view, tmp_path):
    """Enter a model whose card states one license, saying another; how it ended, what was sent."""

    model = tmp_path / "svc"
    scaffold(model, "svc", "classification")

    def ask(stated, *said):
        logged_in.on("GET /challenges/digits", (200, challenge_view))
        logged_in.on("POST /submissions", (201, submission_view()))
        card = json.loads((model / "model.json").read_text()) | {"license": stated}
        (model / "model.json").write_text(json.dumps(card))
        ended = proctor("submit", "digits", model, *said)
        made = logged_in.made("POST /submissions")
        return ended, made[-1].json()["card"]["license"] if made else None

    return ask


def test_a_license_said_beside_a_card_without_one_is_sent(submit):
    ended, sent = submit("", "--license", "MIT")
    assert (ended.code, sent) == (0, "MIT")
    assert "no license" not in ended.err


def test_a_model_without_a_license_is_told_that_it_will_not_be_public(submit):
    ended, sent = submit("")
    assert (ended.code, sent) == (0, "")
    assert "It states no license: its scores will be shown, and no page of the model." in ended.err


@pytest.mark.parametrize(
    ("stated", "said", "why"),
    [
        ("Apache 2", (), "license: 'Apache' is no SPDX license identifier; did you mean Apache-2"),
        ("", ("--license", "mine"), "license: 'mine' is no SPDX license identifier"),
        ("MIT", ("--license", "ISC"), "model.json states the license MIT, and --license ISC"),
    ],
)
def test_a_license_that_is_none_or_another_is_refused_before_anything_is_sent(
    submit, stated, said, why
):
    ended, sent = submit(stated, *said)
    assert (ended.code != 0, sent) == (True, None)
    assert why in ended.err
