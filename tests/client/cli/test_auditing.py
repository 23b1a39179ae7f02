"""The scores of a board, recomputed by other people's code."""

import json
from dataclasses import replace
from io import BytesIO
from math import log
from pathlib import Path
from types import SimpleNamespace

import nibabel
import numpy as np
import pytest
import yaml
from scipy import ndimage

from proctor.cli.audit.board import audit_board
from proctor.cli.audit.box_peers import FoundBoxes, box_peer
from proctor.cli.audit.cases import LocalReferences
from proctor.cli.audit.findings import EVERYTHING, Extent
from proctor.cli.audit.mask_peers import mask_peer
from proctor.cli.audit.peers import Answers
from proctor.cli.audit.table_peers import table_peer
from proctor.cli.new_challenge import new_challenge
from proctor.client import Blob
from proctor.spec.challenge import ChallengeSpec
from proctor.spec.leaderboard import BoardValue
from proctor.spec.task import MetricSpec, TaskSpec
from proctor_metrics import (
    LabelCase,
    MaskCase,
    MultilabelCase,
    SurvivalCase,
    TableCase,
    ValueCase,
    names,
    resolve,
)
from proctor_metrics.cases import BoxCase, InstanceCase, ReferenceBoxes, Role
from proctor_metrics.metric import CaseType, PerItemMetric
from proctor_metrics.registry import metric_class
from proctor_runner.references import InstancesReference


class Archive:
    """A platform that has one submission with the predictions it is given."""

    def __init__(self, predictions, output, scores=None, each=None):
        self._blobs, self._cases = {}, []
        for case, array in predictions.items():
            stream = BytesIO()
            np.save(stream, array)
            blob = Blob.of_bytes(stream.getvalue())
            self._blobs[blob.ref.digest] = stream.getvalue()
            self._cases.append(
                SimpleNamespace(
                    run="run_1",
                    case=case,
                    predictions={output: blob.ref},
                    scores=(each or {}).get(case, scores or {}),
                )
            )

    def submission(self, _id):
        return SimpleNamespace(
            runs=[
                SimpleNamespace(
                    id=run, purpose=purpose, task=task, evaluation=SimpleNamespace(id=evaluation)
                )
                for run, purpose, evaluation in (
                    ("run_0", "first", "eva_0"),
                    ("run_1", "refresh", "eva_1"),
                )
                for task in ("classify", "segment")
            ]
        )

    def cases(self, _id, run):
        before = SimpleNamespace(run="run_0", case="hidden-1", predictions={}, scores={})
        return [case for case in (*self._cases, before) if case.run == run]

    def get_blob(self, digest):
        return self._blobs[digest]


def board_with(values):
    made = {key: BoardValue(value=value, n_used=1, n_total=1) for key, value in values.items()}
    row = SimpleNamespace(submission="sub_1", values=made, evaluations=("eva_1",))
    return SimpleNamespace(rows=[row])


def load(folder: Path) -> ChallengeSpec:
    return ChallengeSpec.model_validate(yaml.safe_load((folder / "challenge.yaml").read_text()))


def audited(archive, folder, board, extent=EVERYTHING):
    spec = load(folder)
    return list(audit_board(archive, spec.slug, spec.tasks, board, LocalReferences(folder), extent))


@pytest.fixture
def three_classes(tmp_path):
    """A challenge of three classes, scored by accuracy with ties shared and by log loss."""
    new_challenge(tmp_path / "exam", "exam", "classification")
    path = tmp_path / "exam" / "challenge.yaml"
    text = path.read_text().replace("{0: dark, 1: bright}", "{0: dark, 1: bright, 2: red}")
    path.write_text(text.replace('["0", "1"]', '["0", "1", "2"]'))
    return tmp_path / "exam"


