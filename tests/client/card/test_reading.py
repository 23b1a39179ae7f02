"""A model.json of anybody: what is read of it, and what is said of what is wrong."""

import json
import os

import pytest
from pydantic import ValidationError

from proctor.spec.card.reading import MOST_BYTES, CardError, read_card, read_card_file
from proctor.spec.limits import GIB, Limits
from proctor.spec.model import ModelCard

WHOLE = {
    "name": "tumor-net",
    "license": "Apache-2.0",
    "id": "20fb032f-7a5b-4a2b-9ab8-367ee53030ea",
    "io": {
        "inputs": {
            "t1": {
                "type": "volume",
                "formats": ["application/nii-gzip"],
                "form": "both",
                "dim_limits": [{"min": 1, "max": 512}, {"min": 155}, {}],
                "description": "T1-weighted",
            }
        },
        "outputs": {
            "seg": {"type": "mask_image", "labels": ["edema", "core"]},
            "age": {"type": "table", "columns": ["years"], "units": "years"},
        },
    },
    "meta": {"application_area": "Neuroradiology", "task": "Segmentation", "modality": "volume"},
    "model": {
        "architecture": "U-Net",
        "objective": "soft Dice",
        "hyperparameters": {"depth": 4, "features": [8, 16]},
    },
    "publication": {"title": "A net", "year": 2018, "doi": "10.1007/978-3-030-11726-9_40"},
    "training": {
        "data": [{"name": "BraTS", "license": "CC-BY-4.0", "n": 285, "overlap_with_test": "none"}],
        "code": "https://example.org/code",
        "seed": 7,
    },
    "licenses": {"code": "MIT", "weights": "LicenseRef-ours OR CC-BY-NC-4.0"},
    "resources": {"memory_bytes": GIB, "cpus": 2, "gpu": {"min_vram_bytes": 8_000_000_000}},
    "use": {"intended": "research", "minimum_age": 18, "warnings": ["Not a medical device."]},
    "release_notes": "First.",
    "forked_from": "sub_abcdefghijklmnopqrstuvwxyz",
}


def wrong(**fields):
    """Return what is said of a card with these fields, by path."""
    with pytest.raises(CardError) as caught:
        read_card(json.dumps({"name": "m"} | fields).encode())
    return {problem.path: problem.message for problem in caught.value.problems}


def test_a_card_with_everything_comes_back_as_it_was():
    card = read_card(json.dumps(WHOLE).encode())
    again = ModelCard.model_validate_json(card.model_dump_json())
    assert again == card
    assert again.io.inputs["t1"].dim_limits[1].max is None
    assert list(again.io.outputs) == ["seg", "age"]


def test_a_card_without_the_new_sections_is_written_without_them():
    written = json.loads(ModelCard(name="m").model_dump_json())
    assert set(written) == {
        "contract",
        "name",
        "title",
        "description",
        "version",
        "license",
        "authors",
        "links",
        "protocols",
        "runtime",
        "tasks",
        "claimed_scores",
    }


@pytest.mark.parametrize(
    ("fields", "path", "said"),
    [
        ({"licence": "MIT"}, "licence", "did you mean license?"),
        (
            {"io": {"inputs": {"a": {"type": "picture"}}, "outputs": {"b": {"type": "text"}}}},
            "io.inputs.a.type",
            "expected 'image', 'volume', 'table', 'text', 'audio', 'json' or 'array',"
            ' found "picture"',
        ),
        (
            {
                "io": {
                    "inputs": {"a": {"type": "image", "dim_limits": [{}, {"min": 9, "max": 3}]}},
                    "outputs": {"b": {"type": "text"}},
                }
            },
            "io.inputs.a.dim_limits[1]",
            "max 3 is below min 9",
        ),
        (
            {"io": {"inputs": {"a b": {"type": "image"}}, "outputs": {"b": {"type": "text"}}}},
            "io.inputs",
            "'a b' is no name",
        ),
        ({"io": {"inputs": {}, "outputs": {}}}, "io.inputs", "at least 1 item"),
        ({"training": {"data": [{"name": "x", "n": "many"}]}}, "training.data[0].n", "integer"),
        ({"training": {"data": [{}]}}, "training.data[0].name", "it is required"),
        ({"licenses": {"weights": "Apache 2"}}, "licenses.weights", "did you mean Apache-2.0?"),
        ({"resources": {"network": True}}, "resources.network", "expected False, found true"),
        ({"resources": {"memory_bytes": "1GB"}}, "resources.memory_bytes", 'found "1GB"'),
        ({"support": {"demo": "javascript:alert(1)"}}, "support.demo", "must match"),
        ({"support": {"issues": 'https://x" onclick="y'}}, "support.issues", "must match"),
        ({"publication": []}, "publication", "found a list"),
        ({"name": None}, "name", "found null"),
        ({"custom": {"a": [[[[[[[[1]]]]]]]]}}, "custom", "nested more than 8 deep"),
        ({"custom": {"a": "x" * 40_000}}, "custom", "more than 32768 bytes"),
        ({"id": "7"}, "id", "must match"),
    ],
)
def test_a_wrong_value_is_told_with_its_path_and_what_was_expected(fields, path, said):
    assert said in wrong(**fields)[path]


