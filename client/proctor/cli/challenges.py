"""`proctor challenge`: make, check and publish a challenge; look at those there are and join."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from proctor.cli.connection import connect
from proctor.cli.environment import read_environment
from proctor.cli.failures import CommandError, Exit
from proctor.cli.options import FormatOption, HostOption
from proctor.cli.output import Format, emit, say
from proctor.cli.public_inputs import inputs, template
from proctor.cli.reevaluating import reevaluate, tell_queued
from proctor.cli.refreshing import refresh

if TYPE_CHECKING:
    from proctor.spec.api import ChallengeView
    from proctor.spec.task import TaskSpec

challenges = typer.Typer(no_args_is_help=True, help="Make, publish, look at and join challenges.")
challenges.command("reevaluate")(reevaluate)
challenges.command("refresh")(refresh)
challenges.command("inputs")(inputs)
challenges.command("template")(template)

SlugArgument = Annotated[str, typer.Argument(help="The challenge's slug.")]
FolderArgument = Annotated[
    Path, typer.Argument(help="The folder with challenge.yaml.", file_okay=False)
]
IdentifiersOption = Annotated[
    bool,
    typer.Option("--allow-identifiers", help="Let fields that may name a patient pass."),
]


@challenges.command("init")
def init(
    name: Annotated[str, typer.Argument(help="The slug, and the folder that is made.")],
    task: Annotated[
        str,
        typer.Option(
            "--task",
            help="classification, segmentation, regression, detection, tabular or text.",
        ),
    ] = "classification",
) -> None:
    """Write a small challenge that is complete and valid, to start from."""
    from proctor.cli.names import require_slug
    from proctor.cli.new_challenge import new_challenge

    folder = Path(name)
    require_slug(folder.name, "slug", "brain-tumor")
    try:
        written = new_challenge(folder, folder.name, task)
    except (ValueError, FileExistsError) as error:
        raise CommandError(f"{error}.", "", Exit.USAGE) from error
    say(f"Wrote {len(written)} files. Next: `proctor challenge check {folder}`, then publish.")
    sys.stdout.write(f"{folder / 'challenge.yaml'}\n")


@challenges.command("schema")
def schema() -> None:
    """Print the JSON schema of challenge.yaml."""
    from proctor.spec.challenge import ChallengeSpec

    sys.stdout.write(json.dumps(ChallengeSpec.model_json_schema(), indent=2) + "\n")


@challenges.command("list")
def list_challenges(host: HostOption = None, style: FormatOption = Format.TABLE) -> None:
    """List the challenges you may see."""
    from proctor.client.api import every

    with connect(host) as client:
        found = list(every(client.challenges))
    rows = [
        {
            "slug": entry.slug,
            "title": entry.title,
            "version": entry.version,
            "open": " ".join(entry.open_phases) or "–",
            "submissions": entry.submissions,
        }
        for entry in found
    ]
    emit(rows, style, document=[entry.model_dump(mode="json") for entry in found])


@challenges.command("show")
def show(
    slug: SlugArgument,
    version: Annotated[int | None, typer.Option("--version", help="This one.")] = None,
    host: HostOption = None,
    style: FormatOption = Format.TABLE,
) -> None:
    """Show a challenge: its text, tasks, phases and limits."""
    with connect(host) as client:
        view = client.challenge(slug, version)
    if style is Format.TABLE:
        _describe(view)
    emit(_phase_rows(view), style, document=view.model_dump(mode="json"))


@challenges.command("join")
def join(
    slug: SlugArgument,
    accept_terms: Annotated[
        bool, typer.Option("--accept-terms", help="You read the terms and accept them.")
    ] = False,
    host: HostOption = None,
) -> None:
    """Take part in a challenge; its terms are shown and must be accepted."""
    with connect(host) as client:
        terms = client.challenge(slug).challenge.terms
        if terms is not None and not accept_terms:
            say(f"Terms of {slug}, version {terms.version}:\n\n{terms.text.strip()}\n")
            if not sys.stdin.isatty():
                raise CommandError(
                    "The terms are not accepted.", "Read them and give --accept-terms.", Exit.USAGE
                )
            typer.confirm("Do you accept them?", abort=True, err=True)
        client.join(slug, terms.version if terms else "")
    say(f"You take part in {slug}.")


@challenges.command("member")
def member(
    slug: SlugArgument,
    user: Annotated[str, typer.Argument(help="The user's name.")],
    organizer: Annotated[
        bool, typer.Option("--organizer", help="Make the user an organizer.")
    ] = False,
    host: HostOption = None,
) -> None:
    """Let a user into your challenge, or make one an organizer."""
    from proctor.client.errors import ApiError
    from proctor.spec.api import MemberCreate
    from proctor.spec.outcomes import Code

    with connect(host) as client:
        try:
            client.add_member(slug, MemberCreate(user=user, organizer=organizer))
        except ApiError as error:
            if error.problem.code is not Code.NOT_FOUND:
                raise
            # Not found is also said of a challenge: then this raises, and says so.
            client.challenge(slug)
            raise CommandError(
                f"There is no user {user}.",
                f"An admin makes the account with `proctor user invite {user}`.",
                Exit.REJECTED,
            ) from error
    say(f"{user} is {'an organizer' if organizer else 'a member'} of {slug}.")


@challenges.command("check")
def check(
    folder: FolderArgument,
    allow_identifiers: IdentifiersOption = False,
    no_baselines: Annotated[
        bool, typer.Option("--no-baselines", help="Do not run and score the baselines.")
    ] = False,
    sandbox: Annotated[
        str, typer.Option("--sandbox", help="For baselines and own metrics: auto, docker, process.")
    ] = "auto",
    style: FormatOption = Format.TABLE,
) -> None:
    """Check a challenge offline: one line a problem, with file and field; scores its baselines."""
    from proctor.cli.checking import check_folder, score_baselines, try_own_metrics

    spec = check_folder(folder, allow_identifiers)
    try_own_metrics(folder, spec, sandbox)
    if no_baselines or not spec.baselines:
        say(f"{folder}: no problems.")
        return
    failed = score_baselines(folder, spec, sandbox, style)
    say(f"{folder}: no problems in its files.")
    if failed:
        raise CommandError(f"Baselines that fail: {', '.join(failed)}.", "Mend or remove them.")


@challenges.command("publish")
def publish(
    folder: FolderArgument,
    allow_identifiers: IdentifiersOption = False,
    no_docker: Annotated[
        bool, typer.Option("--no-docker", help="For a platform whose workers have no Docker.")
    ] = False,
    host: HostOption = None,
    style: FormatOption = Format.TABLE,
) -> None:
    """Publish a challenge; again makes a new version and never changes the old."""
    from proctor.cli.publishing import NoDockerShelf, RuntimeShelf, publish_folder
    from proctor.cli.salts import salt_key

    environment = read_environment()
    shelf = NoDockerShelf() if no_docker else RuntimeShelf(environment.cache / "images")
    key = salt_key(environment.config)
    with connect(host) as client:
        view, new = publish_folder(client, folder, allow_identifiers, shelf, key, say)
        api = f"{client.host}/api/v1/challenges/{view.challenge.slug}?version={view.version}"
        address = view.page or api
    tell_queued(view.reevaluations, view.outdated)
    shown = [task.slug for task in view.challenge.tasks if task.inputs_public]
    if new and shown:
        say(
            f"The test inputs of {', '.join(shown)} are now for whoever sees the challenge;"
            " no later version takes a copy back."
        )
    if not new:
        say(f"Nothing has changed: it is still version {view.version}.")
    elif view.challenge.baselines:
        say("Publishing enters no model. Enter the baselines with:")
        for command in _baseline_commands(view, folder):
            say(f"  {command}")
    row = {"slug": view.challenge.slug, "version": view.version, "address": address}
    emit([row], style, document=view.model_dump(mode="json"))


def _baseline_commands(view: ChallengeView, folder: Path) -> list[str]:
    """Return what enters every baseline in every phase."""
    spec = view.challenge
    phases = [f" --phase {phase.slug}" for phase in spec.phases] if len(spec.phases) > 1 else [""]
    return [
        f"proctor submit {spec.slug} {shlex.quote(str(folder / name))} --baseline{phase}"
        for phase in phases
        for name in spec.baselines
    ]


def _describe(view: ChallengeView) -> None:
    """Say in words what a person wants to know before joining."""
    from proctor.spec.phase_words import phase_words

    spec = view.challenge
    slug = [] if spec.title == spec.slug else [spec.slug]
    facts = [*slug, f"version {view.version}", f"by {', '.join(view.organizers)}"]
    say(f"{spec.title} ({', '.join(facts)})")
    for text in (spec.notice, spec.summary, spec.text.strip()):
        if text:
            say(f"\n{text}")
    say("")
    for task in spec.tasks:
        data = view.tasks[task.slug]
        metrics = ", ".join(
            metric.id + ("*" if metric.id == task.primary else "") for metric in task.metrics
        )
        say(
            f"Task {task.slug}: {data.hidden_cases} {_kind(task)} cases with"
            f" {data.hidden_items} items, "
            f"{data.sample_cases} public. Outputs {', '.join(task.outputs)}. Metrics {metrics}."
        )
    kinds = ", ".join(kind.value for kind in spec.accepts)
    runtimes = f" on {', '.join(spec.runtimes)}" if spec.runtimes else ""
    say(f"Accepts {kinds}{runtimes}.")
    for phase in spec.phases:
        say(f"Phase {phase.slug}: {' '.join(phase_words(spec, phase))}")
    if spec.terms is not None:
        accepted = "you accepted them" if view.terms_accepted else "you have not accepted them"
        say(f"Its terms are version {spec.terms.version}; {accepted}.")
    if view.organizer:
        say("You organize this.")
    else:
        say("You take part." if view.joined else "You do not take part.")
    if view.page:
        say(view.page)


def _kind(task: TaskSpec) -> str:
    return "open" if task.inputs_public else "hidden"


def _phase_rows(view: ChallengeView) -> list[dict[str, object]]:
    return [
        {
            "phase": phase.slug,
            "opens": f"{phase.opens_at:%Y-%m-%d %H:%M}",
            "closes": f"{phase.closes_at:%Y-%m-%d %H:%M}",
            "tasks": " ".join(phase.tasks),
            "a day": phase.quota.per_day,
            "in all": phase.quota.total,
            "limit per case": f"{phase.limits.case_s:g} s",
            "memory": f"{phase.limits.memory_bytes / 2**30:g} GiB",
            "cpus": f"{phase.limits.cpus:g}",
            "scores": phase.visibility.value.replace("_", " "),
        }
        for phase in view.challenge.phases
    ]
