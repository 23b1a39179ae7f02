"""The pages in a real browser: from the address that submit prints to the ranked row."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Route, expect
from sqlalchemy import create_engine, insert, select

from proctor.spec.identifiers import Kind, new_id
from proctor.spec.uploads import PART_BYTES
from proctor_platform.tables import SQLModel

pytestmark = [pytest.mark.e2e, pytest.mark.docker, pytest.mark.browser]

PATIENCE_MS = 120_000


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


def settled(page: Page) -> None:
    """Wait until a page is drawn: what is typed into it before may be drawn over."""
    app = page.get_by_test_id("stApp")
    expect(app).to_have_attribute("data-test-script-state", "notRunning", timeout=PATIENCE_MS)


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
    settled(page)
    page.get_by_label("Your token").last.fill(joined)
    page.get_by_label("Your token").last.press("Enter")
    expect(page.get_by_text("scored", exact=True).first).to_be_visible(timeout=PATIENCE_MS)
    # The page was public before; that the token has arrived is seen by what is its owner's alone.
    expect(page.get_by_text("Log", exact=True)).to_be_visible(timeout=PATIENCE_MS)
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
        f"/model?id={submission}",
        f"/models?challenge={challenge}",
    ):
        page.goto(dashboard + path)
        found = page.get_by_text("onerror", exact=False).first
        expect(found).to_be_visible(timeout=PATIENCE_MS)
        assert page.title() != "owned"


def sign_in(page: Page, token: str) -> None:
    """Have every page of this test opened as somebody."""
    page.add_init_script(f"sessionStorage.setItem('proctor_token', {json.dumps(token)})")


def test_a_participant_enters_a_model_from_the_page(
    stack: Any, challenge: str, joined: str, model: Callable[..., Path], page: Page
) -> None:
    sign_in(page, joined)
    page.goto(f"{stack.endpoints['dashboard']}/submit?slug={challenge}&phase=main")
    expect(page.get_by_text("20 left now")).to_be_visible(timeout=PATIENCE_MS)
    folder = model(name="by-hand")
    (folder / "weights").mkdir()
    (folder / "weights" / "large.bin").write_bytes(bytes(range(256)) * 20_000)
    page.locator("[data-part=folder]").set_input_files(folder)
    expect(page.locator("[data-part=chosen]")).to_contain_text("By-Hand: 3 files, 5.1 MB")
    page.get_by_role("button", name="Enter").click()
    link = page.get_by_role("link", name="Follow it on its page")
    expect(link).to_be_visible(timeout=PATIENCE_MS)
    link.click()
    expect(page.get_by_text("Model card")).to_be_visible(timeout=PATIENCE_MS)
    submission = re.search(r"sub_[0-9a-z]{26}", page.url)
    assert submission is not None
    view = stack.finish(submission.group(), joined)
    assert view.outcome == "OK", view.detail
    by_cli = stack.submit(challenge, folder, joined)
    assert stack.client(joined).submission(by_cli).content_digest == view.content_digest


def test_a_file_larger_than_a_part_goes_on_after_a_cut(
    stack: Any, challenge: str, joined: str, model: Callable[..., Path], page: Page
) -> None:
    sign_in(page, joined)
    folder = model(name="heavy")
    weights = np.random.default_rng(0).bytes(PART_BYTES + 3_000_000)
    (folder / "weights.bin").write_bytes(weights)
    offsets: list[int] = []

    def cut_once(route: Route) -> None:
        offsets.append(int(route.request.url.rpartition("=")[2]))
        if offsets.count(PART_BYTES) == 1 and offsets[-1] == PART_BYTES:
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route(re.compile(r"/upload\?size=\d+&offset=\d+$"), cut_once)
    page.goto(f"{stack.endpoints['dashboard']}/submit?slug={challenge}&phase=main")
    page.locator("[data-part=folder]").set_input_files(folder)
    page.get_by_role("button", name="Enter").click()
    link = page.get_by_role("link", name="Follow it on its page")
    expect(link).to_be_visible(timeout=PATIENCE_MS)
    submission = re.search(r"sub_[0-9a-z]{26}", link.get_attribute("href") or "")
    assert submission is not None
    assert offsets == [0, PART_BYTES, PART_BYTES]
    assert stack.finish(submission.group(), joined).outcome == "OK"


def test_a_refusal_is_told_on_the_page_in_the_platforms_words(
    stack: Any, challenge: str, joined: str, model: Callable[..., Path], page: Page
) -> None:
    sign_in(page, joined)
    folder = model(name="wrong")
    card = (folder / "model.json").read_text().replace("runtime-cpu", "runtime-<b>x</b>")
    (folder / "model.json").write_text(card)
    page.goto(f"{stack.endpoints['dashboard']}/submit?slug={challenge}&phase=main")
    page.locator("[data-part=folder]").set_input_files(folder)
    page.get_by_role("button", name="Enter").click()
    error = page.locator("[data-part=error]")
    expect(error).to_contain_text("runtime", timeout=PATIENCE_MS)
    assert error.locator("b").count() == 0
    (folder / "model.json").unlink()
    page.locator("[data-part=folder]").set_input_files(folder)
    expect(error).to_contain_text("no model.json")


def test_terms_are_accepted_on_the_page_before_anything_is_sent(
    stack: Any,
    organizer: str,
    participant: str,
    page: Page,
    tmp_path: Path,
    write_challenge: Callable[..., Path],
) -> None:
    folder = write_challenge(tmp_path / "terms", "terms")
    text = (folder / "challenge.yaml").read_text()
    (folder / "challenge.yaml").write_text(f"terms: {{version: '3', text: Be kind.}}\n{text}")
    stack.cli("challenge", "publish", str(folder), token=organizer)
    sign_in(page, participant)
    page.goto(f"{stack.endpoints['dashboard']}/submit?slug=terms&phase=main")
    expect(page.get_by_text("Be kind.")).to_be_visible(timeout=PATIENCE_MS)
    page.get_by_role("button", name="Accept the terms and take part").click()
    expect(page.get_by_role("button", name="Enter")).to_be_visible(timeout=PATIENCE_MS)
    assert stack.client(participant).challenge("terms").terms_accepted


@pytest.fixture(scope="module")
def balls(stack: Any, organizer: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A published segmentation, and somebody's model for it that was run on it."""
    folder = tmp_path_factory.mktemp("balls") / "balls"
    stack.cli("challenge", "init", str(folder), "--task", "segmentation", token=organizer)
    stack.cli("challenge", "publish", str(folder), token=organizer)
    token = stack.user("bea")
    stack.client(token).join("balls")
    submission = stack.submit("balls", folder / "baselines" / "simple", token)
    assert stack.finish(submission, token).outcome == "OK"
    return str(submission)


