"""`proctor score` on folders as people have them."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

AFFINE = np.diag([1.0, 1.0, 3.0, 1.0])


def write(path: Path, array: np.ndarray, affine: np.ndarray = AFFINE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(array.astype(np.uint8), affine), path)


def block(start: int) -> np.ndarray:
    array = np.zeros((12, 10, 6), np.uint8)
    array[start : start + 4, 2:6, 1:4] = 1
    array[8:10, 7:9, 2:5] = 2
    return array


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """Three references, two predictions that are one voxel off, and one of nothing."""
    for number in range(3):
        write(tmp_path / "ref" / f"case{number}.nii.gz", block(2))
    for number in range(2):
        write(tmp_path / "pred" / f"case{number}.nii.gz", block(3))
    write(tmp_path / "pred" / "stray.nii.gz", block(3))
    return tmp_path


@pytest.fixture
def score(proctor, folders):
    def run(*more: object, metrics: str = "dice"):
        return proctor(
            "score", "--pred", folders / "pred", "--ref", folders / "ref",
            "--metrics", metrics, "--bootstrap", 100, "--jobs", 1, *more,
        )  # fmt: skip

    return run


def found(ended) -> dict[tuple[str, str], dict]:
    assert ended.code == 0, ended.err
    return {
        (metric["metric"], structure["structure"]): structure
        for metric in json.loads(ended.out)["metrics"]
        for structure in metric["structures"]
    }


def test_a_missing_prediction_is_named_and_counts_at_the_worst_value(score):
    ended = score("--labels", "1=CSF,2=GM")
    assert "1 of 3 cases have no prediction:\n  case2\n" in ended.err
    assert "stray.nii.gz" in ended.err
    assert "dice = dsc.v1;edge=v1; higher is better." in ended.err
    assert "2 of 3" in ended.out
    csf = found(score("--labels", "1=CSF,2=GM", "--format", "json"))["dice", "CSF"]
    assert csf["value"] == pytest.approx(0.75 * 2 / 3)
    assert (csf["n_used"], csf["n_total"], csf["worst_case"]) == (2, 3, "case2")
    assert csf["low"] <= csf["value"] <= csf["high"]


def test_definitions_regions_and_spacing_are_told_on_the_command_line(score):
    metrics = "hd95,hd95:definition=voxel6:worst=50,hd95:definition=voxel6-pooled"
    regions = ("--regions", "whole=1+2,second=2", "--labels", "1=a,2=b", "--format", "json")
    values = found(score(*regions, metrics=metrics))
    assert values["hd95:definition=voxel6:worst=50", "whole"]["worst"] == 50
    assert values["hd95", "second"]["cases"][0]["value"] == 0
    spaced = found(score("--spacing", "2x1x3", *regions, metrics=metrics))
    first = spaced["hd95:definition=voxel6:worst=50", "whole"]["cases"][0]
    assert first == {"case": "case0", "value": 2.0, "flag": ""}


def test_objects_of_masks_are_scored_beside_voxels(score):
    ended = score("--format", "json", metrics="dice,item_instance_f_score,item_panoptic_quality")
    values = found(ended)
    assert values["item_instance_f_score", "1"]["value"] == pytest.approx(2 / 3)
    half = values["item_panoptic_quality", "1"]["value"]
    assert half == pytest.approx(2 / 3 * 3 / 5)


def test_what_is_found_is_written_for_rank_for_programs_and_for_readers(proctor, score, tmp_path):
    table, everything, report = (tmp_path / name for name in ("s.csv", "s.json", "s.html"))
    ended = score("--csv", table, "--json", everything, "--report", report, metrics="dice,iou")
    assert ended.code == 0, ended.err
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert {row["structure"] for row in rows} == {"1", "2", "mean"}
    assert json.loads(everything.read_text())["missing"] == ["case2"]
    assert "case2" in report.read_text()
    ranked = proctor(
        "rank", table, "--metric", "dice", "--task-column", "structure", "--bootstrap", 100
    )
    assert ranked.code == 0, ranked.err


@pytest.mark.parametrize(
    ("metrics", "said"),
    [
        ("dicee", "Did you mean dice"),
        ("nsd", "nsd:tolerance_mm=VALUE"),
        ("nsd:tolerance_mm=1/2", "a value may be a list, [1,2], or by name, {CSF: 1,GM: 2}"),
        ("hd95:definition=euclid", "'voxel6-pooled'"),
        ("hd95:voxel6", "'voxel6' is not NAME=VALUE"),
        ("dice,mae", "One folder holds one kind of answer"),
        ("froc", "proctor challenge init"),
    ],
)
def test_a_metric_that_cannot_be_is_told_apart_with_what_can(score, metrics, said):
    ended = score(metrics=metrics)
    assert ended.code in (1, 2)
    assert said in ended.err
    assert ended.out == ""


def test_shapes_and_grids_that_differ_are_named_with_both_sides_and_the_rule(score, folders):
    write(folders / "pred" / "case0.nii.gz", block(3)[:-1])
    moved = AFFINE.copy()
    moved[0, 3] = 0.5
    write(folders / "pred" / "case1.nii.gz", block(3), moved)
    write(folders / "pred" / "case2.nii.gz", block(3)[::-1], AFFINE @ _mirror(12))
    ended = score("--format", "json")
    assert found(ended)["dice", "1"]["value"] == pytest.approx(0.25)
    assert "2 predictions are refused, in 3 cases" in ended.err
    assert "has shape (11, 10, 6)" in ended.err
    assert "(12, 10, 6); both must have one shape, since nothing is resampled" in ended.err
    assert "the origin is 0.5 mm off, 0.001 mm is allowed" in ended.err
    assert "--spacing has shapes compared alone" in ended.err
    assert "1 prediction is refused" in score("--spacing", "1").err


def _mirror(length: int) -> np.ndarray:
    flipped = np.eye(4)
    flipped[0, 0], flipped[0, 3] = -1, length - 1
    return flipped


def test_a_folder_without_anything_to_score_says_so(proctor, folders):
    empty = folders / "empty"
    empty.mkdir()
    command = ("--ref", folders / "ref", "--metrics", "dice")
    assert f"{empty} is empty." in proctor("score", "--pred", empty, *command).err
    (empty / "notes.txt").write_text("hello")
    assert "such as notes.txt" in proctor("score", "--pred", empty, *command).err
    write(empty / "case0_pred.nii.gz", block(3))
    ended = proctor("score", "--pred", empty, *command)
    assert ended.code == 1
    assert "Is 'case0_pred' the prediction of 'case0'?" in ended.err
    assert "not there" in proctor("score", "--pred", folders / "none", *command).err


def test_labels_come_from_files_that_others_write(score, tmp_path):
    named = tmp_path / "dataset.json"
    named.write_text('{"labels": {"background": 0, "CSF": 1, "GM": 2}}')
    assert ("dice", "GM") in found(score("--labels", named, "--format", "json"))
    named = tmp_path / "labels.csv"
    named.write_text("value,name\n1,CSF\n2,GM\n")
    assert ("dice", "CSF") in found(score("--labels", named, "--format", "json"))


def test_a_reference_with_an_unknown_label_stops_it_and_a_prediction_is_refused(score, folders):
    ended = score("--labels", "1=CSF")
    assert ended.code == 1
    assert "unknown label 2" in ended.err
    assert "case0.nii.gz" in ended.err
    write(folders / "pred" / "case0.nii.gz", block(3) * 3)
    ended = score("--labels", "1=CSF,2=GM", "--format", "json")
    assert "case0" in json.loads(ended.out)["refused"]


TRUTH = "id,label\na,cat\nb,dog\nc,cow\nd,cat\n"
SCORES = "id,cat,cow,dog\nd,0.8,0.1,0.1\na,0.6,0.2,0.2\nb,0.5,0.3,0.2\nx,1,0,0\n"


def test_tables_are_held_together_by_their_ids(proctor, tmp_path):
    pred, ref = tmp_path / "p.csv", tmp_path / "r.csv"
    pred.write_text(SCORES)
    ref.write_text(TRUTH)
    command = ("score", "--pred", pred, "--ref", ref, "--bootstrap", 100, "--format", "json")
    ended = proctor(*command, "--metrics", "accuracy,f1_score:average=macro")
    assert found(ended)["accuracy", "all"]["value"] == 0.5
    assert found(ended)["accuracy", "all"]["n_used"] == 3
    assert "1 rows have no reference and are left out, such as 'x'" in ended.err
    pred.write_text("id,label\nd,cat\na,cat\nb,dog\nc,dog\n")
    assert found(proctor(*command, "--metrics", "accuracy"))["accuracy", "all"]["value"] == 0.75
    assert "auroc compares table" in proctor(*command, "--metrics", "auroc").err


def test_an_error_needs_a_worst_value_only_where_a_case_is_missing(proctor, tmp_path):
    pred, ref = tmp_path / "p.csv", tmp_path / "r.csv"
    ref.write_text("id,age\na,1\nb,2\nc,3\n")
    pred.write_text("id,age\nc,3.5\na,1\nb,1\n")
    command = ("score", "--pred", pred, "--ref", ref, "--bootstrap", 100, "--format", "json")
    ended = proctor(*command, "--metrics", "mae")
    assert found(ended)["mae", "all"]["value"] == 0.5
    assert json.loads(ended.out)["metrics"][0]["definition_id"] == "mae.v1"
    pred.write_text("id,age\nc,3.5\na,1\n")
    assert "mae:worst=VALUE" in proctor(*command, "--metrics", "mae").err
    ended = proctor(*command, "--metrics", "mae:worst=9")
    assert found(ended)["mae:worst=9", "all"]["value"] == pytest.approx(9.5 / 3)
    pred.write_text("id,age\na,1\nb,many\nc,3\n")
    ended = proctor(*command, "--metrics", "mae:worst=9")
    assert "row 2, column 'age': 'many' is no finite number" in ended.err


def test_arrays_need_no_header(proctor, tmp_path):
    for name, array in (("p", [[0.9, 0.1], [0.2, 0.8]]), ("r", [0, 0])):
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / "all.npy", np.array(array))
    ended = proctor(
        "score", "--pred", tmp_path / "p", "--ref", tmp_path / "r", "--bootstrap", 100,
        "--metrics", "accuracy,brier_score", "--format", "json",
    )  # fmt: skip
    assert found(ended)["accuracy", "all"]["value"] == 0.5


@pytest.mark.slow
def test_other_processes_find_the_same(folders):
    script = f"""
