"""A case of masks from its files to its scores, beside peers, each in a fresh process.

Every figure is a ratio within one run: a process makes or loads what it needs, works once to be
warm, and gives the shortest of several times. What is timed is the same for all: both files read,
then Dice, HD95, average surface distance and surface Dice of every structure.
"""

from __future__ import annotations

import ctypes
import gzip
import json
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from benchmarks import label_maps
from benchmarks.report import Figure

_MADE = {"brain": label_maps.brain, "body": label_maps.body}
_GOALS = {
    "brain": {"voxel6": "28 / 40", "surfel": "12 / 20", "inflate": "7 / 5"},
    "body": {"voxel6": "50 / 80", "surfel": "20 / 40", "inflate": "6 / 4"},
}
"""By case: at least, and aimed at."""

_ROUNDS, _PEER_ROUNDS = 7, 2
_QUICK_S = 2.0
_KIB = 1024


class Measured(NamedTuple):
    """The shortest time of a process, and the most memory it held."""

    seconds: float
    mebibytes: float


def measure() -> list[Figure]:
    """Measure all of it."""
    with tempfile.TemporaryDirectory(prefix="proctor-bench-") as name:
        folder = Path(name)
        for case, make in _MADE.items():
            pair = make()
            for side in ("prediction", "reference"):
                label_maps.write_nifti(
                    folder, f"{case}.{side}", getattr(pair, side), pair.spacing_mm
                )
        figures = []
        for case, goals in _GOALS.items():
            figures += _case(folder, case, goals)
        return [*figures, *_hostile(folder)]


def _case(folder: Path, case: str, goals: dict[str, str]) -> list[Figure]:
    title = {"brain": "BraTS-like", "body": "CT-like, 14 labels"}[case]
    peer = _run(folder, case, "surface_distance", rounds=_PEER_ROUNDS)
    inflated = _run(folder, case, "inflate")
    figures = []
    for definition, threads in (("voxel6", 0), ("voxel6", 1), ("surfel", 1)):
        ours = _run(folder, case, f"ours {definition} {threads}")
        on = "all processors" if not threads else "one thread"
        how = f"{ours.seconds * 1e3:.1f} ms and {ours.mebibytes:.0f} MiB, {on}"
        figures.append(
            Figure(
                f"{title}: surface-distance / {definition}, {on}",
                peer.seconds / ours.seconds,
                f"at least {goals[definition]}",
                f"{peer.seconds * 1e3:.0f} ms / {how}",
            )
        )
        if definition == "voxel6":
            figures.append(
                Figure(
                    f"{title}: {definition} / inflating both files, {on}",
                    ours.seconds / inflated.seconds,
                    f"at most {goals['inflate']}",
                    f"{how} / {inflated.seconds * 1e3:.1f} ms",
                )
            )
    counted, dice = _run(folder, case, "bincount"), _run(folder, case, "dice")
    figures.append(
        Figure(
            f"{title}: np.bincount / all overlaps of loaded label maps",
            counted.seconds / dice.seconds,
            "at least 12",
            f"{counted.seconds * 1e3:.1f} ms / {dice.seconds * 1e3:.1f} ms",
        )
    )
    if case == "brain" and _installed("medpy"):
        slow, ours = _run(folder, case, "medpy", rounds=1), _run(folder, case, "ours voxel6 1")
        figures.append(
            Figure(
                f"{title}: MedPy / voxel6, one thread",
                slow.seconds / ours.seconds,
                "at least 500",
                f"{slow.seconds:.1f} s, once / {ours.seconds * 1e3:.1f} ms",
            )
        )
    return figures


def _hostile(folder: Path) -> list[Figure]:
    """Answers that are as far off as they can be, against one transform of the whole volume."""
    scipy = _run(folder, "body", "transform", rounds=1)
    figures = []
    for answer in ("everywhere", "shifted", "noise"):
        ours = _run(folder, "body", f"hostile {answer}", rounds=1)
        figures.append(
            Figure(
                f"CT-like, hostile ({answer}): a structure / SciPy's transform of the volume",
                ours.seconds / scipy.seconds,
                "at most 2",
                f"{ours.seconds:.2f} s, {ours.mebibytes:.0f} MiB / {scipy.seconds:.2f} s",
            )
        )
    scipy, ours = (_run(folder, "brain", what, rounds=1) for what in ("transform", "lesions"))
    return [
        *figures,
        Figure(
            "BraTS-like, ten lesions, hostile (everywhere): a region, lesion-wise / the transform",
            ours.seconds / len(_structures("brain")[1]) / scipy.seconds,
            "at most 2",
            f"{ours.seconds:.2f} s for three, {ours.mebibytes:.0f} MiB / {scipy.seconds:.2f} s",
        ),
    ]


