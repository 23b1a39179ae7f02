"""Turns a prediction into an answer that can travel: values in JSON, arrays and pictures as files.

It runs beside the model, in the same container: drawing and writing touch what the model made.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..outputs.custom import plain_json
from ..values import Volume
from . import pictures
from .backend import PICTURED, Answer, Part, Picture, Wish

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..prediction import Prediction


def tell(prediction: Prediction, folder: Path, wish: Wish) -> Answer:
    """Return what a prediction says; files are left in ``folder``, which is made for them."""
    teller = _Teller(prediction, folder, wish)
    parts = tuple(teller.part(index, name) for index, name in enumerate(prediction.values))
    return Answer(
        parts=parts,
        seconds=prediction.total_s,
        pictures=teller.input_pictures() if wish.pictures else {},
        sizes=teller.sizes() if any(part.type == "boxes" for part in parts) else {},
    )


class _Teller:
    """Tells one prediction."""

    def __init__(self, prediction: Prediction, folder: Path, wish: Wish) -> None:
        self._prediction = prediction
        self._folder = folder
        self._wish = wish
        self._plane: pictures.Plane | None = None
        self._grids: dict[str, Any] | None = None

    def part(self, index: int, name: str) -> Part:
        output, value = self._prediction.outputs[name], self._prediction.values[name]
        if hasattr(value, "dtype"):
            return Part(
                name,
                output.type,
                tuple(value.shape),
                str(value.dtype),
                file=self._write_file(index, name),
                **self._picture(index, name, value),
            )
        if output.type in ("boxes", "table"):
            value = [dict(zip(output.columns, row)) for row in value]  # noqa: B905  # Python 3.8
        shape = (len(value),) if isinstance(value, list) else ()
        file = None
        if output.type == "vector" and self._wish.vector_files and find_spec("numpy"):
            file = self._write_file(index, name)
        return Part(name, output.type, shape, value=plain_json(value), file=file)

    def input_pictures(self) -> dict[str, Picture]:
        found = {}
        for index, (name, grid) in enumerate(self._inputs().items()):
            is_space = isinstance(grid, Volume)
            array: NDArray[Any] = grid.data if is_space else grid
            plane = self._plane
            if plane is None or array.ndim != 3 or plane.number >= array.shape[plane.axis]:
                plane = pictures.plane_of(array, False, is_space)
            pixels = pictures.flat(array, plane)
            if pixels is not None:
                path = self._made() / f"input-{index}.png"
                pictures.write_png(pictures.draw_plain(pixels), path)
                found[name] = _picture(path, array, plane)
        return found

    def sizes(self) -> dict[str, tuple[int, int]]:
        """Return rows and columns of every input that is one picture."""
        found = {}
        for name, grid in self._inputs().items():
            shape: tuple[int, ...] = () if isinstance(grid, Volume) else grid.shape
            if len(shape) in (2, 3):
                found[name] = (int(shape[0]), int(shape[1]))
        return found

    def _picture(self, index: int, name: str, value: NDArray[np.generic]) -> dict[str, Any]:
        kind = self._prediction.outputs[name].type
        if not self._wish.pictures or kind not in PICTURED:
            return {}
        is_mask = kind in ("mask_image", "instances")
        over = self._input_under(value)
        is_space = isinstance(self._inputs().get(over), Volume)
        plane = self._plane or pictures.plane_of(value, is_mask, is_space)
        pixels = pictures.flat(value, plane)
        if pixels is None or (pixels.ndim == 3 and kind != "image"):
            return {}
        self._plane = plane
        draw = pictures.draw_mask if is_mask else pictures.draw_plain
        draw = pictures.draw_heat if kind == "heatmap" else draw
        path = self._made() / f"output-{index}.png"
        pictures.write_png(draw(pixels), path)
        labels = pictures.labels_in(value) if is_mask else ()
        return {"picture": _picture(path, value, plane), "over": over, "labels": labels}

    def _input_under(self, value: NDArray[np.generic]) -> str:
        """Return the first input that an array lies on, pixel for pixel."""
        axes = 2 if value.ndim == 2 or value.shape[-1] in (3, 4) else 3
        for name, grid in self._inputs().items():
            shape = grid.data.shape if isinstance(grid, Volume) else grid.shape
            if tuple(shape[:axes]) == tuple(value.shape[:axes]):
                return name
        return ""

    def _inputs(self) -> dict[str, Any]:
        """Return the inputs that are arrays or volumes of numbers."""
        if self._grids is None:
            self._grids = {}
            for name, loaded in self._prediction.inputs.items():
                grid = loaded.grid
                data: Any = grid.data if isinstance(grid, Volume) else grid
                if hasattr(data, "dtype") and data.ndim > 1 and data.dtype.kind in "biuf":
                    self._grids[name] = grid
        return self._grids

    def _write_file(self, index: int, name: str) -> Path:
        """Write an array as HDF5; as NPY where the model's image has no h5py."""
        if find_spec("h5py"):
            path = self._made() / f"output-{index}.h5"
            self._prediction.write_hdf5(name, path)
            return path
        import numpy as np

        path = self._made() / f"output-{index}.npy"
        np.save(path, np.asarray(self._prediction.values[name]), allow_pickle=False)
        return path

    def _made(self) -> Path:
        self._folder.mkdir(exist_ok=True)
        return self._folder


def _picture(path: Path, array: NDArray[np.generic], plane: pictures.Plane | None) -> Picture:
    if plane is None:
        squeezed = array[0] if array.ndim > 2 and array.shape[0] == 1 else array
        return Picture(path, int(squeezed.shape[0]), int(squeezed.shape[1]))
    first, second = (length for axis, length in enumerate(array.shape) if axis != plane.axis)
    rows, columns = (second, first) if plane.turns else (first, second)
    return Picture(path, rows, columns, plane.turns, plane.number, array.shape[plane.axis])
