"""Files that lie, are cut, are too large, or lead elsewhere: refused by name before the model."""

from __future__ import annotations

import gzip
import json
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from proctor.template.engine import ModelError, ModelFolderError
from proctor.template.inputs import InputError

NEVER = "class Model:\n def predict(self, inputs): raise RuntimeError('the model was asked')\n"


def refusal(engine: Any, **files: Path) -> InputError:
    with pytest.raises(InputError) as raised:
        engine.predict(files)
    assert "Traceback" not in str(raised.value)
    return raised.value


def test_a_name_that_lies_is_refused_where_the_content_is_not_taken(
    make_engine: Any, samples: Any, tmp_path: Path
) -> None:
    lying = tmp_path / "photo.png"
    lying.write_bytes(samples.paths["jpeg"].read_bytes())
    engine = make_engine(NEVER, {"photo": {"type": "image", "formats": ["image/png"]}})
    error = refusal(engine, photo=lying)
    assert (error.name, error.code) == ("photo", "INPUT_FORMAT")
    for words in ("'photo'", "is JPEG, though its name says PNG", "takes image/png"):
        assert words in str(error)


def test_a_name_that_lies_does_no_harm_where_the_content_is_taken(
    make_engine: Any, samples: Any, tmp_path: Path
) -> None:
    for name, other in (("png", "scan.nii.gz"), ("nifti_gzip", "scan.png"), ("nrrd", "scan")):
        kind = "image" if name == "png" else "volume"
        lying = tmp_path / other
        lying.write_bytes(samples.paths[name].read_bytes())
        engine = make_engine(inputs={"x": {"type": kind}})
        assert engine.predict({"x": lying}).values == {"done": 1}


