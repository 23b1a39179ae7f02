"""Find a metric by name and build it from its parameters.

A family is imported when one of its metrics is asked for: who scores masks waits for no library of
texts. So the names are listed here as well; a family that does not hold just those is refused. A
new metric is one class in a small module, one name in the `METRICS` of its family, and its name
below; a new family is one more package, and one more row.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from importlib import import_module

from proctor_metrics import custom
from proctor_metrics.metric import Metric
from proctor_metrics.parameters import MetricParameterError, Parameters

__all__ = [
    "MetricParameterError",
    "UnknownMetricError",
    "load",
    "metric_class",
    "names",
    "resolve",
]

_FAMILIES: Mapping[str, str] = {
    "classification": """
        accuracy auroc average_precision balanced_accuracy brier_score cohens_kappa
        debiased_calibration_error expected_calibration_error expected_cost f1_score f_beta
        log_loss mcc net_benefit npv positive_likelihood_ratio ppv_at_sensitivity precision recall
        sensitivity_at_specificity specificity specificity_at_sensitivity top_k_accuracy""",
    "detection": """
        average_precision_at_iou detection_f_score froc item_detection_f_score map
        mean_average_precision sensitivity_at_fppi""",
    "images": "image_mae nrmse psnr ssim voxel_auroc voxel_average_precision",
    "instances": """
        instance_count_error instance_f_score item_instance_f_score item_panoptic_quality
        lesion_wise_dice lesion_wise_hd95 panoptic_quality""",
    "multilabel": """
        hamming_loss label_ranking_average_precision multilabel_auroc multilabel_average_precision
        multilabel_f1 samples_f1 subset_accuracy""",
    "regression": """
        bland_altman concordance_correlation kendall_tau mae mape max_error median_absolute_error
        mse pearson r2 rmse spearman""",
    "segmentation": """
        assd boundary_iou cldice dice dsc fbeta hd hd95 hd_perc iou jaccard masd nsd ppv
        sensitivity surface_dice volume_error voxel_count voxel_f_beta voxel_kappa voxel_mcc
        voxel_npv voxel_precision voxel_recall voxel_sensitivity voxel_specificity""",
    "survival": "concordance_index time_dependent_auc",
    "text": "bleu exact_match rouge_l token_f1",
}
"""The names and aliases of each family's metrics."""


def _family_by_name() -> dict[str, str]:
    found: dict[str, str] = {}
    for family, listed in _FAMILIES.items():
        for name in listed.split():
            if name in found:
                raise RuntimeError(f"{name} is a metric of {found[name]} and of {family}")
            found[name] = family
    return found


_FAMILY_OF: Mapping[str, str] = _family_by_name()


@cache
def _metrics_of(family: str) -> Mapping[str, type[Metric]]:
    """Return the metrics of a family by name and alias.

    Raises:
        RuntimeError: two share a name, or they are others than are listed here.
    """
    found: dict[str, type[Metric]] = {}
    for metric in import_module(f"proctor_metrics.{family}").METRICS:
        for name in (metric.name, *metric.aliases):
            if name in found:
                raise RuntimeError(f"two metrics of {family} are called {name}")
            found[name] = metric
    if other := set(found) ^ set(_FAMILIES[family].split()):
        raise RuntimeError(f"{family} and the registry do not agree on {', '.join(sorted(other))}")
    return found


class UnknownMetricError(ValueError):
    """There is no metric of that name; the message has those like it, else all there are."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no metric {name!r}; {_meant(name)}")
        self.name = name


def _meant(name: str) -> str:
    near = get_close_matches(name.lower(), list(_FAMILY_OF), n=3)
    return f"did you mean {' or '.join(near)}" if near else f"known metrics: {', '.join(names())}"


def names() -> tuple[str, ...]:
    """Return the names of all metrics in alphabetical order, without aliases."""
    return tuple(
        sorted({metric.name for family in _FAMILIES for metric in _metrics_of(family).values()})
    )


def load() -> None:
    """Import every family now, for those who are forked from this process and score one each."""
    for family in _FAMILIES:
        _metrics_of(family)


def metric_class(name: str) -> type[Metric]:
    """Return the class of a metric, by its name or an alias; its docstring is its definition.

    Raises:
        UnknownMetricError: no metric has that name.
    """
    if name not in _FAMILY_OF:
        raise UnknownMetricError(name)
    return _metrics_of(_FAMILY_OF[name])[name]


def resolve(name: str, parameters: Mapping[str, object], *, worst: float | None = None) -> Metric:
    """Build a metric.

    Args:
        name: one of `names()`, or an alias of one.
        parameters: the metric's own parameters, as in `challenge.yaml`.
        worst: the worst value that the task declares; it becomes part of the definition id.

    Raises:
        UnknownMetricError: no metric has that name.
        MetricParameterError: a parameter is unknown, missing or out of range, or the metric
            has no natural worst value and none is declared.

    >>> resolve("hd95", {"definition": "surfel"}).definition_id
    'hd_perc.surfel.v1;percentile=95;edge=v1'
    """
    if name == custom.NAME:
        return custom.custom_metric(parameters, worst)
    kind = metric_class(name)
    reader = Parameters(name, parameters, worst)
    metric = kind.build(reader)
    reader.refuse_the_rest()
    return metric
