"""PSNR, SSIM, NRMSE and MAE of images: by hand and against scikit-image."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from skimage import metrics as skimage

from proctor_metrics import ImageCase, MetricInputError, PerItemMetric, Side, resolve
from proctor_metrics.registry import MetricParameterError

Values = npt.NDArray[np.float64]
WORST = {"image_mae": 50.0, "nrmse": 9.0}


def value(name: str, predicted: npt.ArrayLike, true: npt.ArrayLike, **parameters: object) -> float:
    metric = resolve(name, parameters, worst=WORST.get(name))
    assert isinstance(metric, PerItemMetric)
    case = ImageCase("a", np.asarray(predicted), np.asarray(true))
    return float(metric.per_item(case).values[0, 0])


def images(shape: tuple[int, ...]) -> tuple[Values, Values]:
    generator = np.random.default_rng(1)
    true = generator.normal(100, 20, shape).cumsum(axis=0)
    return true + generator.normal(0, 15, shape), true


@pytest.mark.parametrize(
    ("name", "parameters", "expected"),
    # Errors 1, 1, -1 and 3 of 0, 2, 4 and 10: squares of mean 3, references of mean square 30.
    [
        ("psnr", {}, 10 * np.log10(10**2 / 3)),
        ("psnr", {"data_range": 255}, 10 * np.log10(255**2 / 3)),
        ("nrmse", {}, (3 / 30) ** 0.5),
        ("nrmse", {"normalization": "range"}, 3**0.5 / 10),
        ("nrmse", {"normalization": "mean"}, 3**0.5 / 4),
        ("image_mae", {}, 6 / 4),
    ],
)
def test_a_value_is_the_one_worked_out_by_hand(
    name: str, parameters: dict[str, object], expected: float
) -> None:
    found = value(name, [[1, 3], [3, 13]], [[0, 2], [4, 10]], **parameters)
    assert found == pytest.approx(expected, rel=1e-14)


def test_of_windows_without_contrast_light_alone_counts() -> None:
    predicted, true = np.full((7, 7), 3.0), np.full((7, 7), 4.0)
    found = value("ssim", predicted, true, window="uniform", data_range=10)
    assert found == pytest.approx((2 * 3 * 4 + 0.01) / (9 + 16 + 0.01))


@pytest.mark.parametrize("shape", [(16, 23), (12, 13, 14), (64, 64)])
@pytest.mark.parametrize("window", ["gaussian", "uniform"])
def test_similarity_is_scikit_images(shape: tuple[int, ...], window: str) -> None:
    predicted, true = images(shape)
    expected = skimage.structural_similarity(
        predicted,
        true,
        data_range=np.ptp(true),
        gaussian_weights=window == "gaussian",
        use_sample_covariance=False,
    )
    assert value("ssim", predicted, true, window=window) == pytest.approx(expected, rel=1e-10)


def test_slices_are_compared_one_by_one() -> None:
    predicted, true = images((20, 18, 3))
    size = float(np.ptp(true))
    each = [value("ssim", predicted[..., k], true[..., k], data_range=size) for k in range(3)]
    found = value("ssim", predicted, true, extent="slices")
    assert found == pytest.approx(np.mean(each), rel=1e-12)
    single = value("ssim", predicted[..., :1], true[..., :1], data_range=size)
    assert single == pytest.approx(each[0], rel=1e-12)


@pytest.mark.parametrize("shape", [(9, 7), (5, 6, 4)])
def test_errors_are_scikit_images(shape: tuple[int, ...]) -> None:
    predicted, true = images(shape)
    expected = skimage.peak_signal_noise_ratio(true, predicted, data_range=np.ptp(true))
    assert value("psnr", predicted, true) == pytest.approx(expected, rel=1e-12)
    for ours, theirs in (("euclidean", "euclidean"), ("range", "min-max"), ("mean", "mean")):
        expected = skimage.normalized_root_mse(true, predicted, normalization=theirs)
        found = value("nrmse", predicted, true, normalization=ours)
        assert found == pytest.approx(expected, rel=1e-12)


def test_where_the_reference_is_nan_nothing_is_compared() -> None:
    predicted, true = images((24, 24))
    inside = np.zeros((24, 24), dtype=bool)
    inside[4:20, 5:22] = True
    partial = np.where(inside, true, np.nan)
    for name in ("psnr", "nrmse", "image_mae"):
        cut = value(name, predicted[4:20, 5:22], true[4:20, 5:22])
        assert value(name, np.where(inside, predicted, 1e9), partial) == pytest.approx(cut)
    _, similar = skimage.structural_similarity(
        np.where(inside, predicted, 0),
        np.where(inside, true, 0),
        data_range=np.ptp(true[inside]),
        gaussian_weights=True,
        use_sample_covariance=False,
        full=True,
    )
    counted = np.zeros_like(inside)
    counted[5:19, 5:19] = inside[5:19, 5:19]
    assert value("ssim", predicted, partial) == pytest.approx(similar[counted].mean())


ANY = arrays.arrays(np.float64, (12, 12), elements=st.floats(-1e9, 1e9, width=32))


@settings(max_examples=40, deadline=None)
@given(predicted=ANY, true=ANY)
def test_values_are_bounded_and_an_exact_answer_is_the_best(
    predicted: Values, true: Values
) -> None:
    if np.ptp(true) == 0:
        return
    assert 0 <= value("psnr", predicted, true) <= 100
    assert abs(value("ssim", predicted, true)) <= 1 + 1e-9
    assert value("nrmse", predicted, true) >= 0
    assert value("psnr", true, true) == 100
    assert value("ssim", true, true) == pytest.approx(1)
    assert value("nrmse", true, true) == value("image_mae", true, true) == 0


def test_an_answer_is_never_worse_than_a_missing_one() -> None:
    assert value("psnr", [[1e6, 1e6]], [[0, 1]]) == 0.0
    assert resolve("psnr", {}).worst((2, 2), ()) == 0.0
    assert resolve("ssim", {}).worst((2, 2), ()) == -1.0


def test_a_worst_value_that_every_answer_would_take_is_refused() -> None:
    assert resolve("psnr", {}, worst=-20.0).worst((2, 2), ()) == -20.0
    with pytest.raises(MetricParameterError, match="no answer scores above cap, 100"):
        resolve("psnr", {}, worst=374.0)


def test_values_however_large_do_not_overflow() -> None:
    true = np.array([[0.0, 1e200], [1e200, 0]])
    assert value("nrmse", true * 2, true) == pytest.approx(1.0)
    assert value("psnr", true * 2, true) == pytest.approx(20 * np.log10(2**0.5))


@pytest.mark.parametrize("name", ["image_mae", "nrmse", "psnr", "ssim"])
def test_no_answer_is_so_large_that_it_is_left_out(name: str) -> None:
    _, true = images((16, 16))
    largest = np.finfo(np.float64).max
    worst = resolve(name, {}, worst=WORST.get(name)).worst((16, 16), ())
    predicted = np.where(np.arange(16) % 2, largest, -largest) * np.ones((16, 1))
    found = value(name, predicted, true)
    if name == "ssim":
        assert abs(found) < 1e-6
    elif name == "nrmse":
        assert worst < found < np.inf
    else:
        assert found == worst


@pytest.mark.parametrize(
    ("name", "parameters", "true", "message"),
    [
        ("psnr", {}, np.ones((9, 9)), "all values of the reference are equal"),
        ("ssim", {}, np.ones((19, 19)), "declare data_range"),
        ("ssim", {}, np.arange(60.0).reshape(6, 10), "no window of 11 voxels along each axis"),
        ("ssim", {"window": "uniform"}, np.arange(60.0).reshape(6, 10), "no window of 7 voxels"),
        ("nrmse", {}, np.zeros((3, 3)), "the euclidean of the reference is 0"),
    ],
)
def test_a_reference_on_which_a_metric_is_undefined_is_its_owners_fault(
    name: str, parameters: dict[str, object], true: Values, message: str
) -> None:
    with pytest.raises(MetricInputError, match=message) as caught:
        value(name, np.zeros(true.shape), true, **parameters)
    assert caught.value.side is Side.REFERENCE


@pytest.mark.parametrize(
    ("predicted", "true", "side", "message"),
    [
        (np.zeros((2, 3)), np.zeros((3, 2)), Side.PREDICTION, r"shape \(2, 3\), the reference"),
        (np.full((2, 2), np.inf), np.zeros((2, 2)), Side.PREDICTION, r"is inf at \(0, 0\)"),
        (np.zeros((2, 2), complex), np.zeros((2, 2)), Side.PREDICTION, "type complex128"),
        (np.zeros(2), np.zeros((2, 2)), Side.PREDICTION, "numbers on 2 or 3 axes"),
        (np.zeros((2, 2)), np.full((2, 2), np.nan), Side.REFERENCE, "NaN everywhere"),
        (np.zeros((2, 2)), np.full((2, 2), np.inf), Side.REFERENCE, "infinite somewhere"),
    ],
)
def test_what_is_no_pair_of_images_is_refused_with_its_owner(
    predicted: Values, true: Values, side: Side, message: str
) -> None:
    with pytest.raises(MetricInputError, match=message) as caught:
        ImageCase("a", predicted, true)
    assert caught.value.side is side
