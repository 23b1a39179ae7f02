"""ModelHub's calls: its shapes, every format, and none of its faults."""

from __future__ import annotations

import base64
import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from proctor.template.formats import FORMATS, TYPES

SHAPES = """
import numpy as np

class Model:
    def predict(self, inputs):
        value = inputs["thing"]
        data = getattr(value, "data", getattr(value, "samples", value))
        if not hasattr(data, "shape"):
            data = np.frombuffer(str(data).encode(), dtype=np.uint8)
        Model.total = float(np.asarray(data, dtype=float).sum())
        return {"total": [Model.total], "shape": {"of": list(data.shape)}}
"""
TOTAL = {"total": {"type": "vector"}, "shape": {"type": "custom"}}
NOT_HELD = {("array", "json"), *(("image", name) for name in TYPES["volume"])}
"""What the files of the fixture do not hold: numbers in JSON, and pictures in space."""
FOUR = {name: {"type": "volume"} for name in ("t1", "t1c", "t2", "flair")}
SUM = """
class Model:
    def predict(self, inputs):
        whole = sum(inputs[name].data.astype(int) for name in ("t1", "t1c", "t2", "flair"))
        return {"seg": (whole > whole.mean()).astype("uint8")}
"""
SEG = {"seg": {"type": "mask_image", "labels": ["background", "bright"]}}


def test_a_prediction_has_the_shape_that_modelhub_gives_it(serve: Any, photo: bytes) -> None:
    running = serve(id="20fb032f-7a5b-4a2b-9ab8-367ee53030ea")

    answer = running.client.post("/api/predict", files={"file": ("a.png", photo)})

    assert answer.status_code == 200
    document = answer.json()
    assert list(document) == ["output", "timestamp", "processing_time", "model"]
    assert document["model"] == {
        "id": "20fb032f-7a5b-4a2b-9ab8-367ee53030ea",
        "name": "brightness",
    }
    assert re.fullmatch(r"\d{4}(-\d\d){5}-\d{6}", document["timestamp"])
    assert document["processing_time"] >= 0
    kind, mask = document["output"]
    assert list(kind) == ["prediction", "shape", "type", "name", "description"]
    assert (kind["name"], kind["type"], kind["shape"]) == ("kind", "label_list", [2])
    assert [sorted(entry) for entry in kind["prediction"]] == [["label", "probability"]] * 2
    assert (mask["type"], mask["shape"], mask["description"]) == (
        "mask_image", [4, 5], "What is bright.")  # fmt: skip
    assert mask["prediction"].startswith(f"http://127.0.0.1:{running.port}/api/output/")


def test_an_array_is_an_hdf5_file_that_says_where_it_lies(serve: Any, samples: Any) -> None:
    running = serve(SUM, FOUR, SEG)
    path = samples.paths["nifti_gzip"]
    sent = {name: (path.name, path.read_bytes()) for name in FOUR}

    answer = running.client.post("/api/predict", files=sent)

    assert answer.status_code == 200, answer.text
    address = answer.json()["output"][0]["prediction"]
    fetched = running.client.get(address)
    assert fetched.headers["content-type"] == "application/x-hdf5"
    with h5py.File(io.BytesIO(fetched.content)) as file:
        seg = file["seg"]
        whole = samples.voxels.astype(int) * 4
        assert (seg[:] == (whole > whole.mean())).all()
        assert seg.attrs["type"] == "mask_image"
        assert seg.attrs["dtype"] == "uint8"
        assert list(seg.attrs["axes"]) == ["i", "j", "k"]
        assert (seg.attrs["affine"] == samples.affine).all()


@pytest.mark.parametrize("kind", ["image", "volume", "array", "table", "text", "audio", "json"])
def test_every_format_goes_through_every_door_and_is_answered_the_same(
    kind: str, serve: Any, samples: Any, model_folder: Any
) -> None:
    formats = [name for name in TYPES[kind] if (kind, name) not in NOT_HELD]
    for name in formats:
        path = samples.paths[name]
        (model_folder().joinpath("samples", path.name)).write_bytes(path.read_bytes())
    running = serve(SHAPES, {"thing": {"type": kind}}, TOTAL)
    client, host = running.client, f"http://127.0.0.1:{running.port}"

    for name in formats:
        path, content = samples.paths[name], samples.paths[name].read_bytes()
        coded = {"data": base64.b64encode(content).decode(), "file_name": path.name}
        declared = {"content-type": FORMATS[name].mime_types[0]}
        answers = {
            "form": client.post("/api/predict", files={"file": (path.name, content)}),
            "own name": client.post("/api/predict", files={"thing": (path.name, content)}),
            "sample": client.get("/api/predict_sample", params={"filename": path.name}),
            "own url": client.get(
                "/api/predict", params={"fileurl": f"{host}/api/samples/{path.name}"}
            ),
            "document": client.post("/api/predict", json={"thing": coded}),
            "url in a document": client.post(
                "/api/predict",
                json={"format": ["application/json"],
                      "thing": {"format": declared, "fileurl": f"sample_data/{path.name}"}},
            ),
            "own call": client.post("/predict", files={"thing": (path.name, content)}),
        }  # fmt: skip
        if name != "json":
            answers["bytes"] = client.post("/api/predict", content=content, headers=declared)
        for door, answer in answers.items():
            assert answer.status_code == 200, (name, door, answer.text)
        told = {
            door: json.dumps(
                answer.json()["outputs"]["shape"]["value"]
                if door == "own call"
                else answer.json()["output"][1]["prediction"]
            )
            for door, answer in answers.items()
        }
        assert len(set(told.values())) == 1, (name, told)


