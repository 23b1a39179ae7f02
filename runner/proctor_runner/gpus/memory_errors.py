"""Knows a program that asked for more memory than its GPU has, by what it said at its end.

A program that runs out of GPU memory is not killed: its framework raises an error, and the program
usually ends with status 1 and a traceback, which is the only trace. The texts are those of
PyTorch, JAX and XLA, TensorFlow, CuPy, ONNX Runtime, Numba and the CUDA runtime itself. A program
that prints one of them and fails for another reason is taken at its word; both are its own failure.
"""

from __future__ import annotations

import re

_TAIL_BYTES = 16 * 1024
_SAID = re.compile(
    rb"torch\.(?:cuda\.)?OutOfMemoryError"
    rb"|CUDA out of memory"
    rb"|CUDA error: out of memory"
    rb"|cudaErrorMemoryAllocation"
    rb"|CUDA_ERROR_OUT_OF_MEMORY"
    rb"|cudaMalloc failed: out of memory"
    rb"|RESOURCE_EXHAUSTED: (?:XLA:GPU|Out of memory)"
    rb"|ResourceExhaustedError|OOM when allocating tensor"
    rb"|cupy(?:\.cuda|_backends\.cuda)?[.\w]*\.(?:memory\.)?OutOfMemoryError"
    rb"|Failed to allocate memory for requested buffer of size"
    rb"|CUBLAS_STATUS_ALLOC_FAILED|CUDNN_STATUS_ALLOC_FAILED"
)


def ran_out_of_gpu_memory(log: bytes) -> bool:
    """Tell whether the end of ``log`` says so."""
    return _SAID.search(log[-_TAIL_BYTES:]) is not None
