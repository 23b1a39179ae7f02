"""One table for all cases, cut into the table of each case before anything is sent.

The first column is ``case``; the others are those of the output. The rows of a case answer its
items in their order; those of boxes name their item. It is cut on the participant's own machine:
the platform opens no file.
"""

from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from proctor.cli.failures import CommandError, Exit
from proctor.client.blobs import Blob
from proctor.spec.predictions import case_folder

if TYPE_CHECKING:
    from proctor.spec.challenge import ChallengeSpec, PhaseSpec
    from proctor.spec.task import OutputSpec

CASE = "case"


def cut_tables(folder: Path, spec: ChallengeSpec, phase: PhaseSpec) -> dict[str, dict[str, Blob]]:
    """Find tables for all cases; return by the path of each the files that it stands for.

    Raises:
        CommandError: One is no CSV, or has another header or a row of another length.
    """
    found = {}
    for slug in phase.tasks:
        for output in spec.task(slug).outputs.values():
            relative = output.file if len(phase.tasks) == 1 else f"{slug}/{output.file}"
            path = folder / relative
            if output.columns and path.suffix != ".json" and path.is_file():
                found[relative] = {
                    f"{case_folder(slug, case, phase.tasks)}/{output.file}": Blob.of_bytes(text)
                    for case, text in _cut(path, output).items()
                }
    return found


def _cut(path: Path, output: OutputSpec) -> dict[str, bytes]:
    expected = [CASE, *output.columns]
    tables: dict[str, StringIO] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.reader(stream, strict=True)
            header = [cell.strip() for cell in next(rows, [])]
            if header != expected:
                raise CommandError(
                    f"{path} has the header {','.join(header)!r};"
                    f" a table for all cases has {','.join(expected)!r}.",
                    "",
                    Exit.USAGE,
                )
            for row in rows:
                if not row:
                    continue
                if len(row) != len(expected):
                    raise CommandError(
                        f"{path} has {len(row)} cells in line {rows.line_num};"
                        f" expected {len(expected)}.",
                        "",
                        Exit.USAGE,
                    )
                case = row[0].strip()
                if case not in tables:
                    tables[case] = StringIO(newline="")
                    csv.writer(tables[case], lineterminator="\n").writerow(output.columns)
                csv.writer(tables[case], lineterminator="\n").writerow(row[1:])
    except (UnicodeDecodeError, csv.Error) as error:
        raise CommandError(f"{path} is not CSV: {error}.", "", Exit.USAGE) from error
    return {case: table.getvalue().encode() for case, table in tables.items()}