def test_a_reader_sees_outlines_on_the_public_sample(stack: Any, balls: str, page: Page) -> None:
    dashboard = stack.endpoints["dashboard"]
    page.goto(f"{dashboard}/submission?id={balls}")
    page.get_by_role("link", name="Look at slices").click()
    expect(page.get_by_text("Prediction (dashed)")).to_be_visible(timeout=PATIENCE_MS)
    slices = page.locator("img.pr-slice")
    expect(slices).to_have_count(3)
    decoded = "one => one.decode().then(() => one.naturalWidth)"
    widths = slices.evaluate_all(f"all => Promise.all(all.map({decoded}))")
    assert min(widths) > 0
    settled(page)
    before = slices.first.get_attribute("src")
    page.get_by_role("slider", name="Axial slice").press("ArrowRight")
    expect(slices.first).not_to_have_attribute("src", before or "", timeout=PATIENCE_MS)
    page.set_viewport_size({"width": 390, "height": 900})
    assert _overflow(page) <= 0


def test_a_reader_does_not_see_hidden_cases(stack: Any, balls: str, page: Page) -> None:
    (hidden,) = [run.id for run in stack.client().submission(balls).runs if run.split == "hidden"]
    page.goto(f"{stack.endpoints['dashboard']}/case?id={balls}&run={hidden}")
    told = page.get_by_text("shown to organizers only")
    expect(told).to_be_visible(timeout=PATIENCE_MS)
    assert page.locator("img.pr-slice").count() == 0


def test_a_search_and_an_older_snapshot_have_addresses(
    stack: Any, challenge: str, joined: str, model: Callable[..., Path], page: Page
) -> None:
    second = stack.user("hannah")
    stack.client(second).join(challenge)
    for name, token in (("needle", joined), ("hay", second)):
        stack.finish(stack.submit(challenge, model(name=name), token), token)
    board = f"{stack.endpoints['dashboard']}/leaderboard?slug={challenge}&phase=main"
    page.goto(f"{board}&q=needle")
    found = page.locator(".pr-board").first.locator("tbody tr")
    expect(page.get_by_text("Found ")).to_be_visible(timeout=PATIENCE_MS)
    settled(page)
    expect(found.filter(has_text="Needle").first).to_be_visible(timeout=PATIENCE_MS)
    expect(found.filter(has_not_text="Needle")).to_have_count(0, timeout=PATIENCE_MS)
    search = page.get_by_label("Find a participant or a title")
    search.fill(f"{HOSTILE[:40]} by nobody")
    search.press("Enter")
    expect(page.get_by_text("Found 0 of")).to_be_visible(timeout=PATIENCE_MS)
    expect(page).to_have_url(re.compile("q=%3Cimg"))
    assert page.title() != "owned"
    snapshots = stack.client().leaderboards(challenge, "main")
    page.goto(f"{board}&snapshot={snapshots[-1].id}")
    page.get_by_role("link", name="What moved since").click()
    expect(page.get_by_text("changed rank").first).to_be_visible(timeout=PATIENCE_MS)
    expect(page).to_have_url(re.compile(f"since={snapshots[-1].id}"))