import proctor_runner.side_by_side as pool
from proctor.cli import main
if __name__ == "__main__":
    for worth_s, jobs in ((1e9, "1"), (-1.0, "2")):
        pool.WORTH_S = worth_s
        main(["score", "--pred", {str(folders / "pred")!r}, "--ref", {str(folders / "ref")!r},
              "--metrics", "dice,hd95", "--jobs", jobs, "--format", "csv"])
"""
    path = folders / "twice.py"
    path.write_text(script)
    ended = subprocess.run([sys.executable, path], capture_output=True, text=True, check=True)
    half = len(ended.stdout) // 2
    assert ended.stdout[:half] == ended.stdout[half:]
    assert "case2" in ended.stdout


def test_a_label_that_only_predictions_have_is_told(score, folders):
    odd = block(3)
    odd[0, 0, 0] = 9
    write(folders / "pred" / "case0.nii.gz", odd)
    assert "No reference holds 9" in score().err
    assert "No reference" not in score("--labels", "1=a,2=b").err


def test_a_label_of_a_reference_that_is_not_named_is_told_with_the_name_of_its_case(score):
    ended = score("--labels", "1=CSF")
    assert ended.code == 1
    assert "case 'case0': the reference holds unknown label 2" in ended.err


def test_a_file_that_cannot_be_written_is_told_before_anything_is_scored(score, tmp_path):
    ended = score("--report", tmp_path / "nowhere" / "out.html")
    assert ended.code == 2
    assert ended.out == ""
    assert "there is no folder" in ended.err


def test_the_report_has_the_interval_of_each_mean_in_its_table(score, tmp_path):
    score("--report", tmp_path / "out.html")
    page = (tmp_path / "out.html").read_text()
    assert "<bdi>95 %</bdi></th>" in page
    assert "dice of mean" not in page


@pytest.mark.parametrize(
    ("prediction", "said"),
    [
        (b"", "has no rows below a header"),
        (b"id,cat,dog\n1,0.5,0.5\n1,0.4,0.6\n", "has 2 rows of '1'; give one"),
        (b"id,cat,dog\n1,0.5\n", "line 2: 2 fields where the first line names 3 columns"),
        (bytes(range(256)), "is no text in UTF-8"),
    ],
)
def test_a_table_that_cannot_be_read_is_not_taken_for_another_kind(
    proctor, tmp_path, prediction, said
):
    truth, answer = tmp_path / "truth.csv", tmp_path / "answer.csv"
    truth.write_text("id,label\n1,cat\n2,dog\n")
    answer.write_bytes(prediction)
    ended = proctor("score", "--pred", answer, "--ref", truth, "--metrics", "accuracy,log_loss")
    assert ended.code == 1
    assert f"{answer}" in ended.err
    assert said in ended.err


def test_a_label_that_was_not_named_is_told_with_how_to_name_it(score):
    ended = score("--labels", "1=CSF")
    assert "holds unknown label 2; known labels are [0, 1]" in ended.err
    assert "--labels says which there are" in ended.err


def test_a_negative_label_costs_a_prediction_and_ends_a_reference(score, folders):
    array = block(2).astype(np.int16)
    array[0, 0, 0] = -3
    nib.save(nib.Nifti1Image(array, AFFINE), folders / "pred" / "case0.nii.gz")
    ended = score()
    assert ended.code == 0, ended.err
    assert "1 prediction is refused" in ended.err
    assert "the prediction holds unknown label -3" in ended.err
    nib.save(nib.Nifti1Image(array, AFFINE), folders / "ref" / "case1.nii.gz")
    ended = score()
    assert ended.code == 1
    assert f"{folders / 'ref' / 'case1.nii.gz'} holds -3; labels are numbers from 1." in ended.err


def test_what_is_no_label_is_named_with_its_place_and_true_and_false_are_labels(score, folders):
    for path in [*(folders / "ref").iterdir(), *(folders / "pred").iterdir()]:
        path.unlink()
    broken = block(3).astype(np.float32)
    broken[1, 2, 3] = np.nan
    np.save(folders / "ref" / "case0.npy", block(2) == 1)
    np.save(folders / "ref" / "case1.npy", block(2) == 1)
    np.save(folders / "pred" / "case0.npy", block(3) == 1)
    np.save(folders / "pred" / "case1.npy", broken)
    ended = score("--format", "json")
    assert "case1.npy holds nan at (1, 2, 3); expected whole numbers" in ended.err
    assert found(ended)["dice", "1"]["cases"][0]["value"] == 0.75


def test_a_name_that_a_spreadsheet_would_compute_is_text_there_and_itself_when_ranked(
    proctor, tmp_path
):
    cases = ("=1+1", "@x")
    for algorithm in ("+a", "b"):
        for case in cases:
            for folder in (algorithm, "ref"):
                (tmp_path / folder).mkdir(exist_ok=True)
                np.save(tmp_path / folder / f"{case}.npy", np.eye(4, dtype=np.uint8))
        ended = proctor(
            *("score", "--pred", tmp_path / algorithm, "--ref", tmp_path / "ref"),
            *("--metrics", "dice", "--csv", tmp_path / f"of-{algorithm}.csv"),
        )
        assert ended.code == 0, ended.err
    tables = [(tmp_path / f"of-{name}.csv").read_text().splitlines() for name in ("+a", "b")]
    assert {line.split(",")[0] for line in tables[0][1:]} == {"'+a"}
    assert {line.split(",")[1] for line in tables[0][1:]} == {"'=1+1", "'@x"}
    (tmp_path / "all.csv").write_text("\n".join([*tables[0], *tables[1][1:]]))

    ranked = proctor("rank", tmp_path / "all.csv", "--bootstrap", 100, "--format", "json")

    assert ranked.code == 0, ranked.err
    assert sorted(json.loads(ranked.out)["algorithms"]) == ["+a", "b"]
