"""One way to spoil a good challenge for each test; the report must name file and field."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import nibabel
import numpy as np
import pytest
import yaml

from proctor.spec.digests import digest_file
from proctor_runner.challenge_folder import ChallengeInvalidError, load_challenge
from proctor_runner.checks import check_challenge
from proctor_runner.datasets import build_datasets

TABLE_TASK = {
    "slug": "sort",
    "title": "Sort",
    "items_per_case": 3,
    "inputs": {"rows": {"type": "array", "file": "{case}.npy"}},
    "outputs": {"out": {"type": "table", "file": "scores.csv", "columns": ["a", "b"]}},
    "reference": {"ref": {"type": "labels", "file": "{case}.npy"}},
    "labels": {0: "a", 1: "b"},
    "data": {
        split: {
            "inputs": f"data/{split}/inputs",
            "reference": f"data/{split}/reference",
            "cases": f"data/{split}/cases.csv",
        }
        for split in ("hidden", "sample")
    },
    "metrics": [{"id": "acc", "name": "accuracy", "output": "out", "reference": "ref"}],
    "primary": "acc",
    "strata": ["site"],
}
MASK_CHANGES = {
    "items_per_case": 1,
    "inputs": {"t1": {"type": "volume", "file": "{case}.nii.gz"}},
    "outputs": {"out": {"type": "mask_image", "file": "seg.nii.gz", "grid": "t1"}},
    "reference": {"ref": {"type": "mask_image", "file": "{case}.nii.gz"}},
    "labels": {1: "core"},
    "metrics": [{"id": "dice", "name": "dice", "output": "out", "reference": "ref"}],
    "primary": "dice",
}


class Folder:
    """A challenge's folder that a test may spoil."""

    def __init__(self, path: Path, document: dict) -> None:
        self.path = path
        self.document = document
        self.task = document["tasks"][0]
        self.phase = document["phases"][0]

    def write(self) -> None:
        text = yaml.safe_dump(self.document, sort_keys=False)
        (self.path / "challenge.yaml").write_text(text)

    def problems(self, **options) -> list[tuple[str, str, str]]:
        self.write()
        found = check_challenge(self.path, **options)
        return [(problem.file, problem.field, problem.message) for problem in found]

    def only_problem(self, **options) -> tuple[str, str, str]:
        (problem,) = self.problems(**options)
        return problem


def document_of(task: dict) -> dict:
    return {
        "schema": 1,
        "slug": "sorting",
        "title": "Sorting",
        "runtimes": ["runtime-cpu"],
        "baselines": ["baselines/first"],
        "tasks": [task],
        "phases": [
            {
                "slug": "main",
                "title": "Main",
                "tasks": ["sort"],
                "opens_at": "2026-01-01T00:00:00Z",
                "closes_at": "2027-01-01T00:00:00Z",
                "ranking": {"scheme": "mean"},
            }
        ],
    }


def copy_of(document: dict) -> dict:
    # Not by JSON, which would turn the labels' numbers into text.
    return yaml.safe_load(yaml.safe_dump(document))


def write_baseline(path: Path) -> None:
    folder = path / "baselines" / "first"
    folder.mkdir(parents=True)
    (folder / "model.py").write_text("class Model: ...\n")
    card = {"name": "first", "runtime": "runtime-cpu", "tasks": ["sort"]}
    (folder / "model.json").write_text(json.dumps(card))


def write_split(path: Path, split: str, suffix: str, write) -> None:
    folder = path / "data" / split
    for kind in ("inputs", "reference"):
        (folder / kind).mkdir(parents=True)
        for case in ("c1", "c2"):
            write(folder / kind / f"{case}{suffix}", kind)
    (folder / "cases.csv").write_text("case,group,site\nc1,p1,north\nc2,p2,south\n")


def write_array(path: Path, kind: str) -> None:
    np.save(path, np.array([0, 1, 1]) if kind == "reference" else np.zeros((3, 4)))


def write_volume(path: Path, kind: str = "", array=None, affine=None, **fields) -> None:
    if array is None:
        array = np.zeros((2, 3, 4), dtype=np.uint8)
        array[0, 0, 0] = 1
    image = nibabel.Nifti1Image(array, np.eye(4) if affine is None else affine)
    for name, value in fields.items():
        image.header[name] = value
    image.to_filename(path)