def test_an_audit_agrees_with_a_board_that_is_right_and_shares_ties(three_classes):
    undecided = {f"hidden-{n}": np.full((12, 3), 1 / 3) for n in range(1, 7)}
    right = board_with({"classify/accuracy/mean": 1 / 3, "classify/log_loss/mean": log(3)})
    findings = audited(Archive(undecided, "probabilities"), three_classes, right)
    assert [finding.metric for finding in findings] == ["accuracy", "log_loss"]
    assert all(finding.agrees for finding in findings)
    assert findings[0].edges == 72


def test_an_audit_sees_a_board_that_is_wrong_and_one_that_lacks_a_value(three_classes):
    undecided = {f"hidden-{n}": np.full((12, 3), 1 / 3) for n in range(1, 7)}
    wrong = board_with({"classify/accuracy/mean": 0.5})
    accuracy, log_loss = audited(Archive(undecided, "probabilities"), three_classes, wrong)
    assert not accuracy.agrees
    assert accuracy.largest == pytest.approx(1 / 6)
    assert not log_loss.agrees


def test_an_audit_of_masks_uses_the_references_of_the_folder(tmp_path):
    folder = tmp_path / "exam"
    new_challenge(folder, "exam", "segmentation")
    truth = {
        path.name.removesuffix(".nii.gz"): np.asanyarray(nibabel.load(path).dataobj)
        for path in (folder / "data" / "hidden" / "reference").iterdir()
    }
    right = board_with({"segment/dice/ball": 1.0, "segment/dice/mean": 1.0})
    dice, hd95 = audited(Archive(truth, "mask"), folder, right)
    assert dice.agrees
    assert dice.values == 2
    assert hd95.agrees
    shifted = {case: np.roll(mask, 1, axis=0) for case, mask in truth.items()}
    dice, hd95 = audited(Archive(shifted, "mask"), folder, right)
    assert dice.largest > 0.1
    assert hd95.agrees


def test_an_empty_answer_follows_the_boards_edge_rule(tmp_path):
    folder = tmp_path / "exam"
    new_challenge(folder, "exam", "segmentation")
    nothing = {f"hidden-{n}": np.zeros((12, 12, 12), np.uint8) for n in range(1, 7)}
    right = board_with({"segment/dice/ball": 0.0, "segment/dice/mean": 0.0})
    dice, hd95 = audited(Archive(nothing, "mask"), folder, right)
    assert dice.agrees
    assert (hd95.values, hd95.edges) == (0, 6)


def test_some_cases_are_compared_one_by_one_and_differences_name_them(tmp_path):
    folder = tmp_path / "exam"
    new_challenge(folder, "exam", "segmentation")
    nothing = {f"hidden-{n}": np.ones((12, 12, 12), np.uint8) for n in range(1, 7)}
    archive = Archive(nothing, "mask", {"dice/ball": 0.5})
    dice, _ = audited(archive, folder, board_with({}), Extent(cases=2))
    assert dice.values == 2
    assert {one.where for one in dice.differences} < set(nothing)
    assert dice.differences[0].shown == 0.5
    again, _ = audited(archive, folder, board_with({}), Extent(cases=2))
    assert again.differences == dice.differences


