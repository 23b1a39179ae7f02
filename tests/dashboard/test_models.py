"""The registry's pages, as a reader sees them; what strangers wrote stays text."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from proctor.spec.api import SubmissionView
from proctor.spec.base import FileRef
from proctor.spec.card.detected import (
    DetectedLayer,
    DetectedMetadata,
    DetectedModel,
    DetectedPackage,
)
from proctor.spec.card.package_licenses import LicenseReport, license_report
from proctor.spec.hosting import DeploymentView, VisitView
from proctor.spec.leaderboard import BoardValue, Claim, ClaimFlag
from proctor.spec.model import ModelCard
from proctor.spec.registry import (
    Basis,
    CitationFormat,
    Facet,
    Fact,
    Filter,
    KnownElement,
    ModelBoard,
    ModelFile,
    ModelList,
    ModelOrder,
    ModelScore,
    ModelSummary,
    ModelVersion,
    ModelView,
    Publication,
    Tombstone,
)
from proctor.spec.registry.differences import Change, FileChange, ModelDifferences, ModelRef
from proctor.spec.registry.reviews import ReviewCreate, ReviewQueue, ReviewView, WaitingModel
from proctor.spec.review import ChecklistItem, ReviewPolicy
from proctor_dashboard.model_tables import elements_html, scores_html
from proctor_dashboard.views import hosting, model_diff, model_graph, reviewing, submission
from proctor_dashboard.views import model as model_page
from proctor_dashboard.views import models as models_page

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOSTILE = '<img src=x onerror="alert(1)"><script>alert(2)</script>'
ID = "sub_" + "0" * 26
OTHER = "sub_" + "1" * 26
FILE = FileRef(digest="sha256:" + "0" * 64, size=7)


def score(claim: Claim | None) -> ModelScore:
    return ModelScore(
        key="t/dice/mean",
        title=HOSTILE,
        task="t",
        higher_is_better=True,
        definition_id="dice.v1",
        decides=True,
        measured=BoardValue(value=0.7, low=0.6, high=0.8, n_used=3, n_total=3),
        claim=claim,
    )


def element(name: str, source: str, *facts: Fact) -> KnownElement:
    return KnownElement.model_validate(
        {"element": name, "dimension": "product", "source": source, "fields": (), "facts": facts}
    )


def view(**changes: Any) -> ModelView:
    told = Fact(name=HOSTILE, text=HOSTILE, basis=Basis.STATED, link="https://example.org/a")
    known: dict[str, Any] = {
        "id": ID,
        "name": "net",
        "title": HOSTILE,
        "participant": "ann",
        "challenge": "tissue",
        "challenge_title": "Tissue",
        "phase": "main",
        "kind": "folder",
        "baseline": False,
        "number": 2,
        "content_digest": "sha256:" + "0" * 64,
        "submitted_at": NOON,
        "publication": Publication.PUBLIC,
        "card": ModelCard(name="net", description=f"{HOSTILE} ![p](http://tracker.example/p)"),
        "elements": (
            element("owner", "stated", told),
            element("demo", "missing"),
        ),
        "completeness_percent": 50,
        "board": ModelBoard(
            id="lea_" + "0" * 26, number=3, newest=True, created_at=NOON, rank=1, ranked=4
        ),
        "scores": (score(Claim(score=0.95, gap=0.25, flag=ClaimFlag.BETTER)),),
        "versions": (
            ModelVersion(
                id=ID,
                number=2,
                version=HOSTILE,
                notes=HOSTILE,
                phase="main",
                content_digest="sha256:" + "0" * 64,
                submitted_at=NOON,
                publication=Publication.PUBLIC,
                rank=1,
            ),
        ),
        "relatives": (),
        "commands": {"run": f"proctor models run {ID}"},
        "downloadable": True,
        "yours": False,
        "organizer": False,
    }
    return ModelView.model_validate(known | changes)


class FakePlatform:
    """Answers as the API does."""

    def __init__(self, shown: ModelView) -> None:
        self.shown = shown
        self.asked: list[Any] = []
        self.reviewed: list[ReviewView] = []
        self.deployed: list[DeploymentView] = []

    def deployments(self, model_id: str) -> list[DeploymentView]:
        return self.deployed

    def visit(self, deployment_id: str) -> VisitView:
        return VisitView(path=f"/api/v1/visits/vis_of_{deployment_id}/", expires_at=NOON)

    def deploy(self, model_id: str) -> None:
        self.asked.append(f"deploy {model_id}")

    def stop_deployment(self, deployment_id: str) -> None:
        self.asked.append(f"stop {deployment_id}")

    def swap_version(self, deployment_id: str, model_id: str) -> None:
        self.asked.append(f"swap {deployment_id} for {model_id}")

    def model(self, model_id: str) -> ModelView:
        assert model_id == self.shown.id
        return self.shown

    def citation(self, model_id: str, form: CitationFormat) -> str:
        return f"{form.value} of {model_id}"

    def similar_models(self, model_id: str) -> list[Any]:
        return []

    def reviews(self, model_id: str) -> list[ReviewView]:
        return self.reviewed

    def review(self, model_id: str, request: ReviewCreate) -> None:
        self.asked.append(request)

    def review_queue(self, slug: str) -> ReviewQueue:
        waiting = WaitingModel(
            id=ID, title=HOSTILE, participant="ann", phase="main", license="", submitted_at=NOON
        )
        return ReviewQueue(policy=None, waiting=(waiting,))

    def challenge(self, slug: str) -> Any:
        items = (ChecklistItem(id="fair", text=HOSTILE),)
        policy = ReviewPolicy(version="1", text=HOSTILE, checklist=items)
        return SimpleNamespace(challenge=SimpleNamespace(review=policy))

    def model_metadata(self, model_id: str) -> DetectedMetadata:
        layers = tuple(DetectedLayer(name=HOSTILE, type=HOSTILE) for _ in range(3))
        main = DetectedModel(
            source="a", framework="onnx", type="graph", layers=layers, layer_counts={HOSTILE: 3}
        )
        return DetectedMetadata(models=(main,))

    def model_files(self, model_id: str) -> list[ModelFile]:
        return [ModelFile(path=HOSTILE, size=7, digest=FILE.digest)]

    def model_licenses(self, model_id: str) -> LicenseReport:
        packages = [DetectedPackage(name=HOSTILE, license=one) for one in ("MIT", HOSTILE)]
        return license_report(packages)

    def model_differences(self, model_id: str, since: str | None) -> ModelDifferences:
        ref = ModelRef(
            id=ID, title=HOSTILE, participant="ann", challenge="tissue", number=1, version=HOSTILE
        )
        return ModelDifferences(
            before=ref,
            after=ref,
            same_content=False,
            card=(Change(path=HOSTILE, before=None, after=HOSTILE),),
            parameters=(),
            files=(FileChange(path=HOSTILE, kind="added", before=None, after=FILE),),
            same_files=1,
            scores=(),
        )

    def models(
        self,
        search: str = "",
        filters: dict[Filter, str] | None = None,
        *,
        order: ModelOrder = ModelOrder.NEWEST,
        **limits: Any,
    ) -> ModelList:
        self.asked.append((search, dict(filters or {}), order))
        line = ModelSummary(
            id=ID,
            name="net",
            title=HOSTILE,
            description=HOSTILE,
            participant="ann",
            challenge="tissue",
            challenge_title="Tissue",
            phase="main",
            kind="folder",
            baseline=False,
            version="2.0",
            number=2,
            versions=2,
            license="MIT",
            tasks=("segmentation",),
            modalities=("volume",),
            frameworks=(HOSTILE,),
            rank=1,
            score=0.7,
            score_title="dice",
            submitted_at=NOON,
        )
        facets = dict.fromkeys(Filter, ()) | {Filter.LICENSE: (Facet(value="MIT", count=1),)}
        return ModelList(items=(line,), offset=0, total=1, facets=facets)


def _page() -> None:
    from proctor_dashboard.views import model

    model.draw()


def _diff() -> None:
    from proctor_dashboard.views import model_diff

    model_diff.draw()


def _graph() -> None:
    from proctor_dashboard.views import model_graph

    model_graph.draw()


def _queue() -> None:
    from proctor.spec.review import ReviewPolicy
    from proctor_dashboard.views import reviewing

    reviewing.draw_queue("tissue")
    reviewing.draw_policy(ReviewPolicy(version="1", text="<script>"))


def _list() -> None:
    from proctor_dashboard.views import models

    models.draw()


def opened(
    monkeypatch: pytest.MonkeyPatch,
    shown: ModelView,
    script: Any,
    deployed: tuple[DeploymentView, ...] = (),
    **query: str,
) -> tuple[AppTest, FakePlatform]:
    platform = FakePlatform(shown)
    platform.deployed = list(deployed)
    for module in (model_page, models_page, model_diff, model_graph, reviewing, hosting):
        monkeypatch.setattr(module, "client", lambda: platform)
    monkeypatch.setattr(hosting, "is_signed_in", lambda: True)
    monkeypatch.setattr(hosting, "token_for_browser", lambda: "tok")
    for module in (hosting, models_page):
        monkeypatch.setattr(module, "browser_address", lambda: "https://api.example")
    page = AppTest.from_function(script, default_timeout=120)
    for name, value in query.items():
        page.query_params[name] = value
    return page.run(), platform


def html_of(page: AppTest) -> str:
    return "\n".join(one.proto.body for one in page.get("html"))


def refuse_markup(page: AppTest) -> None:
    """Fail where a stranger's markup reached HTML, or Markdown with a picture."""
    assert "<img" not in html_of(page)
    assert "<script" not in html_of(page)
    for one in [*page.markdown, *page.caption, *page.title, *page.error, *page.warning]:
        assert "![" not in one.value
        assert not getattr(one, "allow_html", False)


