"""What differs between two models, and which are similar by a rule that can be told."""

from __future__ import annotations

from typing import Any

import pytest

from proctor.spec.digests import FolderEntry
from proctor.spec.registry.differences import ModelDifferences
from proctor.spec.registry.similar import Similar
from proctor.spec.work import FolderContent


@pytest.fixture
def changed(tiny: Any) -> Any:
    """A content with another program, one file more, and the same card file."""

    def make(who: Any) -> FolderContent:
        entries = [tiny.model.entries[0]]
        for path, content in (("model.py", b"class Model: pass"), ("weights.bin", b"w" * 10)):
            file = who.put_blob(content)
            tiny.blobs[file.digest] = content
            entries.append(FolderEntry(path=path, file=file))
        return FolderContent(entries=tuple(entries), runtime="runtime-cpu")

    return make


def differences(who: Any, model: str, **query: str) -> ModelDifferences:
    answer = who.get(f"/models/{model}/differences", params=query)
    assert answer.status_code == 200, answer.text
    return ModelDifferences.model_validate_json(answer.content)


def test_a_version_differs_from_the_one_before_in_card_parameters_files_and_scores(
    published: Any, person: Any, anonymous: Any, enter: Any, changed: Any
) -> None:
    ann = person("ann")
    parameters = {"hyperparameters": {"depth": 3, "seed": 1}}
    first = enter(ann, 0.5, version="1.0", license="MIT", model=parameters)
    second = enter(
        ann,
        0.9,
        content=changed(ann),
        version="2.0",
        license="MIT",
        authors=["Ada"],
        model={"hyperparameters": {"depth": 5, "seed": 1}},
    )
    found = differences(anonymous, second)
    assert (found.before.id, found.after.id, found.same_content) == (first, second, False)
    assert {(one.path, one.before, one.after) for one in found.card} == {
        ("version", "1.0", "2.0"),
        ("authors[0]", None, "Ada"),
    }
    assert [(one.path, one.before, one.after) for one in found.parameters] == [
        ("model.hyperparameters.depth", "3", "5")
    ]
    assert found.files is not None
    assert [(one.path, one.kind) for one in found.files] == [
        ("model.py", "changed"),
        ("weights.bin", "added"),
    ]
    assert found.same_files == 1
    assert [one.gain for one in found.scores] == [pytest.approx(0.4)]
    assert differences(anonymous, first, since=second).scores[0].gain == pytest.approx(-0.4)


def test_files_are_compared_for_those_alone_who_may_have_both(
    published: Any, person: Any, anonymous: Any, enter: Any, changed: Any
) -> None:
    ann = person("ann")
    enter(ann, 0.5)
    second = enter(ann, 0.9, content=changed(ann), license="MIT")
    assert differences(anonymous, second).files is None
    assert "weights.bin" not in anonymous.get(f"/models/{second}/differences").text
    assert len(differences(ann, second).files or ()) == 2


def test_without_a_version_before_another_is_to_be_named(
    published: Any, person: Any, anonymous: Any, enter: Any
) -> None:
    one, two = enter(person("ann"), name="one"), enter(person("bob"), name="two")
    refused = anonymous.get(f"/models/{one}/differences")
    assert (refused.status_code, refused.json()["code"]) == (404, "NOT_FOUND")
    assert differences(anonymous, one, since=two).before.id == two


def test_nothing_is_compared_with_what_is_not_in_sight(
    published: Any, person: Any, anonymous: Any, enter: Any
) -> None:
    ann = person("ann")
    best, hidden = enter(ann, 0.9), enter(ann, 0.4)
    answer = anonymous.get(f"/models/{best}/differences", params={"since": hidden})
    assert answer.status_code == 404


def test_similar_models_share_two_of_three_traits_and_say_which(
    published: Any, person: Any, anonymous: Any, enter: Any
) -> None:
    def traits(algorithm: str, training: str) -> dict[str, Any]:
        return {
            "model": {"algorithm": algorithm},
            "training": {"data": [{"name": training}]},
        }

    this = enter(person("ann"), name="this", **traits("U-Net", "BraTS 2018"))
    twin = enter(person("bob"), name="twin", **traits("u net", "brats 2018"))
    half = enter(person("cid"), name="half", **traits("Transformer", "BraTS-2018"))
    enter(person("dan"), name="stranger", **traits("Transformer", "Other"))
    answer = anonymous.get(f"/models/{this}/similar").json()
    found = [Similar.model_validate(one) for one in answer]
    assert [one.model.id for one in found] == [twin, half]
    assert [(same.trait, same.value) for same in found[0].same] == [
        ("algorithm", "U-Net"),
        ("training set", "BraTS 2018"),
        ("objective", "classification"),
    ]
    assert len(found[1].same) == 2
    assert found[0].shared_files == 2
