"""How a pass is compiled, and the three machine instructions that Numba has no name for.

Machine code is kept beside the source, else in the user's cache folder; where neither can be
written, it is compiled anew in each process. Kernels release the interpreter's lock, so plain
threads run them side by side; Numba's own threads would not survive the fork of a worker.
"""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

_P = ParamSpec("_P")
_R = TypeVar("_R")


def kernel(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Compile a function on its first call, and keep the result for other processes."""
    try:
        compiled: Callable[_P, _R] = njit(cache=True, nogil=True)(function)
    except RuntimeError:  # no folder can hold a cache
        compiled = njit(nogil=True)(function)
    return compiled


@intrinsic
def _load_word(_typing: Any, array: Any, index: Any) -> Any:
    """Return the eight bytes of a uint8 array from `index` on as one uint64."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        address = builder.gep(data, [arguments[1]])
        word = builder.load(builder.bitcast(address, ir.IntType(64).as_pointer()))
        word.align = 1
        return word

    return types.uint64(array, types.int64), generate


@intrinsic
def _trailing_zeros(_typing: Any, word: Any) -> Any:
    """Return how many low bits of a uint64 are zero; 64 for 0."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


@intrinsic
def _leading_zeros(_typing: Any, word: Any) -> Any:
    """Return how many high bits of a uint64 are zero; 64 for 0."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctlz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


load_word = cast(Callable[[npt.NDArray[np.uint8], int], np.uint64], _load_word)
trailing_zeros = cast(Callable[[np.uint64], int], _trailing_zeros)
leading_zeros = cast(Callable[[np.uint64], int], _leading_zeros)
