"""The page of a model: what is known of it, measured beside claimed, versions, lineage."""

from __future__ import annotations

from typing import Any

import pytest

from proctor.spec.digests import FolderEntry
from proctor.spec.registry import Basis, Kinship, ModelView
from proctor.spec.work import FolderContent

KEY = "classify/top1/mean"


def fact(view: ModelView, element: str, name: str) -> tuple[str, Basis]:
    found = next(one for one in view.elements if one.title == element)
    return next((one.text, one.basis) for one in found.facts if one.name == name)


def test_a_page_has_the_26_elements_and_says_how_many_are_filled(
    published: Any, person: Any, anonymous: Any, enter: Any, page: Any
) -> None:
    bare = page(anonymous, enter(person("ann")))
    assert len({element.element for element in bare.elements}) == 26
    told = [bool(one.facts) for one in bare.elements]
    assert told == [one.source != "missing" for one in bare.elements]
    assert bare.completeness_percent == 100 * sum(told) // 26
    full = page(
        anonymous,
        enter(
            person("bob"),
            license="MIT",
            languages={"input": ["en"]},
            use={"content_warning": "blood"},
            support={"issues": "https://example.org/issues"},
            training={"data": [{"name": "Sunny days", "n": 90, "url": "https://example.org/d"}]},
        ),
    )
    assert full.completeness_percent > bare.completeness_percent
    assert fact(full, "Training set", "training") == ("Sunny days; 90 cases", Basis.STATED)
    assert fact(full, "Version", "digest")[1] is Basis.MEASURED
    assert fact(full, "Owner", "entered by") == ("bob", Basis.RECORDED)
    assert fact(full, "Age rating", "content warning") == ("blood", Basis.STATED)


def test_what_is_claimed_stands_beside_what_was_measured_and_is_flagged(
    published: Any, person: Any, anonymous: Any, enter: Any, page: Any
) -> None:
    view = page(anonymous, enter(person("ann"), 0.7, claimed_scores={"top1": 0.95}))
    score = view.scores[0]
    assert (score.key, score.measured.value) == (KEY, pytest.approx(0.7))
    assert score.claim is not None
    assert score.claim.flag == "better than measured"
    assert score.claim.gap == pytest.approx(0.25)
    assert view.board is not None
    assert (view.board.rank, view.board.ranked, view.board.newest) == (1, 1, True)
    measured, basis = fact(view, "Performance", "top1 (classify)")
    assert measured.startswith("0.7")
    assert basis is Basis.MEASURED


def test_versions_keep_their_number_whatever_of_them_is_public(
    tiny: Any, organizer: Any, person: Any, anonymous: Any, enter: Any, page: Any, tiny_phase: Any
) -> None:
    phase = tiny_phase(quota={"per_day": 9, "total": 9})
    assert tiny.publish(organizer, phases=[phase]).status_code == 201
    ann = person("ann")
    worse = enter(ann, 0.5, version="1.0")
    lost = enter(ann, 0.4, version="1.1", release_notes="A wrong turn.")
    best = enter(ann, 0.9, version="2.0", release_notes="Wider.")
    enter(ann, 0.1, name="another")
    seen = page(anonymous, best).versions
    assert [(one.id, one.number, one.version) for one in seen] == [
        (best, 3, "2.0"),
        (worse, 1, "1.0"),
    ]
    assert [one.rank for one in seen] == [1, None]
    assert anonymous.get(f"/models/{lost}").status_code == 404
    own = page(ann, best).versions
    assert [one.id for one in own] == [best, lost, worse]
    assert [one.notes for one in own] == ["Wider.", "A wrong turn.", ""]
    assert own[1].publication == "not shown"


def test_a_fork_and_what_it_was_forked_from_name_each_other(
    published: Any, tiny: Any, person: Any, anonymous: Any, enter: Any, page: Any
) -> None:
    ann, bob = person("ann"), person("bob")
    parent = enter(ann, title="Parent")
    changed = b"class Model: pass"
    entries = (
        tiny.model.entries[0],
        FolderEntry(path="model.py", file=bob.put_blob(changed)),
    )
    tiny.blobs[entries[1].file.digest] = changed
    content = FolderContent(entries=entries, runtime="runtime-cpu")
    child = enter(bob, title="Child", content=content, forked_from=parent)
    up = page(anonymous, child).relatives
    assert [(one.id, one.kinship) for one in up] == [(parent, Kinship.FORKED_FROM)]
    assert (up[0].shared_files, up[0].files) == (1, 2)
    down = page(anonymous, parent).relatives
    assert [(one.id, one.kinship, one.title) for one in down] == [(child, Kinship.FORK, "Child")]


def test_a_parent_that_is_not_in_sight_is_not_named(
    published: Any, person: Any, anonymous: Any, enter: Any, page: Any
) -> None:
    ann = person("ann")
    enter(ann, 0.9)
    secret = enter(ann, 0.5)  # it never stands
    child = enter(person("bob"), title="Child", forked_from=secret)
    assert page(anonymous, child).relatives == ()


def test_files_are_offered_where_the_license_lets_everybody_hand_them_on(
    published: Any, person: Any, anonymous: Any, enter: Any, page: Any
) -> None:
    ann = person("ann")
    closed = enter(ann, name="closed")
    assert page(anonymous, closed).downloadable is False
    assert "download" not in page(anonymous, closed).commands
    assert page(ann, closed).downloadable is True
    free = enter(person("bob"), name="free", license="Apache-2.0")
    view = page(anonymous, free)
    assert view.commands["download"] == f"proctor models download {free}"
    assert view.commands["serve"] == f"proctor serve {free}"
    assert view.commands["run"] == f"proctor models run {free}"
