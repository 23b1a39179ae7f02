"""Configs of ModelHub's notebooks, which leave empty what a notebook does not have."""

from proctor.spec.card.modelhub import upgrade

COLAB = {
    "id": "0002",
    "meta": {
        "name": "colab_lungmask",
        "application_area": "Google CoLab",
        "task": "Segmentation",
        "task_extended": "Lung segmentation",
        "data_type": "Image/CT scan",
        "framework": "colab",
        "colab_link": "https://example.org/lungmask.ipynb",
    },
    "model": {
        "description": "A minimal working example",
        "io": {
            "input": {
                "format": [],
                "single": {
                    "format": [],
                    "dim_limits": [{"min": 0, "max": 0}, {"min": 0}, {"min": 32, "max": 0}],
                    "description": "",
                },
                "description": "",
            },
            "output": [{"name": "", "type": "", "description": ""}],
        },
    },
    "modelhub": {},
}


def test_a_longest_length_of_0_limits_nothing_and_is_told():
    made = upgrade(COLAB, {}, {})
    assert made.card.io is not None
    limits = made.card.io.inputs["single"].dim_limits
    assert [(one.min, one.max) for one in limits] == [(0, None), (0, None), (32, None)]
    told = {(str(change.kind), change.path): change.text for change in made.changes}
    assert told["lost", "model.io.input.single.dim_limits[0].max"] == "0 is no length"
    assert ("lost", "model.io.input.single.dim_limits[2].max") in told
