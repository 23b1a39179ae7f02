"""Predictions from the command line: the inputs, an example, and what cannot be sent."""

import json

import numpy as np
import pytest

from proctor.spec.digests import digest_bytes
from proctor_runner.decode.boxes import read_boxes
from proctor_runner.decode.grid import reordering
from proctor_runner.decode.instances import read_instances
from proctor_runner.decode.label_list import read_label_list
from proctor_runner.decode.table import read_table
from proctor_runner.decode.text import read_texts, unpack_texts
from proctor_runner.decode.volume import open_volume

DIGEST = "sha256:" + "1" * 64


@pytest.fixture
def public(logged_in, challenge_view):
    """A challenge whose inputs everybody has: two cases, of two items and of one."""
    challenge = challenge_view["challenge"]
    challenge["accepts"] = ["predictions"]
    challenge["tasks"][0]["inputs_public"] = True
    logged_in.on("GET /challenges/digits", (200, challenge_view))
    logged_in.cases = []
    for name, items in (("c1", 2), ("c2", 1)):
        content = f"images of {name}".encode()
        logged_in.blobs[digest_bytes(content)] = content
        file = {"digest": digest_bytes(content), "size": len(content)}
        logged_in.cases.append({"id": name, "items": items, "files": {"images": file}})
    shown = {"version": 2, "digest": DIGEST, "cases": logged_in.cases}
    logged_in.on("GET /challenges/digits/tasks/classify/inputs", (200, shown))
    return logged_in


def test_public_inputs_are_listed_and_brought(proctor, public, tmp_path):
    ended = proctor("challenge", "inputs", "digits", "--format", "json")
    assert ended.code == 0
    assert [row["files"] for row in json.loads(ended.out)] == ["c1/images.npy", "c2/images.npy"]
    ended = proctor("challenge", "inputs", "digits", "--out", tmp_path / "in")
    assert ended.code == 0
    assert (tmp_path / "in/c1/images.npy").read_bytes() == b"images of c1"


def test_no_template_is_written_where_predictions_would_be_refused(
    proctor, public, challenge_view, tmp_path
):
    challenge_view["challenge"]["accepts"] = ["folder", "image"]
    public.on("GET /challenges/digits", (200, challenge_view))
    ended = proctor("challenge", "template", "predictions", "digits", tmp_path / "mine")
    assert ended.code == 4
    assert "digits takes no predictions: it accepts folder, image." in ended.err
    assert not (tmp_path / "mine").exists()


def test_hidden_inputs_are_said_to_be_hidden(proctor, logged_in, challenge_view, tmp_path):
    logged_in.on("GET /challenges/digits", (200, challenge_view))
    for command in (("inputs", "digits"), ("template", "predictions", "digits", tmp_path / "x")):
        ended = proctor("challenge", *command)
        assert ended.code == 4
        assert "The inputs of digits are hidden" in ended.err
    assert not (tmp_path / "x").exists()


def test_the_template_has_every_file_with_the_right_rows_and_can_be_sent(
    proctor, public, submission_view, tmp_path
):
    folder = tmp_path / "mine"
    ended = proctor("challenge", "template", "predictions", "digits", folder)
    assert ended.code == 0, ended.err
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))
    assert found == ["README.md", "c1/p.csv", "c2/p.csv", "predictions.json"]
    for case in public.cases:
        table = read_table(folder / case["id"] / "p.csv", "p.csv", ["0", "1"], case["items"])
        assert table.tolist() == [[0.5, 0.5]] * case["items"]
    public.on("POST /submissions", (201, submission_view(kind="predictions")))
    assert proctor("submit", "digits", folder).code == 0
    sent = public.made("POST /submissions")[0].json()
    assert sent["content"]["kind"] == "predictions"
    assert [entry["path"] for entry in sent["content"]["entries"]] == ["c1/p.csv", "c2/p.csv"]
    assert sent["card"]["title"] == "Constant answers"


def read_no_boxes(path, items):
    columns = ("item", "label", "score", "x", "y")
    assert len(read_boxes(path, path.name, columns, {"0": 0}, items, 5)) == 0
    return range(items)


@pytest.mark.parametrize(
    ("output", "read"),
    [
        (
            {"type": "table", "file": "p.npy", "columns": ["0", "1"]},
            lambda path, items: read_table(path, "p.npy", ["0", "1"], items),
        ),
        (
            {"type": "label_list", "file": "p.csv"},
            lambda path, items: read_label_list(path, "p.csv", {"0": 0, "1": 1}, items),
        ),
        (
            {"type": "text", "file": "p.json"},
            lambda path, items: unpack_texts(read_texts(path, "p.json", items), items),
        ),
        ({"type": "boxes", "file": "p.csv", "geometry": "point_2d"}, read_no_boxes),
        ({"type": "boxes", "file": "p.json", "geometry": "point_2d"}, read_no_boxes),
    ],
)
def test_the_template_writes_every_form_so_that_it_can_be_read(
    proctor, public, challenge_view, tmp_path, output, read
):
    challenge_view["challenge"]["tasks"][0]["outputs"]["p"] = output
    folder = tmp_path / "mine"
    ended = proctor("challenge", "template", "predictions", "digits", folder)
    assert ended.code == 0, ended.err
    for case in public.cases:
        assert len(read(folder / case["id"] / output["file"], case["items"])) == case["items"]


