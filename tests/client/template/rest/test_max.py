"""The calls of MAX: one standard answer, whatever the model."""

from __future__ import annotations

from typing import Any

BOXES = """
class Model:
    def predict(self, inputs):
        return [
            {"label": 1, "score": 0.4, "x0": 0.0, "y0": 0.0, "x1": 1.0, "y1": 4.0},
            {"label": "person", "score": 0.9, "x0": 1.0, "y0": 2.0, "x1": 2.5, "y1": 3.0},
        ]
"""
FOUND = {"found": {"type": "boxes", "labels": ["person", "dog"]}}
MOOD = """
class Model:
    def predict(self, inputs):
        good = 0.9 if "good" in inputs["text"] else 0.2
        return [{"label": "positive", "probability": good},
                {"label": "negative", "probability": 1 - good}]
"""
TEXT = {"text": {"type": "text"}}
LABELS = {"mood": {"type": "label_list", "labels": ["positive", "negative"]}}


def test_boxes_are_shares_of_the_image_the_most_probable_first(serve: Any, photo: bytes) -> None:
    running = serve(BOXES, outputs=FOUND)

    answer = running.client.post("/model/predict", files={"image": ("a.png", photo)})

    assert answer.json() == {
        "status": "ok",
        "predictions": [
            {"label_id": "0", "label": "person", "probability": 0.9,
             "detection_box": [0.5, 0.2, 0.75, 0.5]},
            {"label_id": "1", "label": "dog", "probability": 0.4,
             "detection_box": [0.0, 0.0, 1.0, 0.2]},
        ],
    }  # fmt: skip


def test_a_threshold_leaves_out_what_does_not_exceed_it(serve: Any, photo: bytes) -> None:
    client = serve(BOXES, outputs=FOUND).client

    for threshold, labels in (("0.4", ["person"]), ("0.39", ["person", "dog"]), ("0.9", [])):
        asked = client.post(
            "/model/predict", params={"threshold": threshold}, files={"file": ("a", photo)}
        )
        assert [entry["label"] for entry in asked.json()["predictions"]] == labels
    refused = client.post("/model/predict?threshold=high", files={"file": ("a", photo)})
    assert refused.status_code == 400
    assert "threshold" in refused.json()["errors"]


def test_texts_are_answered_one_by_one_in_one_request(serve: Any) -> None:
    client = serve(MOOD, TEXT, LABELS).client

    many = client.post("/model/predict", json={"text": ["good", "bad", "so good"]}).json()
    one = client.post("/model/predict", json={"text": ["good"]}).json()

    best = [entry[0]["label"] for entry in many["predictions"]]
    assert best == ["positive", "negative", "positive"]
    assert one["predictions"][0] == {
        "label_id": "0", "label": "positive", "probability": 0.9}  # fmt: skip


def test_metadata_and_labels_have_maxs_keys(serve: Any) -> None:
    client = serve(MOOD, TEXT, LABELS, meta={"task": "Sentiment"}, links=["https://x.org"]).client

    assert client.get("/model/metadata").json() == {
        "id": "brightness",
        "name": "Brightness",
        "description": "",
        "type": "Sentiment",
        "source": "https://x.org",
        "license": "MIT",
    }
    assert client.get("/model/labels").json() == {
        "count": 2,
        "labels": [{"id": "0", "name": "positive"}, {"id": "1", "name": "negative"}],
    }


def test_a_request_without_its_field_is_refused_as_max_refuses_it(serve: Any) -> None:
    answer = serve().client.post("/model/predict", data={})

    assert answer.status_code == 400
    document = answer.json()
    assert document["status"] == "error"
    assert document["message"] == "Input payload validation failed"
    assert list(document["errors"]) == ["file"]


def test_one_client_script_serves_every_model(serve: Any, photo: bytes) -> None:
    answer = serve().client.post("/model/predict", files={"image": ("a.png", photo)}).json()

    assert answer["status"] == "ok"
    (entry,) = answer["predictions"]
    assert sorted(entry) == ["kind", "mask"]
    assert entry["mask"][0]["url"].endswith(".h5")
