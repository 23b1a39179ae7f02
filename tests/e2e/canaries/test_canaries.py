"""A canary in a hidden input and one in a reference are in nothing that a participant can fetch.

Models say their input in every way they have: in logs, errors, exit statuses, names of files,
answers, and in what they answer through one protocol alone. An organizer's own metric says the
reference. Then every address is asked by those who take part and by those who do not, and every
page looked at. That organizers do find the canaries there shows that the search works.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml
from canary import sayings
from canary.finding import Finder
from canary.walk import Answer, addresses, ask
from playwright.sync_api import Browser, expect

pytestmark = [pytest.mark.e2e, pytest.mark.docker, pytest.mark.xdist_group("stack")]

SLUG = "aviary"
INPUT, REFERENCE = "canary9a5e1f7c0b264d83", "canary4be20d96f8a1573c"
FINDER = Finder({"the hidden input": INPUT, "the reference": REFERENCE})
WAYS = ("good", "raise", "header", "name", "status", "text")
CASES = tuple(f"c{number}" for number in range(1, len(WAYS) + 1))
PATIENCE_S = 120
PATIENCE_MS = PATIENCE_S * 1000
_FILES = {"inputs": "note", "reference": "answers", "predictions": "words"}
METRIC = """
def score(prediction, reference, case):
    print(reference)
    {raises}
    return [1.0] * case["items"]
"""
MODEL = (
    Path(sayings.__file__).read_text()
    + """
import os
import sys
from pathlib import Path

import numpy as np

OUT = Path(os.environ.get("PROCTOR_OUTPUT") or "/output")


def leave(files):
    words = '["", "", "", ""]'
    rows = "low,high\\n" + "0.9,0.1\\n" * 4
    for name, content in {"probabilities.csv": rows, "words.json": words, **files}.items():
        (OUT / name).write_text(content)
    os._exit(0)


class Model:
    def predict(self, inputs):
        note = inputs["note"]
        text = note.read_text() if isinstance(note, Path) else str(note)
        way, _, secret = text.partition(" ")
        if secret:
            for stream in (sys.stdout, sys.stderr):
                for said in sayings(secret).values():
                    stream.buffer.write(said + b"\\n")
                stream.flush()
        if LIES and secret:
            way = "header" if os.environ.get("PROCTOR_PROTOCOL", "case") == "case" else "good"
        if way == "raise":
            raise RuntimeError(text)
        if way == "header":
            leave({"probabilities.csv": secret + ",high\\n0,1\\n"})
        if way == "name":
            (OUT / secret).mkdir()
            leave({"words.json": secret, secret + ".csv": secret})
        if way == "status":
            os._exit(ord(secret[-1]))
        if way == "text":
            leave({"words.json": '{"%s": 1' % secret})
        high = inputs["values"][:, 0] > 0.5
        rows = np.where(high[:, None], [0.1, 0.9], [0.9, 0.1])
        return {"probabilities": rows, "words": [text] * len(rows)}
