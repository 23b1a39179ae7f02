"""`proctor score`: score anybody's folder of predictions against a folder of references."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from proctor.cli.failures import CommandError, Exit
from proctor.cli.options import FormatOption, require_folder
from proctor.cli.output import Format, say

if TYPE_CHECKING:
    from proctor_runner.folders.results import FolderScores

_FEWEST_DRAWS = 100


def score(
    predictions: Annotated[
        Path,
        typer.Option("--pred", help="Folder of predictions; or one table, with --ref another."),
    ],
    references: Annotated[
        Path, typer.Option("--ref", help="Folder of references, files named alike.")
    ],
    metrics: Annotated[
        str,
        typer.Option(
            "--metrics",
            help="Such as dice,hd95:definition=voxel6,nsd:tolerance_mm=2; docs/metrics.md has all.",
        ),
    ],
    labels: Annotated[
        str | None,
        typer.Option(
            "--labels", help="1=CSF,2=GM, or a JSON, YAML or CSV file; else found in the files."
        ),
    ] = None,
    regions: Annotated[
        str | None,
        typer.Option("--regions", help="Scored instead of labels: whole=1+2+4,core=1+4."),
    ] = None,
    spacing: Annotated[
        str | None,
        typer.Option(
            "--spacing",
            help="Of a voxel in mm by axis, as 1x1x3, whatever files say; shapes alone must agree.",
        ),
    ] = None,
    samples: Annotated[
        int, typer.Option("--bootstrap", min=_FEWEST_DRAWS, max=10_000, help="Resamples.")
    ] = 1000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the resamples.")] = 0,
    csv_file: Annotated[
        Path | None,
        typer.Option("--csv", dir_okay=False, help="Write every value there, for `proctor rank`."),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", dir_okay=False, help="Write everything there.")
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option("--report", dir_okay=False, help="Write an HTML report with plots there."),
    ] = None,
    jobs: Annotated[
        int, typer.Option("--jobs", min=0, help="Processes; 0 is one for each core.")
    ] = 0,
    style: FormatOption = Format.TABLE,
) -> None:
    """Score a folder of predictions against one of references; needs no platform or challenge.

    Masks are .nii.gz, .nii, .mha, .nrrd, .npy, .png and .tif; tables of class scores, classes and
    numbers are .csv and .npy. A case without a prediction counts at the worst value.
    """
    require_folder(csv_file, json_file, report)
    from proctor.cli.score_output import document, show_scores, write_cases, write_json

    found = _score(predictions, references, metrics, labels, regions, spacing, samples, seed, jobs)
    algorithm = predictions.stem if predictions.is_file() else predictions.resolve().name
    show_scores(found, style)
    if csv_file is not None:
        write_cases(found, csv_file, algorithm)
        say(f"Every value is in {csv_file}.")
    if json_file is not None:
        write_json(document(found), json_file)
        say(f"Everything is in {json_file}.")
    if report is not None:
        from proctor.cli.score_report import score_table
        from proctor.plots.report import write_score_report

        write_score_report(score_table(found, f"{algorithm} against {references.name}"), report)
        say(f"The report is {report}.")


def _score(
    predictions: Path,
    references: Path,
    metrics: str,
    labels: str | None,
    regions: str | None,
    spacing: str | None,
    samples: int,
    seed: int,
    jobs: int,
) -> FolderScores:
    from pydantic import ValidationError

    from proctor.cli.metric_options import read_labels, read_metrics, read_regions, read_spacing
    from proctor.spec.ranking import BootstrapSpec
    from proctor_runner.folders.score import OUTPUT, REFERENCE, FolderRequest, score_folders

    request = FolderRequest(
        predictions=predictions,
        references=references,
        metrics=read_metrics(metrics, OUTPUT, REFERENCE),
        labels={} if labels is None else read_labels(labels),
        regions={} if regions is None else read_regions(regions),
        spacing_mm=None if spacing is None else read_spacing(spacing),
        bootstrap=BootstrapSpec(samples=samples, seed=seed),
        jobs=jobs,
    )
    try:
        return score_folders(request)
    except ValidationError as error:
        said = "; ".join(entry["msg"].removeprefix("Value error, ") for entry in error.errors())
        raise CommandError(f"{said}.", "", Exit.USAGE) from error
