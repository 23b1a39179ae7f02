"""ModelHub's configs, in both forms and as people really wrote them."""

import copy

import pytest

from proctor.spec.card.modelhub import is_modelhub, upgrade
from proctor.spec.card.reading import CardError

MIT = "Permission is hereby granted, free of charge, to any person obtaining a copy of this"
CURRENT = {
    "id": "0f6a1c9e-0f7e-4a58-8d3a-6d5f0f2b9d11",
    "meta": {
        "name": "lobe-net",
        "application_area": "Lung CT",
        "task": "Segmentation",
        "task_extended": "Lung lobe segmentation",
        "data_type": "Nifti-1 volumes",
        "data_source": "https://example.org/lobes",
    },
    "publication": {
        "title": "Lobes",
        "source": "A Journal",
        "year": 2019,
        "authors": "A. One, B. Two",
        "abstract": "We segment.",
        "url": "https://doi.org/10.1234/lobes.5",
        "google_scholar": "https://scholar.google.com/scholar?cites=1",
        "bibtex": "@article{one2019lobes}",
    },
    "model": {
        "description": "A small U-Net",
        "provenance": "contributed by author",
        "architecture": "Convolutional Neural Network (CNN)",
        "learning_type": "Supervised learning",
        "format": ".onnx",
        "io": {
            "input": {
                "format": ["application/json"],
                "ct": {
                    "format": ["application/nii-gzip", "application/dicom"],
                    "dim_limits": [{"min": 1}, {"min": 32, "max": 512}, {"min": 32, "max": 512}],
                },
                "age": {"format": ["text/csv"], "description": "in years"},
            },
            "output": [
                {"name": "lobes", "type": "mask_image"},
                {"name": "outline", "type": "contour_3d", "description": "of each lobe"},
            ],
        },
    },
    "modelhub": {"top": 5, "sort": True},
}


@pytest.fixture
def config():
    return copy.deepcopy(CURRENT)


def told(upgraded):
    return {f"{change.kind} {change.path}": change.text for change in upgraded.changes}


def test_every_field_of_the_current_form_finds_its_place(config):
    card = upgrade(config, {"model": MIT, "sample_data": "CC0 1.0 Universal"}).card
    assert card.name == "lobe-net"
    assert card.id == CURRENT["id"]
    assert card.description == "A small U-Net"
    assert card.meta.model_dump(exclude_defaults=True) == {
        name: value for name, value in CURRENT["meta"].items() if name != "name"
    }
    assert card.model.model_dump(exclude_defaults=True) == {
        name: CURRENT["model"][name]
        for name in ("provenance", "architecture", "learning_type", "format")
    }
    publication = card.publication.model_dump(exclude_defaults=True)
    assert publication == CURRENT["publication"] | {"doi": "10.1234/lobes.5"}
    assert card.modelhub == CURRENT["modelhub"]
    assert card.license == card.licenses.weights == "MIT"
    assert card.licenses.sample_data == "CC0-1.0"
    assert list(card.io.inputs) == ["ct", "age"]
    assert card.io.inputs["ct"].type == "volume"
    assert [(one.min, one.max) for one in card.io.inputs["ct"].dim_limits] == [
        (1, None),
        (32, 512),
        (32, 512),
    ]
    assert card.io.inputs["age"].type == "table"
    assert {name: one.type.value for name, one in card.io.outputs.items()} == {
        "lobes": "mask_image",
        "outline": "contour",
    }


def test_the_legacy_form_is_understood(config):
    config["model"]["io"]["input"] = {
        "format": ["image/png", "image/jpg", "image/jpeg"],
        "dim_limits": [{"min": 1, "max": 4}, {"min": 32}],
        "description": "a photo",
    }
    made = upgrade(config)
    (image,) = made.card.io.inputs.values()
    assert list(made.card.io.inputs) == ["single"]
    assert image.formats == ("image/png", "image/jpeg")
    assert image.description == "a photo"
    assert made.card.meta.modality == "image"
    assert "legacy form" in told(made)["changed model.io.input"]
    assert told(made)["changed model.io.input.format"] == "'image/jpg' is now 'image/jpeg'"


def test_what_published_configs_get_wrong_is_mended_and_told(config):
    config["meta"]["name"] = "LobeNet V2"
    config["id"] = "MockId"
    config["model"]["provevance"] = config["model"].pop("provenance")
    config["publication"]["year"] = "2019"
    config["publication"]["journal"] = "A Journal"
    config["model"]["io"]["output"] = [
        {"name": "lung lobes", "type": "ndarray"},
        {"name": "lung lobes", "type": "vector"},
    ]
    config["model"]["io"]["input"]["ct"]["dim_limits"] = [{"min": 3.0, "max": 1}, {"min": "x"}]
    made = upgrade(config)
    changes = told(made)
    assert made.card.name == "lobenet-v2"
    assert made.card.title == "LobeNet V2"
    assert made.card.model.provenance == "contributed by author"
    assert made.card.publication.year == 2019
    assert list(made.card.io.outputs) == ["lung_lobes", "lung_lobes_2"]
    assert [(one.min, one.max) for one in made.card.io.inputs["ct"].dim_limits] == [
        (1, 3),
        (1, None),
    ]
    assert changes["changed model.provevance"] == "is taken for provenance"
    assert changes["changed model.io.output[0].type"] == "'ndarray' is now 'custom'"
    assert {"lost id", "lost publication.journal", "lost license"} <= set(changes)
    assert "lost model.io.input.ct.dim_limits[1].min" in changes


def test_what_a_card_has_no_place_for_is_told_as_lost(config):
    init = {
        "docker_id": "modelhub/keras-modelhub:1.0.0",
        "external_contrib_files": [{"src_url": "https://x/m.h5", "dest_file_path": "/c/m.h5"}],
    }
    changes = told(upgrade(config, {"model": "All rights reserved."}, init))
    assert "keras-modelhub" in changes["lost init.json: docker_id"]
    assert "https://x/m.h5" in changes["lost init.json: external_contrib_files"]
    assert "no well-known license" in changes["lost license/model"]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"model": {"io": {"input": {}, "output": []}}}, "io.inputs"),
        ({"model": {"io": []}}, "model.io"),
        ({"publication": "none"}, "publication"),
        ({"modelhub": {"a": "x" * 40_000}}, "modelhub"),
    ],
)
def test_a_config_without_a_card_in_it_is_refused_with_the_place(config, change, path):
    with pytest.raises(CardError) as caught:
        upgrade(config | change)
    assert path in {problem.path for problem in caught.value.problems}


def test_a_hostile_config_is_cut_to_size(config):
    config["meta"]["task"] = "<script>" * 1000
    config["model"]["description"] = {"a": 1}
    made = upgrade(config)
    assert len(made.card.meta.task) == 300
    assert "lost meta.task" in told(made)
    assert made.card.description == "{'a': 1}"


@pytest.mark.parametrize("document", [None, [], {}, {"meta": {}}, {"name": "m"}])
def test_anything_else_is_no_config(document):
    assert not is_modelhub(document)
