"""Cases of every kind that can be looked at, drawn by Streamlit over a platform that is a fake."""

from __future__ import annotations

import base64
import io
import json
import re
from types import SimpleNamespace
from typing import Any

import nibabel
import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from proctor.spec.api import CaseFiles, CaseView
from proctor.spec.digests import digest_bytes
from proctor.spec.task import OutputType, TaskSpec
from proctor.spec.work import Purpose, Split
from proctor_dashboard.case_kinds import texts
from proctor_dashboard.views import case
from proctor_dashboard.volumes import VolumeError

HOSTILE = "<script>alert(1)</script>"
CUBE = np.zeros((12, 10, 6), np.uint8)
CUBE[2:5, 2:5, 1:4], CUBE[7:10, 6:9, 2:5] = 1, 2
SQUARE = np.zeros((8, 9), np.uint8)
SQUARE[1:4, 2:5], SQUARE[5:7, 6:8] = 1, 2


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def png(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, "PNG")
    return stream.getvalue()


def volume(array: np.ndarray) -> bytes:
    return nibabel.Nifti1Image(array, np.diag([1.0, 2.0, 3.0, 1.0])).to_bytes()


def packed(*answers: str) -> bytes:
    ends = np.cumsum([len(one.encode()) for one in answers], dtype="<i8")
    content = ends.tobytes() + "".join(answers).encode()
    return npy(np.frombuffer(content, np.uint8))


def drawn(kind: str) -> bytes:
    """Return a colored picture of 8 rows and 9 columns."""
    stream = io.BytesIO()
    Image.new("RGB", (9, 8), "red").save(stream, kind)
    return stream.getvalue()


def task(
    inputs: dict[str, Any], output: dict[str, Any], reference: dict[str, Any], **more: Any
) -> TaskSpec:
    split = {"inputs": "", "reference": ""}
    return TaskSpec.model_validate(
        {
            "slug": "t",
            "title": "T",
            "inputs": {"image": inputs},
            "outputs": {"answer": output},
            "reference": {"truth": reference},
            "data": {"hidden": split, "sample": split},
            "metrics": [{"id": "m", "name": "mae", "output": "answer", "reference": "truth"}],
            "primary": "m",
            **more,
        }
    )


