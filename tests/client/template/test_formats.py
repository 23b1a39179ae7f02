"""Every format through the file door, in native and in array form."""

from __future__ import annotations

import shutil
import struct
import sys
import wave
import zlib
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pyarrow
import pytest
from PIL import Image
from pyarrow import parquet

from proctor.template.formats import FORMATS, TYPES, detect, formats_named
from proctor.template.inputs import InputError
from proctor.template.readers import CHAIN

VOLUMES = ("nifti", "nifti_gzip", "nrrd", "metaimage", "dicom_series")


def seen(engine: Any, name: str, path: Path) -> Any:
    """Ask the engine and return what its model was given."""
    engine.predict({name: path})
    return sys.modules["model"].Model.seen[name]


def test_every_format_has_a_reader_and_a_type() -> None:
    readable = {name for reader in CHAIN for name in reader.formats}
    assert readable == set(FORMATS) == {name for names in TYPES.values() for name in names}


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_is_told_by_the_content_whatever_the_name(samples: Any, name: str) -> None:
    assert detect(samples.paths[name]) == name
    if name not in ("csv", "json", "text"):
        other = samples.paths[name].with_name("upload.jpg")
        shutil.copyfile(samples.paths[name], other)
        assert detect(other) == name


def test_a_slide_of_dicom_that_is_a_tiff_as_well_is_dicom(samples: Any, tmp_path: Path) -> None:
    content = samples.paths["dicom"].read_bytes()
    (tmp_path / "slide").write_bytes(b"II*\x00" + content[4:])
    assert detect(tmp_path / "slide") == "dicom"


def test_a_tiff_of_several_pages_is_no_one_image(make_engine: Any, tmp_path: Path) -> None:
    page = Image.new("L", (5, 4))
    page.save(tmp_path / "a.tif", save_all=True, append_images=[page])
    with pytest.raises(InputError, match="it has 2 pages; one was expected"):
        make_engine(inputs={"x": {"type": "image"}}).predict({"x": tmp_path / "a.tif"})


def test_kinds_of_text_are_told_by_the_name_then_by_what_is_taken(tmp_path: Path) -> None:
    bare = tmp_path / "upload"
    bare.write_text("age\n4\n")
    assert (detect(bare), detect(bare, ("csv", "parquet"))) == ("text", "csv")
    bare.write_text('[{"age": 4}]')
    assert (detect(bare), detect(bare, ("csv",))) == ("json", "csv")
    bare.write_text("a" + "ü" * 4095, "utf-8")
    assert detect(bare) == "text"
    bare.write_bytes(b"\x00\x01\x02")
    assert detect(bare) is None


@pytest.mark.parametrize("entry", FORMATS.values(), ids=lambda entry: entry.title)
def test_each_media_type_and_suffix_names_one_format(entry: Any) -> None:
    for text in (*entry.mime_types, *entry.suffixes):
        assert entry in [FORMATS[name] for name in formats_named(text.upper())]


@pytest.mark.parametrize("name", VOLUMES)
def test_a_volume_is_the_same_from_every_format(make_engine: Any, samples: Any, name: str) -> None:
    engine = make_engine(inputs={"t1": {"type": "volume"}})
    volume = seen(engine, "t1", samples.paths[name])
    assert np.array_equal(volume.data, samples.voxels)
    assert volume.affine == pytest.approx(samples.affine)
    assert volume.spacing_mm == pytest.approx((2.0, 2.0, 3.0))
    assert np.asarray(volume).shape == (2, 3, 4)


def test_a_volume_without_a_place_has_voxels_of_a_millimeter(
    make_engine: Any, samples: Any
) -> None:
    engine = make_engine(inputs={"t1": {"type": "volume"}})
    volume = seen(engine, "t1", samples.paths["npy"])
    assert np.array_equal(volume.affine, np.eye(4))
    assert np.array_equal(volume.data, samples.voxels)