@pytest.fixture
def tables(tmp_path) -> Folder:
    for split in ("hidden", "sample"):
        write_split(tmp_path, split, ".npy", write_array)
    write_baseline(tmp_path)
    return Folder(tmp_path, document_of(copy_of(TABLE_TASK)))


@pytest.fixture
def masks(tmp_path) -> Folder:
    for split in ("hidden", "sample"):
        write_split(tmp_path, split, ".nii.gz", write_volume)
    write_baseline(tmp_path)
    return Folder(tmp_path, document_of(copy_of(TABLE_TASK | MASK_CHANGES)))


@pytest.mark.parametrize("name", ["tables", "masks"])
def test_a_good_challenge_has_no_problem(request, name):
    assert request.getfixturevalue(name).problems() == []


# challenge.yaml


def test_broken_yaml_is_named_by_line_and_column(tables):
    (tables.path / "challenge.yaml").write_text("schema: 1\ntitle: [a\nslug: x\n")
    (problem,) = check_challenge(tables.path)
    assert problem.file == "challenge.yaml:3:5"
    assert "YAML" in problem.message


def test_a_key_given_twice_is_no_silent_choice(tables):
    tables.write()
    with (tables.path / "challenge.yaml").open("a") as stream:
        stream.write("title: Other\n")
    (problem,) = check_challenge(tables.path)
    assert "'title' is given twice" in problem.message
    assert problem.file.startswith("challenge.yaml:")


def test_yaml_that_names_a_python_object_is_refused(tables):
    (tables.path / "challenge.yaml").write_text("title: !!python/object/apply:os.getcwd []\n")
    (problem,) = check_challenge(tables.path)
    assert "YAML" in problem.message


def test_a_folder_without_challenge_yaml_is_one_problem(tmp_path):
    (problem,) = check_challenge(tmp_path)
    assert (problem.file, problem.field) == ("challenge.yaml", "")
    assert problem.message == "is not in this folder"
    (problem,) = check_challenge(tmp_path / "nowhere")
    assert problem.message == f"cannot be: there is no folder {tmp_path / 'nowhere'}"


@pytest.mark.parametrize(("text", "found"), [("", "is empty"), ("- a\n", "holds no fields")])
def test_a_challenge_yaml_without_fields_is_told_how_to_begin(tables, text, found):
    (tables.path / "challenge.yaml").write_text(text)
    (problem,) = check_challenge(tables.path)
    assert problem.message == f"{found}; `proctor challenge init` writes one to start from"


def test_a_wrong_name_is_told_what_a_name_may_hold(tables):
    tables.document["slug"] = "../Shapes"
    assert tables.only_problem()[1:] == (
        "slug",
        "'../Shapes' is no name for it: lower-case letters, digits and inner hyphens, 64 at most",
    )


def test_an_unknown_field_is_named_by_its_path(tables):
    tables.task["metrics"][0]["colour"] = "red"
    file, field, message = tables.only_problem()
    assert (file, field) == ("challenge.yaml", "tasks[0].metrics[0].colour")
    assert "no field" in message


def test_a_wrong_type_is_named_by_its_path(tables):
    tables.task["items_per_case"] = "many"
    assert tables.only_problem()[1] == "tasks[0].items_per_case"


def test_a_missing_field_is_named_by_its_path(tables):
    del tables.phase["title"]
    assert tables.only_problem()[1:] == ("phases[0].title", "is missing")


def test_all_problems_of_the_document_come_at_once(tables):
    tables.document["title"] = ""
    tables.phase["limits"] = {"case_s": -1}
    fields = [field for _, field, _ in tables.problems()]
    assert fields == ["title", "phases[0].limits.case_s"]


def test_a_phase_that_closes_before_it_opens_is_refused(tables):
    tables.phase["closes_at"] = "2025-01-01T00:00:00Z"
    _, field, message = tables.only_problem()
    assert field == "phases[0]"
    assert "closes_at" in message


def test_a_moment_without_a_time_zone_is_refused(tables):
    tables.phase["opens_at"] = "2026-01-01T00:00:00"
    assert tables.only_problem()[1] == "phases[0].opens_at"


