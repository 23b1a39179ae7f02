"""Scores against numbers worked out by hand: two cases of two rows, a third that is missing."""

from __future__ import annotations

import base64
import io
import weakref

import numpy as np
import pytest

from proctor.spec.outcomes import Code, OrganizerError
from proctor.spec.ranking import BootstrapSpec
from proctor.spec.task import TaskSpec
from proctor.spec.work import ScoreCase
from proctor_runner.mask_reference import MaskReference
from proctor_runner.references import (
    LabelsReference,
    MultilabelReference,
    ValuesReference,
)
from proctor_runner.scoring import Scorer

DIGEST = "sha256:" + "a" * 64
BOOTSTRAP = BootstrapSpec(samples=200, seed=7)
TABLE_METRICS = (
    {"id": "acc", "name": "accuracy"},
    {"id": "loss", "name": "log_loss", "worst": 30.0},
    {"id": "auc", "name": "auroc", "parameters": {"average": "binary", "positive": 1}},
)


def task(metrics=TABLE_METRICS, **changes) -> TaskSpec:
    facts = {
        "slug": "sort",
        "title": "Sort",
        "items_per_case": 2,
        "inputs": {"rows": {"type": "array", "file": "{case}.npy"}},
        "outputs": {"out": {"type": "table", "file": "scores.csv", "columns": ["b", "a"]}},
        "reference": {"ref": {"type": "labels", "file": "{case}.npy"}},
        "labels": {0: "a", 1: "b"},
        "data": {
            "hidden": {"inputs": "i", "reference": "r"},
            "sample": {"inputs": "i", "reference": "r"},
        },
        "metrics": [metric | {"output": "out", "reference": "ref"} for metric in metrics],
        "primary": metrics[0]["id"],
        "strata": ["site"],
    }
    return TaskSpec.model_validate(facts | changes)


def case(name: str, site: str = "north", items: int = 2, group: str = "") -> ScoreCase:
    return ScoreCase(
        id=name,
        group=group or name,
        strata={"site": site},
        items=items,
        outcome=Code.OK,
        predictions={},
        reference={},
    )


def rows(*values: float) -> np.ndarray:
    """Make a table whose columns are b and a, by the probability of a."""
    return np.array([[1 - value, value] for value in values])


def labels(*values: int) -> dict[str, LabelsReference]:
    return {"ref": LabelsReference(np.array(values, dtype=np.int64))}


@pytest.fixture
def scores():
    """Case c1 gets both rows right, c2 one of two, and c3 was never answered."""
    scorer = Scorer(task(), BOOTSTRAP, DIGEST)
    scorer.add(case("c2", "south"), {"out": rows(0.5, 0.9)}, labels(1, 1))
    scorer.add(case("c1"), {"out": rows(0.8, 0.25)}, labels(0, 1))
    scorer.add(case("c3", "south"), {}, labels(0, 1))
    return scorer.finish()


def row(scores, case_id, metric, label="mean"):
    (found,) = [
        row for row in scores.rows if (row.case, row.metric, row.label) == (case_id, metric, label)
    ]
    return found


def aggregate(scores, metric, label="mean"):
    (found,) = [item for item in scores.aggregates if (item.metric, item.label) == (metric, label)]
    return found


def replicates(item) -> np.ndarray:
    return np.frombuffer(base64.b64decode(item.replicates), dtype="<f8")


def test_a_case_has_the_mean_of_its_items(scores):
    assert row(scores, "c1", "acc").value == 1.0
    # A tie counts one half, the other row is wrong.
    assert row(scores, "c2", "acc").value == 0.25
    assert row(scores, "c2", "acc").flag == "tied"
    assert row(scores, "c1", "loss").value == pytest.approx(-(np.log(0.8) + np.log(0.75)) / 2)
    assert row(scores, "c1", "acc").n_items == 2


def test_a_missing_case_takes_the_worst_value_and_is_told_apart(scores):
    for metric, worst in (("acc", 0.0), ("loss", 30.0)):
        found = row(scores, "c3", metric)
        assert (found.value, found.flag) == (worst, "missing")
        assert (aggregate(scores, metric).n_used, aggregate(scores, metric).n_total) == (4, 6)


def test_an_aggregate_is_over_all_items_the_missing_included(scores):
    items = np.array([1, 1, 0.5, 0, 0, 0])
    found = aggregate(scores, "acc")
    assert found.value == pytest.approx(items.mean())
    assert found.deviation == pytest.approx(items.std(ddof=1))


