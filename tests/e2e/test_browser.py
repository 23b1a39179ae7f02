"""The pages in a real browser: from the address that submit prints to the ranked row."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

pytestmark = [pytest.mark.e2e, pytest.mark.docker, pytest.mark.browser]

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
PATIENCE_MS = 60_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    program = shutil.which("chromium")
    assert program is not None, "install chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that fails the test when it calls any address but this machine's."""
    strangers: list[str] = []
    opened = browser.new_page(viewport={"width": 1400, "height": 1000})
    opened.on(
        "request",
        lambda request: (
            None
            if re.match(r"(https?|wss?)://(127\.0\.0\.1|localhost)|data:|blob:", request.url)
            else strangers.append(request.url)
        ),
    )
    opened.set_default_timeout(PATIENCE_MS)
    yield opened
    opened.close()
    assert strangers == []


SOURCE = """
class Model:
    def predict(self, inputs):
        high = inputs["values"][:, 0] > 0.5
        return {"probabilities": np.where(high[:, None], [0.1, 0.9], [0.9, 0.1])}
"""
HOSTILE = "<img src=x onerror='document.title=\"owned\"'>![p](http://tracker.example/p.png)"


def test_a_reader_follows_a_submission_from_its_address_to_its_rank(
    stack: Any, challenge: str, joined: str, model: Callable[..., Path], page: Page
) -> None:
    source = "import numpy as np\nprint('this is printed by the model')\n" + SOURCE
    entered = model(source, name="in-a-browser")
    finished = stack.cli("submit", challenge, str(entered), token=joined)
    address = re.search(rf"{stack.endpoints['dashboard']}\S+", finished.stdout + finished.stderr)
    assert address is not None, finished.stdout
    page.goto(address.group())
    page.get_by_label("Your token").last.fill(joined)
    page.get_by_label("Your token").last.press("Enter")
    expect(page.get_by_text("scored", exact=True).first).to_be_visible(timeout=PATIENCE_MS)
    page.get_by_role("link", name="Leaderboard of main").click()
    row = page.locator(".pr-board tbody tr", has_text="In-A-Browser")
    expect(row).to_be_visible(timeout=PATIENCE_MS)
    expect(row).to_contain_text("3 of 3")
    row.get_by_role("link").click()
    expect(page.get_by_text("Model card")).to_be_visible(timeout=PATIENCE_MS)
    page.get_by_text("Log", exact=True).click()
    expect(page.get_by_text("is printed by the model").first).to_be_visible(timeout=PATIENCE_MS)


def test_nothing_a_stranger_writes_runs_or_calls_home(
    stack: Any, challenge: str, joined: str, model: Callable[..., Path], page: Page
) -> None:
    folder = model(name="hostile")
    card = (folder / "model.json").read_text().replace('"Hostile"', '"HOSTILE"')
    escaped = HOSTILE.replace('"', '\\"')
    card = card.replace('"HOSTILE"', f'"{escaped}", "description": "{escaped}"')
    (folder / "model.json").write_text(card)
    submission = stack.submit(challenge, folder, joined)
    stack.finish(submission, joined)
    dashboard = stack.endpoints["dashboard"]
    for path in (
        f"/submission?id={submission}",
        f"/leaderboard?slug={challenge}&phase=main",
    ):
        page.goto(dashboard + path)
        found = page.get_by_text("onerror", exact=False).first
        expect(found).to_be_visible(timeout=PATIENCE_MS)
        assert page.title() != "owned"


@pytest.mark.parametrize("width", [1400, 390])
def test_pages_fit_their_window(
    stack: Any,
    challenge: str,
    joined: str,
    model: Callable[..., Path],
    page: Page,
    width: int,
) -> None:
    stack.finish(stack.submit(challenge, model(), joined), joined)
    page.set_viewport_size({"width": width, "height": 900})
    dashboard = stack.endpoints["dashboard"]
    for path, words in (
        ("/", "Challenges"),
        (f"/challenge?slug={challenge}", "How to take part"),
        (f"/leaderboard?slug={challenge}&phase=main", "How sure is it?"),
    ):
        page.goto(dashboard + path)
        expect(page.get_by_text(words).first).to_be_visible(timeout=PATIENCE_MS)
        overflow = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert overflow <= 0, f"{path} is {overflow} px too wide"


def test_a_board_without_scores_says_so(
    stack: Any, organizer: str, page: Page, tmp_path: Path, write_challenge: Callable[..., Path]
) -> None:
    folder = write_challenge(tmp_path / "empty", "empty")
    stack.cli("challenge", "publish", str(folder), token=organizer)
    page.goto(f"{stack.endpoints['dashboard']}/leaderboard?slug=empty&phase=main")
    expect(page.get_by_text("Nothing was scored")).to_be_visible(timeout=PATIENCE_MS)
