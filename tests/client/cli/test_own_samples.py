"""`proctor model test` of a folder that fits no made-up task: on its own samples."""

import json
import wave

import pytest

OUTLINES = """
import numpy as np


class Model:
    def predict(self, inputs):
        photo = inputs["photo"]
        brightness = photo if photo.ndim == 2 else photo.mean(axis=2)
        return {"bright": (brightness > 128).astype(np.uint8), "mean": [float(photo.mean())]}
"""
PHOTO = {
    "inputs": {
        "photo": {"type": "image", "formats": ["image/png"], "dim_limits": [{"max": 3}, {}, {}]}
    },
    "outputs": {"bright": {"type": "mask_image", "labels": ["bright"]}, "mean": {"type": "vector"}},
}
LOUDNESS = """
class Model:
    def predict(self, inputs):
        return {
            "loud": f"{abs(inputs['sound'].samples).mean():.6f}",
            "shape": [float(n) for n in inputs["scan"].data.shape],
        }
"""
SOUND = {
    "inputs": {
        "sound": {"type": "audio", "dim_limits": [{"min": 2}, {"max": 800}]},
        "scan": {"type": "volume", "dim_limits": [{"min": 5, "max": 5}]},
    },
    "outputs": {"loud": {"type": "text"}, "shape": {"type": "vector"}},
}


@pytest.fixture
def folder(proctor, tmp_path):
    """Give what makes a model folder of a program and its io, without any samples."""

    def made(program, io, **fields):
        proctor("model", "init", tmp_path / "net")
        folder = tmp_path / "net"
        (folder / "samples" / "images.npy").unlink()
        (folder / "model.py").write_text(program)
        card = json.loads((folder / "model.json").read_text()) | {"io": io} | fields
        (folder / "model.json").write_text(json.dumps(card))
        return folder

    return made


def save_photo(path, level=200):
    import numpy as np
    from PIL import Image

    Image.fromarray(np.full((6, 4, 3), level, np.uint8)).save(path)


def examined(proctor, folder, *options):
    ended = proctor("model", "test", folder, "--sandbox", "process", "--format", "json", *options)
    found = json.loads(ended.out)
    return ended, found, {check["name"]: check for check in found["checks"]}


def test_a_folder_that_no_made_up_task_fits_is_tested_on_its_own_samples(proctor, folder):
    net = folder(OUTLINES, PHOTO, claimed_scores={"dice": 0.9}, resources={"memory_bytes": 3 << 30})
    for number in range(4):
        save_photo(net / "samples" / f"photo {number}.png", 60 * number)
    ended, found, checks = examined(proctor, net)
    assert ended.code == 0
    assert "testing on its own samples (4)" in ended.err
    for name in ("starts", "serve", "case", "outputs", "same_twice", "same_through_all", "rest"):
        assert checks[name]["finding"] == "passed", checks[name]
    assert checks["rest"]["reason"] == (
        "8 calls, and photo 0.png twice: bright (mask_image), mean (vector)."
    )
    left_out = {name for name, check in checks.items() if check["finding"] == "skipped"}
    assert {"io", "claims", "resources"} <= left_out
    assert "Left out: scores" in ended.err
    assert (found["challenge"], found["limits"]["memory_bytes"]) == ("", 3 << 30)
    first = {(case["protocol"], case["case"]) for case in found["cases"] if case["turn"] == 1}
    # No name of a case has a space in it.
    names = [f"sample-{number}" for number in range(1, 5)]
    assert first == {("serve", one) for one in names} | {("case", one) for one in names[:3]}
    assert found["metadata"]["packages"]


def test_a_folder_without_samples_is_tested_on_inputs_made_up_from_its_card(proctor, folder):
    ended, found, checks = examined(proctor, folder(LOUDNESS, SOUND))
    assert ended.code == 0
    assert "testing on inputs made up from the card" in ended.err
    assert {case["case"] for case in found["cases"]} == {"made-up"}
    assert checks["outputs"]["finding"] == checks["same_through_all"]["finding"] == "passed"


@pytest.mark.parametrize(
    ("wrong", "check", "said"),
    [
        ({"(brightness > 128).astype(np.uint8)": "brightness * 0.301"}, "serve", "mask of whole"),
        ({"photo = inputs": "photo = 1 / 0 + inputs"}, "serve", "ZeroDivisionError"),
        ({"float(photo.mean())": "__import__('time').time_ns()"}, "same_twice", "differently"),
        ({"import numpy as np": "raise SystemExit(3)"}, "starts", "SystemExit"),
    ],
)
def test_what_a_model_does_wrong_to_its_own_samples_is_told(proctor, folder, wrong, check, said):
    program = OUTLINES
    for before, after in wrong.items():
        program = program.replace(before, after)
    net = folder(program, PHOTO)
    save_photo(net / "samples" / "a.png")
    ended, _, checks = examined(proctor, net)
    assert ended.code == 1
    assert checks[check]["finding"] == "failed"
    assert said in ended.err


def test_a_sample_that_the_card_refuses_is_told_with_the_field(proctor, folder):
    net = folder(OUTLINES, PHOTO)
    with wave.open(str(net / "samples" / "a.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 1, "NONE", ""))
        file.writeframes(b"\0\0")
    ended, _, checks = examined(proctor, net)
    assert ended.code == 1
    assert "Input 'photo'" in checks["serve"]["reason"]
    assert "takes image/png" in checks["serve"]["reason"]


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"type": "table"}, "no card says what a table such as 'x' holds"),
        ({"type": "array"}, "dim_limits does not say how many axes 'x' has"),
        ({"type": "volume", "formats": ["application/dicom"]}, "can be made up"),
        ({"type": "image", "dim_limits": [{"min": 1 << 20}] * 3}, "more than 67108864 numbers"),
    ],
)
def test_what_cannot_be_made_up_asks_for_a_sample(proctor, folder, declared, said):
    net = folder(OUTLINES, {"inputs": {"x": declared}, "outputs": {"y": {"type": "text"}}})
    ended = proctor("model", "test", net, "--sandbox", "process")
    assert ended.code == 2
    assert said in ended.err
    assert f"Put one in {net}/samples" in ended.err
    assert "--challenge" in ended.err