SPACING_MM = (0.5, 0.5, 5.0)
MASK_PARAMETERS = {
    "volume_error": {"form": "signed_ml"},
    "voxel_f_beta": {"beta": 2.0},
    "nsd": {"tolerance_mm": {"x": 0.5}},
    "boundary_iou": {"distance_mm": 0.6},
}
FURTHER = [
    ("lesion_wise_dice", {"dilations": 1, "smallest_mm3": 2, "components": "6"}),
    ("lesion_wise_hd95", {"dilations": 0, "smallest_mm3": 0, "components": "18"}),
    ("nsd", {"tolerance_mm": 0.5, "definition": "voxel6"}),
    ("nsd", {"tolerance_mm": 1.0, "definition": "itk-6-26"}),
    ("boundary_iou", {"definition": "erosion", "width_voxels": 1}),
    ("item_panoptic_quality", {"part": "sq", "match": "iou", "iou": 0.2, "components": "6"}),
    ("item_instance_f_score", {"match": "overlap", "components": "18", "beta": 0.5}),
    (
        "instance_count_error",
        {"of": "false_positive", "match": "center_distance", "distance_mm": 3, "components": "6"},
    ),
]


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        *((n, MASK_PARAMETERS.get(n, {})) for n in names()
          if metric_class(n).case_type in (CaseType.MASK, CaseType.OBJECTS)),
        *FURTHER,
    ],
)  # fmt: skip
def test_peers_of_masks_agree_with_the_metric_they_audit(name, parameters):
    spec = MetricSpec(
        id="m", name=name, parameters=parameters, output="o", reference="r", worst=1000.0
    )
    peer = mask_peer(spec, "x")
    if peer is None:
        assert name == "voxel_count"
        return
    true = np.zeros((9, 8, 5), np.uint8)
    true[2:6, 2:6, 1:4] = 1
    predicted = true.copy()
    draws = np.random.default_rng(7)
    predicted[draws.random(true.shape) < 0.1] = 1
    ours = resolve(name, spec.parameters | (peer.under or {}), worst=1000.0)
    case = MaskCase("a", predicted, true, SPACING_MM, {1: "x"})
    found = peer.measure(predicted == 1, true == 1, SPACING_MM)
    assert found == pytest.approx(ours.per_item(case).values[0, 0], rel=1e-9)


RNG = np.random.default_rng(7)
N = 40
TRUE = np.arange(N) % 3
SCORES = RNG.dirichlet(np.ones(3), N)
SCORES[0], SCORES[1] = (0.4, 0.4, 0.2), (0.25, 0.5, 0.25)
NUMBERS = RNG.normal(3, 1, (N, 2))
NOISY = NUMBERS + RNG.normal(0, 0.5, (N, 2))
HELD = RNG.random((N, 3)) < 0.4
PARAMETERS = {"top_k_accuracy": {"k": 2}, "f_beta": {"beta": 2.0}}
NO_PEER = {
    "bland_altman", "concordance_correlation", "expected_cost",
    "label_ranking_average_precision", "multilabel_f1", "net_benefit",
    "npv", "positive_likelihood_ratio", "ppv_at_sensitivity", "samples_f1",
    "sensitivity_at_specificity", "specificity", "specificity_at_sensitivity",
}  # fmt: skip
TABLES = {
    CaseType.CLASSES: (
        TableCase("a", SCORES, TRUE, ("0", "1", "2"), (0, 1, 2)),
        Answers(SCORES, TRUE, (0, 1, 2)),
    ),
    CaseType.VALUES: (ValueCase("a", NOISY, NUMBERS, ("x", "y")), Answers(NOISY, NUMBERS)),
    CaseType.MULTILABEL: (
        MultilabelCase("a", SCORES, HELD, ("x", "y", "z")),
        Answers(SCORES, HELD),
    ),
}
TABLES[CaseType.TABLE] = TABLES[CaseType.CLASSES]


@pytest.mark.parametrize("name", [n for n in names() if metric_class(n).case_type in TABLES])
def test_peers_of_tables_agree_with_the_metric_they_audit(name):
    parameters = PARAMETERS.get(name, {})
    spec = MetricSpec(id="m", name=name, parameters=parameters, output="o", reference="r")
    peer = table_peer(spec)
    if peer is None:
        assert name in NO_PEER
        return
    ours = resolve(name, parameters, worst=None if name in ("auroc",) else 1000.0)
    case, answers = TABLES[ours.case_type]
    if isinstance(ours, PerItemMetric):
        value = ours.per_item(case).values.mean()
    else:
        value = ours.pooled([case]).mean()
    found = peer.measure(answers)
    if name in ("expected_calibration_error", "debiased_calibration_error"):
        assert found == (None, 1), "an item has a tie; see below"
    else:
        assert found.value == pytest.approx(value, rel=1e-9)
    assert peer.pooled is not isinstance(ours, PerItemMetric)


