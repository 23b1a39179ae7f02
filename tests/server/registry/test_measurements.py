"""What was measured of a model stands apart from what is stated, and is never overwritten."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from proctor.spec.card.detected import DetectedMetadata
from proctor.spec.registry import Basis, Fact, Filter, ModelList, ModelView


def measured(depth: int = 3, **changes: Any) -> dict[str, Any]:
    """Return what a worker found: a forest, its settings, one weight file."""
    return {
        "python": "3.12.3",
        "weights_bytes": 4000,
        "weights": [{"path": "weights/forest.joblib", "bytes": 4000, "format": "joblib"}],
        "models": [
            {
                "source": "model.forest",
                "framework": "scikit-learn",
                "framework_version": "1.9.1",
                "type": "RandomForestClassifier",
                "loss": "gini",
                "parameters": 1200,
                "hyperparameters": [
                    {"name": "max_depth", "value": depth, "default": None, "is_default": False},
                    {"name": "n_jobs", "value": None, "default": None, "is_default": True},
                ],
                "layers": [{"name": "tree", "type": "Tree"}],
                "layer_counts": {"Tree": 1},
                **changes,
            }
        ],
    }


def facts(view: ModelView, title: str) -> list[Fact]:
    return list(next(one.facts for one in view.elements if one.title == title))


def test_a_statement_stands_beside_the_measurement_and_is_marked_where_it_differs(
    published: Any, person: Any, anonymous: Any, enter: Any, page: Any
) -> None:
    liar = {"framework": "pytorch", "algorithm": "Transformer"}
    view = page(anonymous, enter(person("ann"), metadata=measured(), model=liar))
    framework = [(one.text, one.basis, one.differs) for one in facts(view, "Framework")]
    assert framework == [
        ("scikit-learn 1.9.1", Basis.MEASURED, False),
        ("pytorch", Basis.STATED, True),
    ]
    algorithm = {(one.name, one.text, one.basis) for one in facts(view, "Algorithm")}
    assert ("model", "RandomForestClassifier", Basis.MEASURED) in algorithm
    assert ("algorithm", "Transformer", Basis.STATED) in algorithm
    assert ("hyperparameters", "max_depth = 3", Basis.MEASURED) in algorithm
    assert ("parameters", "1,200") in {(one.name, one.text) for one in facts(view, "Size")}
    assert view.layers == 1
    honest = {"framework": "sklearn 1.9"}
    view = page(anonymous, enter(person("bob"), metadata=measured(), model=honest))
    assert [one.differs for one in facts(view, "Framework")] == [False, False]


def test_lists_filter_by_the_measured_framework_alone_where_there_is_one(
    published: Any, person: Any, anonymous: Any, enter: Any, listed: Any
) -> None:
    known = enter(person("ann"), metadata=measured(), model={"framework": "pytorch"})
    stated = enter(person("bob"), name="stated", model={"framework": "pytorch"})
    assert listed(anonymous, framework="scikit-learn") == [known]
    assert listed(anonymous, framework="pytorch") == [stated]
    found = ModelList.model_validate_json(anonymous.get("/models").content)
    counts = {one.value: one.count for one in found.facets[Filter.FRAMEWORK]}
    assert counts == {"scikit-learn": 1, "pytorch": 1}


def test_what_was_measured_first_stays(
    published: Any, person: Any, anonymous: Any, enter: Any, fake: Any, page: Any
) -> None:
    ann = person("ann")
    model = enter(ann, license="MIT", metadata=measured(3))
    assert ann.post(f"/submissions/{model}/reruns", {}).status_code == 201
    fake.run(metadata=measured(9))
    answer = anonymous.get(f"/models/{model}/metadata")
    kept = DetectedMetadata.model_validate_json(answer.content)
    assert kept.models[0].hyperparameters[0].value == 3


def test_a_rerun_of_other_files_measures_nothing_of_the_model(
    published: Any, tiny: Any, person: Any, anonymous: Any, enter: Any, fake: Any
) -> None:
    ann = person("ann")
    model = enter(ann)
    other = {"content": tiny.model.model_dump(mode="json")}
    assert ann.post(f"/submissions/{model}/reruns", other).status_code == 201
    fake.run(metadata=measured())
    assert anonymous.get(f"/models/{model}/metadata").status_code == 404


def test_names_of_files_are_for_those_who_may_have_the_files(
    published: Any, person: Any, anonymous: Any, enter: Any
) -> None:
    ann = person("ann")
    onnx = {"source": "weights/secret.onnx", "from_file": True, "framework": "onnx", "type": "g"}
    found = measured()
    closed = enter(ann, metadata={**found, "models": [*found["models"], onnx]})
    assert "secret.onnx" not in anonymous.get(f"/models/{closed}/metadata").text
    assert "forest.joblib" not in anonymous.get(f"/models/{closed}/metadata").text
    assert "forest.joblib" in ann.get(f"/models/{closed}/metadata").text
    free = enter(person("bob"), name="free", license="MIT", metadata=measured())
    assert "forest.joblib" in anonymous.get(f"/models/{free}/metadata").text


def test_versions_differ_in_measured_parameters(
    published: Any, person: Any, anonymous: Any, enter: Any
) -> None:
    ann = person("ann")
    enter(ann, 0.5, metadata=measured(3))
    second = enter(ann, 0.9, metadata=measured(5, parameters=2400))
    found = anonymous.get(f"/models/{second}/differences").json()["parameters"]
    assert {(one["path"], one["before"], one["after"]) for one in found} == {
        ("measured.hyperparameters.max_depth", "3", "5"),
        ("measured.parameters", "1200", "2400"),
    }


def test_models_are_similar_by_what_was_measured_too(
    published: Any, person: Any, anonymous: Any, enter: Any
) -> None:
    one = enter(person("ann"), name="one", metadata=measured())
    two = enter(person("bob"), name="two", metadata=measured())
    (found,) = anonymous.get(f"/models/{one}/similar").json()
    assert found["model"]["id"] == two
    assert {(same["trait"], same["value"]) for same in found["same"]} == {
        ("algorithm", "RandomForestClassifier"),
        ("objective", "gini"),
    }


@pytest.mark.parametrize(
    "wrong", [{"models": [{"type": "x"}]}, {"format": 2}, {"python": "x" * 999}]
)
def test_what_a_worker_sends_is_checked(
    published: Any, participant: Any, fake: Any, wrong: Any, dispatch: Callable[[], None]
) -> None:
    assert published.enter(participant).status_code == 201
    held = fake.claim()
    assert held.complete_run(metadata=wrong).status_code == 422