"""
)


def hidden_phase(slug: str, task: str, **more: Any) -> dict[str, Any]:
    """Return a phase that says nothing of logs, so that it shows none."""
    window = {"opens_at": "2026-01-01T00:00:00Z", "closes_at": "2036-01-01T00:00:00Z"}
    limits = {"memory_bytes": 256 << 20, "tmp_bytes": 32 << 20, "case_s": 20, "total_s": 300}
    return {"slug": slug, "title": slug, "tasks": [task], "limits": limits, **window, **more}


def aviary(folder: Path, write_challenge: Callable[..., Path]) -> Path:
    """Write a challenge with a canary in each hidden input and each hidden reference."""
    write_challenge(folder, SLUG)
    for split in ("hidden", "sample"):
        inputs, references = (folder / "data" / split / half for half in ("inputs", "reference"))
        for number, way in enumerate(WAYS):
            case = CASES[number]
            for half in (inputs, references):
                content = (half / f"c{number % 3 + 1}.npy").read_bytes()
                (half / f"{case}.npy").write_bytes(content)
            secret = f" {INPUT}" if split == "hidden" else ""
            (inputs / f"{case}.txt").write_text(f"{way if secret else 'good'}{secret}")
            words = [f"{REFERENCE} {case} {item}" if secret else "nothing" for item in range(4)]
            (references / f"{case}.json").write_text(json.dumps(words))
    (folder / "metrics").mkdir()
    document = yaml.safe_load((folder / "challenge.yaml").read_text())
    (task,) = document["tasks"]
    task["inputs"]["note"] = {"type": "file", "file": "{case}.txt"}
    task["outputs"]["words"] = {"type": "text", "file": "words.json"}
    task["reference"]["answers"] = {"type": "text", "file": "{case}.json"}
    task["tryout_cases"] = 1
    broken = json.loads(json.dumps(task)) | {"slug": "broken", "title": "Broken"}
    raises = {"half": "", "broken": "if 'nothing' not in reference[0]: raise ValueError(reference)"}
    for one in (task, broken):
        name = f"metrics/{one['slug']}.py"
        (folder / name).write_text(METRIC.replace("{raises}", raises[one["slug"]]))
        own = {"id": "own", "custom": {"file": name}, "direction": "higher", "worst": 0.0}
        one["metrics"].append(own | {"output": "words", "reference": "answers"})
    document["tasks"] = [task, broken]
    document["phases"] = [
        hidden_phase("main", "half"),
        hidden_phase("shut", "half", visibility="hidden_until_close", show_logs=True),
        hidden_phase("broken", "broken"),
    ]
    (folder / "challenge.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    return folder


@dataclass(frozen=True)
class Aviary:
    """What came of it: who asks, and all that they could ask for."""

    url: str
    dashboard: str
    people: Mapping[str, str | None]
    submissions: Mapping[str, str]
    runs: Mapping[str, str]
    values: Mapping[str, list[str]]

    def answers(self, who: str) -> Iterator[Answer]:
        """Ask everything as somebody."""
        document = httpx2.get(f"{self.url}/api/v1/openapi.json", timeout=PATIENCE_S).json()
        wanted = addresses(document, self.values, partial(self._senseless, who))
        return ask(self.url, self.people[who], wanted)

    def _senseless(self, who: str, path: str, filled: Mapping[str, str]) -> bool:
        """Tell that a run is another submission's, a file of another part, an archive had."""
        submission = filled.get("submission_id", "")
        run = filled.get("run_id") or filled.get("run") or ""
        if run in self.runs and self.runs[run] != submission:
            return True
        name = filled.get("name", "")
        if "part" in filled:
            return name != _FILES[filled["part"]]
        if path.endswith("/runtimes/{name}"):
            return name in _FILES.values()
        if path.endswith("/archive") and filled.get("kind") != "sealed":
            # A public one is the same for everybody, and has the whole runtime in it.
            return "kind" in filled or (who, submission) != ("owner", self.submissions["says"])
        return False


def write_model(folder: Path, name: str, lies: bool) -> Path:
    """Write a model that says what it sees; one that lies does so through ``case`` alone."""
    folder.mkdir()
    (folder / "model.py").write_text(f"LIES = {lies}\n{MODEL}")
    card = {"contract": 1, "name": name, "license": "Apache-2.0", "runtime": "runtime-cpu"}
    protocols = ["case", "serve"] if lies else ["case"]
    (folder / "model.json").write_text(json.dumps(card | {"protocols": protocols}))
    return folder


