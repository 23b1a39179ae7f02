"""Uploads with a progress bar on standard error."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from proctor.cli.output import console, say

if TYPE_CHECKING:
    from proctor.client import Blob, Client


def upload(client: Client, blobs: Iterable[Blob]) -> None:
    """Upload what the platform lacks, and say how much that was."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    blobs = list(blobs)
    columns = (TextColumn("Uploading"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    screen = console(stderr=True)
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bar:
        task = bar.add_task("upload", total=None)
        sent = client.upload(
            blobs, lambda done, total: bar.update(task, completed=done, total=total)
        )
    tell_uploaded(blobs, sent)


def tell_uploaded(blobs: Iterable[Blob], sent: int) -> None:
    """Say how many bytes were sent, and how many needed not be."""
    held = sum({blob.ref.digest: blob.ref.size for blob in blobs}.values()) - sent
    say(f"Uploaded {size(sent)}" + (f"; {size(held)} were there already." if held else "."))


def size(count: float) -> str:
    """Write a number of bytes for people.

    >>> size(3_500_000)
    '3.5 MB'
    """
    units = ("bytes", "kB", "MB", "GB")
    power = 0
    while count >= 1000 and power + 1 < len(units):
        count /= 1000
        power += 1
    return f"{count:.{min(power, 1)}f} {units[power]}"
