"""Proctor's own container images: how they are made, cached and named."""

from proctor_runner.images.base import BaseImage
from proctor_runner.images.builder import (
    DECODE_REPOSITORY,
    RUNTIME_REPOSITORY,
    TORCH_REPOSITORY,
    ImageBuilder,
    released_tag,
)
from proctor_runner.images.errors import ImageBuildError

__all__ = [
    "DECODE_REPOSITORY",
    "RUNTIME_REPOSITORY",
    "TORCH_REPOSITORY",
    "BaseImage",
    "ImageBuildError",
    "ImageBuilder",
    "released_tag",
]