def test_a_pooled_metric_has_one_row_and_puts_missing_items_on_the_wrong_side(scores):
    # Scores of b: c1 a .2, b .75; c2 b .5, b .1; c3 a on top, b at the bottom.
    # Pairs (b, a): four b against a=.2: .75 and .5 win; all lose to c3's a. 2 of 8.
    found = row(scores, None, "auc")
    assert (found.value, found.flag, found.n_items) == (0.25, "missing", 6)
    item = aggregate(scores, "auc")
    assert (item.value, item.deviation, item.n_used, item.n_total) == (0.25, None, 4, 6)


@pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")
@pytest.mark.parametrize(("metric", "sign"), [("mse", 1), ("rmse", 1), ("r2", -1)])
def test_an_error_too_large_for_a_number_is_the_largest_and_not_undefined(metric, sign):
    columns = {"out": {"type": "table", "file": "scores.csv", "columns": ["age"]}}
    reference = {"ref": {"type": "values", "file": "{case}.npy"}}
    declared = {"id": "error", "name": metric} | ({"worst": 9.0} if sign > 0 else {})
    scorer = Scorer(
        task((declared,), outputs=columns, reference=reference, labels={}), BOOTSTRAP, DIGEST
    )
    true = ValuesReference(np.array([[1.0], [2.0]]))
    scorer.add(case("c1"), {"out": np.array([[1.5], [2.5]])}, {"ref": true})
    scorer.add(case("c2", "south"), {"out": np.array([[1e200], [2.0]])}, {"ref": true})
    scores = scorer.finish()
    largest = sign * np.finfo(np.float64).max
    assert aggregate(scores, "error").value == largest
    # A gate on every site must not pass for want of a value.
    assert [item.value for item in scores.strata if item.level == "south"] == [largest]


def test_strata_are_aggregated_each_for_itself(scores):
    found = {
        (item.metric, item.level): (item.value, item.n_used)
        for item in scores.strata
        if item.stratum == "site"
    }
    assert found["acc", "north"] == (1.0, 2)
    assert found["acc", "south"] == (0.125, 2)
    assert found["auc", "north"] == (1.0, 2)


def test_every_column_has_paired_replicates():
    """Two submissions that differ in one case differ in no draw that leaves it out."""

    def score(first):
        scorer = Scorer(task(), BOOTSTRAP, DIGEST)
        scorer.add(case("c1", group="g1"), {"out": first}, labels(0, 1))
        scorer.add(case("c2", group="g2"), {"out": rows(0.4, 0.9)}, labels(0, 1))
        scorer.add(case("c3", group="g2"), {"out": rows(0.7, 0.2)}, labels(0, 1))
        return scorer.finish()

    good, bad = score(rows(0.9, 0.1)), score(rows(0.1, 0.9))
    for metric in ("acc", "loss", "auc"):
        ours, theirs = replicates(aggregate(good, metric)), replicates(aggregate(bad, metric))
        assert ours.shape == theirs.shape == (200,)
        same = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
        # Two groups are drawn twice: without g1 one time in four.
        assert 0.15 < same.mean() < 0.35
    accuracy = replicates(aggregate(good, "acc"))
    # g1 twice, g1 and g2, g2 twice: 1, (2 + 2) / 6, 2 / 4; no other mixture of items.
    assert set(np.round(accuracy, 3).tolist()) == {1.0, 0.667, 0.5}


def test_replicates_depend_on_dataset_and_seed_and_not_on_the_order_of_cases(scores):
    def score(digest=DIGEST, bootstrap=BOOTSTRAP, order=(0, 1)):
        scorer = Scorer(task(), bootstrap, digest)
        cases = [
            (case("c1"), {"out": rows(0.9, 0.9)}, labels(0, 1)),
            (case("c2"), {"out": rows(0.4, 0.1)}, labels(0, 1)),
        ]
        for index in order:
            scorer.add(*cases[index])
        return aggregate(scorer.finish(), "acc").replicates

    assert score() == score() == score(order=(1, 0))
    assert score() != score(digest="sha256:" + "b" * 64)
    assert score() != score(bootstrap=BootstrapSpec(samples=200, seed=8))


def test_items_of_a_stacked_case_without_a_group_are_drawn_one_by_one():
    scorer = Scorer(task(), BOOTSTRAP, DIGEST)
    scorer.add(case("c1"), {"out": rows(0.9, 0.9)}, labels(0, 1))
    found = replicates(aggregate(scorer.finish(), "acc"))
    assert set(found.tolist()) == {0.0, 0.5, 1.0}


