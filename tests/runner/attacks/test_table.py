"""The table of threats is whole: every row, and every test that it names."""

from __future__ import annotations

import ast
from pathlib import Path

import yaml

FOLDER = Path(__file__).parent
THREATS = yaml.safe_load((FOLDER / "threats.yaml").read_text())


def names_in(path: Path) -> set[str]:
    return {
        node.name
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def test_every_threat_has_one_row() -> None:
    assert [threat["row"] for threat in THREATS] == list(range(1, 53))
    assert all(threat["held_by"] and threat["contained_by"] for threat in THREATS)


def test_every_test_that_holds_a_row_exists() -> None:
    named = {test for threat in THREATS for test in threat["held_by"]}
    missing = []
    for one in sorted(named):
        place, _, test = one.partition("::")
        path = (FOLDER.parent / place).resolve()
        if not path.is_file() or test not in names_in(path):
            missing.append(one)
    assert missing == []


def test_every_row_that_is_tested_here_stands_in_the_table() -> None:
    named = {test.partition("::")[2] for threat in THREATS for test in threat["held_by"]}
    here = {test for path in FOLDER.glob("test_*.py") for test in names_in(path)}
    assert {test for test in here if test.startswith("test_row_")} <= named


def test_every_row_has_a_setting_or_a_rule_whose_weakening_turns_it_red() -> None:
    settings = {
        call.args[0].value
        for call in ast.walk(ast.parse((FOLDER / "test_container.py").read_text()))
        if isinstance(call, ast.Call)
        and getattr(call.func, "id", "") in ("row", "Row")
        and isinstance(call.args[0], ast.Constant)
    }
    rules = {one["row"] for one in yaml.safe_load((FOLDER / "weakenings.yaml").read_text())}
    assert settings | rules == set(range(1, 53))
