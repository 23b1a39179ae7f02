"""Names, parameters and definition ids: what an organizer may write and what is said if not."""

import re
from importlib.metadata import version

import pytest

from proctor_metrics import (
    CaseType,
    Direction,
    Kind,
    MetricParameterError,
    UnknownMetricError,
    names,
    registry,
    resolve,
)
from proctor_metrics.registry import metric_class

# What must be given for a metric to be built at all.
REQUIRED: dict[str, dict[str, object]] = {
    "boundary_iou": {"distance_mm": 2.0},
    "f_beta": {"beta": 2},
    "net_benefit": {"positive": 1, "threshold": 0.2},
    "nsd": {"tolerance_mm": 2.0},
    "positive_likelihood_ratio": {"positive": 1},
    "ppv_at_sensitivity": {"positive": 1, "sensitivity": 0.9},
    "sensitivity_at_fppi": {"fppi": 1},
    "sensitivity_at_specificity": {"positive": 1, "specificity": 0.9},
    "specificity_at_sensitivity": {"positive": 1, "sensitivity": 0.9},
    "time_dependent_auc": {"times": [12, 24.5]},
    "top_k_accuracy": {"k": 5},
}
EVERY_METRIC = [
    "accuracy",
    "assd",
    "auroc",
    "average_precision",
    "average_precision_at_iou",
    "balanced_accuracy",
    "bland_altman",
    "bleu",
    "boundary_iou",
    "brier_score",
    "cldice",
    "cohens_kappa",
    "concordance_correlation",
    "concordance_index",
    "debiased_calibration_error",
    "detection_f_score",
    "dice",
    "exact_match",
    "expected_calibration_error",
    "expected_cost",
    "f1_score",
    "f_beta",
    "froc",
    "hamming_loss",
    "hd",
    "hd95",
    "image_mae",
    "instance_count_error",
    "instance_f_score",
    "iou",
    "item_detection_f_score",
    "item_instance_f_score",
    "item_panoptic_quality",
    "kendall_tau",
    "label_ranking_average_precision",
    "lesion_wise_dice",
    "lesion_wise_hd95",
    "log_loss",
    "mae",
    "mape",
    "masd",
    "max_error",
    "mcc",
    "mean_average_precision",
    "median_absolute_error",
    "mse",
    "multilabel_auroc",
    "multilabel_average_precision",
    "multilabel_f1",
    "net_benefit",
    "npv",
    "nrmse",
    "nsd",
    "panoptic_quality",
    "pearson",
    "positive_likelihood_ratio",
    "ppv_at_sensitivity",
    "precision",
    "psnr",
    "r2",
    "recall",
    "rmse",
    "rouge_l",
    "samples_f1",
    "sensitivity_at_fppi",
    "sensitivity_at_specificity",
    "spearman",
    "specificity",
    "specificity_at_sensitivity",
    "ssim",
    "subset_accuracy",
    "time_dependent_auc",
    "token_f1",
    "top_k_accuracy",
    "volume_error",
    "voxel_auroc",
    "voxel_average_precision",
    "voxel_count",
    "voxel_f_beta",
    "voxel_kappa",
    "voxel_mcc",
    "voxel_npv",
    "voxel_precision",
    "voxel_sensitivity",
    "voxel_specificity",
]


def test_the_names_are_known() -> None:
    assert list(names()) == EVERY_METRIC


def test_an_alias_is_another_name_and_nobody_elses() -> None:
    taken = [alias for name in names() for alias in metric_class(name).aliases]
    assert {"dsc", "hd_perc", "ppv", "fbeta"} <= set(taken)
    assert len({*taken, *names()}) == len(taken) + len(names())
    assert (resolve("dsc", {}).name, resolve("ppv", {}).name) == ("dice", "voxel_precision")


