"""Ranks equal those of challengeR 1.0.5: of a small table, written down, and of R where it is.

`challenger.csv` holds what challengeR gave for the tables below, in the full data (draw 0) and on
two fixed draws; `challenger.R` is what asked it.
"""

import csv
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from proctor_metrics import Direction
from proctor_metrics.cases import FloatArray
from proctor_metrics.ranking import Bootstrap, Scheme, adjusted, p_values, resolve_scheme
from proctor_metrics.ranking.significance import Adjustment

HERE = Path(__file__).parent
NAN = float("nan")
WHOLE = np.array(
    [
        [0.91, 0.85, 0.78, 0.93, 0.66, 0.88, 0.72, 0.95],
        [0.89, 0.87, 0.74, 0.90, 0.71, 0.86, 0.75, 0.91],
        [0.93, 0.81, 0.78, 0.88, 0.58, 0.90, 0.69, 0.97],
        [0.80, 0.79, 0.70, 0.83, 0.62, 0.80, 0.70, 0.85],
        [0.75, 0.85, 0.60, 0.93, 0.40, 0.81, 0.61, 0.90],
    ]
)
HOLES = WHOLE.copy()
HOLES[:, 2] = [0.7, NAN, 0.7, 0.7, NAN]
HOLES[2, 6] = NAN
TABLES = {"whole": WHOLE, "holes": HOLES}
DRAWS = np.array([[1] * 8, [1, 2, 1, 0, 3, 0, 0, 1], [1, 0, 0, 4, 0, 2, 1, 0]])

with (HERE / "challenger.csv").open() as file:
    WRITTEN_DOWN = list(csv.DictReader(file))


def scheme_of(name: str, ties: str, missing: str) -> Scheme:
    base, _, adjustment = name.partition("_") if name.startswith("significance") else (name, "", "")
    parameters: dict[str, str | int | float] = {"ties": ties, "missing": missing}
    if adjustment:
        parameters["adjustment"] = adjustment
    return resolve_scheme(base, parameters)


@pytest.mark.parametrize("row", WRITTEN_DOWN, ids=lambda row: " ".join(list(row.values())[:6]))
def test_scores_and_ranks_are_those_that_challenger_gave(row: dict[str, str]) -> None:
    scheme = scheme_of(row["scheme"], row["ties"], row["missing"])
    directions = [Direction(row["direction"])]
    values = TABLES[row["table"]][:, :, np.newaxis]
    weights = DRAWS[[int(row["draw"])]]
    scores = scheme.scores(values, directions, weights, Bootstrap.CHALLENGER_1_0_5)
    np.testing.assert_allclose(scores[:, 0], np.array(row["scores"].split(), float), rtol=1e-14)
    expected = np.array(row["ranks"].split(), float)
    np.testing.assert_array_equal(scheme.ranks(scores, directions)[:, 0], expected)


def test_p_values_are_those_of_r() -> None:
    found = p_values(WHOLE, Direction.HIGHER)
    expected = {
        (0, 1): 0.336263655217061253,
        (0, 3): 0.007133093350723463,
        (1, 3): 0.007073701943010768,
        (2, 4): 0.021031366678383054,
        (3, 1): 0.995252516628050921,
        (4, 3): 0.712532957714673953,
    }
    for (first, second), p in expected.items():
        assert found[first, second] == pytest.approx(p, rel=1e-12)
    holm = adjusted(found, Adjustment.HOLM)
    assert holm[0, 3] == pytest.approx(0.1414740388602154, rel=1e-12)
    assert holm[1, 4] == pytest.approx(0.3511114538853403, rel=1e-12)
    assert holm[2, 3] == pytest.approx(0.4403055632340375, rel=1e-12)
    assert holm[0, 1] == 1


def test_a_case_drawn_twice_counts_twice_and_four_times_in_challenger() -> None:
    """A has ranks 1 and 3; of the draw c1, c2, c2 challengeR prints a mean rank of 3.667."""
    values = np.array([[0.9, 0.1], [0.5, 0.5], [0.4, 0.9]])[:, :, np.newaxis]
    scheme = resolve_scheme("rank_then_mean")
    drawn = np.array([[1, 2]])
    correct = scheme.scores(values, [Direction.HIGHER], drawn)
    emulated = scheme.scores(values, [Direction.HIGHER], drawn, Bootstrap.CHALLENGER_1_0_5)
    assert correct[0, 0] == pytest.approx(7 / 3)
    assert emulated[0, 0] == pytest.approx(11 / 3)