def test_lists_of_classes_have_peers_too():
    decided = SCORES.argmax(axis=1)
    case = LabelCase("a", decided, TRUE, ("0", "1", "2"), (0, 1, 2))
    for name in ("accuracy", "mcc", "cohens_kappa", "f1_score"):
        spec = MetricSpec(id="m", name=name, output="o", reference="r")
        ours = resolve(name, {})
        value = (
            ours.per_item(case).values.mean()
            if isinstance(ours, PerItemMetric)
            else ours.pooled([case]).mean()
        )
        found = table_peer(spec).measure(Answers(decided, TRUE, (0, 1, 2))).value
        assert found == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize("name", ["expected_calibration_error", "debiased_calibration_error"])
def test_calibration_of_each_class_has_a_peer_and_ties_are_left_to_the_edge_rule(name):
    parameters = {"form": "class_wise", "bins": 5}
    spec = MetricSpec(id="m", name=name, parameters=parameters, output="o", reference="r")
    case, answers = TABLES[CaseType.TABLE]
    value = resolve(name, parameters).pooled([case]).mean()
    assert table_peer(spec).measure(answers).value == pytest.approx(value, rel=1e-9)
    top = MetricSpec(id="m", name=name, output="o", reference="r")
    assert table_peer(top).measure(answers) == (None, 1)
    clear = Answers(SCORES[2:], TRUE[2:], (0, 1, 2))
    value = resolve(name, {}).pooled(
        [TableCase("a", SCORES[2:], TRUE[2:], ("0", "1", "2"), (0, 1, 2))]
    )
    assert table_peer(top).measure(clear).value == pytest.approx(value.mean(), rel=1e-9)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("concordance_index", {}),
        ("concordance_index", {"answer": "time"}),
        ("time_dependent_auc", {"times": [2.0, 4.0]}),
    ],
)
def test_peers_of_survival_agree_with_the_metric_they_audit(name, parameters):
    draws = np.random.default_rng(7)
    seen = np.column_stack([draws.exponential(5, 60), draws.random(60) < 0.7])
    risks = -seen[:, :1] + draws.normal(0, 3, (60, 1))
    spec = MetricSpec(id="m", name=name, parameters=parameters, output="o", reference="r")
    value = resolve(name, parameters).pooled([SurvivalCase("a", risks, seen, ("risk",))]).mean()
    assert table_peer(spec).measure(Answers(risks, seen)).value == pytest.approx(value, rel=1e-9)


BOX_TASK = TaskSpec.model_validate(
    {
        "slug": "find",
        "title": "Find",
        "inputs": {"image": {"type": "array", "file": "{case}.npy"}},
        "outputs": {"found": {"type": "boxes", "file": "found.csv", "geometry": "box_2d"}},
        "reference": {"boxes": {"type": "boxes", "file": "{case}.csv", "geometry": "box_2d"}},
        "labels": {1: "cat", 2: "dog"},
        "data": {
            "hidden": {"inputs": "", "reference": ""},
            "sample": {"inputs": "", "reference": ""},
        },
        "metrics": [{"id": "map", "name": "map", "output": "found", "reference": "boxes"}],
        "primary": "map",
    }
)