def test_a_second_template_does_not_overwrite_the_first(proctor, public, tmp_path):
    assert proctor("challenge", "template", "predictions", "digits", tmp_path / "a").code == 0
    again = proctor("challenge", "template", "predictions", "digits", tmp_path / "a")
    assert again.code == 2
    assert "is not empty" in again.err


@pytest.mark.parametrize("kind", ["mask_image", "image"])
@pytest.mark.parametrize("name", ["seg.nii.gz", "seg.mha", "seg.nrrd"])
def test_a_template_mask_or_image_lies_on_the_grid_of_its_input(
    proctor, public, challenge_view, tmp_path, name, kind
):
    import nibabel

    affine = np.array([[0, -2, 0, 5], [1.5, 0, 0, -7], [0, 0, 3, 9], [0, 0, 0, 1]], float)
    volume = nibabel.Nifti1Image(np.zeros((4, 3, 2), np.int16), affine)
    nibabel.save(volume, tmp_path / "t1.nii.gz")
    content = (tmp_path / "t1.nii.gz").read_bytes()
    public.blobs[digest_bytes(content)] = content
    task = challenge_view["challenge"]["tasks"][0]
    task["inputs"] = {"t1": {"type": "volume", "file": "{case}.nii.gz"}}
    task["outputs"] = {"p": {"type": kind, "file": name, "grid": "t1"}}
    file = {"digest": digest_bytes(content), "size": len(content)}
    shown = {
        "version": 2,
        "digest": DIGEST,
        "cases": [{"id": "c1", "items": 1, "files": {"t1": file}}],
    }
    public.on("GET /challenges/digits/tasks/classify/inputs", (200, shown))
    ended = proctor("challenge", "template", "predictions", "digits", tmp_path / "mine")
    assert ended.code == 0, ended.err
    mask = open_volume(tmp_path / "mine/c1" / name, name)
    assert reordering(mask.grid, open_volume(tmp_path / "t1.nii.gz", "t1.nii.gz").grid)
    assert not mask.read().any()


@pytest.mark.parametrize(("divisor", "number"), [(None, 1), (1000, 1), (70_000, 1)])
def test_a_template_of_instances_is_one_object_of_the_first_class(
    proctor, public, challenge_view, tmp_path, divisor, number
):
    import nibabel

    volume = nibabel.Nifti1Image(np.zeros((4, 3, 2), np.int16), np.eye(4))
    nibabel.save(volume, tmp_path / "t1.nii.gz")
    content = (tmp_path / "t1.nii.gz").read_bytes()
    public.blobs[digest_bytes(content)] = content
    task = challenge_view["challenge"]["tasks"][0]
    task["labels"] = {"3": "cell"}
    task["inputs"] = {"t1": {"type": "volume", "file": "{case}.nii.gz"}}
    output = {"type": "instances", "file": "p.nii.gz", "grid": "t1", "class_divisor": divisor}
    task["outputs"] = {"p": output}
    file = {"digest": digest_bytes(content), "size": len(content)}
    cases = [{"id": "c1", "items": 1, "files": {"t1": file}}]
    shown = {"version": 2, "digest": DIGEST, "cases": cases}
    public.on("GET /challenges/digits/tasks/classify/inputs", (200, shown))
    ended = proctor("challenge", "template", "predictions", "digits", tmp_path / "mine")
    assert ended.code == 0, ended.err
    grid = open_volume(tmp_path / "t1.nii.gz", "t1.nii.gz").grid
    found = read_instances(tmp_path / "mine/c1/p.nii.gz", "p.nii.gz", grid, "t1", [3], divisor)
    assert set(found.ravel().tolist()) == {(divisor or 0) * 3 + number}


def test_several_tasks_have_a_folder_each(proctor, public, challenge_view, tmp_path):
    challenge = challenge_view["challenge"]
    challenge["tasks"].append({**challenge["tasks"][0], "slug": "again"})
    challenge["phases"][0]["tasks"] = ["classify", "again"]
    challenge_view["tasks"]["again"] = challenge_view["tasks"]["classify"]
    shown = {"version": 2, "digest": DIGEST, "cases": public.cases[:1]}
    public.on("GET /challenges/digits/tasks/again/inputs", (200, shown))
    assert proctor("challenge", "template", "predictions", "digits", tmp_path / "mine").code == 0
    found = sorted(
        path.relative_to(tmp_path / "mine").as_posix() for path in tmp_path.rglob("*.csv")
    )
    assert found == ["again/c1/p.csv", "classify/c1/p.csv", "classify/c2/p.csv"]


