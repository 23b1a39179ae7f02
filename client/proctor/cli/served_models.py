"""What `proctor serve` is given, as a program in a sandbox with a card to show."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from proctor.cli.failures import CommandError
from proctor.cli.output import say

if TYPE_CHECKING:
    from proctor.cli.local_runs import Keep
    from proctor_runner.serving.served_model import ServedModel
    from proctor_runner.workshop import RunTools

_SUBMISSION = "sub_"


class Named(NamedTuple):
    """A model as it is typed.

    Attributes:
        name: A folder, a graph, an image, an archive, or the id of a submission.
        weights: A folder beside an image.
        contract: As ``--contract`` says.
    """

    name: str
    weights: Path | None = None
    contract: str | None = None


@contextmanager
def opened(
    named: Named, sandbox: str, host: str | None, state: Path
) -> Iterator[tuple[RunTools, ServedModel]]:
    """Give a sandbox and the model in it, ready to be started.

    Args:
        state: An empty folder, which must outlive the block.

    Raises:
        CommandError: There is no such model, or it cannot be served.
        ParticipantError: It was refused.
        PlatformError: The sandbox cannot be used.
    """
    from proctor.cli.local_runs import images_folder
    from proctor.cli.sandboxes import usable_sandbox
    from proctor_runner.workshop import SandboxWorkshop

    archive = _archive_of(named.name, host, state)
    used = usable_sandbox(sandbox, images_folder(), say)
    if archive is not None and used == "process" and sandbox != used:
        raise CommandError(
            "Without Docker the archive's model would run with your rights.",
            "Start Docker; or, if you trust whoever made it, give --sandbox process.",
        )
    (state / "cases").mkdir()
    with ExitStack() as kept:
        tools = kept.enter_context(SandboxWorkshop(used, state, "local").open(state / "cases"))
        if archive:
            yield tools, _from_archive(archive, tools, state)
        else:
            yield tools, _from_here(named, tools, state, kept.enter_context)


def _archive_of(name: str, host: str | None, state: Path) -> Path | None:
    """Return the archive that a name stands for, fetched from the platform if need be."""
    from proctor.cli.connection import connect
    from proctor.cli.zipped_folders import is_zipped_folder
    from proctor.spec.archive import ArchiveKind

    path = Path(name)
    if path.suffix == ".zip" and path.is_file():
        return None if is_zipped_folder(path) else path
    if path.exists() or not name.startswith(_SUBMISSION):
        return None
    fetched = state / "archive.zip"
    say(f"Fetching the archive of {name}.")
    with connect(host) as client:
        client.archive(name, ArchiveKind.PUBLIC, fetched)
    return fetched


def _from_archive(path: Path, tools: RunTools, state: Path) -> ServedModel:
    from proctor.cli.archive_file import open_archive
    from proctor.spec.work import ImageContent
    from proctor_runner.archived_run import archived_program, work_of
    from proctor_runner.local import LocalDesk
    from proctor_runner.serving.served_model import served_model

    (state / "files").mkdir()
    with open_archive(path) as archive:
        manifest = archive.manifest
        if not manifest.rerunnable:
            raise CommandError(
                f"{path} holds predictions that were entered, not a model: there is nothing to"
                " serve."
            )
        blobs = archive.unpack(state / "files")
    work = work_of(manifest, blobs)[0]
    desk = LocalDesk(blobs, state / "stored", lambda _stage, _done, _total: None)
    program = archived_program(work, desk, tools, state / "model")
    content = manifest.submission.content
    contract = content.contract if isinstance(content, ImageContent) else None
    name = manifest.submission.card.name
    limits = work.local.limits
    return served_model(name, program, limits, contract, tools.shelf, state / "shown", say)


def _from_here(named: Named, tools: RunTools, state: Path, keep: Keep) -> ServedModel:
    from proctor.cli.graphs import graph_folder, is_graph
    from proctor.cli.local_runs import image_of
    from proctor.spec.limits import Limits
    from proctor_runner.local import LocalDesk
    from proctor_runner.local_model import prepare
    from proctor_runner.model_folder import permitted
    from proctor_runner.serving.served_model import served_model

    desk = LocalDesk({}, state / "stored", lambda _stage, _done, _total: None)
    given = Path(named.name)
    asked = str(keep(graph_folder(given, declares=True))) if is_graph(given) else named.name
    model, weights, contract = image_of(asked, named.weights, named.contract, keep)
    _, program = prepare(model, weights, desk, tools, state / "model", contract)
    limits = permitted(Limits(), model)
    shown = state / "shown"
    return served_model(given.name, program, limits, contract, tools.shelf, shown, say)
