"""NPY: a numpy array and nothing else; object arrays, which are pickles, are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..held import on_disk
from .reader import is_of

if TYPE_CHECKING:
    from ..held import File


class _NpyReader:
    formats: tuple[str, ...] = ("npy",)
    libraries: tuple[str, ...] = ("numpy",)
    package = "numpy"

    def shape(self, file: File, name: str) -> tuple[int, ...] | None:
        import numpy as np

        with file.open("rb") as stream:
            version = np.lib.format.read_magic(stream)
            if version == (1, 0):
                return tuple(np.lib.format.read_array_header_1_0(stream)[0])
        return tuple(np.load(on_disk(file), mmap_mode="r", allow_pickle=False).shape)

    def native(self, file: File, name: str) -> object:
        import numpy as np

        with file.open("rb") as stream:
            return np.load(stream, allow_pickle=False)

    def owns(self, native: object) -> bool:
        return is_of(native, "numpy", "ndarray")

    def array(self, native: object) -> object:
        return native


READER = _NpyReader()