# metrics and ranking


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"name": "dize"}, "name", "dize"),
        ({"name": "dice"}, "output", "compares mask_image or contour with mask_image"),
        ({"name": "top_k_accuracy"}, "parameters.k", "k"),
        ({"parameters": {"tie": "expected"}}, "parameters.tie", "unknown"),
        ({"parameters": {"ties": "random"}}, "parameters.ties", "expected"),
    ],
)
def test_a_metric_is_resolved_with_its_parameters(tables, change, field, said):
    tables.task["metrics"][0] |= change
    _, found, message = tables.only_problem()
    assert found == f"tasks[0].metrics[0].{field}"
    assert said in message


def as_regression(tables) -> None:
    """Make the references numbers, two an item."""
    tables.task["reference"]["ref"]["type"] = "values"
    tables.task["labels"] = {}
    tables.task["metrics"][0] |= {"name": "rmse", "worst": 9.0}
    for path in tables.path.glob("data/*/reference/*.npy"):
        labels = np.load(path)
        np.save(path, np.stack([labels, labels / 2], axis=1))


def test_numbers_are_compared_with_numbers(tables):
    as_regression(tables)
    assert tables.problems() == []


def test_classes_may_be_answered_as_a_list(tables):
    tables.task["outputs"]["out"] = {"type": "label_list", "file": "labels.csv"}
    assert tables.problems() == []
    tables.task["metrics"][0]["name"] = "auroc"
    _, field, message = tables.only_problem()
    assert field == "tasks[0].metrics[0].output"
    assert "auroc compares table with labels, not label_list" in message


def test_a_metric_of_classes_takes_no_numbers(tables):
    as_regression(tables)
    tables.task["metrics"][0]["name"] = "accuracy"
    assert "accuracy compares table or label_list with labels" in tables.only_problem()[2]


def test_a_metric_of_numbers_takes_no_classes(tables):
    tables.task["metrics"][0] |= {"name": "mae", "worst": 9.0}
    assert "mae compares table or vector with values" in tables.only_problem()[2]


def test_classes_need_names(tables):
    tables.task["labels"] = {}
    assert "reference 'ref' holds classes; name each of them" in tables.only_problem()[2]


def test_a_reference_has_a_number_for_every_column(tables):
    as_regression(tables)
    path = tables.path / "data/hidden/reference/c2.npy"
    np.save(path, np.load(path)[:, :1])
    file, _, message = tables.only_problem()
    assert file == "data/hidden/reference/c2.npy"
    assert message == "holds 1 numbers an item, output 'out' has 2 columns"


def test_a_reference_holds_finite_numbers(tables):
    as_regression(tables)
    path = tables.path / "data/hidden/reference/c2.npy"
    values = np.load(path)
    values[0, 0] = np.nan
    np.save(path, values)
    assert "holds a value in row 0 that is not a finite number" in tables.only_problem()[2]


def as_multilabel(tables: Folder) -> None:
    tables.task |= {"reference": {"ref": {"type": "multilabel", "file": "{case}.npy"}}}
    tables.task |= {"labels": {}}
    tables.task["metrics"][0]["name"] = "subset_accuracy"
    for split in ("hidden", "sample"):
        for case in ("c1", "c2"):
            path = tables.path / f"data/{split}/reference/{case}.npy"
            np.save(path, np.array([[0, 1], [1, 1], [0, 0]], dtype=np.uint8))


def test_several_labels_an_item_need_no_names_but_the_columns(tables):
    as_multilabel(tables)
    assert tables.problems() == []


def test_a_metric_of_several_labels_takes_no_classes(tables):
    tables.task["metrics"][0]["name"] = "subset_accuracy"
    assert "subset_accuracy compares table with multilabel" in tables.only_problem()[2]


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ([[0, 1], [2, 0], [0, 0]], "holds a value in row 1 that is neither 0 nor 1"),
        ([[0, 1, 1]] * 3, "holds 3 numbers an item, output 'out' has 2 columns"),
    ],
)
def test_a_label_holds_or_it_does_not(tables, reference, message):
    as_multilabel(tables)
    np.save(tables.path / "data/hidden/reference/c2.npy", np.array(reference))
    file, _, found = tables.only_problem()
    assert (file, found.endswith(message)) == ("data/hidden/reference/c2.npy", True)


