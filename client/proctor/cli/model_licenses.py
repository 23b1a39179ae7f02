"""`proctor models licenses`: third-party software beside a model, and its licenses."""

from __future__ import annotations

from typing import Annotated

import typer

from proctor.cli.connection import connect
from proctor.cli.failures import CommandError
from proctor.cli.options import FormatOption, HostOption, ModelIdArgument
from proctor.cli.output import Format, emit, say


def licenses(
    model_id: ModelIdArgument,
    strict: Annotated[
        bool, typer.Option("--strict", help="Fail where a license is not open source or unknown.")
    ] = False,
    host: HostOption = None,
    style: FormatOption = Format.TABLE,
) -> None:
    """List the packages beside a model with their licenses, those to look at first."""
    from proctor.spec.card.package_licenses import Standing

    with connect(host) as client:
        report = client.model_licenses(model_id)
    rows = [one.model_dump(mode="json") for one in report.packages]
    emit(rows, style, document=report.model_dump(mode="json"))
    if style is Format.TABLE:
        say(f"{report.words[:1].upper()}{report.words[1:]}.")
    doubtful = (*report.of(Standing.RESTRICTED), *report.of(Standing.UNKNOWN))
    if strict and doubtful:
        names = ", ".join(one.name for one in doubtful)
        raise CommandError(
            f"{len(doubtful)} of {len(report.packages)} packages are not surely open source:"
            f" {names}.",
            "Look them up before the image is passed on, or take others.",
        )
