"""The reference pages say what the models say."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_reference_pages_are_those_of_the_models() -> None:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    stale = [
        name
        for name, text in generator.pages().items()
        if not (ROOT / "docs" / name).exists() or (ROOT / "docs" / name).read_text() != text
    ]
    assert stale == [], "run `make docs`"


def test_the_page_of_third_party_software_names_all_that_a_server_has_and_all_is_open() -> None:
    lock = (ROOT / "requirements-server.lock").read_text()
    page = (ROOT / "docs" / "third-party.md").read_text()
    table, _, elsewhere = page.partition("\nOn other systems")
    rows = [line.split(" | ") for line in table.splitlines() if line.startswith("| ")][1:]
    told = {f"{row[0][2:]}=={version}" for row in rows for version in row[1].split(" or ")}
    locked = set(re.findall(r"^[A-Za-z0-9._-]+==[^\s\\;]+", lock, re.MULTILINE))
    missing = {pin for pin in locked - told if pin.partition("==")[0] not in elsewhere}
    assert missing == set(), "run `make docs`"
    assert {row[3] for row in rows} == {"open source |"}