def test_a_label_that_no_hidden_item_has_cannot_be_scored(tables):
    as_multilabel(tables)
    for case in ("c1", "c2"):
        path = tables.path / f"data/hidden/reference/{case}.npy"
        np.save(path, np.array([[0, 1]] * 3))
    _, field, message = tables.only_problem()
    assert field == "tasks[0].reference.ref"
    assert message == "no item of the hidden split has the label of column 1 of 'ref'"


def test_a_positive_class_that_is_none_is_found_before_anything_is_scored(tables):
    tables.task["metrics"][0] |= {
        "name": "average_precision",
        "parameters": {"average": "binary", "positive": 7},
    }
    assert "positive class of average_precision is 7" in tables.only_problem()[2]


def test_a_metric_that_needs_a_worst_value_says_so(masks):
    masks.task["metrics"][0]["name"] = "volume_error"
    assert masks.only_problem()[1] == "tasks[0].metrics[0].worst"


def test_a_column_that_names_no_label_is_refused(tables):
    tables.task["outputs"]["out"]["columns"] = ["a", "c"]
    _, field, message = tables.only_problem()
    assert field == "tasks[0].metrics[0].output"
    assert "'c'" in message


def test_a_ranking_by_a_label_that_is_not_there_is_refused(masks):
    masks.phase["ranking"]["columns"] = [{"task": "sort", "metric": "dice", "label": "edema"}]
    _, field, message = masks.only_problem()
    assert field == "phases[0].ranking.columns[0].label"
    assert "core" in message


def test_a_label_with_a_sign_cannot_rank(tables):
    tables.task |= {"reference": {"ref": {"type": "values", "file": "{case}.npy"}}, "labels": {}}
    tables.task["metrics"] = [
        {"id": "limits", "name": "bland_altman", "output": "out", "reference": "ref"}
    ]
    tables.task["primary"] = "limits"
    for split in ("hidden", "sample"):
        for path in (tables.path / "data" / split / "reference").iterdir():
            np.save(path, np.ones((3, 2)))
    columns = [{"task": "sort", "metric": "limits", "label": label} for label in ("a.bias", "mean")]
    tables.phase["ranking"]["columns"] = columns
    signed, absent = tables.problems()
    assert signed[1] == "phases[0].ranking.columns[0].label"
    assert signed[2].endswith("than the other; rank by a.furthest_limit, b.furthest_limit")
    assert "limits has no label 'mean'" in absent[2]


def test_ranks_in_every_case_are_refused_for_a_pooled_metric(tables):
    tables.task["metrics"][0]["name"] = "auroc"
    tables.phase["ranking"]["scheme"] = "rank_then_mean"
    _, field, message = tables.only_problem()
    assert field == "phases[0].ranking.scheme"
    assert "rank_sum" in message


def test_ranks_in_every_case_are_refused_where_a_structure_may_be_left_out(masks):
    masks.phase["ranking"]["scheme"] = "rank_then_mean"
    assert masks.problems() == []
    masks.task["metrics"][0] |= {"name": "dice", "parameters": {"both_empty": "nan"}}
    _, field, message = masks.only_problem()
    assert field == "phases[0].ranking.scheme"
    assert "may leave one out; choose another rule for empty structures" in message


def test_the_ladder_is_refused_where_a_structure_may_be_left_out(masks):
    masks.phase["feedback"] = {"ladder": True}
    assert masks.problems() == []
    masks.task["metrics"][0] |= {"name": "dice", "parameters": {"both_empty": "nan"}}
    _, field, message = masks.only_problem()
    assert field == "phases[0].feedback.ladder"
    assert "may leave one out; choose another rule for empty structures" in message


def test_a_difference_with_a_sign_ranks_nobody(masks):
    masks.task["metrics"][0] |= {
        "name": "volume_error",
        "parameters": {"form": "signed_ml"},
        "worst": 100.0,
    }
    _, field, message = masks.only_problem()
    assert field == "phases[0].ranking.columns[0].label"
    assert message.endswith("is better than the other; rank by another metric")