@pytest.mark.parametrize(
    ("name", "parameters"), [("map", {}), ("average_precision_at_iou", {"iou": 0.75})]
)
def test_peers_of_boxes_agree_with_the_metric_they_audit(name, parameters):
    spec = MetricSpec(id="m", name=name, parameters=parameters, output="found", reference="boxes")
    draws = np.random.default_rng(7)
    cases, found = [], []
    for number in range(3):
        corners = draws.uniform(0, 50, (12, 2))
        places = np.hstack([corners, corners + draws.uniform(5, 30, (12, 2))])
        truth = ReferenceBoxes.of_rows(
            np.column_stack([np.arange(12) % 4, np.arange(12) % 2 + 1, places]), 4
        )
        noisy = places + draws.normal(0, 0.7, places.shape)
        rows = np.column_stack([truth.items, truth.classes, draws.random(12), noisy])
        case = BoxCase(f"c{number}", rows, truth, 4, ("cat", "dog"), (1, 2))
        cases.append(case)
        found.append(FoundBoxes(case.prediction, truth, 4))
    value = resolve(name, parameters).pooled(cases).mean()
    assert 0.1 < value < 0.99
    assert box_peer(spec, BOX_TASK).measure(found) == pytest.approx(value, rel=1e-9)


MATCHES = [
    {"match": "iou", "iou": 0.3},
    {"match": "center_distance", "distance": 6.0},
    {"match": "inside"},
    {"match": "radius"},
]


def crowded_cases(n_axes, *, ties=True):
    """Return cases of boxes that crowd around each other, with equal scores among them."""
    draws = np.random.default_rng(7)
    cases, found = [], []
    for number in range(3):
        corners = draws.uniform(0, 30, (14, n_axes))
        places = np.hstack([corners, corners + draws.uniform(4, 15, (14, n_axes))])
        known = np.column_stack([np.arange(14) % 5, draws.integers(1, 3, 14), places])
        truth = ReferenceBoxes.of_rows(known[known[:, 0] != 3], 2 * n_axes)
        truth = replace(truth, radii=np.full(len(truth.items), 5.0))
        noisy = np.repeat(known[draws.random(14) < 0.8], 2, axis=0)
        noisy[:, 2:] += draws.normal(0, 0.8, noisy[:, 2:].shape)
        scores = draws.random(len(noisy)).round(1 if ties else 9)
        rows = np.column_stack([noisy[:, :2], scores, noisy[:, 2:]])
        case = BoxCase(f"c{number}", rows, truth, 5, ("cat", "dog"), (1, 2))
        cases.append(case)
        found.append(FoundBoxes(rows, truth, 5))
    return cases, found


@pytest.mark.parametrize("n_axes", [2, 3])
@pytest.mark.parametrize("match", MATCHES, ids=lambda match: match["match"])
@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("froc", {}),
        ("froc", {"assignment": "greedy", "rates": [0.1, 0.3], "labels": "rates"}),
        ("froc", {"labels": "classes"}),
        ("sensitivity_at_fppi", {"fppi": 0.4}),
        ("detection_f_score", {}),
        ("detection_f_score", {"average": "macro", "assignment": "optimal", "least_score": 0.3}),
        ("detection_f_score", {"average": "per_class", "assignment": "first_choice", "beta": 2}),
        ("item_detection_f_score", {}),
        ("item_detection_f_score", {"average": "macro", "assignment": "hits"}),
        ("item_detection_f_score", {"average": "per_class"}),
    ],
)
def test_counts_of_boxes_agree_with_the_metric_they_audit(name, parameters, match, n_axes):
    given = parameters | match
    spec = MetricSpec(id="m", name=name, parameters=given, output="found", reference="boxes")
    cases, found = crowded_cases(n_axes)
    metric = resolve(name, given)
    if isinstance(metric, PerItemMetric):
        value = np.hstack([metric.per_item(case).values for case in cases]).mean()
    else:
        value = metric.pooled(cases).mean()
    assert 0.05 < value < 0.99
    assert box_peer(spec, BOX_TASK).measure(found) == pytest.approx(value, rel=1e-12)


def test_boxes_that_nobody_has_to_find_are_left_to_the_edge_rule():
    spec = MetricSpec(
        id="m", name="froc", parameters={"match": "inside"}, output="found", reference="boxes"
    )
    _, (one, *_) = crowded_cases(2)
    roles = one.truth.roles.copy()
    roles[0] = Role.IGNORED
    ignored = one._replace(truth=replace(one.truth, roles=roles))
    assert box_peer(spec, BOX_TASK).measure([ignored]) is None