def test_an_answer_that_the_metric_refuses_is_its_authors_loss_alone():
    scorer = Scorer(task(), BOOTSTRAP, DIGEST)
    scorer.add(case("c1"), {"out": np.array([[3.0, 4.0], [1.0, 9.0]])}, labels(0, 0))
    scorer.add(case("c2"), {"out": rows(0.9, 0.1)}, labels(0, 1))
    scores = scorer.finish()
    assert (row(scores, "c1", "loss").value, row(scores, "c1", "loss").flag) == (30.0, "refused")
    assert row(scores, "c1", "acc").value == 1.0
    assert aggregate(scores, "loss").n_used == 2


def test_an_answer_that_a_pooled_metric_refuses_takes_part_at_its_worst():
    metrics = ({"id": "ece", "name": "expected_calibration_error"},)
    scorer = Scorer(task(metrics), BOOTSTRAP, DIGEST)
    scorer.add(case("c1"), {"out": np.array([[3.0, 4.0], [0.5, 0.5]])}, labels(0, 0))
    scorer.add(case("c2"), {"out": rows(1.0, 0.0)}, labels(0, 1))
    scores = scorer.finish()
    assert (row(scores, None, "ece").value, row(scores, None, "ece").flag) == (0.5, "refused")
    assert (aggregate(scores, "ece").n_used, aggregate(scores, "ece").n_total) == (2, 4)


@pytest.mark.parametrize("reference", [labels(0, 1, 1), labels(0, 7)])
def test_a_reference_that_does_not_fit_is_the_organizers(reference):
    scorer = Scorer(task(), BOOTSTRAP, DIGEST)
    with pytest.raises(OrganizerError) as caught:
        scorer.add(case("c1"), {"out": rows(0.9, 0.1)}, reference)
    assert caught.value.code is Code.REFERENCE_INVALID
    assert "c1" in caught.value.detail


def test_a_metric_that_breaks_is_the_organizers(monkeypatch):
    def breaks(*_):
        raise ZeroDivisionError

    monkeypatch.setattr("proctor_metrics.classification.top_k.Accuracy.per_item", breaks)
    scorer = Scorer(task(), BOOTSTRAP, DIGEST)
    with pytest.raises(OrganizerError) as caught:
        scorer.add(case("c1"), {"out": rows(0.9, 0.1)}, labels(0, 1))
    assert caught.value.code is Code.METRIC_FAILED


def test_the_per_item_blob_is_plain_arrays_by_column(scores):
    with np.load(io.BytesIO(scores.per_item), allow_pickle=False) as blob:
        assert blob["acc/mean"].tolist() == [1, 1, 0.5, 0, 0, 0]
        assert blob["acc/answered"].tolist() == [True] * 4 + [False] * 2
        assert blob["case"].tolist() == ["c1", "c1", "c2", "c2", "c3", "c3"]
        assert blob["item"].tolist() == [0, 1, 0, 1, 0, 1]
        assert "auc/mean" not in blob


def test_the_same_scores_are_the_same_bytes(scores):
    scorer = Scorer(task(), BOOTSTRAP, DIGEST)
    scorer.add(case("c1"), {"out": rows(0.8, 0.25)}, labels(0, 1))
    scorer.add(case("c3", "south"), {}, labels(0, 1))
    scorer.add(case("c2", "south"), {"out": rows(0.5, 0.9)}, labels(1, 1))
    assert scorer.finish() == scores


def test_metrics_are_kept_with_definition_and_rules(scores):
    facts = scores.metrics["loss"]
    assert facts.definition_id.endswith("worst=30")
    assert (facts.unit, facts.higher_is_better) == ("nats", False)
    assert "Every item of a missing case takes 30." in facts.edge_rules


MASK = {
    "items_per_case": 1,
    "inputs": {"t1": {"type": "volume", "file": "{case}.nii.gz"}},
    "outputs": {"out": {"type": "mask_image", "file": "seg.nii.gz", "grid": "t1"}},
    "reference": {"ref": {"type": "mask_image", "file": "{case}.nii.gz"}},
    "labels": {1: "edema", 2: "core"},
    "strata": [],
}


def mask(*values: int) -> np.ndarray:
    return np.array([[values]], dtype=np.uint8)