def test_a_tolerance_for_a_structure_that_is_not_scored_is_told(masks):
    masks.task["metrics"][0] |= {"name": "nsd", "parameters": {"tolerance_mm": {"nobody": 1}}}
    assert "every structure that is scored must have a tolerance" in masks.problems()[0][2]


# cases and files


def test_a_case_listed_twice_is_refused(tables):
    cases = tables.path / "data/hidden/cases.csv"
    cases.write_text("case,group,site\nc1,p1,north\nc1,p1,north\nc2,p2,south\n")
    assert ("data/hidden/cases.csv:2", "case", "case 'c1' is listed 2 times") in tables.problems()


@pytest.mark.parametrize("name", ["../c1", "c 1", "", "-c"])
def test_a_case_id_that_is_no_plain_name_is_refused(tables, name):
    cases = tables.path / "data/hidden/cases.csv"
    cases.write_text(f"case,group,site\nc1,p1,north\nc2,p2,south\n{name},p3,south\n")
    file, field, message = tables.only_problem()
    assert (file, field) == ("data/hidden/cases.csv:4", "case")
    assert "case id" in message


def test_a_stratum_without_a_column_is_refused(tables):
    (tables.path / "data/sample/cases.csv").write_text("case,group\nc1,p1\nc2,p2\n")
    assert ("data/sample/cases.csv", "site", "has no such column in its header line") in (
        tables.problems()
    )


@pytest.mark.parametrize("half", ["inputs", "reference"])
def test_a_missing_file_is_the_only_problem_of_its_case(tables, half):
    (tables.path / "data/hidden" / half / "c2.npy").unlink()
    assert tables.only_problem()[2].startswith("is missing")


def test_a_missing_file_is_named_with_its_case(tables):
    (tables.path / "data/hidden/reference/c2.npy").unlink()
    problems = tables.problems()
    assert problems[0][0] == "data/hidden/reference/c2.npy"
    assert "'ref' of case 'c2'" in problems[0][2]


def test_a_file_of_no_case_is_named(tables):
    shutil.copy(
        tables.path / "data/hidden/inputs/c1.npy", tables.path / "data/hidden/inputs/c9.npy"
    )
    assert tables.only_problem()[0] == "data/hidden/inputs/c9.npy"


def test_a_folder_outside_the_challenge_is_refused(tables):
    tables.task["data"]["hidden"]["reference"] = "../elsewhere"
    _, field, message = tables.only_problem()
    assert field == "tasks[0].data.hidden.reference"
    assert "leaves" in message


def test_a_link_in_the_data_is_refused(tables):
    path = tables.path / "data/hidden/inputs/c1.npy"
    target = tables.path / "elsewhere.npy"
    path.rename(target)
    path.symlink_to(target)
    assert tables.problems()[0][:1] == ("data/hidden/inputs/c1.npy",)


def test_more_items_than_the_task_allows_are_refused(tables):
    tables.task["items_per_case"] = 2
    messages = {message for _, _, message in tables.problems()}
    assert messages == {"holds 3 items, items_per_case allows 1 to 2"}


def test_inputs_and_reference_of_different_length_are_refused(tables):
    np.save(tables.path / "data/hidden/inputs/c1.npy", np.zeros((2, 4)))
    file, _, message = tables.only_problem()
    assert file == "data/hidden/inputs/c1.npy"
    assert "(2, 4)" in message
    assert "3 items" in message


def test_an_unknown_label_is_refused(tables):
    np.save(tables.path / "data/hidden/reference/c1.npy", np.array([0, 1, 5]))
    file, _, message = tables.problems()[0]
    assert file == "data/hidden/reference/c1.npy"
    assert "label 5" in message


@pytest.mark.parametrize("wrong", [0.5, np.nan, np.inf])
def test_labels_that_are_no_integers_are_refused(tables, wrong):
    np.save(tables.path / "data/hidden/reference/c1.npy", np.array([0, 1, wrong]))
    file, _, message = tables.problems()[0]
    assert file == "data/hidden/reference/c1.npy"
    assert "whole numbers" in message


def test_a_label_that_no_integer_can_hold_is_refused(tables):
    np.save(tables.path / "data/hidden/reference/c1.npy", np.array([0, 1, 1e300]))
    assert "64 bits" in tables.problems()[0][2]