def test_a_page_of_html_is_no_picture(make_engine: Any, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("<html>503</html>")
    error = refusal(make_engine(NEVER, {"x": {"type": "image"}}), x=tmp_path / "a.png")
    assert "is text, though its name says PNG" in str(error)


def test_a_file_of_no_known_format_is_refused(make_engine: Any, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\x7fELF\x00\x00")
    error = refusal(make_engine(NEVER, {"x": {"type": "array"}}), x=tmp_path / "a")
    assert "of no format that is known here" in str(error)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("png", "image"),
        ("jpeg", "image"),
        ("tiff", "image"),
        ("dicom", "volume"),
        ("dicom_series", "volume"),
        ("nrrd", "volume"),
        ("metaimage", "volume"),
        ("nifti", "volume"),
        ("nifti_gzip", "volume"),
        ("npy", "array"),
        ("parquet", "table"),
        ("wav", "audio"),
        ("json", "json"),
    ],
)
@pytest.mark.parametrize("form", ["native", "array"])
def test_a_cut_file_is_unreadable_and_not_the_models_fault(
    make_engine: Any, samples: Any, name: str, kind: str, form: str
) -> None:
    path = samples.paths[name]
    content = path.read_bytes()
    header = {"png": 45, "jpeg": 300, "nifti": 360, "wav": 46, "npy": 130, "metaimage": 20}
    keep = len(content) - 20 if name in ("metaimage", "nrrd", "dicom", "nifti_gzip") else None
    path.write_bytes(content[: keep or header.get(name, len(content) // 2)])
    error = refusal(make_engine(NEVER, {"x": {"type": kind, "form": form}}), x=path)
    assert (error.name, error.code) == ("x", "INPUT_UNREADABLE")
    assert path.name in str(error)


@pytest.mark.parametrize(
    ("name", "kind", "limits", "words"),
    [
        ("png", "image", [{"max": 1}, {}, {}], "3 x 4 x 5 (channels, rows, columns)"),
        ("png", "image", [{"max": 3}, {"max": 3}, {}], "at most 3 rows (dim_limits[1])"),
        ("png", "image", [{"min": 6}], "at least 6 columns (dim_limits[0])"),
        ("dicom", "image", [{"min": 3, "max": 3}, {}, {}], "1 x 3 x 2 (channels, rows, columns)"),
        ("nifti_gzip", "volume", [{"max": 3}, {}, {}], "4 x 3 x 2 (z, y, x)"),
        ("nrrd", "volume", [{}, {}, {"max": 1}], "at most 1 x (dim_limits[2])"),
        ("dicom_series", "volume", [{"min": 5}, {}, {}], "at least 5 z"),
        ("npy", "array", [{}, {}, {"max": 3}], "at most 3 axis 2"),
        ("csv", "table", [{"max": 1}, {}], "2 x 2 (rows, columns)"),
        ("parquet", "table", [{}, {"max": 1}], "at most 1 columns"),
        ("text", "text", [{"max": 3}], "at most 3 characters"),
        ("wav", "audio", [{"max": 1}, {}], "at most 1 channels"),
        ("json", "json", [{"max": 1}], "at most 1 entries"),
        ("png", "image", [{}, {}, {}, {}], "the model limits 4 lengths"),
    ],
)
@pytest.mark.parametrize("form", ["native", "array"])
def test_a_length_outside_its_limits_is_refused_by_name(
    make_engine: Any, samples: Any, name: str, kind: str, limits: Any, words: str, form: str
) -> None:
    rule = {"type": kind, "dim_limits": limits, "form": form}
    error = refusal(make_engine(NEVER, {"field": rule}), field=samples.paths[name])
    assert (error.name, error.code) == ("field", "INPUT_DIMENSIONS")
    assert words in str(error)


def png_that_promises(columns: int, rows: int) -> bytes:
    """Return a PNG whose header promises so many pixels, and that holds none of them."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checksum

    header = struct.pack(">IIBBBBB", columns, rows, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


def test_a_picture_that_promises_a_billion_pixels_is_refused_by_its_header(
    make_engine: Any, tmp_path: Path
) -> None:
    bomb = tmp_path / "bomb.png"
    bomb.write_bytes(png_that_promises(10_000, 10_000))
    limits = [{}, {"max": 512}, {"max": 512}]
    error = refusal(make_engine(NEVER, {"x": {"type": "image", "dim_limits": limits}}), x=bomb)
    assert error.code == "INPUT_DIMENSIONS"
    bomb.write_bytes(png_that_promises(100_000, 100_000))
    error = refusal(make_engine(NEVER, {"x": {"type": "image"}}), x=bomb)
    assert "decompression bomb" in str(error)


def test_a_volume_that_promises_too_much_is_refused_by_its_header(
    make_engine: Any, samples: Any
) -> None:
    path = samples.paths["nifti"]
    content = bytearray(path.read_bytes())
    content[40:48] = struct.pack("<4h", 3, 32_000, 32_000, 32_000)
    path.write_bytes(bytes(content))
    rule = {"type": "volume", "dim_limits": [{"max": 512}] * 3}
    assert refusal(make_engine(NEVER, {"x": rule}), x=path).code == "INPUT_DIMENSIONS"
    engine = make_engine(NEVER, {"x": {"type": "volume"}})
    assert refusal(engine, x=path).code == "INPUT_UNREADABLE"


def test_a_pickle_in_an_array_is_not_opened(make_engine: Any, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([{}], dtype=object), allow_pickle=True)
    error = refusal(make_engine(NEVER, {"x": {"type": "array"}}), x=tmp_path / "a.npy")
    assert error.code == "INPUT_UNREADABLE"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (
            "metaimage",
            b"ObjectType = Image\nNDims = 2\nDimSize = 2 2\nElementType = MET_UCHAR\n"
            b"ElementDataFile = /etc/passwd\n",
        ),
        (
            "nrrd",
            b"NRRD0004\ntype: unsigned char\ndimension: 2\nsizes: 2 2\nencoding: raw\n"
            b"data file: /etc/passwd\n\n",
        ),
        (
            "nrrd",
            b"NRRD0004\ntype: unsigned char\ndimension: 2\nsizes: 2 2\nencoding: raw\r\n"
            b"datafile:LIST\n/etc/passwd\n",
        ),
        (
            "metaimage",
            b"ObjectType = Image\nNDims = 2\nDimSize = 2 2\nElementType = MET_UCHAR\n"
            b"elementdatafile = LOCAL\nElementDataFile = /etc/passwd\n",
        ),
        (
            "nrrd",
            b"NRRD0004\ntype: unsigned char\ndimension: 2\nsizes: 2 2\nencoding: raw\n"
            b"#\rdata file: /etc/passwd\n\n",
        ),
    ],
)
def test_a_header_that_names_another_file_for_its_voxels_reads_none(
    make_engine: Any, tmp_path: Path, name: str, content: bytes
) -> None:
    path = tmp_path / f"a.{name}"
    path.write_bytes(content)
    error = refusal(make_engine(NEVER, {"x": {"type": "volume"}}), x=path)
    assert "its voxels lie in another file" in str(error)


def test_a_zip_is_unpacked_nowhere_and_not_beyond_a_limit(
    make_engine: Any, samples: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = make_engine(inputs={"ct": {"type": "volume"}})
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    engine.predict({"ct": samples.paths["dicom_series"]})
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == before
    monkeypatch.setattr("proctor.template.readers.itk._MOST_FILES", 3)
    assert "unpacks to 4 files" in str(refusal(engine, ct=samples.paths["dicom_series"]))
    empty = tmp_path / "empty.zip"
    with zipfile.ZipFile(empty, "w") as archive:
        archive.writestr("a.txt", "no DICOM")
    assert "holds 0 DICOM series" in str(refusal(engine, ct=empty))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[" * 100_000, "nested too deeply"),
        ('{"a": NaN}', "NaN"),
        ('{"a": 1,}', "Expecting"),
    ],
)
def test_json_that_is_none_is_unreadable(
    make_engine: Any, tmp_path: Path, text: str, words: str
) -> None:
    (tmp_path / "a.json").write_text(text)
    error = refusal(make_engine(NEVER, {"x": {"type": "json"}}), x=tmp_path / "a.json")
    assert words in str(error)


def test_a_table_with_a_ragged_row_is_unreadable(make_engine: Any, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n1,2\n3\n")
    error = refusal(make_engine(NEVER, {"x": {"type": "table"}}), x=tmp_path / "a.csv")
    assert "another number of cells in row 1" in str(error)


def test_a_gzip_bomb_is_not_unpacked_to_be_told(make_engine: Any, tmp_path: Path) -> None:
    with gzip.open(tmp_path / "a.nii.gz", "wb") as stream:
        stream.write(b"\0" * 50_000_000)
    error = refusal(make_engine(NEVER, {"x": {"type": "volume"}}), x=tmp_path / "a.nii.gz")
    assert error.code == "INPUT_FORMAT"


def test_a_volume_of_many_slices_is_no_image(make_engine: Any, samples: Any) -> None:
    engine = make_engine(NEVER, {"x": {"type": "image"}})
    assert "holds 4 slices" in str(refusal(engine, x=samples.paths["nifti"]))


def test_a_missing_and_an_unknown_input_are_named(make_engine: Any, samples: Any) -> None:
    rules = {name: {"type": "volume"} for name in ("t1", "t1c", "t2", "flair")}
    engine = make_engine(NEVER, rules)
    files = dict.fromkeys(("t1", "t2", "flair"), samples.paths["nifti"])
    error = refusal(engine, **files)
    assert (error.name, error.code) == ("t1c", "INPUT_MISSING")
    error = refusal(engine, **files, t1c=files["t1"], pet=files["t1"])
    assert (error.name, error.code) == ("pet", "INPUT_UNKNOWN")
    assert "'t1', 't1c', 't2', 'flair'" in str(error)
    error = refusal(engine, **files, t1c=Path("/nowhere/t1c.nii.gz"))
    assert (error.name, error.code) == ("t1c", "INPUT_MISSING")


@pytest.mark.parametrize(
    ("io", "place"),
    [
        ({"inputs": []}, "io.inputs"),
        ({"inputs": {"x": {}}}, "io.inputs.x.type"),
        ({"inputs": {"x": {"type": "picture"}}}, "io.inputs.x.type"),
        ({"inputs": {"x": {"type": "image", "formats": ["image/webp"]}}}, "io.inputs.x.formats"),
        ({"inputs": {"x": {"type": "image", "formats": ["audio/wav"]}}}, "io.inputs.x.formats"),
        ({"inputs": {"x": {"type": "image", "formats": [3]}}}, "io.inputs.x.formats[0]"),
        ({"inputs": {"x": {"type": "image", "form": "raw"}}}, "io.inputs.x.form"),
        (
            {"inputs": {"x": {"type": "image", "dim_limits": [{"min": "a"}]}}},
            "io.inputs.x.dim_limits[0].min",
        ),
        ({"outputs": {"y": {"type": "mask"}}}, "io.outputs.y.type"),
        ({"outputs": {"y": {"type": "table", "columns": "a"}}}, "io.outputs.y.columns"),
    ],
)
def test_a_wrong_card_names_its_place(
    make_engine: Any, tmp_path: Path, io: Any, place: str
) -> None:
    make_engine(NEVER)
    (tmp_path / "model" / "model.json").write_text(json.dumps({"io": io}))
    from proctor.template.engine import Engine

    with pytest.raises(ModelFolderError, match=r"model\.json") as raised:
        Engine.start(tmp_path / "model", 0)
    assert f" {place}: " in str(raised.value)


def test_a_format_beside_those_that_are_read_does_no_harm(make_engine: Any, samples: Any) -> None:
    rule = {"type": "image", "formats": ["image/webp", "image/png"]}
    engine = make_engine(inputs={"x": rule})
    assert engine.card.inputs["x"].formats == ("png",)
    assert "takes image/png" in str(refusal(engine, x=samples.paths["jpeg"]))


def test_a_hook_that_returns_no_inputs_is_told_so(make_engine: Any, samples: Any) -> None:
    body = "class Model:\n def preprocess_native(self, n, case): return None\n def predict(self, x): pass\n"  # noqa: E501
    engine = make_engine(body, {"x": {"type": "image", "form": "both"}})
    with pytest.raises(ModelError, match=r"preprocess_native returned NoneType; return a dict"):
        engine.predict({"x": samples.paths["png"]})


def test_a_picture_of_many_pixels_warns_nobody(make_engine: Any, tmp_path: Path) -> None:
    Image.new("1", (10_000, 10_000)).save(tmp_path / "a.png")
    rule = {"type": "image", "form": "native"}
    assert make_engine(inputs={"x": rule}).predict({"x": tmp_path / "a.png"}).values == {"done": 1}