def _installed(module: str) -> bool:
    found = subprocess.run(
        [sys.executable, "-c", f"import {module}"], check=False, capture_output=True
    )
    return found.returncode == 0


def _run(folder: Path, case: str, what: str, rounds: int = _ROUNDS) -> Measured:
    question = json.dumps([str(folder), case, what, rounds])
    finished = subprocess.run(
        [sys.executable, __file__, question], check=True, stdout=subprocess.PIPE, text=True
    )
    return Measured(*json.loads(finished.stdout.splitlines()[-1]))


def _answer(folder: Path, case: str, what: str, rounds: int) -> Measured:
    """Prepare, work once to be warm (unless it is to be done once), and time the rest."""
    name, *arguments = what.split()
    work = _WORK[name](folder, case, *arguments)
    if rounds > 1:
        work()
    times: list[float] = []
    # What is quick is repeated for a while: the shortest then hardly depends on what else runs.
    while len(times) < rounds or (rounds == _ROUNDS and sum(times) < _QUICK_S):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return Measured(min(times), _most_held_mebibytes())


def _most_held_mebibytes() -> float:
    """Return the peak of this program; `getrusage` would count who started it."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / _KIB
    raise RuntimeError("the kernel does not tell how much memory this process held")


def _files(folder: Path, case: str) -> list[Path]:
    return [folder / f"{case}.{side}.nii.gz" for side in ("prediction", "reference")]


def _structures(case: str) -> tuple[dict[int, str], dict[str, tuple[int, ...]]]:
    if case == "brain":
        return {1: "a", 2: "b", 3: "c"}, {"whole": (1, 2, 3), "core": (1, 3), "enhancing": (3,)}
    return {label: str(label) for label in range(1, 15)}, {}


def _ours(folder: Path, case: str, definition: str, threads: str) -> Callable[[], Any]:
    from proctor_metrics import MaskCase, resolve
    from proctor_metrics.loaders import read_label_map, spacing_from_affine
    from proctor_metrics.threads import side_by_side, thread_limit

    labels, regions = _structures(case)
    metrics = [
        resolve("dice", {}),
        resolve("hd95", {"definition": definition}),
        resolve("assd", {"definition": definition}),
        resolve("nsd", {"definition": definition, "tolerance_mm": 2.0}),
    ]

    def read(path: Path) -> Any:
        return lambda: read_label_map(path.read_bytes(), compressed=True)

    def work() -> None:
        with thread_limit(int(threads) or 64):
            answer, truth = side_by_side([read(path) for path in _files(folder, case)])
            spacing = spacing_from_affine(truth.affine)
            made = MaskCase(case, answer.array, truth.array, spacing, labels, regions)
            for metric in metrics:
                metric.per_item(made)

    return work


def _mask(array: Any, values: tuple[int, ...]) -> Any:
    """Return where a label map holds one of the values, as fast as NumPy can."""
    return array == values[0] if len(values) == 1 else np.isin(array, values)


def _surface_distance(folder: Path, case: str) -> Callable[[], Any]:
    np.Inf = np.inf  # its last release is older than NumPy 2
    import nibabel
    import surface_distance

    labels, regions = _structures(case)
    wanted = regions or {name: (label,) for label, name in labels.items()}

    def work() -> None:
        images = [nibabel.load(path) for path in _files(folder, case)]
        answer, truth = (np.asanyarray(image.dataobj) for image in images)
        spacing = images[1].header.get_zooms()
        for values in wanted.values():
            first, second = _mask(answer, values), _mask(truth, values)
            surface_distance.compute_dice_coefficient(second, first)
            found = surface_distance.compute_surface_distances(second, first, spacing)
            surface_distance.compute_robust_hausdorff(found, 95)
            surface_distance.compute_average_surface_distance(found)
            surface_distance.compute_surface_dice_at_tolerance(found, 2.0)

    return work


def _medpy(folder: Path, case: str) -> Callable[[], Any]:
    import nibabel
    from medpy.metric import binary

    labels, regions = _structures(case)
    wanted = regions or {name: (label,) for label, name in labels.items()}

    def work() -> None:
        images = [nibabel.load(path) for path in _files(folder, case)]
        answer, truth = (np.asanyarray(image.dataobj) for image in images)
        spacing = images[1].header.get_zooms()
        for values in wanted.values():
            first, second = _mask(answer, values), _mask(truth, values)
            binary.dc(first, second)
            binary.hd95(first, second, spacing)
            binary.assd(first, second, spacing)

    return work


def _inflate(folder: Path, case: str) -> Callable[[], Any]:
    """Inflate both files into buffers that are warm, by the fastest library that is here."""
    contents = [path.read_bytes() for path in _files(folder, case)]
    rooms = [np.zeros(len(gzip.decompress(content)), np.uint8) for content in contents]
    try:
        library = ctypes.CDLL("libdeflate.so.0")
    except OSError:
        from isal import isal_zlib

        return lambda: [
            isal_zlib.decompress(content, zlib.MAX_WBITS | 16, room.size)
            for content, room in zip(contents, rooms, strict=True)
        ]
    library.libdeflate_alloc_decompressor.restype = ctypes.c_void_p
    tool = ctypes.c_void_p(library.libdeflate_alloc_decompressor())

    def work() -> None:
        for content, room in zip(contents, rooms, strict=True):
            written = ctypes.c_size_t()
            library.libdeflate_gzip_decompress(
                tool,
                content,
                ctypes.c_size_t(len(content)),
                room.ctypes.data_as(ctypes.c_void_p),
                ctypes.c_size_t(room.size),
                ctypes.byref(written),
            )

    return work


def _arrays(folder: Path, case: str) -> list[Any]:
    import nibabel

    return [np.asanyarray(nibabel.load(path).dataobj) for path in _files(folder, case)]


def _bincount(folder: Path, case: str) -> Callable[[], Any]:
    answer, truth = (array.T.reshape(-1) for array in _arrays(folder, case))
    labels, _ = _structures(case)
    most = len(labels) + 1

    def work() -> None:
        np.bincount(answer, minlength=most)
        np.bincount(truth, minlength=most)
        np.bincount(answer[answer == truth], minlength=most)

    return work


def _dice(folder: Path, case: str) -> Callable[[], Any]:
    from proctor_metrics import MaskCase, resolve

    answer, truth = _arrays(folder, case)
    labels, regions = _structures(case)
    metric = resolve("dice", {})
    return lambda: metric.per_item(MaskCase(case, answer, truth, (1.0, 1.0, 1.0), labels, regions))


def _transform(folder: Path, case: str) -> Callable[[], Any]:
    from scipy import ndimage

    away = _arrays(folder, case)[1].T != 1
    return lambda: ndimage.distance_transform_edt(away, sampling=(1.5, 0.78, 0.78))


def _hostile_case(folder: Path, case: str, answer: str) -> Callable[[], Any]:
    from proctor_metrics import MaskCase
    from proctor_metrics.cases import SurfaceDefinition
    from proctor_metrics.segmentation.warm_up import warm_up

    truth = (_arrays(folder, case)[1].T == 1).astype(np.uint8)
    match answer:
        case "everywhere":
            given = np.ones_like(truth)
        case "shifted":
            given = np.roll(truth, (0, 60, 60), (0, 1, 2))
        case _:
            given = (np.random.RandomState(0).rand(*truth.shape) < 5e-4).astype(np.uint8)
    warm_up()
    return lambda: MaskCase("a", given, truth, (1.5, 0.78, 0.78), {1: "organ"}).surfaces(
        SurfaceDefinition.VOXEL6
    )


def _lesions(folder: Path, case: str) -> Callable[[], Any]:
    from proctor_metrics import MaskCase, resolve
    from proctor_metrics.segmentation.warm_up import warm_up

    # The prediction is the one with islands, so here it is what is to be found.
    truth = _arrays(folder, case)[0].T
    everywhere = np.full_like(truth, 3)
    labels, regions = _structures(case)
    metric = resolve("lesion_wise_hd95", {"smallest_mm3": 0})
    warm_up()
    return lambda: metric.per_item(
        MaskCase("a", everywhere, truth, (1.0, 1.0, 1.0), labels, regions)
    )


_WORK: dict[str, Callable[..., Callable[[], Any]]] = {
    "ours": _ours,
    "surface_distance": _surface_distance,
    "medpy": _medpy,
    "inflate": _inflate,
    "bincount": _bincount,
    "dice": _dice,
    "transform": _transform,
    "hostile": _hostile_case,
    "lesions": _lesions,
}


if __name__ == "__main__":
    _folder, _case_name, _what, _rounds = json.loads(sys.argv[1])
    print(json.dumps(_answer(Path(_folder), _case_name, _what, _rounds)))