def test_boxes_without_a_peer_say_so():
    spec = MetricSpec(
        id="m",
        name="average_precision_at_iou",
        parameters={"interpolation": "voc-all-points"},
        output="found",
        reference="boxes",
    )
    assert box_peer(spec, BOX_TASK) is None


OBJECT_RULES = [
    {},
    {"match": "iou", "iou": 0.15},
    {"match": "overlap"},
    {"match": "center_distance", "distance_mm": 4.0},
]
CLASSES = {1: "cell", 2: "nucleus"}


def object_task(**metric):
    kind = {"type": "instances", "file": "{case}.nii.gz", "class_divisor": 1000}
    names = {"id": "m", "output": "found", "reference": "objects", "worst": 99}
    return TaskSpec.model_validate(
        BOX_TASK.model_dump(exclude_unset=True)
        | {
            "slug": "segment",
            "inputs": {"t1": {"type": "volume", "file": "{case}.nii.gz"}},
            "outputs": {"found": kind | {"file": "found.nii.gz", "grid": "t1"}},
            "reference": {"objects": kind},
            "labels": CLASSES,
            "metrics": [names | metric],
            "primary": "m",
        }
    )


class ObjectReferences:
    """Hands out maps of objects by case."""

    def __init__(self, maps):
        self._maps = maps

    def get(self, _task, _name, case):
        return InstancesReference(self._maps[case.view.case], SPACING_MM, 1000)


def crowded_maps(seed, shape=(14, 15, 3)):
    """Return two maps of blobs that overlap in part; those of one half are of class 2."""
    draws = np.random.default_rng(seed)
    rough = [ndimage.uniform_filter(draws.random(shape), 3) for _ in range(2)]
    for mask in (0.6 * rough[0] + 0.4 * rough[1] > 0.52, rough[0] > 0.53):
        numbers = ndimage.label(mask)[0]
        half = 1 + np.indices(shape)[0] // (shape[0] // 2)
        yield np.where(mask, numbers + 1000 * half, 0)


@pytest.mark.parametrize("rule", OBJECT_RULES, ids=lambda rule: rule.get("match", "usual"))
@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("panoptic_quality", {}),
        ("instance_f_score", {"beta": 2.0}),
        ("item_panoptic_quality", {"part": "sq"}),
        ("item_panoptic_quality", {"part": "rq"}),
        ("item_instance_f_score", {}),
        ("instance_count_error", {"of": "false_positive"}),
        ("instance_count_error", {"of": "false_negative"}),
        ("instance_count_error", {"of": "difference"}),
    ],
)
def test_peers_of_objects_agree_with_the_metric_they_audit(name, parameters, rule):
    """Of three cases one lacks a class, and one is empty, which is left to the edge rule."""
    maps = {seed: list(crowded_maps(seed)) for seed in (1, 2, 3)}
    maps[2] = [np.where(side < 2000, side, 0) for side in maps[2]]
    maps[3] = [np.zeros_like(side) for side in maps[3]]
    found, true = ({str(seed): maps[seed][side] for seed in maps} for side in (0, 1))
    task = object_task(name=name, parameters=parameters | rule)
    ours = resolve(name, parameters | rule, worst=99.0)
    cases = [
        InstanceCase(case, found[case], true[case], SPACING_MM, CLASSES, (1000, 1000))
        for case in found
    ]
    shown = {}
    if isinstance(ours, PerItemMetric):
        each = np.hstack([ours.per_item(case).values for case in cases])
        values = each.mean(axis=1)
        for case, column in zip(found, each.T.tolist(), strict=True):
            shown[case] = {
                f"m/{label}": value for label, value in zip(CLASSES.values(), column, strict=True)
            }
    else:
        values = ours.pooled(cases)
    assert values.max() > 0.05
    labels = (*CLASSES.values(), "mean")
    on_board = [f"segment/m/{label}" for label in labels]
    board = board_with(dict(zip(on_board, (*values, values.mean()), strict=True)))

    def audit(archive):
        (finding,) = audit_board(archive, "exam", (task,), board, ObjectReferences(true))
        return finding

    finding = audit(Archive(found, "found", each=shown))
    assert finding.agrees, finding
    counted = name == "instance_count_error"
    assert finding.values == (3 + (6 if counted else 3) if shown else 3)
    other = dict(found, **{"1": np.where(found["1"] % 3 == 0, found["1"], 0)})
    assert not audit(Archive(other, "found", each=shown)).agrees