def test_a_case_drawn_twice_is_tested_once_in_challenger() -> None:
    scheme = resolve_scheme("significance", {"adjustment": "none"})
    values = np.array([[2.0, 3.0, 4.0], [1.0, 1.0, 1.0]])[:, :, np.newaxis]
    drawn = np.array([[3, 3, 3]])
    assert scheme.scores(values, [Direction.HIGHER], drawn)[0, 0] == 1
    emulated = scheme.scores(values, [Direction.HIGHER], drawn, Bootstrap.CHALLENGER_1_0_5)
    assert emulated[0, 0] == 0


def challenger_is_here() -> bool:
    library = os.environ.get("CHALLENGER_LIBRARY", "")
    if shutil.which("Rscript") is None:
        return False
    known = "stopifnot(packageVersion('challengeR') == '1.0.5')"
    ask = f".libPaths(c({library!r}, .libPaths())); {known}"
    return subprocess.run(["Rscript", "-e", ask], capture_output=True, check=False).returncode == 0


def made_tables() -> dict[str, FloatArray]:
    """Return tables with all that makes ranking hard; steps of 1 / 8 are exact, so R ties them."""
    generator = np.random.default_rng(11)
    smooth = generator.normal(size=(7, 15)) + np.linspace(0, 1, 7)[:, np.newaxis]
    tied = np.round(smooth * 4) / 8
    holes = smooth.copy()
    holes[generator.random(holes.shape) < 0.1] = np.nan
    tied_holes = tied.copy()
    tied_holes[generator.random(holes.shape) < 0.15] = np.nan
    return {
        "smooth": smooth,
        "tied": tied,
        "few": generator.integers(0, 3, (7, 4)) * 1.0,
        "holes": holes,
        "tied_holes": tied_holes,
    }


@pytest.mark.slow
@pytest.mark.parametrize("missing", ["none", "drop"])
@pytest.mark.parametrize("direction", list(Direction))
@pytest.mark.parametrize("ties", ["min", "average"])
def test_the_grid_equals_challengers(
    tmp_path: Path, ties: str, direction: Direction, missing: str
) -> None:
    if not challenger_is_here():
        pytest.skip("R with challengeR 1.0.5 is not installed")
    tables = made_tables()
    if missing == "none":
        tables = {name: table for name, table in tables.items() if not np.isnan(table).any()}
    generator = np.random.default_rng(12)
    draws = {
        name: np.vstack(
            [
                np.ones(table.shape[1], dtype=np.int64),
                generator.multinomial(
                    table.shape[1], np.full(table.shape[1], 1 / table.shape[1]), 4
                ),
            ]
        )
        for name, table in tables.items()
    }
    with (tmp_path / "table.csv").open("w") as file:
        writer = csv.writer(file)
        writer.writerow(["task", "algorithm", "case", "value"])
        for name, table in tables.items():
            for (row, case), value in np.ndenumerate(table):
                text = "NA" if np.isnan(value) else repr(float(value))
                writer.writerow([name, f"A{row}", f"c{case}", text])
    with (tmp_path / "draws.csv").open("w") as file:
        writer = csv.writer(file)
        writer.writerow(["task", "draw", "case"])
        for name, drawn in draws.items():
            for (draw, case), count in np.ndenumerate(drawn):
                writer.writerows([[name, draw, f"c{case}"]] * (int(count) if draw else 0))
    small = "TRUE" if direction is Direction.LOWER else "FALSE"
    arguments = [tmp_path / "table.csv", tmp_path / "draws.csv", tmp_path / "out.csv", small]
    subprocess.run(["Rscript", HERE / "challenger.R", *arguments, ties, missing], check=True)
    equal, total = 0, 0
    found: dict[tuple[str, ...], FloatArray] = {}
    with (tmp_path / "out.csv").open() as file:
        for row in csv.DictReader(file):
            key = (row["scheme"], row["task"], row["draw"])
            if key not in found:
                rule = "drop" if missing == "drop" else "after_worst"
                scheme = scheme_of(row["scheme"], ties, rule)
                scores = scheme.scores(
                    tables[row["task"]][:, :, np.newaxis],
                    [direction],
                    draws[row["task"]][[int(row["draw"])]],
                    Bootstrap.CHALLENGER_1_0_5,
                )
                found[key] = scheme.ranks(scores, [direction])[:, 0]
            total += 1
            equal += float(row["rank"]) == found[key][int(row["algorithm"][1:])]
    assert (equal, total) == (total, total)
    assert total >= 700