def test_every_problem_is_told_at_once_and_never_too_many():
    assert set(wrong(a=1, meta={"task": 3})) == {"a", "meta.task"}
    with pytest.raises(CardError, match="more than 50 problems") as caught:
        read_card(json.dumps({f"field{n}": n for n in range(1000)}).encode())
    assert len(caught.value.problems) == 51


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "it is not JSON"),
        (b"[" * 100_000, "recursion limit"),
        (b'{"name":' * 100_000, "recursion limit"),
        (b'{"name": "m", "claimed_scores": {"dice": NaN}}', "it is not JSON"),
        (b"\xfe", "it is not JSON"),
        ('{"name": "m"}'.encode("utf-8-sig"), "byte order mark; save it as UTF-8"),
        ('{"name": "m"}'.encode("utf-16"), "byte order mark; save it as UTF-8"),
        (b'{"name": "m", "custom": {"a": 1, "b": 2, "a": 3}}', 'the field "a" is there twice'),
        (b'{"name": "\\ud800"}', "it is not JSON"),
        (b"[]", "expected an object, found a list"),
        (b" " * (MOST_BYTES + 1), "more than 1048576 bytes"),
        (b'{"name": "m", "training": {"seed": 1' + b"0" * 100 + b"}}", "training.seed"),
        (b'{"name": "m", "training": {"seed": 1' + b"0" * 5000 + b"}}", "out of range"),
    ],
)
def test_a_hostile_file_is_refused_in_words(data, said, tmp_path):
    with pytest.raises(CardError, match=said):
        read_card(data)
    path = tmp_path / "model.json"
    path.write_bytes(data)
    with pytest.raises(CardError, match=said):
        read_card_file(path)


def test_a_pipe_in_the_place_of_a_card_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "model.json")
    with pytest.raises(CardError, match="not a regular file"):
        read_card_file(tmp_path / "model.json")


def test_what_is_told_of_strange_values_cannot_steer_a_terminal():
    (said,) = wrong(version=["\x1b[2J"]).values()
    assert "\x1b" not in said
    (said,) = wrong(
        io={"inputs": {"\x1b]0;x\x07": {"type": "text"}}, "outputs": {"b": {"type": "text"}}}
    ).values()
    assert "\x1b" not in said


def test_a_script_in_a_text_is_text():
    card = ModelCard(name="m", description="<script>alert(1)</script>")
    assert card.description == "<script>alert(1)</script>"


def test_a_nested_document_of_a_program_is_refused_without_a_deep_call():
    document: dict = {}
    for _ in range(100_000):
        document = {"a": document}
    with pytest.raises(ValidationError):
        ModelCard(name="m", custom=document)


def test_resources_only_ever_narrow_what_a_phase_allows():
    card = read_card(json.dumps(WHOLE).encode())
    phase = Limits(memory_bytes=2 * GIB, cpus=1, case_s=30)
    assert card.resources.within(phase) == Limits(memory_bytes=GIB, cpus=1, case_s=30)
    assert card.resources.beyond(phase) == (
        "cpus: it asks for 2, the phase gives 1",
        "gpu: it asks for a GPU of ≥ 8 GB, the phase gives none",
    )
    assert ModelCard(name="m").resources.within(phase) is phase