def _enlarged(stack: Any, rows: int) -> str:
    """Write a snapshot of so many rows after the newest, in the database, and return its id."""
    url = stack.environment.get(
        "PROCTOR_DATABASE_URL", f"sqlite:///{stack.home / 'proctor.sqlite3'}"
    )
    engine = create_engine(url)
    heads, lines = (SQLModel.metadata.tables[name] for name in ("leaderboard", "leaderboard_row"))
    snapshot = new_id(Kind.LEADERBOARD)
    with engine.begin() as session:
        newest = select(heads).order_by(heads.c.created_at.desc()).limit(1)
        head = dict(session.execute(newest).mappings().one())
        only = session.execute(select(lines).where(lines.c.leaderboard_id == head["id"]))
        row = dict(only.mappings().one()) | {"leaderboard_id": snapshot}
        made = []
        for place in range(1, rows + 1):
            body = json.loads(row["body"]) | {"rank": place, "rank_low": None, "rank_high": None}
            body |= {"participant": f"team-{place}", "title": f"Model {place}"}
            made.append(row | {"position": place - 1, "rank": place, "body": json.dumps(body)})
        head |= {"id": snapshot, "number": head["number"] + 1, "total_rows": rows}
        session.execute(insert(heads), [head])
        session.execute(insert(lines), made)
    engine.dispose()
    return snapshot


def test_a_board_of_ten_thousand_rows_is_searched_and_turned_page_by_page(
    stack: Any,
    organizer: str,
    participant: str,
    model: Callable[..., Path],
    page: Page,
    tmp_path: Path,
    write_challenge: Callable[..., Path],
) -> None:
    stack.cli(
        "challenge", "publish", str(write_challenge(tmp_path / "many", "many")), token=organizer
    )
    stack.client(participant).join("many")
    stack.finish(stack.submit("many", model(name="the-first"), participant), participant)
    page.goto(f"{stack.endpoints['dashboard']}/leaderboard?slug=many&phase=main")
    expect(page.get_by_text("The-First")).to_be_visible(timeout=PATIENCE_MS)
    snapshot = _enlarged(stack, 10_000)
    address = f"{stack.endpoints['dashboard']}/leaderboard?slug=many&phase=main&snapshot={snapshot}"
    rows = page.locator(".pr-board").first.locator("tbody tr")
    page.goto(address)
    expect(rows).to_have_count(100, timeout=PATIENCE_MS)
    expect(rows.nth(99)).to_contain_text("team-100")
    page.goto(f"{address}&page=100")
    expect(rows.nth(99)).to_contain_text("team-10000", timeout=PATIENCE_MS)
    settled(page)
    search = page.get_by_label("Find a participant or a title")
    search.fill("team-9876")
    search.press("Enter")
    expect(page.get_by_text("Found 1 of 10,000 rows.")).to_be_visible(timeout=PATIENCE_MS)
    expect(rows).to_have_count(1)
    page.set_viewport_size({"width": 390, "height": 900})
    assert _overflow(page) <= 0


def _overflow(page: Page) -> int:
    return int(
        page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    )


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
    sign_in(page, joined)
    page.set_viewport_size({"width": width, "height": 900})
    dashboard = stack.endpoints["dashboard"]
    for path, words in (
        ("/", "Challenges"),
        (f"/challenge?slug={challenge}", "How to take part"),
        (f"/leaderboard?slug={challenge}&phase=main", "How sure is it?"),
        (f"/submit?slug={challenge}&phase=main", "What will be checked"),
    ):
        page.goto(dashboard + path)
        expect(page.get_by_text(words).first).to_be_visible(timeout=PATIENCE_MS)
        settled(page)
        overflow = _overflow(page)
        assert overflow <= 0, f"{path} is {overflow} px too wide"


def test_a_board_without_scores_says_so(
    stack: Any, organizer: str, page: Page, tmp_path: Path, write_challenge: Callable[..., Path]
) -> None:
    folder = write_challenge(tmp_path / "empty", "empty")
    stack.cli("challenge", "publish", str(folder), token=organizer)
    page.goto(f"{stack.endpoints['dashboard']}/leaderboard?slug=empty&phase=main")
    expect(page.get_by_text("Nothing was scored")).to_be_visible(timeout=PATIENCE_MS)