@pytest.fixture(scope="module")
def nest(
    stack: Any,
    challenge: str,
    organizer: str,
    write_challenge: Callable[..., Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Aviary]:
    folder = tmp_path_factory.mktemp("canaries")
    people = {name: stack.user(f"canary-{name}") for name in ("owner", "other", "stranger")}
    people["organizer"] = organizer
    member = {"user": "canary-stranger", "organizer": True}
    stranger_organizes = httpx2.post(
        f"{stack.endpoints['api']}/api/v1/challenges/{challenge}/members",
        json=member,
        headers={"Authorization": f"Bearer {organizer}"},
        timeout=PATIENCE_S,
    )
    assert stranger_organizes.status_code == 204
    stack.cli(
        *("challenge", "publish", str(aviary(folder / SLUG, write_challenge))),
        token=people["organizer"],
    )
    models = {name: write_model(folder / name, name, name == "lies") for name in ("says", "lies")}
    submissions = {}
    for who in ("owner", "other"):
        stack.client(people[who]).join(SLUG)
    entries = [("says", "main"), ("lies", "main"), ("says", "shut"), ("says", "broken")]
    for name, phase in entries:
        entered = stack.cli(
            *("submit", SLUG, str(models[name]), "--phase", phase), token=people["owner"]
        )
        found = re.search(r"sub_[0-9a-z]{26}", entered.stdout + entered.stderr)
        assert found is not None, entered.stdout
        submissions[name if phase == "main" else phase] = found.group()
    watcher = stack.client(organizer)
    views = [stack.finish(one, organizer) for one in submissions.values()]
    runs = {run.id: view.id for view in views for run in view.runs}
    evaluations = [
        run.evaluation.id for view in views for run in view.runs if run.evaluation is not None
    ]
    boards = [watcher.leaderboard(SLUG, phase) for phase in ("main", "shut")]
    digests = {
        f"sha256:{path.name}"
        for path in (stack.home / "blobs").glob("??/??/*")
        if path.stat().st_size < 1 << 20 and FINDER.find(path.read_bytes())
    }
    deployed = stack.cli("deploy", submissions["says"], "--format", "json", token=people["owner"])
    deployment = json.loads(deployed.stdout)["id"]
    visit = stack.client(people["owner"]).visit(deployment).path.split("/")[-2]
    # Inputs, references, logs, answers: what must not be had is there to be had.
    assert len(digests) > 2 * len(CASES)
    yield Aviary(
        url=stack.endpoints["api"],
        dashboard=stack.endpoints["dashboard"],
        people={**people, "anonymous": None},
        submissions=submissions,
        runs=runs,
        values={
            "slug": [SLUG],
            "challenge": [SLUG],
            "phase": ["main", "shut", "broken"],
            "task": ["half", "broken"],
            "name": ["runtime-cpu", *_FILES.values()],
            "submission_id": list(submissions.values()),
            "run_id": list(runs),
            "run": list(runs),
            "work_id": [*runs, *evaluations],
            "case_id": list(CASES),
            "case": list(CASES),
            "part": list(_FILES),
            "snapshot_id": [board.id for board in boards],
            "digest": sorted(digests),
            "deployment_id": [deployment],
            "visit": [visit],
            "path": ["", "docs", "model.json", "openapi.json", "api/get_samples", "nowhere"],
            "question_id": ["que_" + "0" * 26],
            "kind": ["sealed", "public"],
            "format": ["csv"],
            "version": ["1"],
            "size": ["100"],
            "search": ["canary"],
            "limit": ["1000"],
        },
    )
    # Others want its place at the worker.
    stack.cli("deployments", "stop", deployment, token=people["owner"])


def leaks(nest: Aviary, who: str) -> dict[str, set[str]]:
    """Return the canaries that somebody finds, by address."""
    found = {}
    asked = 0
    for answer in nest.answers(who):
        asked += 1
        assert answer.status < 500, answer
        assert answer.status != 429, "the walk is blind when it is told to come back later"
        if secrets := FINDER.find(answer.content):
            found[answer.address] = secrets
    assert asked > 200
    return found


@pytest.mark.parametrize("who", ["owner", "other", "stranger", "anonymous"])
def test_no_canary_is_in_any_answer_to_those_who_take_part(nest: Aviary, who: str) -> None:
    assert leaks(nest, who) == {}


def test_organizers_find_the_canaries_everywhere_so_the_search_works(nest: Aviary) -> None:
    found = leaks(nest, "organizer")
    says, lies, broken = (nest.submissions[name] for name in ("says", "lies", "broken"))
    submission = "/api/v1/submissions/"
    log = {one.partition(" as ")[2] for one in found[f"{submission}{says}/log"]}
    assert {"plain", "upper", "backwards", "rot13", "hex", "percent", "numbers", "entities"} <= log
    assert {way.partition(",")[0] for way in log} >= {"base64", "base32", "base85"}
    assert "the hidden input as plain" in found[f"{submission}{says}/cases"]
    assert "the hidden input as plain" in found[f"{submission}{lies}"]
    assert "the reference as plain" in found[f"{submission}{broken}"]
    assert f"{submission}{says}/archive?kind=sealed" in found
    blobs = {address.rpartition("/")[2] for address in found if "/blobs/" in address}
    assert blobs >= set(nest.values["digest"])
    parts = {address.split("/")[-2] for address in found if "/cases/c1/" in address}
    assert parts == set(_FILES)


def test_who_knows_a_digest_can_enter_nothing_of_it(nest: Aviary) -> None:
    card = {"name": "thief", "runtime": "runtime-cpu"}
    for who in ("owner", "other", "stranger"):
        headers = {"Authorization": f"Bearer {nest.people[who]}"}
        for digest in nest.values["digest"]:
            entry = {"path": "model.py", "file": {"digest": digest, "size": 100}}
            content = {"kind": "folder", "runtime": "runtime-cpu", "entries": [entry]}
            body = {"challenge": SLUG, "phase": "main", "content": content, "card": card}
            answer = httpx2.post(
                f"{nest.url}/api/v1/submissions", json=body, headers=headers, timeout=PATIENCE_S
            )
            assert answer.status_code in (403, 409, 422), answer.text
            assert FINDER.find(answer.content) == set()


def test_no_canary_is_in_what_the_services_log(stack: Any, nest: Aviary) -> None:
    logs = {path.name: path.read_bytes() for path in stack.home.rglob("*.log")}
    assert any(b"work_failed" in log for log in logs.values()), sorted(logs)
    assert {name for name, log in logs.items() if FINDER.find(log)} == set()


@pytest.mark.browser
def test_no_canary_comes_to_the_browser_of_those_who_take_part(
    nest: Aviary, browser: Browser
) -> None:
    says, shut = nest.submissions["says"], nest.submissions["shut"]
    seen = {
        f"/submission?id={says}": "Model card",
        f"/submission?id={shut}": "Model card",
        f"/case?id={says}": "Case",
        f"/leaderboard?slug={SLUG}&phase=main": "says",
        f"/challenge?slug={SLUG}": "Main",
    }
    assert looked_at(nest, browser, "owner", seen) == set()
    whole = {f"/submission?id={nest.submissions['broken']}": "Model card"}
    assert "the reference as plain" in looked_at(nest, browser, "organizer", whole)


def looked_at(nest: Aviary, browser: Browser, who: str, pages: Mapping[str, str]) -> set[str]:
    """Return the canaries in whatever reaches the browser of somebody on some pages."""
    page = browser.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.add_init_script(f"sessionStorage.setItem('proctor_token', {json.dumps(nest.people[who])})")
    received: list[bytes] = []

    def hear(frame: str | bytes) -> None:
        received.append(frame.encode() if isinstance(frame, str) else frame)

    page.on("websocket", lambda socket: socket.on("framereceived", hear))
    try:
        for path, words in pages.items():
            page.goto(nest.dashboard + path)
            expect(page.get_by_text(words).first).to_be_visible(timeout=PATIENCE_MS)
            expect(page.get_by_text("Signed in as")).to_be_visible()
            expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
            received.append(page.content().encode())
    finally:
        page.close()
    return set().union(*map(FINDER.find, received))