@pytest.fixture
def mask_scores():
    found = Scorer(
        task(({"id": "dice", "name": "dice"}, {"id": "hd", "name": "hd95"}), **MASK),
        BOOTSTRAP,
        DIGEST,
    )
    reference = {"ref": MaskReference(mask(1, 1, 2, 0), (1.0, 1.0, 2.0))}
    found.add(case("c1", items=1), {"out": mask(1, 0, 2, 2)}, reference)
    found.add(case("c2", items=1), {}, reference)
    return found.finish()


def test_labels_have_their_own_columns_and_their_mean_is_one_more(mask_scores):
    # edema: 2 * 1 / (1 + 2); core: 2 * 1 / (2 + 1)
    for label in ("edema", "core", "mean"):
        assert row(mask_scores, "c1", "dice", label).value == pytest.approx(2 / 3)
        assert aggregate(mask_scores, "dice", label).value == pytest.approx(1 / 3)
        assert aggregate(mask_scores, "dice", label).n_used == 1


def test_regions_are_scored_instead_of_labels_and_may_overlap():
    regions = {"whole": [1, 2], "core": [2]}
    found = Scorer(
        task(({"id": "dice", "name": "dice"},), **MASK, regions=regions), BOOTSTRAP, DIGEST
    )
    reference = {"ref": MaskReference(mask(1, 1, 2, 0), (1.0, 1.0, 2.0))}
    found.add(case("c1", items=1), {"out": mask(1, 0, 2, 2)}, reference)
    scores = found.finish()
    assert [one.label for one in scores.aggregates] == ["whole", "core", "mean"]
    # whole: 2 * 2 / (3 + 3); core: 2 * 1 / (2 + 1)
    assert aggregate(scores, "dice", "whole").value == pytest.approx(2 / 3)
    assert aggregate(scores, "dice", "core").value == pytest.approx(2 / 3)


def test_a_structure_that_is_left_out_leaves_the_others_their_mean():
    given = {"both_empty": "nan"}
    found = Scorer(
        task(({"id": "dice", "name": "dice", "parameters": given},), **MASK), BOOTSTRAP, DIGEST
    )
    reference = {"ref": MaskReference(mask(1, 1, 0, 0), (1.0, 1.0, 2.0))}
    found.add(case("c1", items=1), {"out": mask(1, 0, 0, 0)}, reference)
    found.add(case("c2", items=1), {"out": mask(1, 1, 2, 0)}, reference)
    nothing = {"ref": MaskReference(mask(0, 0, 0, 0), (1.0, 1.0, 2.0))}
    found.add(case("c3", items=1), {"out": mask(0, 0, 0, 0)}, nothing)
    scores = found.finish()
    # edema: 2/3, 1 and left out; core: left out, 0 and left out.
    assert row(scores, "c1", "dice", "core").value is None
    assert row(scores, "c1", "dice", "core").flag == "both_empty,undefined"
    assert row(scores, "c1", "dice", "mean").value == pytest.approx(2 / 3)
    assert row(scores, "c2", "dice", "mean").value == 0.5
    assert row(scores, "c3", "dice", "mean").value is None
    mean = aggregate(scores, "dice", "mean")
    assert mean.value == pytest.approx((2 / 3 + 0.5) / 2)
    assert (mean.n_used, mean.n_total) == (2, 3)
    assert (aggregate(scores, "dice", "core").n_used, mean.n_total) == (1, 3)


def test_a_missing_mask_takes_the_diagonal_of_its_reference(mask_scores):
    found = row(mask_scores, "c2", "hd", "core")
    assert found.flag == "missing"
    assert found.value == pytest.approx(np.sqrt(1 + 1 + 8**2))


def test_lists_of_classes_are_scored_and_a_missing_one_is_wrong_throughout():
    classes = task(
        ({"id": "acc", "name": "accuracy"}, {"id": "f1", "name": "f1_score"}),
        outputs={"out": {"type": "label_list", "file": "labels.csv"}},
    )
    scorer = Scorer(classes, BOOTSTRAP, DIGEST)
    scorer.add(case("c1"), {"out": np.array([0, 1])}, labels(0, 1))
    scorer.add(case("c2"), {}, labels(0, 1))
    found = scorer.finish()
    assert aggregate(found, "acc").value == 0.5
    # Of each class one hit of two, and one false positive: the lost case names the other class.
    assert aggregate(found, "f1").value == 0.5
    assert (aggregate(found, "f1").n_used, aggregate(found, "f1").n_total) == (2, 4)
    assert row(found, None, "f1").flag == "missing"