VOLUME = {"type": "volume", "file": "{case}.nii.gz"}
ARRAY = {"type": "array", "file": "{case}.npy"}
BOXES = task(
    ARRAY,
    {"type": "boxes", "file": "found.csv", "geometry": "box_2d"},
    {"type": "boxes", "file": "{case}.csv", "geometry": "box_2d"},
    items_per_case=2,
    labels={1: "cat", 2: HOSTILE},
)
KINDS = {
    "boxes": (
        BOXES,
        npy(np.random.default_rng(0).integers(0, 255, (2, 20, 30, 3), np.uint8)),
        f"item,label,x0,y0,x1,y1\n0,cat,1,2,10,12\n0,{HOSTILE},5,5,9,9\n1\n".encode(),
        npy(
            np.array([[0, 1, 0.9, 1, 2, 11, 12], [0, 2, 0.4, 3, 3, 8, 8], [1, 1, 0.2, 0, 0, 4, 4]])
        ),
    ),
    "points": (
        task(
            {"type": "file", "file": "{case}.png"},
            {"type": "boxes", "file": "found.csv", "geometry": "point_2d"},
            {"type": "boxes", "file": "{case}.csv", "geometry": "point_2d"},
            labels={1: "cell"},
        ),
        png(np.full((50, 60), 128, np.uint8)),
        b"item,label,x,y\n0,1,40,30\n",
        npy(np.array([[0, 1, 0.5, 41, 31]])),
    ),
    "instances": (
        task(
            VOLUME,
            {"type": "instances", "file": "o.nii.gz", "grid": "image"},
            {"type": "instances", "file": "{case}.nii.gz"},
            labels={1: "cell"},
        ),
        volume(CUBE * 50),
        volume(CUBE),
        npy(np.roll(CUBE, 1, 0).astype(np.uint32)),
    ),
    "images": (
        task(
            VOLUME,
            {"type": "image", "file": "o.nii.gz", "grid": "image"},
            {"type": "image", "file": "{case}.nii.gz"},
        ),
        volume(CUBE.astype(np.float32)),
        volume(CUBE.astype(np.float32) * 2),
        npy(CUBE.astype(np.float32) * 3),
    ),
    "arrays": (
        task(
            ARRAY,
            {"type": "image", "file": "o.npy", "grid": "image"},
            {"type": "image", "file": "{case}.npy"},
        ),
        npy(np.ones((8, 9))),
        npy(np.eye(8, 9)),
        npy(np.zeros((8, 9))),
    ),
    "pictures": (
        task(
            {"type": "file", "file": "{case}.jpg"},
            {"type": "image", "file": "o.png", "grid": "image"},
            {"type": "image", "file": "{case}.tif"},
        ),
        drawn("JPEG"),
        drawn("TIFF"),
        npy(np.ones((8, 9, 3), np.float32)),
    ),
    "masks": (
        task(
            VOLUME,
            {"type": "mask_image", "file": "o.nii.gz", "grid": "image"},
            {"type": "mask_image", "file": "{case}.nii.gz"},
            labels={1: "left", 2: HOSTILE},
        ),
        volume(CUBE * 50),
        volume(CUBE),
        npy(CUBE),
    ),
    "masks of a picture": (
        task(
            {"type": "file", "file": "{case}.jpg"},
            {"type": "mask_image", "file": "o.png", "grid": "image"},
            {"type": "mask_image", "file": "{case}.png"},
            labels={1: "left", 2: HOSTILE},
        ),
        drawn("JPEG"),
        png(SQUARE),
        npy(np.roll(SQUARE, 1, 0)),
    ),
    "objects of an array": (
        task(
            ARRAY,
            {"type": "instances", "file": "o.npy", "grid": "image"},
            {"type": "instances", "file": "{case}.npy"},
            labels={1: "cell"},
        ),
        npy(np.ones((2, 8, 9))),
        npy(np.stack([SQUARE, SQUARE])),
        npy(np.stack([SQUARE, SQUARE * 2]).astype(np.uint32)),
    ),
    "rows": (
        task(
            ARRAY,
            {"type": "table", "file": "p.csv", "columns": ["1", "0"]},
            {"type": "labels", "file": "{case}.npy"},
            items_per_case=3,
            labels={0: "well", 1: HOSTILE},
        ),
        npy(np.ones((3, 8, 8))),
        npy(np.array([1, 0, 1])),
        npy(np.array([[0.75, 0.25], [0.6, 0.4], [0.5, 0.5]])),
    ),
    "numbers": (
        task(
            ARRAY,
            {"type": "vector", "file": "p.csv"},
            {"type": "values", "file": "{case}.npy"},
            items_per_case=2,
        ),
        npy(np.ones((2, 8, 8))),
        npy(np.array([1.5, 2.5])),
        npy(np.array([[1.25], [-3.0]])),
    ),
    "labels": (
        task(
            ARRAY,
            {"type": "label_list", "file": "p.csv"},
            {"type": "labels", "file": "{case}.npy"},
            items_per_case=2,
            labels={0: "well", 1: HOSTILE},
        ),
        npy(np.ones((2, 8, 8))),
        npy(np.array([1, 0])),
        npy(np.array([1, 1])),
    ),
    "documents": (
        task(
            ARRAY,
            {"type": "custom", "file": "o.json"},
            {"type": "values", "file": "{case}.npy"},
        ),
        npy(np.ones((2, 8, 8))),
        npy(np.array([1.5])),
        npy(np.frombuffer(json.dumps({"graph": [1, HOSTILE]}).encode(), np.uint8)),
    ),
    "texts": (
        task(
            {"type": "file", "file": "{case}.json"},
            {"type": "text", "file": "o.json"},
            {"type": "text", "file": "{case}.json"},
            items_per_case=2,
        ),
        json.dumps(["What is it?", HOSTILE]).encode(),
        json.dumps([["a red house", "a house"], HOSTILE]).encode(),
        packed("a blue house", HOSTILE),
    ),
}


class FakePlatform:
    """One submission whose run on the sample has two cases with the same files."""

    def __init__(self, spec: TaskSpec, parts: dict[str, bytes]) -> None:
        self.spec, self.parts = spec, parts

    def submission(self, _id: str) -> Any:
        run = SimpleNamespace(
            id="run_1", task="t", cases_done=2, split=Split.SAMPLE, purpose=Purpose.TRYOUT
        )
        card = SimpleNamespace(title="A model", name="a")
        return SimpleNamespace(
            id="sub_1", card=card, challenge="tiny", challenge_version=1, runs=[run]
        )

    def challenge(self, _slug: str, _version: int) -> Any:
        return SimpleNamespace(challenge=SimpleNamespace(title="Tiny", tasks=(self.spec,)))

    def cases(self, _submission: str, _run: str) -> list[CaseView]:
        return [
            CaseView(
                run="run_1", task="t", case=name, outcome="OK", seconds=1.0,
                peak_memory_bytes=None, scores={"m/mean": 0.25},
            )
            for name in ("case-2", "case-11")
        ]  # fmt: skip

    def case_files(self, _submission: str, run: str, name: str) -> CaseFiles:
        def file(part: str) -> dict[str, Any]:
            content = self.parts[part]
            return {"digest": digest_bytes(content), "size": len(content)}

        return CaseFiles(
            run=run, case=name, task="t", version=1,
            inputs={"image": file("inputs")}, reference={"truth": file("reference")},
            predictions={"answer": file("predictions")} if "predictions" in self.parts else {},
        )  # fmt: skip

    def case_file(self, _submission: str, _files: CaseFiles, part: str, _name: str) -> bytes:
        return self.parts[part]


