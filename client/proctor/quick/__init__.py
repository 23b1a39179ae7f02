"""Proctor from a notebook: a challenge from arrays, a submission, a board and a comparison.

It stands beside the command line, uses the same login and the same steps, and loads numpy, pandas
and the rest when a function is called.
"""

from proctor.quick.boards import Comparison, compare, leaderboard
from proctor.quick.challenges import Challenge, create_challenge
from proctor.quick.entries import Entry, submit
from proctor.quick.models import write_model

__all__ = [
    "Challenge",
    "Comparison",
    "Entry",
    "compare",
    "create_challenge",
    "leaderboard",
    "submit",
    "write_model",
]