def test_a_missing_input_is_named(serve: Any, samples: Any) -> None:
    running = serve(SUM, FOUR, SEG)
    content = samples.paths["nifti"].read_bytes()
    sent = {name: (f"{name}.nii", content) for name in FOUR if name != "t2"}

    answer = running.client.post("/api/predict", files=sent)

    assert answer.status_code == 422
    assert answer.json() == {
        "error": "The input 't2' is missing; this model takes 't1', 't1c', 't2', 'flair'.",
        "code": "missing_input",
        "field": "t2",
    }


def test_several_inputs_are_named_in_an_uploaded_document_as_modelhub_uploads_them(
    serve: Any, samples: Any, model_folder: Any
) -> None:
    folder = model_folder(SUM, FOUR, SEG)
    (folder / "samples" / "patient").mkdir()
    document = {"format": ["application/json"]}
    for name in FOUR:
        place = folder / "samples" / "patient" / f"{name}.nii.gz"
        place.write_bytes(samples.paths["nifti_gzip"].read_bytes())
        document[name] = {  # type: ignore[assignment]
            "type": ["application/nii-gzip"],
            "fileurl": f"sample_data/patient/{name}.nii.gz",
        }
    (folder / "samples" / "patient.json").write_text(json.dumps(document))
    # What documents alone name is no sample by itself.
    (folder / "samples" / "parts").mkdir()
    (folder / "samples" / "parts" / "another.nii.gz").touch()
    running = serve(SUM, FOUR, SEG)

    listed = running.client.get("/api/get_samples").json()
    by_sample = running.client.get("/api/predict_sample?filename=patient.json")
    by_folder = running.client.get("/api/predict_sample?filename=patient")
    uploaded = running.client.post(
        "/api/predict", files={"file": ("p.json", json.dumps(document), "application/json")}
    )

    assert [address.rpartition("/")[2] for address in listed] == ["patient", "patient.json"]
    for answer in (by_sample, by_folder, uploaded):
        assert answer.status_code == 200, answer.text
        assert answer.json()["output"][0]["shape"] == [2, 3, 4]


def test_what_the_model_is_comes_in_modelhubs_words(serve: Any, model_folder: Any) -> None:
    limits = [{"min": 1, "max": 3}, {"min": 8}]
    folder = model_folder()
    (folder / "LICENSE").write_text("Do what you like.\n")
    running = serve(
        inputs={"photo": {"type": "image", "formats": ["image/png"], "dim_limits": limits}},
        description="Says how bright it is.",
        meta={"task": "Classification", "application_area": "Photos"},
        model={"architecture": "mean", "format": ".txt"},
        licenses={"sample_data": "CC0-1.0"},
    )

    config = running.client.get("/api/get_config").json()
    legal = running.client.get("/api/get_legal").json()

    assert config["meta"]["name"] == "brightness"
    assert config["meta"]["task"] == "Classification"
    assert config["model"]["architecture"] == "mean"
    assert config["model"]["io"] == running.client.get("/api/get_model_io").json()
    assert config["model"]["io"]["input"] == {
        "format": ["image/png"],
        "single": {"format": ["image/png"], "description": "", "dim_limits": limits},
    }
    assert [sorted(output) for output in config["model"]["io"]["output"]] == [
        ["description", "name", "type"]] * 2  # fmt: skip
    assert legal["model_license"] == "Do what you like."
    assert legal["sample_data_license"] == "CC0-1.0"
    assert sorted(legal) == ["model_license", "modelhub_acknowledgements", "modelhub_license",
                             "sample_data_license"]  # fmt: skip


def test_the_model_can_be_taken_home_without_what_lies_beside_it(
    serve: Any, model_folder: Any, tmp_path: Path
) -> None:
    folder = model_folder()
    (tmp_path / "secret").write_text("not yours")
    (folder / "link").symlink_to(tmp_path / "secret")
    running = serve()

    answer = running.client.get("/api/get_model_files")

    assert answer.headers["content-disposition"] == 'attachment; filename="brightness_model.zip"'
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert sorted(archive.namelist()) == ["model/model.json", "model/model.py"]


def test_a_vector_is_a_file_for_modelhub_and_a_list_for_everybody_else(
    serve: Any, samples: Any
) -> None:
    running = serve(SHAPES, {"thing": {"type": "array"}}, TOTAL)
    sent = {"file": ("a.npy", samples.paths["npy"].read_bytes())}

    hub = running.client.post("/api/predict", files=sent).json()["output"][0]
    own = running.client.post("/predict", files=sent).json()["outputs"]["total"]

    with h5py.File(io.BytesIO(running.client.get(hub["prediction"]).content)) as file:
        assert file["total"][:].tolist() == [np.arange(24).sum()]
    assert own["value"] == [276.0]
