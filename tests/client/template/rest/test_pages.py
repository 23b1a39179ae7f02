"""The pages in a real browser: every output is seen, and nothing of a stranger's runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser

EVERYTHING = """
import numpy as np

BAD = "<img src=x onerror='document.title=1'>"

class Model:
    def predict(self, inputs):
        picture = np.asarray(inputs["photo"], dtype=float)
        gray = picture.mean(-1) if picture.ndim == 3 else picture
        rows, columns = gray.shape
        return {
            "kind": [{"label": BAD, "probability": 0.25}, {"label": "fine", "probability": 0.75}],
            "mask": (gray > gray.mean()) + 2 * (gray > 200),
            "instances": (gray > gray.mean()).astype(int),
            "heat": gray / 255,
            "enhanced": 255 - gray,
            "boxes": [{"label": BAD, "score": 0.5, "x0": 1, "y0": 1, "x1": 3, "y1": 3}],
            "rim": [{"label": BAD, "points": [[1, 1], [4, 1], [2, 3]]}],
            "profile": gray.mean(0),
            "facts": [{"mean": float(gray.mean()), "sd": float(gray.std())}],
            "words": BAD,
            "more": {BAD: [BAD]},
        }
"""
OUTPUTS = {
    "kind": {"type": "label_list"},
    "mask": {"type": "mask_image"},
    "instances": {"type": "instances"},
    "heat": {"type": "heatmap"},
    "enhanced": {"type": "image"},
    "boxes": {"type": "boxes"},
    "rim": {"type": "contour"},
    "profile": {"type": "vector"},
    "facts": {"type": "table", "columns": ["mean", "sd"]},
    "words": {"type": "text"},
    "more": {"type": "custom"},
}
BAD = "<img src=x onerror='document.title=1'>"
BOLD = "</script><script>document.title=1</script>"


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that fails the test when it errs, or calls any address but this machine's."""
    wrong: list[str] = []
    opened = browser.new_page(viewport={"width": 1400, "height": 1000})
    opened.on(
        "request",
        lambda request: (
            None if re.match(r"http://127\.0\.0\.1:|data:", request.url) else wrong.append(
                request.url)
        ),
    )  # fmt: skip
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    opened.set_default_timeout(120_000)
    yield opened
    opened.close()
    assert wrong == []


@pytest.fixture
def everything(serve: Any, model_folder: Any) -> Any:
    folder: Path = model_folder()
    picture = Image.radial_gradient("L").resize((90, 60))
    picture.save(folder / "samples" / "gradient.png")
    picture.save(folder / "samples" / "<b>it's.png")
    inputs = {"photo": {"type": "image", "description": BAD}}
    return serve(
        EVERYTHING, inputs, OUTPUTS, title=BAD, description=BOLD, license=BAD,
        use={"warnings": [BAD]},
    )  # fmt: skip


def test_every_type_of_output_is_seen_and_nothing_of_a_strangers_runs(
    everything: Any, page: Page
) -> None:
    page.goto(str(everything.client.base_url))
    title = page.title()
    page.get_by_role("button", name="gradient.png").click()
    answer = page.locator("#result")

    expect(answer.get_by_text("Answered in")).to_be_visible()
    for name in OUTPUTS:
        expect(answer.get_by_role("heading", name=name, exact=True)).to_be_visible()
    boxes = {name: answer.locator(".box", has=page.get_by_role("heading", name=name, exact=True))
             for name in OUTPUTS}  # fmt: skip
    for name in ("mask", "instances", "heat", "enhanced"):
        # The output lies over the input.
        expect(boxes[name].locator("img")).to_have_count(2)
        for image in boxes[name].locator("img").all():
            assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") == 90
    expect(boxes["mask"].get_by_text("label 1")).to_be_visible()
    expect(boxes["boxes"].locator("polygon")).to_have_count(1)
    expect(boxes["rim"].locator("polygon")).to_have_attribute("points", "1,1 4,1 2,3")
    expect(boxes["profile"].locator("svg.chart rect")).to_have_count(91)
    expect(boxes["facts"].get_by_role("cell")).to_have_count(2)
    expect(boxes["words"].get_by_text(BAD)).to_be_visible()
    expect(boxes["kind"].locator(".bar").first).to_contain_text("fine")
    assert page.title() == title == BAD
    assert page.locator("img[src='x']").count() == 0


def test_a_file_is_chosen_asked_about_and_a_wrong_one_is_said_to_be_wrong(
    everything: Any, page: Page, tmp_path: Path
) -> None:
    page.on("console", lambda _said: None)
    Image.new("L", (30, 20), 80).save(tmp_path / "mine.png")
    page.goto(str(everything.client.base_url))
    page.locator("input[type=file]").set_input_files(tmp_path / "mine.png")
    expect(page.get_by_text("mine.png (1 KiB)")).to_be_visible()
    page.get_by_role("button", name="Ask the model").click()

    expect(page.locator("#result").get_by_text("image, 20 × 30, float64")).to_be_visible()


def test_a_refusal_is_shown_beside_its_input(serve: Any, browser: Browser, tmp_path: Path) -> None:
    running = serve(inputs={"photo": {"type": "image", "formats": ["image/png"]}})
    (tmp_path / "a.png").write_bytes(b"no picture")
    page = browser.new_page(viewport={"width": 390, "height": 900})
    page.goto(str(running.client.base_url))
    page.locator("input[type=file]").set_input_files(tmp_path / "a.png")
    page.get_by_role("button", name="Ask the model").click()

    expect(page.get_by_role("alert")).to_contain_text("the model takes image/png")
    expect(page.locator(".box.wrong h3")).to_have_text("photo")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.close()


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_a_page_fits_a_phone(path: str, everything: Any, page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(str(everything.client.base_url) + path)

    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_the_list_of_calls_shows_how_each_is_made(everything: Any, page: Page) -> None:
    page.goto(f"{everything.client.base_url}/docs")
    page.get_by_text("/model/predict", exact=True).click()

    expect(page.get_by_text("-F photo=@file").locator("visible=true").first).to_be_visible()
    assert page.title().startswith(BAD)


def test_a_volume_is_shown_as_its_fullest_slice(serve: Any, samples: Any, page: Page) -> None:
    body = """
class Model:
    def predict(self, inputs):
        data = inputs["scan"].data
        mask = (data > 0).astype("uint8")
        mask[:, :, 3] = 0
        mask[0, 0, :] = 0
        return {"seg": mask}
"""
    running = serve(body, {"scan": {"type": "volume"}}, {"seg": {"type": "mask_image"}})
    page.goto(str(running.client.base_url))
    page.locator("input[type=file]").set_input_files(samples.paths["nifti_gzip"])
    page.get_by_role("button", name="Ask the model").click()

    expect(page.get_by_text("Slice 1 of 4.")).to_be_visible()
    images = page.locator("#result .shown img").all()
    sizes = [image.evaluate("i => i.decode().then(() => [i.naturalWidth, i.naturalHeight])")
             for image in images]  # fmt: skip
    assert sizes == [[2, 3], [2, 3]]
