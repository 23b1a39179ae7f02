"""`proctor models files|download|fork|run`: have a model here, build on it, see it answer."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from proctor.cli.connection import connect
from proctor.cli.failures import CommandError, Exit
from proctor.cli.names import require_model_name
from proctor.cli.options import FormatOption, HostOption, ModelIdArgument, SandboxOption
from proctor.cli.output import Format, emit, say

if TYPE_CHECKING:
    from proctor.spec.archive import ArchiveManifest

_EXECUTABLE, _PLAIN = 0o755, 0o644


def files(
    model_id: ModelIdArgument, host: HostOption = None, style: FormatOption = Format.TABLE
) -> None:
    """List the files of a model with their digests, for those who may have them."""
    with connect(host) as client:
        found = client.model_files(model_id)
    emit([one.model_dump(mode="json") for one in found], style)


def download(
    model_id: ModelIdArgument,
    to: Annotated[
        Path | None, typer.Option("--to", help="The folder to make; else the model's name.")
    ] = None,
    host: HostOption = None,
) -> None:
    """Make a model's folder here, every file checked by its digest."""
    with _archive(model_id, host) as path:
        folder = _unpack(path, to)
    sys.stdout.write(f"{folder}\n")


def fork(
    model_id: ModelIdArgument,
    folder: Annotated[Path, typer.Argument(help="The folder to make; its name is the model's.")],
    host: HostOption = None,
) -> None:
    """Make a folder to build on: the model, under a name of yours, that says where it is from."""
    require_model_name(folder.name)
    with _archive(model_id, host) as path:
        made = _unpack(path, folder)
    card_file = made / "model.json"
    card = json.loads(card_file.read_text(encoding="utf-8"))
    card |= {"name": folder.name, "forked_from": model_id}
    # What was measured and claimed is of the other model, and so is who made it.
    for inherited in ("claimed_scores", "release_notes", "id"):
        card.pop(inherited, None)
    card_file.write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    say(f"{made} is forked from {model_id}; change it, and `proctor submit` it with its lineage.")
    sys.stdout.write(f"{made}\n")


def run(
    model_id: ModelIdArgument,
    sandbox: SandboxOption = "auto",
    host: HostOption = None,
    style: FormatOption = Format.TABLE,
) -> None:
    """Run a model on the public sample here, and compare with what it answered there."""
    from proctor.cli.archived_reruns import rerun_archive

    with _archive(model_id, host) as path:
        done = rerun_archive(path, sandbox, style, trust_metrics=False)
    raise typer.Exit(done)


@contextmanager
def _archive(model_id: str, host: str | None) -> Generator[Path]:
    """Give the public archive of a model for a while."""
    from proctor.spec.archive import ArchiveKind

    with TemporaryDirectory(prefix="proctor-model-") as scratch:
        path = Path(scratch) / f"{model_id}.zip"
        with connect(host) as client:
            client.archive(model_id, ArchiveKind.PUBLIC, path)
        yield path


def _unpack(path: Path, to: Path | None) -> Path:
    """Write the model folder of an archive.

    Raises:
        CommandError: the archive holds no folder, or there is something in the way.
    """
    from proctor.cli.archive_file import open_archive
    from proctor.spec.work import FolderContent

    with open_archive(path) as archive, TemporaryDirectory(prefix="proctor-files-") as scratch:
        manifest = archive.manifest
        if not isinstance(manifest.submission.content, FolderContent):
            raise CommandError(
                f"{manifest.submission.id} is no model folder, but {_kind(manifest)}.",
                f"`proctor archive {manifest.submission.id}` fetches what there is.",
                Exit.REJECTED,
            )
        folder = to or Path(manifest.submission.card.name)
        if folder.exists():
            raise CommandError(f"{folder} is there already.", "Name another folder.", Exit.USAGE)
        blobs = archive.unpack(Path(scratch))
        for entry in manifest.submission.content.entries:
            target = folder / entry.path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(blobs[entry.file.digest], target)
            target.chmod(_EXECUTABLE if entry.executable else _PLAIN)
        say(f"{len(manifest.submission.content.entries)} files, every digest is right.")
    return folder


def _kind(manifest: ArchiveManifest) -> str:
    return "an image" if manifest.submission.kind == "image" else "predictions"
