"""How models are cited: what strangers wrote into a card breaks no format."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from typing import Any

import pytest
import yaml

from proctor.spec.model import ModelCard
from proctor_platform.citing import Citable, bibtex

HOSTILE = 'A {B} \\input{/etc/passwd} 50 % & $x_1$ "q" } @comment{ <script>'


@pytest.fixture
def cited(published: Any, person: Any, enter: Any) -> str:
    return str(
        enter(
            person("ann"),
            name="net",
            title=HOSTILE,
            authors=["Zoë Müller", "Smith and Sons, Ltd."],
            license="MIT",
        )
    )


def test_the_citation_file_is_what_the_card_says(cited: str, anonymous: Any) -> None:
    answer = anonymous.get(f"/models/{cited}/citation")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "CITATION.cff" in answer.headers["Content-Disposition"]
    document = yaml.safe_load(answer.text)
    assert document["cff-version"] == "1.2.0"
    assert document["title"] == HOSTILE
    assert [one["name"] for one in document["authors"]] == ["Zoë Müller", "Smith and Sons, Ltd."]
    assert document["license"] == "MIT"
    assert isinstance(document["date-released"], date)


def test_datacite_metadata_names_digest_and_submission(cited: str, anonymous: Any) -> None:
    document = json.loads(anonymous.get(f"/models/{cited}/citation?format=datacite").text)
    assert document["titles"] == [{"title": HOSTILE}]
    assert cited in {one["identifier"] for one in document["identifiers"]}
    assert document["rightsList"][0]["rightsIdentifier"] == "MIT"
    assert "doi" not in document


def test_bibtex_is_balanced_and_has_one_entry_whatever_a_title_holds(
    cited: str, anonymous: Any
) -> None:
    text = anonymous.get(f"/models/{cited}/citation?format=bibtex").text.rstrip()
    depths = [text[: at + 1].count("{") - text[: at + 1].count("}") for at in range(len(text))]
    assert depths[-1] == 0
    assert min(depths[text.index("{") : -1]) >= 1
    assert re.match(r"@software\{muller\d{4}-net-[0-9a-z]{6},\n", text)
    assert "author = {Zoë Müller and {Smith and Sons, Ltd.}}" in text
    assert "\\input" not in text
    assert "50 \\% \\& \\$x\\_1\\$" in text


def test_addresses_in_bibtex_work_as_they_are_printed() -> None:
    cited = Citable(
        id="sub_1",
        challenge="exam",
        challenge_title="Exam",
        participant="ann",
        card=ModelCard(name="net"),
        content_digest="sha256:0",
        submitted_at=datetime(2026, 5, 4, tzinfo=UTC),
        doi="10.5555/a_b",
        address="https://exam.example/model?id=sub_1&like={x}",
    )
    text = bibtex(cited).decode()
    assert "url = {https://exam.example/model?id=sub_1&like=%7Bx%7D}" in text
    assert "doi = {10.5555/a_b}" in text


def test_an_unknown_form_is_refused(cited: str, anonymous: Any) -> None:
    assert anonymous.get(f"/models/{cited}/citation?format=word").status_code == 422