def test_a_page_shows_measured_beside_claimed_and_how_to_use_and_cite_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page, _ = opened(monkeypatch, view(), _page, id=ID)
    assert not page.exception
    headings = [head.value for head in page.subheader]
    assert headings[:2] == ["Measured and claimed", "Use it"]
    shown = html_of(page)
    assert "better than measured" in shown
    assert "+0.2500" in shown
    codes = [one.value for one in page.code]
    assert f"proctor models run {ID}" in codes
    assert f"bibtex of {ID}" in codes
    assert "2 packages: 1 open source, 1 unknown" in page.expander[0].label
    assert shown.index("unknown") < shown.index("open source")
    assert page.expander[1].label == "Files: 1"
    assert "1 of 2 elements are filled (50 %)" in " ".join(one.value for one in page.caption)
    refuse_markup(page)


def deployment(**changes: Any) -> DeploymentView:
    return DeploymentView.model_validate(
        {
            "id": "dep_1",
            "state": "serving",
            "submission": OTHER,
            "model": HOSTILE,
            "version": HOSTILE,
            "challenge": "tissue",
            "owner": "ann",
            "path": "/api/v1/hosted/dep_1/",
            "manageable": False,
            "asked": 1200,
            "idle_s": 900,
            "created_at": NOON,
            **changes,
        }
    )