def test_a_pickled_reference_is_never_opened(tables):
    np.save(tables.path / "data/hidden/reference/c1.npy", np.array([{}, 1, 2], dtype=object))
    assert "no readable .npy file" in tables.problems()[0][2]


def test_a_label_that_no_hidden_reference_holds_is_reported(tables):
    for case in ("c1", "c2"):
        np.save(tables.path / f"data/hidden/reference/{case}.npy", np.array([0, 0, 0]))
    _, field, message = tables.only_problem()
    assert field == "tasks[0].labels"
    assert "label 1 (b)" in message


# volumes


def as_images(masks) -> None:
    masks.task["outputs"]["out"]["type"] = "image"
    masks.task["reference"]["ref"]["type"] = "image"
    masks.task |= {"labels": {}, "primary": "psnr"}
    masks.task["metrics"] = [{"id": "psnr", "name": "psnr", "output": "out", "reference": "ref"}]


def test_images_are_compared_with_images(masks):
    as_images(masks)
    assert masks.problems() == []
    masks.task["metrics"][0]["name"] = "dice"
    assert "not image with image" in masks.only_problem()[2]


def test_an_image_of_another_shape_or_without_numbers_is_refused(masks):
    as_images(masks)
    first, second, *_ = sorted((masks.path / "data/hidden/reference").iterdir())
    nibabel.save(nibabel.Nifti1Image(np.zeros((9, 9, 9), np.float32), np.eye(4)), first)
    nibabel.save(nibabel.Nifti1Image(np.full((9, 9, 9), np.nan, np.float32), np.eye(4)), second)
    shape, nothing = masks.problems(allow_identifiers=True)
    assert "has shape (9, 9, 9), its grid input 't1' (" in shape[2]
    assert "NaN everywhere" in nothing[2]


def test_an_image_in_an_array_lies_on_an_array(tables):
    tables.task |= {"labels": {}, "primary": "psnr", "items_per_case": 1}
    tables.task["outputs"]["out"] = {"type": "image", "file": "image.npy", "grid": "rows"}
    tables.task["reference"]["ref"]["type"] = "image"
    tables.task["metrics"] = [{"id": "psnr", "name": "psnr", "output": "out", "reference": "ref"}]
    for split in ("hidden", "sample"):
        for kind in ("inputs", "reference"):
            for path in (tables.path / "data" / split / kind).iterdir():
                np.save(path, np.arange(12.0).reshape(3, 4))
    assert tables.problems() == []
    tables.task["outputs"]["out"]["file"] = "image.nii.gz"
    assert "outputs.out.grid: there is no input 'rows' of type volume" in tables.only_problem()[2]
    tables.task["outputs"]["out"] = {"type": "image", "file": "image.npy", "grid": "other"}
    assert (
        "there is no input 'other' of type volume, array, or file that is a picture"
        in tables.only_problem()[2]
    )


def test_a_reference_of_another_shape_is_refused(masks):
    write_volume(
        masks.path / "data/hidden/reference/c1.nii.gz", array=np.ones((2, 3, 5), dtype=np.uint8)
    )
    file, _, message = masks.only_problem()
    assert file == "data/hidden/reference/c1.nii.gz"
    assert "(2, 3, 5)" in message
    assert "(2, 3, 4)" in message


def test_a_reference_on_another_grid_is_refused(masks):
    write_volume(masks.path / "data/hidden/reference/c1.nii.gz", affine=np.diag([1, 1, 2.0, 1]))
    file, _, message = masks.only_problem()
    assert file == "data/hidden/reference/c1.nii.gz"
    assert "another grid" in message


def test_a_mask_with_fractions_is_refused(masks):
    array = np.full((2, 3, 4), 0.5, dtype=np.float32)
    write_volume(masks.path / "data/hidden/reference/c1.nii.gz", array=array)
    assert "whole numbers" in masks.only_problem()[2]


def test_a_file_that_is_no_volume_is_refused(masks):
    (masks.path / "data/hidden/reference/c1.nii.gz").write_bytes(b"not a volume")
    messages = [message for file, _, message in masks.problems() if file.endswith("c1.nii.gz")]
    assert messages
    assert all("gzip" in message or "NIfTI" in message for message in messages)


