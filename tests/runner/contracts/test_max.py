"""Unmodified images of the Model Asset Exchange, with its own framework inside."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest

from proctor.spec.contract import MaxContract
from proctor.spec.model import Protocol
from proctor.spec.outcomes import Code

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("contracts")]

CLASSES = {
    "items_per_case": 3,
    "inputs": {"pictures": {"type": "array", "file": "{case}.npy"}},
    "outputs": {
        "scores": {"type": "table", "file": "scores.csv", "columns": ["dark", "light"]},
        "best": {"type": "label_list", "file": "best.csv"},
    },
}
TEXTS = {
    "items_per_case": 2,
    "inputs": {"reviews": {"type": "table", "file": "{case}.csv"}},
    "outputs": {"mood": {"type": "table", "file": "m.csv", "columns": ["negative", "positive"]}},
}
SPOTS = {
    "labels": {1: "spot"},
    "inputs": {"photo": {"type": "file", "file": "{case}.png"}},
    "outputs": {"spots": {"type": "boxes", "file": "spots.csv", "geometry": "box_2d"}},
    "reference": {"true": {"type": "boxes", "file": "{case}.csv", "geometry": "box_2d"}},
}


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def png(picture: np.ndarray) -> bytes:
    """Write a gray picture, by another way than the runner's."""
    height, width = picture.shape
    raw = b"".join(b"\0" + bytes(row) for row in picture.astype(np.uint8))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(raw))
        + chunk(b"IEND", b"")
    )


def pictures(*levels: int) -> bytes:
    return npy(np.stack([np.full((4, 4), level, dtype=np.uint8) for level in levels]))


def test_a_stack_of_pictures_is_sent_one_by_one_and_answered_in_a_table_and_a_list(room, images):
    image = images.build("max", APP="classifier")
    cases = {"a": {"pictures": pictures(0, 255, 51)}, "b": {"pictures": pictures(255, 0, 204)}}
    found = room.ask(image, "max", room.task(**CLASSES), cases, items=3)

    assert (found.outcome.code, found.outcome.detail) == (Code.OK, ""), found.logs
    assert found.outcome.protocol is Protocol.SERVE
    expected = {"a": [0, 1, 0.2], "b": [1, 0, 0.8]}
    for case, light in expected.items():
        scores = found.arrays[case]["scores"]
        np.testing.assert_allclose(scores, np.column_stack([1 - np.array(light), light]))
        assert found.arrays[case]["best"].tolist() == [round(one) for one in light]


@pytest.mark.parametrize(
    "nested",
    [pytest.param(False, marks=pytest.mark.slow, id="flat"), pytest.param(True, id="nested")],
)
def test_texts_are_sent_together_and_both_forms_of_the_answer_are_read(
    room, images, tmp_path, nested
):
    image = images.build("max", APP="sentiment")
    assets = tmp_path / "assets"
    assets.mkdir()
    (assets / ("nested" if nested else "flat")).write_text("")
    cases = {"a": {"reviews": b'id,text\n1,"a good, long day"\n2,rain\n'}}
    found = room.ask(image, "max", room.task(**TEXTS), cases, items=2, weights=assets)

    assert (found.outcome.code, found.outcome.detail) == (Code.OK, ""), found.logs
    assert found.arrays["a"]["mood"].tolist() == [[0.125, 0.875], [0.75, 0.25]]


def test_boxes_come_back_in_pixels_and_a_query_reaches_the_model(room, images):
    image = images.build("max", APP="detector")
    picture = np.zeros((10, 20), dtype=np.uint8)
    picture[2:5, 4:8] = 153
    cases = {"a": {"photo": png(picture)}, "none": {"photo": png(np.zeros((10, 20)))}}
    contract = MaxContract(query={"threshold": "0.5"})
    found = room.ask(image, contract, room.task(**SPOTS), cases)

    assert (found.outcome.code, found.outcome.detail) == (Code.OK, ""), found.logs
    np.testing.assert_allclose(found.arrays["a"]["spots"], [[0, 1, 0.6, 4, 2, 8, 5]])
    assert found.arrays["none"]["spots"].shape == (0, 7)


def test_what_a_server_refuses_is_told_and_costs_its_case_alone(room, images):
    image = images.build("max", APP="detector")
    cases = {"a": {"photo": png(np.full((4, 4), 255))}, "b": {"photo": b"no picture"}}
    found = room.ask(image, "max", room.task(**SPOTS), cases)

    assert found.outcome.code is Code.OK
    assert found.reports["a"].outcome is Code.OK
    assert (found.reports["b"].outcome, found.reports["b"].detail) == (
        Code.CRASH,
        "The model answered with an error.",
    )
    assert "with the file in 'file' answered with status 400" in found.logs["b"]
    assert "not a valid image" in found.logs["b"]