@pytest.mark.parametrize("name", EVERY_METRIC)
def test_every_metric_describes_itself(name: str) -> None:
    metric = resolve(name, REQUIRED.get(name, {}), worst=7.0)
    assert metric.name == name
    assert metric.kind in Kind
    assert metric.direction in Direction
    assert metric.case_type in CaseType
    assert metric.edge_rules
    assert all(rule.endswith(".") for rule in metric.edge_rules)
    assert metric.definition_id.endswith(";worst=7")
    assert metric.worst((4, 4), (1.0, 1.0)) == 7.0
    assert " " not in metric.definition_id


@pytest.mark.parametrize(
    ("name", "parameters", "worst", "expected"),
    [
        ("dice", {}, None, "dsc.v1;edge=v1"),
        ("hd95", {}, None, "hd_perc.surfel.v1;percentile=95;edge=v1"),
        (
            "hd95",
            {"definition": "voxel6-pooled", "percentile": 97.5},
            None,
            "hd_perc.voxel6-pooled.v1;percentile=97.5;edge=v1",
        ),
        (
            "volume_error",
            {},
            100.0,
            "volume_error.v1;form=absolute_percent;edge=v1;worst=100",
        ),
        (
            "volume_error",
            {"form": "absolute_ml"},
            None,
            "volume_error.v1;form=absolute_ml;edge=v1",
        ),
        ("top_k_accuracy", {"k": 1}, None, "top_k_accuracy.v1;k=1;ties=expected"),
        ("accuracy", {"ties": "optimistic"}, None, "accuracy.v1;ties=optimistic"),
        ("log_loss", {}, None, "log_loss.v1;eps=1e-15;row_sum=0.001"),
        ("auroc", {}, None, "auroc.v1;average=macro;ties=half;edge=v1"),
        (
            "auroc",
            {"average": "binary", "positive": 1},
            None,
            "auroc.v1;average=binary;positive=1;ties=half;edge=v1",
        ),
        ("assd", {}, None, "assd.surfel.v1;edge=v1"),
        ("assd", {"definition": "voxel6"}, None, "assd.voxel6.v1;edge=v1"),
        ("iou", {}, None, "iou.v1;edge=v1"),
        (
            "dice",
            {"both_empty": "nan", "reference_empty": float("nan")},
            None,
            "dsc.v1;edge=v1;both_empty=nan;reference_empty=nan",
        ),
        ("dsc", {"both_empty": 1}, None, "dsc.v1;edge=v1"),
        (
            "hd_perc",
            {"definition": "itk-6-26", "reference_empty": "nan"},
            374.0,
            "hd_perc.itk-6-26.v1;percentile=95;edge=v1;reference_empty=nan;worst=374",
        ),
        ("hd", {}, None, "hd.surfel.v1;edge=v1"),
        ("masd", {"definition": "voxel6"}, None, "masd.voxel6.v1;edge=v1"),
        ("nsd", {"tolerance_mm": 2}, None, "nsd.surfel.v1;tolerance_mm=2;edge=v1"),
        (
            "nsd",
            {"tolerance_mm": {"whole tumor": 2, "core": 0.5}, "definition": "voxel6"},
            None,
            "nsd.voxel6.v1;tolerance_mm=core:0.5,whole%20tumor:2;edge=v1",
        ),
        (
            "boundary_iou",
            {"definition": "erosion", "width_voxels": 3},
            None,
            "boundary_iou.erosion.v1;width_voxels=3;edge=v1",
        ),
        ("cldice", {}, None, "cldice.skimage.v1;edge=v1"),
        ("fbeta", {"beta": 2}, None, "fbeta.v1;beta=2;edge=v1"),
        ("ppv", {"undefined": 0}, None, "voxel_ppv.v1;edge=v1;undefined=0"),
        ("voxel_mcc", {}, None, "voxel_mcc.v1;edge=v1"),
        (
            "volume_error",
            {"form": "signed_ml"},
            9.0,
            "volume_error.v1;form=signed_ml;edge=v1;worst=9",
        ),
        ("balanced_accuracy", {}, None, "ba.v1;ties=first;edge=v1"),
        (
            "f1_score",
            {"average": "weighted", "zero_division": 1},
            None,
            "f1_score.v1;average=weighted;zero_division=1;ties=first;edge=v1",
        ),
        (
            "precision",
            {"average": "binary", "positive": 1, "zero_division": float("nan")},
            None,
            "precision.v1;average=binary;positive=1;zero_division=nan;ties=first;edge=v2",
        ),
        ("recall", {}, None, "recall.v1;average=macro;zero_division=0;ties=first;edge=v1"),
        ("bland_altman", {}, None, "bland_altman.v1;deviations=1.96;edge=v1"),
        ("concordance_correlation", {}, None, "concordance_correlation.v1;edge=v1"),
        ("kendall_tau", {}, None, "kendall_tau.v1;edge=v1"),
        (
            "concordance_index",
            {"answer": "time"},
            None,
            "concordance_index.harrell.v1;answer=time;ties=half;edge=v1",
        ),
        (
            "time_dependent_auc",
            {"times": [12, 24.5]},
            None,
            "time_dependent_auc.ipcw.v1;times=12,24.5;answer=risk;ties=half;edge=v1",
        ),
        ("psnr", {}, None, "psnr.v1;data_range=reference;cap=100;edge=v1"),
        ("psnr", {"data_range": 255}, None, "psnr.v1;data_range=255;cap=100;edge=v1"),
        (
            "ssim",
            {"extent": "slices"},
            None,
            "ssim.v1;window=gaussian;extent=slices;data_range=reference;k1=0.01;k2=0.03;edge=v1",
        ),
        ("nrmse", {}, 2.0, "nrmse.v1;normalization=euclidean;worst=2"),
        ("image_mae", {}, 50.0, "image_mae.v1;worst=50"),
        ("exact_match", {}, None, "exact_match.v1;normalization=squad"),
        ("token_f1", {}, None, "token_f1.v1;normalization=squad;edge=v1"),
        (
            "rouge_l",
            {},
            None,
            f"rouge_l.v1;measure=f1;stemmer=none;rouge-score={version('rouge-score')}",
        ),
        (
            "bleu",
            {"tokenize": "intl", "case": "lc"},
            None,
            f"bleu.v1;case=lc;eff=no;tok=intl;smooth=exp;sacrebleu={version('sacrebleu')}",
        ),
        ("mae", {}, 9.0, "mae.v1;worst=9"),
        ("mape", {}, 900.0, "mape.v1;zero_reference=refuse;worst=900"),
        ("max_error", {}, 9.0, "max_error.v1;worst=9"),
        ("median_absolute_error", {}, 9.0, "median_absolute_error.v1;worst=9"),
        ("pearson", {}, None, "pearson.v1;edge=v1"),
        ("spearman", {}, None, "spearman.v1;edge=v1"),
        ("mse", {}, 81.0, "mse.v1;worst=81"),
        ("rmse", {}, 9.0, "rmse.v1;worst=9"),
        ("r2", {}, None, "r2.v1;edge=v1"),
        (
            "mean_average_precision",
            {},
            None,
            "map.coco.v1;iou=0.5:0.95:0.05;area=all;most=100;average=macro;edge=v1",
        ),
        (
            "average_precision_at_iou",
            {"interpolation": "voc-all-points", "average": "per_class"},
            None,
            "ap.voc-all-points.v1;match=iou@0.5;assignment=first_choice;average=per_class;edge=v1",
        ),
        (
            "detection_f_score",
            {"match": "center_distance", "distance": 5, "assignment": "optimal"},
            None,
            "detection_f_score.v1;beta=1;match=center_distance@5;assignment=optimal"
            ";average=micro;edge=v1",
        ),
        (
            "item_detection_f_score",
            {"least_score": 0.5},
            None,
            "item_detection_f_score.v1;beta=1;match=iou@0.5;assignment=greedy;least_score=0.5"
            ";average=micro;edge=v1",
        ),
        (
            "panoptic_quality",
            {"part": "sq"},
            None,
            "pq.v1;part=sq;match=iou>0.5;edge=v1",
        ),
        (
            "item_panoptic_quality",
            {"match": "center_distance", "distance_mm": 5, "components": 6},
            None,
            "item_pq.v1;part=pq;match=center_distance@5;components=6;edge=v1",
        ),
        (
            "item_instance_f_score",
            {"match": "overlap"},
            None,
            "item_instance_f_score.v1;beta=1;match=overlap;components=26;edge=v1",
        ),
        (
            "instance_count_error",
            {"of": "false_positive"},
            20.0,
            "instance_count_error.v1;of=false_positive;match=iou>0.5;components=26;edge=v1"
            ";worst=20",
        ),
        (
            "lesion_wise_hd95",
            {},
            None,
            "lesion_wise_hd95.brats2023.v1;dilations=3;smallest_mm3=50;components=26;edge=v1",
        ),
        (
            "froc",
            {},
            None,
            "froc.v1;match=radius;assignment=hits;rates=0.125,0.25,0.5,1,2,4,8;labels=mean;edge=v1",
        ),
    ],
)
def test_a_definition_id_is_what_boards_and_archives_already_hold(
    name: str, parameters: dict[str, object], worst: float | None, expected: str
) -> None:
    assert resolve(name, parameters, worst=worst).definition_id == expected


