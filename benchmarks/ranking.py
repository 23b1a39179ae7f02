"""Bootstrapped rankings over challengeR where R has it, else over a loop in NumPy and SciPy.

20 algorithms, 200 cases, 1,000 draws. The peer makes fewer draws and its time is scaled up, which
favors it: challengeR merges its draws one by one, so each costs more than the one before. Of the
peer the processor's time counts, of Proctor the clock's.
CHALLENGER_LIBRARY names a library of R packages to add.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from benchmarks.report import Figure
from scipy.stats import rankdata, wilcoxon

from proctor_metrics import Direction
from proctor_metrics.ranking import Contest, Task, adjusted, resolve_scheme
from proctor_metrics.ranking.significance import Adjustment

_ALGORITHMS, _CASES, _DRAWS = 20, 200, 1000
_REPEATS = 30
_CHALLENGER = "challengeR 1.0.5"
_TARGETS = {"mean": 3_000, "rank_then_mean": 8_000, "significance": 1_000}
_PEER_DRAWS = {"mean": 100, "rank_then_mean": 50, "significance": 5}
_R_SCHEMES = {
    "mean": "aggregateThenRank(contest, FUN = mean, ties.method = 'min')",
    "rank_then_mean": "rankThenAggregate(contest, FUN = mean, ties.method = 'min')",
    "significance": "testThenRank(contest, alpha = 0.05, p.adjust.method = 'holm')",
}


def measure() -> list[Figure]:
    """Time the three schemes and their peers."""
    values = np.random.default_rng(0).normal(size=(_ALGORITHMS, _CASES))
    values += np.linspace(0, 0.5, _ALGORITHMS)[:, np.newaxis]
    peer, peer_s = _peer_times(values)
    figures = []
    for name, target in _TARGETS.items():
        ours_s = _our_time(values, name)
        figures.append(
            Figure(
                f"bootstrapped ranking, {name}: {peer} / Proctor",
                peer_s[name] / ours_s,
                f"at least {target:,}" if peer == _CHALLENGER else "reported",
                f"{peer_s[name]:.2f} s / {ours_s * 1e3:.2f} ms; {_ALGORITHMS} algorithms,"
                f" {_CASES} cases, {_DRAWS:,} draws, the peer scaled from {_PEER_DRAWS[name]}",
            )
        )
    return figures


def _our_time(values: np.ndarray, name: str) -> float:
    """Return the seconds of drawing, scoring and ranking; best of some, warm."""
    names = tuple(f"c{case}" for case in range(_CASES))
    task = Task("bench", names, values[:, :, np.newaxis], (Direction.HIGHER,))
    algorithms = tuple(f"A{number}" for number in range(_ALGORITHMS))
    contest = Contest(algorithms, (task,), resolve_scheme(name))

    def once() -> None:
        contest.ranks(contest.scores(contest.draws("sha256:bench", _DRAWS, 0)))

    once()
    return min(_seconds(once) for _ in range(_REPEATS))


def _seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _peer_times(values: np.ndarray) -> tuple[str, dict[str, float]]:
    """Return the peer's name and its seconds for all draws."""
    found = _challenger_times(values)
    if found is not None:
        return _CHALLENGER, found
    loops = {"mean": _mean_ranks, "rank_then_mean": _mean_case_ranks, "significance": _wins}
    generator = np.random.default_rng(1)
    times = {}
    for name, loop in loops.items():
        draws = generator.integers(0, _CASES, (_PEER_DRAWS[name], _CASES))
        began = time.process_time()
        for draw in draws:
            loop(values[:, draw])
        times[name] = (time.process_time() - began) * _DRAWS / _PEER_DRAWS[name]
    return "a loop in NumPy and SciPy (no R here)", times


def _mean_ranks(values: np.ndarray) -> np.ndarray:
    return rankdata(-values.mean(axis=1), method="min")


def _mean_case_ranks(values: np.ndarray) -> np.ndarray:
    return rankdata(rankdata(-values, method="min", axis=0).mean(axis=1), method="min")


def _wins(values: np.ndarray) -> np.ndarray:
    p = np.full((_ALGORITHMS, _ALGORITHMS), np.nan)
    for first in range(_ALGORITHMS):
        for second in range(_ALGORITHMS):
            if first != second:
                differences = values[first] - values[second]
                p[first, second] = wilcoxon(
                    differences, correction=True, alternative="greater", method="asymptotic"
                ).pvalue
    beaten = (adjusted(p, Adjustment.HOLM) <= 0.05).sum(axis=1)
    return rankdata(-beaten, method="min")


def _challenger_times(values: np.ndarray) -> dict[str, float] | None:
    """Return challengeR's seconds, or None where R does not have it."""
    if shutil.which("Rscript") is None:
        return None
    with tempfile.TemporaryDirectory(prefix="proctor-bench-") as folder:
        table = Path(folder) / "table.csv"
        rows = [f"A{row},c{case},{float(value)!r}" for (row, case), value in np.ndenumerate(values)]
        table.write_text("\n".join(["algorithm,case,value", *rows]))
        lines = [
            "library <- Sys.getenv('CHALLENGER_LIBRARY')",
            "if (nzchar(library)) .libPaths(c(library, .libPaths()))",
            "stopifnot(packageVersion('challengeR') == '1.0.5')",
            "suppressMessages(base::library(challengeR))",
            f"scores <- read.csv('{table}')",
            "contest <- as.challenge(scores, algorithm = 'algorithm', case = 'case',"
            " value = 'value', smallBetter = FALSE)",
            "set.seed(1)",
        ]
        for name, call in _R_SCHEMES.items():
            draws = _PEER_DRAWS[name]
            lines += [
                f"ranking <- {call}",
                f"spent <- system.time(bootstrap(ranking, nboot = {draws}, progress = 'none'))",
                f"cat('{name}', spent[['user.self']] + spent[['sys.self']], '\\n')",
            ]
        done = subprocess.run(
            ["Rscript", "-e", "\n".join(lines)],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"LC_ALL": "C.UTF-8"},
        )
    if done.returncode != 0:
        return None
    words = [line.split() for line in done.stdout.splitlines()]
    found = {pair[0]: float(pair[1]) for pair in words if len(pair) == 2 and pair[0] in _R_SCHEMES}
    return {name: found[name] * _DRAWS / _PEER_DRAWS[name] for name in _R_SCHEMES}