@pytest.mark.parametrize(
    ("name", "module", "kind"),
    [
        ("nifti", "nibabel", "Nifti1Image"),
        ("nifti_gzip", "nibabel", "Nifti1Image"),
        ("nrrd", "SimpleITK", "Image"),
        ("metaimage", "SimpleITK", "Image"),
        ("dicom", "SimpleITK", "Image"),
        ("dicom_series", "SimpleITK", "Image"),
    ],
)
def test_a_native_volume_is_what_its_library_has(
    make_engine: Any, samples: Any, name: str, module: str, kind: str
) -> None:
    engine = make_engine(inputs={"t1": {"type": "volume", "form": "native"}})
    value = seen(engine, "t1", samples.paths[name])
    assert type(value).__name__ == kind
    assert type(value).__module__.startswith(module)


def test_a_folder_is_a_dicom_series(make_engine: Any, samples: Any) -> None:
    engine = make_engine(inputs={"ct": {"type": "volume", "formats": ["application/dicom"]}})
    volume = seen(engine, "ct", samples.paths["dicom_series"].parent / "series")
    assert np.array_equal(volume.data, samples.voxels)


def test_a_dicom_file_is_an_image_and_a_volume_of_one_slice(make_engine: Any, samples: Any) -> None:
    engine = make_engine(inputs={"x": {"type": "image"}})
    assert np.array_equal(seen(engine, "x", samples.paths["dicom"]), samples.voxels[:, :, 1].T)
    engine = make_engine(inputs={"x": {"type": "volume"}})
    volume = seen(engine, "x", samples.paths["dicom"])
    assert np.array_equal(volume.data, samples.voxels[:, :, 1:2])


def test_a_picture_is_rows_columns_and_channels(make_engine: Any, samples: Any) -> None:
    engine = make_engine(inputs={"x": {"type": "image"}})
    assert np.array_equal(seen(engine, "x", samples.paths["png"]), samples.pixels)
    assert np.array_equal(seen(engine, "x", samples.paths["tiff"]), samples.pixels)
    jpeg = seen(engine, "x", samples.paths["jpeg"])
    assert (jpeg.shape, jpeg.dtype) == (samples.pixels.shape, np.uint8)
    assert np.abs(jpeg.astype(int) - samples.pixels).mean() < 20


def test_a_native_picture_is_pillows(make_engine: Any, samples: Any) -> None:
    engine = make_engine(inputs={"x": {"type": "image", "form": "native"}})
    for name in ("png", "jpeg", "tiff"):
        value = seen(engine, "x", samples.paths[name])
        assert isinstance(value, Image.Image)
        assert value.size == (5, 4)


@pytest.mark.parametrize(
    ("mode", "shape", "dtype"),
    [
        ("L", (4, 5), np.uint8),
        ("1", (4, 5), np.uint8),
        ("I;16", (4, 5), np.uint16),
        ("P", (4, 5, 3), np.uint8),
        ("LA", (4, 5, 2), np.uint8),
        ("RGBA", (4, 5, 4), np.uint8),
    ],
)
def test_each_mode_of_png_has_one_array_form(
    make_engine: Any, tmp_path: Path, mode: str, shape: tuple[int, ...], dtype: Any
) -> None:
    Image.new(mode, (5, 4), 1 if mode in "1LPI;16" else None).save(tmp_path / "a.png")
    limits = [{"max": shape[2] if len(shape) == 3 else 1}, {"max": 4}, {"max": 5}]
    engine = make_engine(inputs={"x": {"type": "image", "dim_limits": limits}})
    value = seen(engine, "x", tmp_path / "a.png")
    assert (value.shape, value.dtype) == (shape, dtype)


@pytest.mark.parametrize("name", ["csv", "parquet", "json"])
def test_a_table_is_the_same_rows_from_every_format(
    make_engine: Any, samples: Any, name: str
) -> None:
    engine = make_engine(inputs={"rows": {"type": "table"}})
    assert seen(engine, "rows", samples.paths[name]) == list(samples.rows)
    engine = make_engine(inputs={"rows": {"type": "table", "form": "array"}})
    array = seen(engine, "rows", samples.paths[name])
    assert array.dtype == np.float64
    assert array.tolist() == [[4.0, 0.5], [6.0, 1.5]]


