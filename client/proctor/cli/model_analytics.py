"""`proctor models analytics`: scores beside architectures over time, to study designs by."""

from __future__ import annotations

import csv
import sys
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from proctor.cli.connection import connect
from proctor.cli.options import HostOption, require_folder
from proctor.cli.output import say

if TYPE_CHECKING:
    from proctor.client import Client
    from proctor.spec.registry import Filter

_PORTION = 1000


def analytics(
    task: Annotated[str, typer.Option("--task", help="segmentation, detection, ...")] = "",
    modality: Annotated[str, typer.Option("--modality", help="volume, image, table, ...")] = "",
    framework: Annotated[str, typer.Option("--framework", help="Such as onnx.")] = "",
    challenge: Annotated[str, typer.Option("--challenge", help="Entered in this one.")] = "",
    out: Annotated[
        Path | None, typer.Option("--out", help="Write it to this file.", dir_okay=False)
    ] = None,
    host: HostOption = None,
) -> None:
    """Print every score of public models beside what they are made of, as CSV, the oldest first."""
    from proctor.spec.registry import Filter

    require_folder(out)
    given = {
        Filter.TASK: task,
        Filter.MODALITY: modality,
        Filter.FRAMEWORK: framework,
        Filter.CHALLENGE: challenge,
    }
    with connect(host) as client:
        text, scores, models = _all(
            client, {which: value for which, value in given.items() if value}
        )
    if out is None:
        sys.stdout.write(text)
    else:
        out.write_text(text, encoding="utf-8", newline="")
        say(f"Written to {out}.")
    say(f"{scores:,} scores of {models:,} models.")


class _Table(NamedTuple):
    text: str
    scores: int
    models: int


def _all(client: Client, filters: dict[Filter, str]) -> _Table:
    """Return the whole table, asked for portion by portion."""
    whole, offset, total = _Table("", 0, 0), 0, 1
    while offset < total:
        text, total = client.analytics(filters, offset, _PORTION)
        offset += _PORTION
        lines = list(csv.DictReader(StringIO(text, newline="")))
        whole = _Table(
            whole.text + (text.partition("\n")[2] if whole.text else text),
            whole.scores + len(lines),
            whole.models + len({line["submission"] for line in lines}),
        )
    return whole