def test_what_is_no_folder_of_predictions_is_not_sent(proctor, public, tmp_path):
    folder = tmp_path / "p"
    folder.mkdir()
    (folder / "predictions.json").write_text('{"name": "mine"}')
    ended = proctor("submit", "digits", folder)
    assert (ended.code, "holds no predictions" in ended.err) == (2, True)
    (folder / "c1").mkdir()
    (folder / "c1/p.csv").symlink_to("/etc/hostname")
    ended = proctor("submit", "digits", folder)
    assert (ended.code, "p.csv is a link" in ended.err) == (2, True)
    ended = proctor("submit", "digits", tmp_path / "none", "--predictions")
    assert (ended.code, "is no folder" in ended.err) == (2, True)
    (folder / "predictions.json").write_text("{")
    (folder / "c1/p.csv").unlink()
    (folder / "c1/p.csv").write_text("x")
    ended = proctor("submit", "digits", folder)
    assert "is not JSON" in ended.err
    assert public.made("POST /submissions") == []


def test_one_table_for_all_cases_is_sent_as_the_table_of_each(
    proctor, public, submission_view, problem, tmp_path
):
    (tmp_path / "p").mkdir()
    table = tmp_path / "p/p.csv"
    table.write_text("case,0,1\nc1,0.1,0.9\nc2,0.5,0.5\nc1,0.3,0.7\n")
    missing = (409, problem(409, "BLOB_MISSING", "A file is not here."))
    public.on("POST /submissions", missing, (201, submission_view(kind="predictions")))
    assert proctor("submit", "digits", tmp_path / "p", "--predictions").code == 0
    sent = public.made("POST /submissions")[1].json()["content"]["entries"]
    texts = {entry["path"]: public.blobs[entry["file"]["digest"]] for entry in sent}
    assert texts == {"c1/p.csv": b"0,1\n0.1,0.9\n0.3,0.7\n", "c2/p.csv": b"0,1\n0.5,0.5\n"}


def test_one_list_of_boxes_for_all_cases_tells_a_case_without_any(
    proctor, public, challenge_view, problem, submission_view, tmp_path
):
    boxes = {"type": "boxes", "file": "p.csv", "geometry": "point_2d"}
    challenge_view["challenge"]["tasks"][0]["outputs"]["p"] = boxes
    (tmp_path / "p").mkdir()
    header = "item,label,score,x,y"
    text = f"case,{header}\nc1,1,0,0.5,3,4\nc2,0,,,,\n"
    (tmp_path / "p/p.csv").write_text(text)
    missing = (409, problem(409, "BLOB_MISSING", "A file is not here."))
    public.on("POST /submissions", missing, (201, submission_view(kind="predictions")))
    assert proctor("submit", "digits", tmp_path / "p", "--predictions").code == 0
    sent = public.made("POST /submissions")[1].json()["content"]["entries"]
    texts = {entry["path"]: public.blobs[entry["file"]["digest"]].decode() for entry in sent}
    assert texts == {"c1/p.csv": f"{header}\n1,0,0.5,3,4\n", "c2/p.csv": f"{header}\n0,,,,\n"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("0,1\n0.5,0.5\n", "a table for all cases has 'case,0,1'"),
        ("case,0,1\nc1,0.5\n", "2 cells in line 2; expected 3"),
        ("case,0,1\nc1,0.5,0.5\n", "p.csv answers what c1/p.csv answers too"),
        ('case,0,1\n"c1,0.5,0.5', "is not CSV"),
    ],
)
def test_a_table_for_all_cases_that_is_none_is_not_sent(proctor, public, tmp_path, text, says):
    (tmp_path / "p/c1").mkdir(parents=True)
    (tmp_path / "p/c1/p.csv").write_text("0,1\n0,1\n0,1\n")
    (tmp_path / "p/p.csv").write_text(text)
    ended = proctor("submit", "digits", tmp_path / "p", "--predictions")
    assert ended.code == 2
    assert says in ended.err
    assert public.made("POST /submissions") == []


def test_a_folder_without_a_card_is_predictions_when_said_so(
    proctor, public, submission_view, tmp_path
):
    (tmp_path / "3 Runs/c1").mkdir(parents=True)
    (tmp_path / "3 Runs/c1/p.csv").write_text("0,1\n")
    public.on("POST /submissions", (201, submission_view(kind="predictions")))
    assert proctor("submit", "digits", tmp_path / "3 Runs", "--predictions").code == 0
    assert public.made("POST /submissions")[0].json()["card"]["name"] == "predictions-3-runs"


def test_predictions_are_no_model_to_run_here(proctor, public, tmp_path):
    assert proctor("challenge", "template", "predictions", "digits", tmp_path / "mine").code == 0
    ended = proctor("run", "digits", tmp_path / "mine")
    assert ended.code == 2
    assert "holds predictions" in ended.err


def test_the_board_says_that_predictions_cannot_be_run_again(
    proctor, logged_in, challenge_view, board
):
    board["rows"][0]["kind"] = "predictions"
    logged_in.on("GET /challenges/digits", (200, challenge_view))
    logged_in.on("GET /challenges/digits/phases/main/leaderboard", (200, board))
    ended = proctor("leaderboard", "digits")
    assert "(predictions)" in ended.out
    assert "not re-runnable" in ended.out
    assert "(predictions): made elsewhere" in ended.err
