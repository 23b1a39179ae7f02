"""Proctor: examinations for machine-learning models. The public SDK and the command line.

Importing it loads nothing but this file: the template engine lives below it inside every model's
container, and `proctor --help` must not wait for an HTTP library.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proctor.client import ApiError, Client
    from proctor.quick import compare, create_challenge, leaderboard, submit, write_model

__all__ = [
    "ApiError",
    "Client",
    "compare",
    "create_challenge",
    "leaderboard",
    "submit",
    "write_model",
]

_HOMES = {
    "ApiError": "proctor.client",
    "Client": "proctor.client",
    "compare": "proctor.quick",
    "create_challenge": "proctor.quick",
    "leaderboard": "proctor.quick",
    "submit": "proctor.quick",
    "write_model": "proctor.quick",
}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'proctor' has no attribute {name!r}")