def _script() -> None:
    from proctor_dashboard.views import case

    case.draw()


@pytest.fixture
def open_page(monkeypatch: pytest.MonkeyPatch) -> Any:
    def opened(kind: str, **parts: bytes | None) -> AppTest:
        spec, *contents = KINDS[kind]
        given = dict(zip(("inputs", "reference", "predictions"), contents, strict=True)) | parts
        kept = {part: content for part, content in given.items() if content is not None}
        monkeypatch.setattr(case, "client", lambda: FakePlatform(spec, kept))
        page = AppTest.from_function(_script, default_timeout=120)
        page.query_params["id"] = "sub_1"
        return page.run()

    return opened


def pictures(page: AppTest) -> list[str]:
    """Return the SVG of every picture."""
    found = [re.search(r"svg\+xml;base64,([^\"]+)", one.proto.body) for one in page.get("html")]
    return [base64.b64decode(one.group(1)).decode() for one in found if one]


@pytest.mark.parametrize(
    ("kind", "count", "lines"),
    [
        ("boxes", 1, 2 + 2 * 2),
        ("points", 1, 1 + 2),
        ("instances", 3, 3),
        ("images", 4, 0),
        ("arrays", 4, 0),
        ("pictures", 4, 0),
        ("masks", 3, 3),
        ("masks of a picture", 1, 2 + 2 * 2),
        ("objects of an array", 1, 2 + 2 * 2),
        ("texts", 0, 0),
        ("rows", 0, 0),
        ("numbers", 0, 0),
        ("labels", 0, 0),
        ("documents", 0, 0),
    ],
)
def test_a_case_of_every_kind_is_drawn_with_what_was_true_and_what_was_answered(
    open_page: Any, kind: str, count: int, lines: int
) -> None:
    page = open_page(kind)
    assert not page.exception, page.exception
    assert not page.warning
    shown = pictures(page)
    assert len(shown) == count
    assert (shown[0].count("<path") if shown else 0) >= lines
    tables = [one.proto.body for one in page.get("html")]
    assert not any(HOSTILE in table for table in tables)
    assert any("0.25" in table for table in tables)
    assert page.selectbox[-1].options == ["case-2", "case-11"]


@pytest.mark.parametrize(
    "kind",
    ["boxes", "instances", "images", "masks of a picture", "texts", "rows", "documents"],
)
def test_a_case_without_an_answer_says_so(open_page: Any, kind: str) -> None:
    page = open_page(kind, predictions=None)
    assert not page.exception, page.exception
    assert any("There is no" in one.value for one in page.info)


@pytest.mark.parametrize(
    ("kind", "part"),
    [("boxes", "reference"), ("boxes", "inputs"), ("points", "inputs"), ("texts", "predictions"),
     ("texts", "reference"), ("arrays", "predictions"), ("masks", "predictions"),
     ("pictures", "inputs"), ("pictures", "reference"), ("masks of a picture", "inputs"),
     ("masks of a picture", "predictions"), ("masks of a picture", "reference"),
     ("rows", "predictions"), ("numbers", "reference"), ("documents", "predictions")],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_a_sentence(open_page: Any, kind: str, part: str) -> None:
    page = open_page(kind, **{part: b"nonsense"})
    assert not page.exception, page.exception
    assert page.warning


def test_every_type_of_output_has_a_view() -> None:
    assert set(case.KINDS) == set(OutputType)


def test_a_line_an_item_says_what_was_true_what_was_answered_and_whether_that_is_right(
    open_page: Any,
) -> None:
    lines = re.findall(r"<tr>(.*?)</tr>", html_of(open_page("rows")))[1:4]
    marks = [re.findall(r">(right|wrong)<", line) for line in lines]
    assert marks == [["right"], ["wrong"], ["wrong"]]
    assert "<b>0.7500</b>" in lines[0]
    assert "well" in lines[1]
    numbers = html_of(open_page("numbers"))
    assert "<td>1.500</td><td>1.250</td>" in numbers
    assert re.findall(r">(right|wrong)<", html_of(open_page("labels"))) == ["right", "wrong"]
    (document,) = open_page("documents").code
    assert json.loads(document.value) == {"graph": [1, HOSTILE]}


def html_of(page: AppTest) -> str:
    return "".join(one.proto.body for one in page.get("html"))


def test_words_that_differ_are_marked_and_nothing_else() -> None:
    assert texts.marked("a blue <b>", "a red <b>") == "a <mark>blue</mark> &lt;b&gt;"
    assert texts.marked("a house", "a red house") == "a <mark>…</mark> house"
    with pytest.raises(VolumeError, match="texts"):
        texts.unpacked(b"\x00" * 4, 1)