@pytest.mark.parametrize(
    ("name", "expected"), [("dice", 0.0), ("accuracy", 0.0), ("auroc", 0.0), ("hd95", 13.0)]
)
def test_the_worst_value_has_a_default(name: str, expected: float) -> None:
    assert resolve(name, {}).worst((3, 4, 3), (1.0, 1.0, 4.0)) == expected


def test_an_unknown_metric_is_answered_with_those_like_it_else_with_all() -> None:
    with pytest.raises(UnknownMetricError, match="no metric 'dise'; did you mean dice"):
        resolve("dise", {})
    with pytest.raises(UnknownMetricError, match="no metric 'xyz'; known metrics: accuracy"):
        resolve("xyz", {})


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("dice", {"smooth": 1}, "metric 'dice', parameter 'smooth': is unknown; known"),
        ("hd95", {"percentil": 90}, "known parameters: 'definition', 'percentile'"),
        ("hd95", {"definition": "surface"}, "one of 'surfel', 'voxel6', 'voxel6-pooled'"),
        ("hd95", {"definition": 6}, "is 6; it must be one of"),
        ("hd95", {"percentile": 0}, "above 0 and at most 100"),
        ("hd95", {"percentile": 101}, "above 0 and at most 100"),
        ("hd95", {"percentile": "95"}, "is '95'; it must be a number"),
        ("hd95", {"percentile": float("nan")}, "is nan; it must be a number"),
        ("hd95", {"percentile": True}, "is True; it must be a number"),
        ("top_k_accuracy", {}, "parameter 'k': is required; give an integer of at least 1"),
        ("top_k_accuracy", {"k": 0}, "is 0; it must be an integer of at least 1"),
        ("top_k_accuracy", {"k": 1.0}, "is 1.0; it must be an integer"),
        ("top_k_accuracy", {"k": True}, "is True; it must be an integer"),
        ("top_k_accuracy", {"k": 1, "ties": "lucky"}, "'expected', 'optimistic', 'pessimistic'"),
        ("accuracy", {"k": 1}, "known parameters: 'ties'"),
        ("log_loss", {"eps": 0.0}, "above 0 and at most 0.1"),
        ("volume_error", {"form": "signed"}, "one of 'absolute_percent', 'absolute_ratio'"),
        ("volume_error", {"form": "signed_ml"}, "'worst': signed_ml has no natural worst value"),
        ("dice", {"both_empty": 0}, "parameter 'both_empty': is 0; it must be one of '1', 'nan'"),
        ("hd", {"reference_empty": 0}, "'reference_empty': is 0; it must be one of 'worst', 'nan'"),
        ("nsd", {}, "'tolerance_mm': is required; it must be a finite number of at least 0"),
        ("nsd", {"tolerance_mm": -1}, "'tolerance_mm': is -1; it must be a finite number"),
        ("nsd", {"tolerance_mm": {"core": "2"}}, "or a map of names to such"),
        ("nsd", {"tolerance_mm": float("inf")}, "is inf; it must be a finite number"),
        ("boundary_iou", {}, "parameter 'distance_mm': is required"),
        ("boundary_iou", {"definition": "erosion"}, "parameter 'width_voxels': is required"),
        ("boundary_iou", {"definition": "erosion", "distance_mm": 1, "width_voxels": 1}, "unknown"),
        ("voxel_f_beta", {"beta": 0}, "'beta': is 0; it must be a number above 0"),
        ("volume_error", {}, "parameter 'worst': a percentage has no natural worst value"),
        ("auroc", {"average": "binary"}, "parameter 'positive': is required"),
        ("auroc", {"positive": 1}, "'positive': is unknown; known parameters: 'average'"),
        ("assd", {"definition": "voxel6-pooled"}, "one of 'surfel', 'voxel6'"),
        ("f1_score", {"zero_division": 2}, "is 2; it must be one of '0', '1', 'nan'"),
        ("f1_score", {"zero_division": True}, "is True; it must be one of '0', '1', 'nan'"),
        ("recall", {"average": "binary"}, "parameter 'positive': is required"),
        ("mae", {}, "parameter 'worst': an error has no natural worst value"),
        ("mape", {}, "parameter 'worst': an error has no natural worst value"),
        ("time_dependent_auc", {}, "must be a list of numbers above 0 in ascending order"),
        ("time_dependent_auc", {"times": [2, 1]}, "numbers above 0 in ascending order"),
        ("psnr", {"data_range": 0}, "is 0; it must be a number above 1e-30"),
        ("nrmse", {}, "parameter 'worst': an error has no natural worst value"),
        ("image_mae", {}, "parameter 'worst': an error has no natural worst value"),
        ("bleu", {"tokenize": "ja-mecab"}, "one of '13a', 'intl', 'char', 'zh', 'none'"),
        ("mape", {"zero_reference": "skip"}, "one of 'refuse', 'leave_out'"),
        ("rmse", {}, "parameter 'worst': an error has no natural worst value"),
    ],
)
def test_a_bad_parameter_is_named_with_what_is_allowed(
    name: str, parameters: dict[str, object], message: str
) -> None:
    with pytest.raises(MetricParameterError, match=re.escape(message)) as caught:
        resolve(name, parameters)
    assert caught.value.metric == name


@pytest.mark.parametrize("worst", [float("nan"), float("inf")])
def test_a_worst_value_is_finite(worst: float) -> None:
    with pytest.raises(MetricParameterError, match="must be a finite number") as caught:
        resolve("dice", {}, worst=worst)
    assert caught.value.field == "worst"


def test_metrics_with_equal_parameters_are_equal() -> None:
    assert resolve("hd95", {}) == resolve("hd95", {"percentile": 95})
    assert resolve("hd95", {}) != resolve("hd95", {"percentile": 90})


def test_a_name_that_two_metrics_have_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry._FAMILIES, "text", "bleu dice")  # type: ignore[index]
    with pytest.raises(RuntimeError, match="dice is a metric of segmentation and of text"):
        registry._family_by_name()


def test_a_metric_that_is_not_listed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from proctor_metrics import text

    registry._metrics_of.cache_clear()
    monkeypatch.setattr(text, "METRICS", text.METRICS[:-1])
    with pytest.raises(RuntimeError, match="text and the registry do not agree on"):
        registry._metrics_of("text")
    monkeypatch.setattr(text, "METRICS", (text.METRICS[0], *text.METRICS))
    with pytest.raises(RuntimeError, match="two metrics of text are called"):
        registry._metrics_of("text")
