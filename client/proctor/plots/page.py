"""One HTML file that needs nothing else: text, tables, plots and the library that draws them.

It opens from a disk without a network and asks none: its policy lets the browser run the two
scripts whose digests it names and load nothing, whatever a stranger's name may hold. Figures are
drawn one after the other once the text is there, and anew for the width of paper.
"""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

from proctor.plots.names import shortened
from proctor.plots.table import Table

if TYPE_CHECKING:
    from proctor.plots.plot import Plot

# Longer names would push a table off the page even where they may break.
_NAME_LETTERS = 200
_SENTENCE_LETTERS = 2000

_STYLE = """
:root {color-scheme: light;}
body {font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; color: #26332f;
  background: #fff; max-width: 1100px; margin: 0 auto; padding: 1rem 1.2rem 3rem;}
h1 {font-size: 1.7rem; line-height: 1.25; margin: .6rem 0; overflow-wrap: anywhere;}
h2 {font-size: 1.2rem; margin: 2.2rem 0 .4rem;}
p {margin: .4rem 0; max-width: 75ch;}
.quiet, figcaption, footer {color: #52615d; font-size: .92rem;}
/* A shadow at an edge says that columns lie beyond it; white hides it where none do. */
.scroll {overflow-x: auto; border: 1px solid #dce4e1; border-radius: 8px; margin: .8rem 0;
  background:
    linear-gradient(to right, #fff 40%, #fff0) 0 0 / 2.4rem 100% no-repeat local,
    linear-gradient(to left, #fff 40%, #fff0) 100% 0 / 2.4rem 100% no-repeat local,
    linear-gradient(to right, #26332f55, #26332f00) 0 0 / .9rem 100% no-repeat scroll,
    linear-gradient(to left, #26332f55, #26332f00) 100% 0 / .9rem 100% no-repeat scroll;}
table {border-collapse: collapse; width: 100%; font-size: .92rem;
  font-variant-numeric: tabular-nums;}
th, td {padding: .4rem .7rem; text-align: right; border-bottom: 1px solid #edf1f0;
  vertical-align: top; white-space: nowrap;}
thead th {background: #f3f6f5; color: #42514d; vertical-align: bottom;
  white-space: normal;}
tbody tr:last-child > * {border-bottom: 0;}
.text {text-align: left; white-space: normal; overflow-wrap: anywhere; min-width: 8rem;}
tbody th {font-weight: 600;}
figure {margin: 0; break-inside: avoid;}
.plot {width: 100%;}
figcaption {max-width: 75ch; margin-top: .2rem;}
dt {font-weight: 600;} dd {margin: 0 0 .6rem; max-width: 75ch;}
footer {margin-top: 3rem; border-top: 1px solid #dce4e1; padding-top: .6rem;}
@media (max-width: 640px) {
  body {padding: .5rem .8rem 2rem;}
  h1 {font-size: 1.35rem;}
  th, td {padding: .35rem .5rem;}
  tr > :first-child {position: sticky; left: 0; max-width: 45vw;}
  tbody th {background: #fff;}
}
@media print {
  @page {margin: 14mm;}
  body {max-width: none; padding: 0; font-size: 11pt;}
  .scroll {overflow: visible; border: 0; background: none;}
  h2 {break-after: avoid;}
  tr {break-inside: avoid;}
  thead th {background: none; border-bottom: 1.5px solid #26332f;}
}
"""

_DRAW = """
(() => {
  const boxes = [...document.querySelectorAll(".plot")];
  const paper = 680;
  const draw = box => {
    const figure = JSON.parse(document.getElementById(box.dataset.figure).textContent);
    return Plotly.newPlot(box, figure.data, figure.layout, CONFIG);
  };
  const next = () => {
    const box = boxes.find(box => !box.dataset.drawn);
    if (!box) { document.body.dataset.drawn = "all"; return; }
    box.dataset.drawn = "yes";
    draw(box).then(() => setTimeout(next, 0));
  };
  addEventListener("beforeprint", () => boxes.forEach(box => {
    if (!box.dataset.drawn) { box.dataset.drawn = "yes"; draw(box); }
    Plotly.relayout(box, {width: paper});
  }));
  addEventListener("afterprint", () => boxes.forEach(
    box => Plotly.relayout(box, {width: null, autosize: true})));
  requestAnimationFrame(() => setTimeout(next, 0));
})();
"""


