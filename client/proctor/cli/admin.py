"""`proctor admin`: what an operator does on the platform's own machine, past its API."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from proctor.cli.failures import CommandError, Exit
from proctor.cli.output import say

if TYPE_CHECKING:
    from proctor_platform.settings import PlatformSettings

admin = typer.Typer(
    no_args_is_help=True,
    help="Backup, restore, audit and clear out a platform, on its own machine.",
)

_DAY_S = 24 * 3600.0
_SHOWN = 20

HomeOption = Annotated[
    Path | None, typer.Option("--home", help="The platform's home; PROCTOR_HOME by default.")
]


@admin.command()
def backup(
    target: Annotated[Path, typer.Argument(help="A new folder, or a new file that ends in .tar.")],
    home: HomeOption = None,
) -> None:
    """Copy the database and all blobs, of one moment, while the platform runs."""
    from proctor_platform.upkeep.backup import back_up

    made = back_up(_settings(home), target.resolve())
    say(f"{made.rows} rows and {made.blobs} blobs, {made.size_bytes} bytes, are in {target}.")
    if made.secrets_left_out:
        names = ", ".join(str(path) for path in made.secrets_left_out)
        say(f"Not in it, for they are secrets: {names}.")
        say("Tokens stay valid after a restore; the next start makes lost files of these anew.")


@admin.command()
def restore(
    source: Annotated[Path, typer.Argument(help="What `proctor admin backup` made.")],
    home: HomeOption = None,
) -> None:
    """Fill an empty home and database from a backup, of this kind of database or another."""
    from proctor_platform.upkeep.restore import restore as fill

    settings = _settings(home)
    done = fill(settings, source.resolve())
    say(f"{done.rows} rows and {done.blobs} blobs are in {settings.home}.")
    if done.secrets_left_out:
        names = ", ".join(done.secrets_left_out)
        say(f"Put {names} there with mode 0600 if you kept them; else the next start makes others.")


@admin.command("audit-log")
def audit_log(
    noted: Annotated[
        str, typer.Option("--noted", help="A head that was noted before: 12:sha256:….")
    ] = "",
    export: Annotated[
        Path | None, typer.Option("--export", help="Write the history there, one JSON a line.")
    ] = None,
    exported: Annotated[
        Path | None, typer.Option("--exported", help="Check such a file, not the database.")
    ] = None,
    home: HomeOption = None,
) -> None:
    """Check that no event of the history was changed, removed or put in later."""
    from proctor_platform.chain import parse_head
    from proctor_platform.upkeep.audit import audit
    from proctor_platform.upkeep.exported_history import check_export, export_history

    try:
        before = parse_head(noted) if noted else None
    except ValueError as error:
        hint = "Give a head as this command prints it: 12:sha256:…."
        raise CommandError(f"{error}.", hint, Exit.USAGE) from error
    found = check_export(exported, before) if exported else audit(_settings(home), before)
    if found.broken is not None:
        broken = found.broken
        place = "without a place" if broken.position is None else f"at place {broken.position}"
        named = "" if broken.event is None else f", event {broken.event}"
        raise CommandError(
            f"The history is broken {place}{named}: {broken.reason}.",
            f"It is whole up to {found.head}. Compare with a backup and with logs of"
            " events_sealed.",
        )
    say(f"{found.head.position} events are as they were sealed; {found.waiting} wait for it.")
    say("Note the head elsewhere: with --noted a later check finds a history written anew.")
    if export is not None:
        written = export_history(_settings(home), export)
        say(f"{export} has the {written.position} events that are sealed, with who asked whence.")
    print(found.head)


@admin.command("gc")
def clear(
    yes: Annotated[bool, typer.Option("--yes", help="Remove it; without, only say what.")] = False,
    days: Annotated[
        float, typer.Option("--older-than-days", min=1, help="Leave what is younger than this.")
    ] = 7,
    home: HomeOption = None,
) -> None:
    """Find what nothing needs: broken uploads, blobs without a row, blobs never entered."""
    from proctor_platform.upkeep.clearing import clear_out

    settings = _settings(home)
    if not settings.blobs.is_dir():
        raise CommandError(
            f"There are no blobs in {settings.blobs}.",
            "Set PROCTOR_HOME as the platform has it, or give --home.",
            Exit.USAGE,
        )
    found = clear_out(settings, older_than_s=days * _DAY_S, remove=yes)
    groups = {
        "uploaded and never entered": found.unused,
        "of the store that no row knows": [path.name for path in found.unknown],
        "of uploads that broke off": [path.name for path in found.broken_off],
    }
    for what, names in groups.items():
        say(f"{len(names)} {what}")
        for name in names[:_SHOWN]:
            say(f"  {name}")
        if len(names) > _SHOWN:
            say(f"  and {len(names) - _SHOWN} more")
    if yes:
        say(f"{found.size_bytes} bytes were freed.")
    else:
        say(f"{found.size_bytes} bytes could be freed; nothing was removed. Repeat with --yes.")


def _settings(home: Path | None) -> PlatformSettings:
    from proctor_platform.settings import PlatformSettings

    return PlatformSettings() if home is None else PlatformSettings(home=home.resolve())
