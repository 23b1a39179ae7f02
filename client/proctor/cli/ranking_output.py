"""How `proctor rank` prints: the ranking, the ranks under each scheme, and what the signs mean."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from proctor.cli.output import Format, Row, emit, fitting, number, say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from proctor.spec.statistics import RankingStatistics, SchemeRanks


def show_ranking(found: RankingStatistics, style: Format) -> None:
    """Print a ranking and how sure it is."""
    say(found.sentence)
    if style is not Format.TABLE:
        emit(_csv_rows(found), style, document=found.model_dump(mode="json"))
        return
    rows = _table_rows(found)
    spared = [task.name for task in reversed(found.tasks)]
    shown = fitting(rows, spared)
    emit(shown, style)
    if found.schemes:
        _show_schemes(found, style)
    if left_out := [name for name in rows[0] if name not in shown[0]]:
        say(f"Left out for want of width: {', '.join(left_out)}. `--format csv` has them all.")
    say(_legend(found))


def _show_schemes(found: RankingStatistics, style: Format) -> None:
    say("")
    others: list[Row] = [
        {"algorithm": algorithm}
        | {name: _place(ranks[index]) for name, ranks in _scheme_ranks(found).items()}
        for index, algorithm in enumerate(found.algorithms)
    ]
    emit(others, style)


def _place(rank: float) -> str:
    return f"{rank:g}"


def _table_rows(found: RankingStatistics) -> list[Row]:
    sizes = Counter(found.tie_groups)
    rows: list[Row] = []
    for index, algorithm in enumerate(found.algorithms):
        row: dict[str, object] = {
            "rank": f"{_place(found.ranks[index])}{_how_sure(found, index, sizes)}",
            "algorithm": algorithm,
            "score": number(found.scores[index]),
        }
        if found.first_probability:
            row["P(first)"] = number(found.first_probability[index], 3)
        rows.append(row | {task.name: _place(task.ranks[index]) for task in found.tasks})
    return rows


def _how_sure(found: RankingStatistics, index: int, sizes: Counter[int]) -> str:
    """Return a rank's interval and its mark, as far as they are known."""
    if not found.rank_low:
        return ""
    group = found.tie_groups[index] if found.tie_groups else 0
    tie = f" ={group}" if sizes[group] > 1 else ""
    return f" ({_place(found.rank_low[index])}–{_place(found.rank_high[index])}){tie}"


def _csv_rows(found: RankingStatistics) -> list[Row]:
    return [
        {
            "rank": found.ranks[index],
            "rank_low": found.rank_low[index] if found.rank_low else None,
            "rank_high": found.rank_high[index] if found.rank_high else None,
            "algorithm": algorithm,
            "score": found.scores[index],
            "first_probability": (
                found.first_probability[index] if found.first_probability else None
            ),
            "tie_group": found.tie_groups[index] if found.tie_groups else None,
            **{f"rank in {task.name}": task.ranks[index] for task in found.tasks},
            **{f"rank by {name}": ranks[index] for name, ranks in _scheme_ranks(found).items()},
        }
        for index, algorithm in enumerate(found.algorithms)
    ]


def _scheme_ranks(found: RankingStatistics) -> Mapping[str, tuple[float, ...]]:
    """Return the ranks under each scheme; the one that ranks has a star."""
    return {_heading(found, scheme): scheme.ranks for scheme in found.schemes}


def _heading(found: RankingStatistics, scheme: SchemeRanks) -> str:
    return f"{scheme.name}{'*' if scheme.name == found.scheme else ''}"


def _legend(found: RankingStatistics) -> str:
    lines = []
    if len(found.algorithms) == 1:
        lines.append("There is one algorithm, which leaves nothing to rank it against.")
    if found.draws:
        lines.append(
            f"(1–2): where the rank falls in {found.level:.0%} of {found.draws} test sets drawn"
            " anew from this one. P(first): the share of them in which it is first."
        )
    else:
        lines.append("How sure the ranks are cannot be told from one case, or one group of cases.")
    if found.tie_groups and len(set(found.tie_groups)) < len(found.tie_groups):
        lines.append("Rows with the same mark, such as =1, cannot be separated by this data.")
    if found.kendall_tau:
        taus = sorted(found.kendall_tau)
        lowest = taus[int(len(taus) * (1 - found.level) / 2)]
        lines.append(
            f"Kendall's tau of those rankings to this one: mean {sum(taus) / len(taus):.3f},"
            f" lower end {lowest:.3f}; 1 is the same order."
        )
    agreement = [
        f"{_heading(found, scheme)} {scheme.kendall_tau:.3f}"
        for scheme in found.schemes
        if scheme.kendall_tau is not None
    ]
    if found.schemes:
        lines.append(
            "The second table has the ranks under each scheme, * the one that ranks here. Kendall's"
            f" tau to it: {', '.join(agreement) or 'none, all are tied'}."
        )
    if found.influence:
        first = found.influence[0]
        lines.append(
            f"Cases whose absence changes ranks: {len(found.influence)}; most {first.case}, which"
            f" moves {first.moved_ranks}."
        )
    return "\n".join(lines)