def test_a_set_of_objects_with_a_case_that_was_lost_is_left_to_the_edge_rule():
    task = object_task(name="panoptic_quality")
    board = board_with({"segment/m/cell": 0.5})
    true = {"a": next(crowded_maps(1))}
    lost = Archive(true, "other")
    lost.cases = lambda *_: [
        SimpleNamespace(run="run_1", case="a", predictions={}, scores={}, outcome="CRASH")
    ]
    (finding,) = audit_board(lost, "exam", (task,), board, ObjectReferences(true))
    assert (finding.values, finding.reason) == (0, "a submission has cases without an answer")


@pytest.fixture
def one_case(logged_in, challenge_view, board, submission_view, run_view):
    """A board of one submission with one case of four items, of which three are right."""
    challenge_view["version"] = board["challenge_version"]
    answer, truth = _npy(np.eye(2)[[0, 1, 1, 0]]), _npy(np.array([0, 1, 1, 1]))
    blobs = {"predictions": Blob.of_bytes(answer).ref, "reference": Blob.of_bytes(truth).ref}
    files = {part: ref.model_dump() for part, ref in blobs.items()}
    logged_in.blobs[files["predictions"]["digest"]] = answer
    case = {
        "run": "run_1", "task": "classify", "case": "a", "outcome": "OK", "seconds": 1.0,
        "peak_memory_bytes": 1, "scores": {"top1/mean": 0.75},
        "predictions": {"p": files["predictions"]},
    }  # fmt: skip
    shown = {
        "run": "run_1", "case": "a", "task": "classify", "version": 1, "inputs": {},
        "reference": {"labels": files["reference"]}, "predictions": {"p": files["predictions"]},
    }  # fmt: skip
    run = run_view(id="run_1", task="classify", purpose="first")
    at = "GET /submissions/sub_1"
    logged_in.on("GET /challenges/digits", (200, challenge_view))
    logged_in.on("GET /challenges/digits/phases/main/leaderboard", (200, board))
    logged_in.on("GET /leaderboards/lea_1", (200, board))
    logged_in.on(at, (200, submission_view(id="sub_1", runs=[run])))
    logged_in.on(f"{at}/cases", (200, [case]))
    logged_in.on(f"{at}/runs/run_1/cases/a", (200, shown))
    logged_in.on(f"{at}/runs/run_1/cases/a/reference/labels", (200, truth))
    return board


def _npy(array: np.ndarray) -> bytes:
    stream = BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def test_an_organizer_audits_a_board_over_the_platform(proctor, one_case):
    one_case["rows"][0]["values"]["classify/top1/mean"]["value"] = 0.75
    for name in ("digits", "lea_1", "http://127.0.0.1:8000/leaderboards/lea_1"):
        ended = proctor("audit", name)
        assert ended.code == 0, ended.err
        assert "2 values were compared, 0 differ by more than rounding" in ended.err
        assert "GNU GPL" in ended.err


def test_an_audit_names_every_number_that_differs(proctor, one_case):
    ended = proctor("audit", "digits", "--format", "json")
    assert ended.code == 1
    assert "shown 0.9912, scikit-learn top_k_accuracy_score finds 0.75" in ended.err
    (finding,) = json.loads(ended.out)
    assert [one["where"] for one in finding["differences"]] == ["board"]
