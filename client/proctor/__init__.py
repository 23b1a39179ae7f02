"""Proctor: examinations for machine-learning models. The public SDK and the command line.

Importing it loads nothing but this file: the template engine lives below it inside every model's
container, and `proctor --help` must not wait for an HTTP library.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proctor.client import ApiError, Client

__all__ = ["ApiError", "Client"]


def __getattr__(name: str) -> object:
    if name in __all__:
        return getattr(import_module("proctor.client"), name)
    raise AttributeError(f"module 'proctor' has no attribute {name!r}")