@pytest.mark.parametrize("field", ["descrip", "db_name", "aux_file", "intent_name"])
def test_a_text_in_a_header_may_name_a_person(masks, field):
    write_volume(masks.path / "data/sample/inputs/c1.nii.gz", **{field: b"DOE^JANE"})
    file, _, message = masks.only_problem()
    assert file == "data/sample/inputs/c1.nii.gz"
    assert f"{field} = 'DOE^JANE'" in message
    assert masks.problems(allow_identifiers=True) == []


def test_a_header_extension_may_name_a_person(masks):
    path = masks.path / "data/hidden/reference/c1.nii.gz"
    image = nibabel.load(path)
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"Jane Doe"))
    image.to_filename(path)
    assert "extension" in masks.only_problem()[2]


def test_names_and_times_in_a_gzip_header_may_tell_who_and_when(masks):
    path = masks.path / "data/hidden/inputs/c1.nii.gz"
    content = gzip.decompress(path.read_bytes())
    with (
        path.open("wb") as stream,
        gzip.GzipFile("doe-jane.nii", "wb", fileobj=stream, mtime=1_700_000_000) as packed,
    ):
        packed.write(content)
    messages = [message for _, _, message in masks.problems()]
    assert len(messages) == 2
    assert any("time of compression" in message for message in messages)
    assert any("file name" in message for message in messages)


# baselines


def test_a_baseline_that_is_not_there_is_refused(tables):
    tables.document["baselines"] = ["baselines/first", "baselines/second", "../outside"]
    fields = [field for _, field, _ in tables.problems()]
    assert fields == ["baselines[1]", "baselines[2]"]


@pytest.mark.parametrize(
    ("card", "field"),
    [
        ({"name": "Not A Slug", "runtime": "runtime-cpu"}, "name"),
        ({"name": "first", "runtime": "other"}, "runtime"),
        ({"name": "first", "runtime": "runtime-cpu", "tasks": ["other"]}, "tasks"),
        ({"name": "first", "runtime": "runtime-cpu", "colour": "red"}, "colour"),
    ],
)
def test_a_baselines_card_is_checked(tables, card, field):
    (tables.path / "baselines/first/model.json").write_text(json.dumps(card))
    file, found, _ = tables.only_problem()
    assert (file, found) == ("baselines/first/model.json", field)


# datasets


def test_datasets_hold_every_case_by_digest(tables):
    tables.write()
    built = build_datasets(tables.path, load_challenge(tables.path))
    hidden = built.data["sort"].hidden
    assert [case.id for case in hidden.inputs.cases] == ["c1", "c2"]
    first = hidden.inputs.cases[0]
    assert (first.group, first.strata, first.items) == ("p1", {"site": "north"}, 3)
    path = tables.path / "data/hidden/inputs/c1.npy"
    assert first.files["rows"] == digest_file(path)
    assert built.blobs[first.files["rows"].digest].read_bytes() == path.read_bytes()
    assert set(hidden.reference.cases[0].files) == {"ref"}


def test_a_reference_has_a_new_secret_salt_each_time(tables):
    tables.write()
    spec = load_challenge(tables.path)
    first, second = (build_datasets(tables.path, spec).data["sort"].hidden for _ in range(2))
    assert len(first.reference.salt) == 64
    assert first.reference.salt != second.reference.salt
    assert first.inputs == second.inputs
    assert first.inputs.salt == ""


def test_datasets_of_a_broken_folder_are_not_built(tables):
    tables.write()
    spec = load_challenge(tables.path)
    (tables.path / "data/hidden/inputs/c1.npy").unlink()
    with pytest.raises(ChallengeInvalidError, match=r"c1\.npy"):
        build_datasets(tables.path, spec)


def test_without_a_list_the_files_say_which_cases_there_are(tables):
    tables.task["strata"] = []
    for split in ("hidden", "sample"):
        tables.task["data"][split].pop("cases")
    assert tables.problems() == []
    cases = (
        build_datasets(tables.path, load_challenge(tables.path)).data["sort"].hidden.inputs.cases
    )
    assert [(case.id, case.group) for case in cases] == [("c1", "c1"), ("c2", "c2")]