def test_a_table_with_names_has_no_array_form(make_engine: Any, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("age,site\n4,north\n")
    engine = make_engine(inputs={"rows": {"type": "table", "form": "array"}})
    with pytest.raises(InputError, match=r"'north' in row 0 of column 'site'.*form: native"):
        engine.predict({"rows": tmp_path / "a.csv"})


def test_text_and_json_are_what_they_say(make_engine: Any, samples: Any) -> None:
    engine = make_engine(inputs={"x": {"type": "text"}})
    assert seen(engine, "x", samples.paths["text"]) == "Zürich\n"
    assert seen(engine, "x", samples.paths["csv"]).startswith("age,weight\n")
    engine = make_engine(inputs={"x": {"type": "json"}})
    assert seen(engine, "x", samples.paths["json"]) == list(samples.rows)


def test_sound_is_integers_or_floats_from_minus_one_to_one(make_engine: Any, samples: Any) -> None:
    engine = make_engine(inputs={"x": {"type": "audio", "form": "native"}})
    native = seen(engine, "x", samples.paths["wav"])
    assert (native.rate_hz, native.samples.dtype) == (8000, np.int16)
    assert np.array_equal(native.samples, samples.sound)
    engine = make_engine(inputs={"x": {"type": "audio"}})
    audio = seen(engine, "x", samples.paths["wav"])
    assert (audio.rate_hz, audio.samples.dtype) == (8000, np.float32)
    assert np.array_equal(audio.samples, (samples.sound / 32768).astype(np.float32))
    assert np.asarray(audio).shape == (3, 2)


@pytest.mark.parametrize(
    ("width", "data"),
    [(1, b"\x00\x80\xff"), (3, b"\x00\x00\x80\x00\x00\x00\xff\xff\x7f"), (4, None)],
)
def test_sound_of_every_width_spans_the_same_range(
    make_engine: Any, tmp_path: Path, width: int, data: bytes | None
) -> None:
    with wave.open(str(tmp_path / "a.wav"), "wb") as stream:
        stream.setparams((1, width, 8000, 0, "NONE", ""))
        stream.writeframes(data or np.array([-(2**31), 0, 2**31 - 1], dtype="<i4").tobytes())
    engine = make_engine(inputs={"x": {"type": "audio"}})
    found = seen(engine, "x", tmp_path / "a.wav").samples[:, 0]
    assert found == pytest.approx([-1, 0, 1], abs=0.01)
    assert (found[0], found[1]) == (-1, 0)


def riff(header: bytes, data: bytes) -> bytes:
    """Return a WAV file with a chunk of an odd length between what it says and what it holds."""
    chunks = [(b"fmt ", header), (b"note", b"abc"), (b"data", data)]
    body = b"".join(
        name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)
        for name, content in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WAVE" + body


def wav_header(code: int, width: int, extends: int | None = None) -> bytes:
    bits = 8 * width
    header = struct.pack("<HHIIHH", code, 1, 8000, 8000 * width, width, bits)
    if extends is None:
        return header
    rest = bytes.fromhex("000000001000800000aa00389b71")
    return header + struct.pack("<HHIH", 22, bits, 4, extends) + rest


@pytest.mark.parametrize(
    ("header", "data"),
    [
        (wav_header(1, 2), struct.pack("<hh", 16384, -8192)),
        (wav_header(0xFFFE, 3, 1), b"\0\0\x40\0\0\xe0"),
        (wav_header(3, 4), struct.pack("<ff", 0.5, -0.25)),
        (wav_header(3, 8), struct.pack("<dd", 0.5, -0.25)),
        (wav_header(0xFFFE, 4, 3), struct.pack("<ff", 0.5, -0.25)),
    ],
)
def test_sound_is_the_same_from_every_header_that_programs_write(
    make_engine: Any, tmp_path: Path, header: bytes, data: bytes
) -> None:
    (tmp_path / "a.wav").write_bytes(riff(header, data))
    engine = make_engine(
        inputs={"x": {"type": "audio", "dim_limits": [{"max": 1}, {"min": 2, "max": 2}]}}
    )
    samples = seen(engine, "x", tmp_path / "a.wav").samples
    assert samples.dtype == np.float32
    assert samples.tolist() == [[0.5], [-0.25]]


@pytest.mark.parametrize(
    "header", [wav_header(7, 1), wav_header(0xFFFE, 2, 99), wav_header(1, 0), b"", b"\0" * 9]
)
def test_sound_of_another_kind_is_refused(make_engine: Any, tmp_path: Path, header: bytes) -> None:
    (tmp_path / "a.wav").write_bytes(riff(header, b"\1\2\3\4"))
    with pytest.raises(InputError, match="cannot be read as WAV"):
        make_engine(inputs={"x": {"type": "audio"}}).predict({"x": tmp_path / "a.wav"})


@pytest.mark.parametrize("kind", ["volume", "array", "image"])
def test_numbers_are_in_the_byte_order_of_the_machine(
    make_engine: Any, tmp_path: Path, samples: Any, kind: str
) -> None:
    np.save(tmp_path / "a.npy", samples.voxels.astype(">i2"))
    swapped = nibabel.Nifti1Image(
        samples.voxels[:, :, :1].astype(">f4"), samples.affine, nibabel.Nifti1Header(endianness=">")
    )
    swapped.to_filename(tmp_path / "a.nii")
    engine = make_engine(inputs={"x": {"type": kind}})
    for name in ("a.npy", "a.nii"):
        value = seen(engine, "x", tmp_path / name)
        assert np.asarray(getattr(value, "data", value)).dtype.isnative


def test_the_mark_before_utf_8_is_no_part_of_a_text(make_engine: Any, tmp_path: Path) -> None:
    mark = b"\xef\xbb\xbf"
    (tmp_path / "a.csv").write_bytes(mark + b'age,note\r\n4,"a\r\nb"\r\n')
    (tmp_path / "a.json").write_bytes(mark + b'{"age": 4}')
    (tmp_path / "a.txt").write_bytes(mark + b"Z\xc3\xbcrich")
    table = make_engine(inputs={"x": {"type": "table"}})
    assert seen(table, "x", tmp_path / "a.csv") == [{"age": 4.0, "note": "a\r\nb"}]
    assert seen(make_engine(), "x", tmp_path / "a.csv") == [{"age": 4.0, "note": "a\r\nb"}]
    assert seen(make_engine(), "x", tmp_path / "a.json") == {"age": 4}
    document = make_engine(inputs={"x": {"type": "json"}})
    assert seen(document, "x", tmp_path / "a.json") == {"age": 4}
    text = make_engine(inputs={"x": {"type": "text"}})
    assert seen(text, "x", tmp_path / "a.txt") == "Zürich"


def test_two_columns_of_one_name_are_refused(make_engine: Any, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("age,age\n4,5\n")
    column = pyarrow.array([1])
    twins = pyarrow.Table.from_arrays([column, column], names=["age", "age"])
    parquet.write_table(twins, tmp_path / "a.parquet")
    engine = make_engine(inputs={"x": {"type": "table"}})
    for name in ("a.csv", "a.parquet"):
        with pytest.raises(InputError, match="more than one column 'age'"):
            engine.predict({"x": tmp_path / name})


def test_the_header_of_a_pair_is_no_volume(make_engine: Any, tmp_path: Path, samples: Any) -> None:
    engine = make_engine(inputs={"x": {"type": "volume"}})
    for kind in (nibabel.Nifti1Pair, nibabel.Nifti2Pair):
        kind(samples.voxels, samples.affine).to_filename(tmp_path / "a.img")
        with pytest.raises(InputError, match="its voxels lie in another file"):
            engine.predict({"x": tmp_path / "a.hdr"})


def test_colors_of_16_bits_are_not_cut_to_8_silently(make_engine: Any, tmp_path: Path) -> None:
    def chunk(name: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + check

    engine = make_engine(inputs={"x": {"type": "image"}})
    for colors, channels in ((2, 3), (4, 2), (6, 4)):
        header = struct.pack(">IIBBBBB", 1, 1, 16, colors, 0, 0, 0)
        data = zlib.compress(b"\0" + b"\x12\x34" * channels)
        (tmp_path / "a.png").write_bytes(
            b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", header)
            + chunk(b"IDAT", data)
            + chunk(b"IEND", b"")
        )
        with pytest.raises(InputError, match="16 bits"):
            engine.predict({"x": tmp_path / "a.png"})


def test_a_number_beyond_all_is_no_number(make_engine: Any, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[1e999]")
    with pytest.raises(InputError, match="1e999"):
        make_engine(inputs={"x": {"type": "json"}}).predict({"x": tmp_path / "a.json"})


@pytest.mark.parametrize("name", ["npy", "nifti", "png", "csv", "parquet", "wav", "dicom"])
def test_an_array_comes_from_every_format_that_holds_numbers(
    make_engine: Any, samples: Any, name: str
) -> None:
    engine = make_engine(inputs={"x": {"type": "array"}})
    value = seen(engine, "x", samples.paths[name])
    assert isinstance(value, np.ndarray)
    expected = {"png": samples.pixels, "nifti": samples.voxels, "npy": samples.voxels}
    assert name not in expected or np.array_equal(value, expected[name])


def test_a_model_sees_both_forms_native_first(make_engine: Any, samples: Any) -> None:
    body = (
        "class Model:\n"
        " def preprocess_native(self, natives, case):\n"
        "  self.trace = [type(natives['x']).__name__, type(natives['age']).__name__]\n"
        "  return {**natives, 'x': natives['x'].convert('L').rotate(90, expand=True)}\n"
        " def preprocess(self, arrays, case):\n"
        "  self.trace += [type(arrays['x']).__name__, arrays['x'].shape]\n"
        "  return arrays\n"
        " def predict(self, arrays): return {'trace': self.trace}\n"
    )
    inputs = {"x": {"type": "image", "form": "both"}, "age": {"type": "table"}}
    engine = make_engine(body, inputs)
    prediction = engine.predict({"x": samples.paths["png"], "age": samples.paths["csv"]})
    assert prediction.values["trace"] == ["PngImageFile", "list", "ndarray", [5, 4]]


def test_of_both_forms_the_first_hook_may_be_left_out(make_engine: Any, samples: Any) -> None:
    engine = make_engine(inputs={"t1": {"type": "volume", "form": "both"}})
    assert np.array_equal(seen(engine, "t1", samples.paths["nrrd"]).data, samples.voxels)


def test_a_missing_library_is_named_with_what_to_install(
    make_engine: Any, samples: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proctor.template.readers.find_spec", lambda library: None)
    for name, package in (("png", "pillow"), ("nrrd", "SimpleITK"), ("parquet", "pyarrow")):
        kind = {"png": "image", "nrrd": "volume", "parquet": "table"}[name]
        engine = make_engine(inputs={"x": {"type": kind}})
        with pytest.raises(InputError, match=rf"needs {package}.*pip install {package}") as raised:
            engine.predict({"x": samples.paths[name]})
        assert raised.value.code == "INPUT_LIBRARY_MISSING"


def test_without_the_first_library_the_next_reader_answers(
    make_engine: Any, samples: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from proctor.template import readers

    real = readers.find_spec
    monkeypatch.setattr(
        "proctor.template.readers.find_spec",
        lambda library: None if library == "SimpleITK" else real(library),
    )
    engine = make_engine(inputs={"x": {"type": "volume"}})
    volume = seen(engine, "x", samples.paths["dicom"])
    assert np.array_equal(volume.data, samples.voxels[:, :, 1:2])


def test_importing_the_engine_imports_no_library() -> None:
    import subprocess

    code = (
        "import sys, proctor.template.engine\n"
        "heavy = ('numpy', 'PIL', 'SimpleITK', 'nibabel', 'pydicom', 'pyarrow', 'h5py', 'wave')\n"
        "print([name for name in heavy if name in sys.modules])\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"


def test_what_the_card_does_not_declare_is_opened_by_its_suffix(
    make_engine: Any, samples: Any
) -> None:
    engine = make_engine()
    assert np.array_equal(seen(engine, "x", samples.paths["nifti"]).data, samples.voxels)
    assert seen(engine, "x", samples.paths["csv"]) == list(samples.rows)
    assert seen(engine, "x", samples.paths["png"]) == samples.paths["png"]