_WITHOUT_SCRIPTS = (
    "<noscript><p>The plots need JavaScript; the tables hold the same numbers.</p></noscript>"
)


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it: HTML of this module's making."""

    title: str
    body: str
    is_drawn: bool = False


def table(content: Table) -> str:
    """Return a table; it scrolls by itself where it is wider than the page."""
    count = content.text_columns
    shown = _sentence if content.is_prose else _letters
    heads = "".join(
        f'<th scope="col"{_mark(column < count)}>{_letters(cell)}</th>'
        for column, cell in enumerate(content.head)
    )
    body = "".join(
        f'<tr><th scope="row" class="text">{_letters(first)}</th>'
        + "".join(
            f"<td{_mark(column < count)}>{shown(cell)}</td>"
            for column, cell in enumerate(rest, start=1)
        )
        + "</tr>"
        for first, *rest in content.rows
    )
    return (
        f'<div class="scroll" tabindex="0"><table><thead><tr>{heads}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def paragraph(text: str) -> str:
    """Return a paragraph of untrusted ``text``."""
    return f"<p>{html.escape(text)}</p>"


def quiet(text: str) -> str:
    """Return a paragraph of untrusted ``text`` that stands back."""
    return f'<p class="quiet">{html.escape(text)}</p>'


def definitions(words: Sequence[tuple[str, str]]) -> str:
    """Return a list of names and what they mean."""
    entries = (f"<dt>{_letters(name)}</dt><dd>{html.escape(text)}</dd>" for name, text in words)
    return f"<dl>{''.join(entries)}</dl>"


def figure(plot: Plot) -> Section:
    """Return a plot with its caption; it is drawn when the page is there."""
    height_px = int(plot.figure.layout.height)
    # The text of a script ends at "</script", so no "<" may stand in it.
    drawing = plot.figure.to_json().replace("<", "\\u003c")
    return Section(
        plot.title,
        f'<figure><div class="plot" id="{plot.name}" data-figure="{plot.name}-figure"'
        f' style="min-height:{height_px}px"></div>'
        f"<figcaption>{html.escape(plot.caption)}</figcaption></figure>"
        f'<script type="application/json" id="{plot.name}-figure">{drawing}</script>',
        is_drawn=True,
    )


def page(title: str, lead: Sequence[str], sections: Sequence[Section]) -> str:
    """Return the whole file; ``title`` and the paragraphs of ``lead`` are untrusted text.

    The library that draws is in it only where something is drawn.
    """
    scripts = _drawing() if any(section.is_drawn for section in sections) else ()
    allowed = " ".join(map(_source, scripts)) or "'none'"
    policy = (
        "default-src 'none'; img-src data: blob:; style-src 'unsafe-inline';"
        f" script-src {allowed}; base-uri 'none'; form-action 'none'"
    )
    drawn = "".join(f"<script>{script}</script>" for script in scripts)
    body = "".join(
        f"<section><h2>{html.escape(section.title)}</h2>{section.body}</section>"
        for section in sections
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(shortened(title, _NAME_LETTERS))}</title>"
        f"<style>{_STYLE}</style></head><body><h1>{_letters(title)}</h1>"
        f"{''.join(map(paragraph, lead))}"
        f"{_WITHOUT_SCRIPTS if scripts else ''}"
        f"{body}<footer>Written by Proctor {html.escape(version('proctor'))}. This file needs no"
        f" network.</footer>{drawn}</body></html>"
    )


def _drawing() -> tuple[str, str]:
    """Return the library that draws, and what calls it."""
    import plotly.offline

    from proctor.plots.plot import CONFIG

    values = ", ".join(f"{key}: {str(value).lower()}" for key, value in CONFIG.items())
    return plotly.offline.get_plotlyjs(), _DRAW.replace("CONFIG", f"{{{values}}}")


def _source(script: str) -> str:
    """Return what a policy calls ``script``."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def _letters(text: str) -> str:
    """Return untrusted ``text`` for HTML, letter by letter; it cannot turn what stands beside."""
    return f"<bdi>{html.escape(shortened(text, _NAME_LETTERS))}</bdi>"


def _sentence(text: str) -> str:
    """Return an untrusted sentence for HTML; nothing where there is none."""
    return f"<bdi>{html.escape(shortened(text, _SENTENCE_LETTERS))}</bdi>" if text else ""


def _mark(is_text: bool) -> str:
    return ' class="text"' if is_text else ""