def test_numbers_are_scored_by_column_and_a_missing_case_costs_what_is_declared():
    numbers = task(
        ({"id": "mae", "name": "mae", "worst": 8.0}, {"id": "rmse", "name": "rmse", "worst": 8.0}),
        reference={"ref": {"type": "values", "file": "{case}.npy"}},
        labels={},
    )
    scorer = Scorer(numbers, BOOTSTRAP, DIGEST)
    truth = {"ref": ValuesReference(np.array([[1.0, 10.0], [2.0, 20.0]]))}
    scorer.add(case("c1"), {"out": np.array([[2.0, 10.0], [2.0, 24.0]])}, truth)
    scorer.add(case("c2"), {}, truth)
    found = scorer.finish()
    assert aggregate(found, "mae", "b").value == (1 + 0 + 8 + 8) / 4
    assert aggregate(found, "mae", "a").value == (0 + 4 + 8 + 8) / 4
    assert aggregate(found, "mae").value == pytest.approx((4.25 + 5) / 2)
    assert aggregate(found, "rmse", "a").value == pytest.approx(((16 + 64 + 64) / 4) ** 0.5)
    spread = replicates(aggregate(found, "rmse", "a"))
    assert spread.min() < aggregate(found, "rmse", "a").value < spread.max()


def test_several_labels_an_item_are_scored_by_item_by_label_and_in_order():
    several = task(
        (
            {"id": "exact", "name": "subset_accuracy"},
            {"id": "f1", "name": "multilabel_f1", "parameters": {"average": "per_label"}},
            {"id": "auc", "name": "multilabel_auroc"},
            {"id": "order", "name": "label_ranking_average_precision"},
        ),
        reference={"ref": {"type": "multilabel", "file": "{case}.npy"}},
        labels={},
    )
    scorer = Scorer(several, BOOTSTRAP, DIGEST)
    truth = {"ref": MultilabelReference(np.array([[True, False], [True, True]]))}
    scorer.add(case("c1"), {"out": np.array([[0.9, 0.2], [0.8, 0.3]])}, truth)
    scorer.add(case("c2", "south"), {}, truth)
    found = scorer.finish()
    # c1: one of two items exact; c2 counts as wrong throughout.
    assert aggregate(found, "exact").value == 0.25
    # b: 2 TP, 2 FN. a: 1 FN; of c2 1 FP and 1 FN.
    assert aggregate(found, "f1", "b").value == pytest.approx(2 * 2 / (2 * 2 + 2))
    assert aggregate(found, "f1", "a").value == 0.0
    # Label b holds for every item, so that no pair is there to be ordered.
    assert aggregate(found, "auc").value is None
    # The second item has both labels and no order; those of the lost case count 0 all the same.
    assert aggregate(found, "order").value == pytest.approx(1 / 3)
    assert aggregate(found, "order").n_used == 1
    assert row(found, "c1", "order").flag == "undefined"
    assert row(found, "c2", "exact").flag == "missing"
    assert row(found, None, "f1", "b").flag == "missing"
    assert len(replicates(aggregate(found, "f1", "b"))) == 200


def test_limits_of_agreement_have_no_mean_over_labels():
    agreement = task(
        ({"id": "limits", "name": "bland_altman"},),
        outputs={"out": {"type": "table", "file": "p.csv", "columns": ["ml"]}},
        reference={"ref": {"type": "values", "file": "{case}.npy"}},
        labels={},
    )
    scorer = Scorer(agreement, BOOTSTRAP, DIGEST)
    truth = {"ref": ValuesReference(np.array([[1.0], [2.0]]))}
    scorer.add(case("c1"), {"out": np.array([[2.0], [4.0]])}, truth)
    found = {item.label: item.value for item in scorer.finish().aggregates}
    assert list(found) == ["bias", "lower_limit", "upper_limit", "furthest_limit"]
    assert found["bias"] == 1.5


def test_of_a_pooled_metric_of_classes_no_table_of_scores_is_kept():
    scorer = Scorer(task(({"id": "f1", "name": "f1_score"},)), BOOTSTRAP, DIGEST)
    table = rows(0.8, 0.25)
    watched = weakref.ref(table)
    scorer.add(case("c1"), {"out": table}, labels(0, 1))
    del table
    assert watched() is None
    assert scorer.finish().aggregates[0].value == 1.0
