"""Puts the commands together."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

from proctor.cli import (
    accounts,
    admin,
    answers,
    archives,
    auditing,
    boards,
    challenges,
    deployments,
    doctor,
    model_registry,
    models,
    ranking,
    reruns,
    running,
    scoring,
    serving,
    submissions,
    workers,
)

app = typer.Typer(
    name="proctor",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def root(
    show_version: Annotated[
        bool, typer.Option("--version", help="Print the version and end.")
    ] = False,
) -> None:
    """Examinations for machine-learning models: sandboxed runs, hidden references, leaderboards."""
    if show_version:
        typer.echo(version("proctor"))
        raise typer.Exit


app.command("submit")(submissions.submit)
app.command("submissions")(submissions.submissions)
app.command("submission")(submissions.submission)
app.command("logs")(submissions.logs)
app.command("cancel")(submissions.cancel)
app.command("leaderboard")(boards.leaderboard)
app.command("rank")(ranking.rank)
app.command("score")(scoring.score)
app.command("audit")(auditing.audit)
app.command("predictions")(answers.predictions)
app.command("archive")(archives.archive)
app.command("rerun")(reruns.rerun)
app.command("run")(models.run)
app.add_typer(models.models, name="model")
app.add_typer(model_registry.registry, name="models")
app.add_typer(challenges.challenges, name="challenge")
app.command("login")(accounts.login)
app.command("logout")(accounts.logout)
app.command("whoami")(accounts.whoami)
app.add_typer(accounts.users, name="user")
app.add_typer(admin.admin, name="admin")
app.command("serve")(serving.serve)
app.command("deploy")(deployments.deploy)
app.add_typer(deployments.deployments, name="deployments")
app.command("up")(running.up)
app.command("worker")(workers.worker)
app.command("workers")(workers.workers)
app.command("doctor")(doctor.doctor)
app.command("demo")(running.demo)