def test_a_reader_finds_where_a_model_is_hosted(monkeypatch: pytest.MonkeyPatch) -> None:
    stopped = deployment(id="dep_2", state="stopped")
    page, _ = opened(monkeypatch, view(), _page, (deployment(), stopped), id=ID)
    assert not page.exception
    assert "Hosted here" in [head.value for head in page.subheader]
    assert "https://api.example/api/v1/hosted/dep_1/" in [one.value for one in page.code]
    shown = html_of(page)
    assert "serving" in shown
    assert "another version answers" in shown
    (link,) = page.get("link_button")
    assert link.proto.url == "https://api.example/api/v1/visits/vis_of_dep_1/"
    assert "1,200 questions · dep_1" in [one.value for one in page.caption]
    assert [one.label for one in page.button] == []
    refuse_markup(page)


def test_who_may_manages_a_hosted_model_on_its_page(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = deployment(manageable=True, detail=HOSTILE)
    page, platform = opened(monkeypatch, view(yours=True), _page, (mine,), id=ID)
    assert not page.exception
    refuse_markup(page)
    buttons = {one.label: one for one in page.button}
    assert set(buttons) == {"Stop", "Swap this version in", "Deploy it"}
    buttons["Swap this version in"].click().run()
    assert platform.asked == [f"swap dep_1 for {ID}"]


def test_a_withdrawn_model_is_a_tombstone(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = Tombstone(withdrawn_at=NOON, by="its owner", reason=HOSTILE)
    shown = view(publication="withdrawn", tombstone=gone, card=None, commands={})
    page, _ = opened(monkeypatch, shown, _page, id=ID)
    assert not page.exception
    assert "Withdrawn" in page.error[0].value
    assert "<script" not in page.error[0].value.replace("\\<", "")
    assert "Use it" not in [head.value for head in page.subheader]
    assert "0.7000" in html_of(page)


def test_the_list_asks_for_what_the_address_filters_by(monkeypatch: pytest.MonkeyPatch) -> None:
    page, platform = opened(monkeypatch, view(), _list, license="MIT", challenge="tissue")
    assert not page.exception
    assert platform.asked[-1] == (
        "",
        {Filter.LICENSE: "MIT", Filter.CHALLENGE: "tissue"},
        ModelOrder.NEWEST,
    )
    assert [one.label for one in page.number_input] == ["Score at least", "Score at most"]
    assert "2 versions" in html_of(page)
    assert 'href="https://api.example/api/v1/analytics?challenge=tissue"' in html_of(page)
    refuse_markup(page)


def test_what_differs_is_shown_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    page, _ = opened(monkeypatch, view(), _diff, id=ID, since=OTHER)
    assert not page.exception
    assert "7 bytes" in html_of(page)
    refuse_markup(page)


def test_two_architectures_stand_side_by_side_as_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    page, _ = opened(monkeypatch, view(), _graph, id=ID, **{"with": ID})
    assert not page.exception
    shown = html_of(page)
    assert shown.count('src="data:image/svg+xml;base64,') == 2
    assert "<script" not in shown
    assert page.caption[0].value.startswith("3 layers are alike in both")


def test_an_organizer_reviews_on_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    page, platform = opened(monkeypatch, view(organizer=True), _page, id=ID)
    assert not page.exception
    refuse_markup(page)
    page.checkbox[0].check()
    page.text_area[0].input("Fine.")
    next(one for one in page.button if one.label == "Keep this review").click().run()
    (kept,) = platform.asked
    assert (kept.outcome, kept.checklist, kept.note) == ("approved", {"fair": True}, "Fine.")


def test_organizers_find_what_waits_for_their_review(monkeypatch: pytest.MonkeyPatch) -> None:
    page, _ = opened(monkeypatch, view(), _queue)
    assert not page.exception
    assert page.warning[0].value == "1 model waits for your review."
    assert "&lt;script&gt;" in html_of(page)
    assert page.expander[0].label.endswith("policy 1")
    refuse_markup(page)


def test_an_element_without_facts_is_said_to_be_missing() -> None:
    shown = elements_html(view().elements)
    assert "not stated" in shown
    assert 'rel="noopener nofollow"' in shown
    assert "&lt;script&gt;" in shown


def test_a_score_without_a_claim_has_dashes() -> None:
    assert scores_html([score(None)]).count("<td>–</td>") == 2


@pytest.mark.parametrize(
    ("kind", "license_", "words"),
    [
        ("folder", "MIT", "how to cite it"),
        ("folder", "", "not public, since its card states no license"),
        ("predictions", "", "how to cite it"),
    ],
)
def test_the_page_of_a_submission_tells_readers_when_its_model_has_none_for_them(
    monkeypatch: pytest.MonkeyPatch, kind: str, license_: str, words: str
) -> None:
    drawn: list[str] = []
    page = SimpleNamespace(
        html=drawn.append, markdown=drawn.append, subheader=lambda *_, **__: None
    )
    monkeypatch.setattr(submission, "st", page)
    card = ModelCard(name="quiet", license=license_)
    submission._draw_card(
        SubmissionView.model_construct(id="sub_1", kind=kind, card=card, content_digest="")
    )
    assert words in drawn[0]
