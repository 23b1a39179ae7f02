"""A board as a data frame, and two submissions side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from proctor.quick.challenges import Challenge
from proctor.quick.entries import Entry, scores_of

if TYPE_CHECKING:
    import pandas as pd

    from proctor.spec.api import SubmissionView
    from proctor.spec.leaderboard import BoardRow

_PAGE = 500
_FACTS = ("rank", "rank_low", "rank_high", "tie_group", "participant", "title", "kind", "baseline")


@dataclass(frozen=True)
class Comparison:
    """Two submissions side by side; a difference is the second less the first.

    Attributes:
        parameters: Fields of the model cards, what ran and where.
        scores: One row a score of the whole test set.
        cases: One row a case and score.
    """

    parameters: pd.DataFrame
    scores: pd.DataFrame
    cases: pd.DataFrame


def leaderboard(
    challenge: str | Challenge, phase: str | None = None, *, host: str | None = None
) -> pd.DataFrame:
    """Return the newest board, one row a submission, by rank.

    Every score has three columns: ``task/metric/label`` and the ends of its interval. A fourth
    holds what authors claim, where somebody does.
    """
    import pandas as pd

    from proctor.cli.boards import whole_board
    from proctor.cli.connection import connect
    from proctor.cli.submissions import choose_phase

    slug = challenge.slug if isinstance(challenge, Challenge) else challenge
    with connect(host) as client:
        chosen = choose_phase(client.challenge(slug), phase)
        board = whole_board(lambda start: client.leaderboard(slug, chosen, start, _PAGE))
    rows = [_row(row) for row in board.rows]
    frame = pd.DataFrame(rows, columns=None if rows else ["submission", *_FACTS])
    frame = frame.set_index("submission")
    frame.attrs |= {"snapshot": board.id, "number": board.number}
    return frame


def compare(first: str | Entry, second: str | Entry, *, host: str | None = None) -> Comparison:
    """Put two submissions side by side: their parameters, scores and cases.

    Args:
        first: A submission's id, or what `submit` returned.
        second: The other.
    """
    from proctor.cli.connection import connect
    from proctor.client.standing import standing_runs

    ids = [one.id if isinstance(one, Entry) else one for one in (first, second)]
    with connect(host) as client:
        views = [client.submission(one) for one in ids]
        cases = [
            [case for run in standing_runs(view) for case in client.cases(view.id, run.id)]
            for view in views
        ]
    parameters = _beside(["parameter"], *(_parameters(view) for view in views))
    parameters["same"] = [a == b for a, b in zip(parameters["a"], parameters["b"], strict=True)]
    scored = [
        {
            (f"{case.task}/{name}", case.case): value
            for case in table
            for name, value in case.scores.items()
        }
        for table in cases
    ]
    return Comparison(
        parameters,
        _differing(_beside(["score"], *(scores_of(view) for view in views))),
        _differing(_beside(["score", "case"], *scored)),
    )


def _row(row: BoardRow) -> dict[str, Any]:
    document = row.model_dump(mode="json")
    values: dict[str, Any] = {name: document[name] for name in _FACTS}
    for key, value in row.values.items():
        values |= {key: value.value, f"{key} low": value.low, f"{key} high": value.high}
        if key in row.claimed:
            values[f"{key} claimed"] = row.claimed[key].score
    return {
        "submission": row.submission,
        **values,
        "failed_cases": row.failed_cases,
        "seconds_per_case": row.seconds_per_case,
    }


def _parameters(view: SubmissionView) -> dict[str, Any]:
    from proctor.client.standing import standing_runs

    card = view.card.model_dump(mode="json", exclude={"claimed_scores"})
    run = next(iter(standing_runs(view)), None)
    where = run.environment if run is not None else None
    return {
        "participant": view.participant,
        "kind": view.kind.value,
        "content_digest": view.content_digest,
        **{name: _plain(value) for name, value in card.items()},
        **{f"claimed {name}": value for name, value in view.card.claimed_scores.items()},
        "seconds": run.seconds if run is not None else None,
        "cpu": where.cpu if where is not None else None,
        "gpu": where.gpu if where is not None else None,
    }


def _plain(value: Any) -> Any:
    return ", ".join(map(str, value)) if isinstance(value, list) else value


def _beside(names: list[str], a: dict[Any, Any], b: dict[Any, Any]) -> pd.DataFrame:
    """Return two mappings as the columns of a frame, whose index holds the keys of both."""
    import pandas as pd

    keys = list(dict.fromkeys([*a, *b]))
    tuples = keys if len(names) > 1 else [(key,) for key in keys]
    index = pd.MultiIndex.from_tuples(tuples, names=names) if keys else _nothing(names)
    rows = {"a": [a.get(key) for key in keys], "b": [b.get(key) for key in keys]}
    frame = pd.DataFrame(rows, index=index)
    return frame if len(names) > 1 else frame.reset_index().set_index(names[0])


def _nothing(names: list[str]) -> pd.MultiIndex:
    import pandas as pd

    return pd.MultiIndex.from_arrays([[] for _ in names], names=names)


def _differing(frame: pd.DataFrame) -> pd.DataFrame:
    numbers = frame.astype("float64")
    numbers["difference"] = numbers["b"] - numbers["a"]
    return numbers
