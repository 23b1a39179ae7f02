"""Which prediction belongs to which reference: two files are a pair by their names without suffix.

Two files that are given in place of two folders are the one pair, whatever they are called.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from proctor_runner.folders.errors import FolderError

_SHOWN = 3


@dataclass(frozen=True)
class FilePair:
    """One case: its name, its reference, and its prediction if there is one."""

    name: str
    prediction: Path | None
    reference: Path


@dataclass(frozen=True)
class Pairs:
    """All cases in the order of their names.

    Attributes:
        without_reference: predictions that nothing can be said of.
        ignored: files of another kind.
    """

    cases: tuple[FilePair, ...]
    without_reference: tuple[Path, ...]
    ignored: tuple[Path, ...]

    @property
    def without_prediction(self) -> tuple[str, ...]:
        """Return the names of the cases that were not answered."""
        return tuple(case.name for case in self.cases if case.prediction is None)


@dataclass(frozen=True)
class _Found:
    by_name: dict[str, Path]
    ignored: tuple[Path, ...]


def pair_files(predictions: Path, references: Path, suffixes: Sequence[str]) -> Pairs:
    """Pair the files of two folders, those in their subfolders included, or two files.

    Args:
        suffixes: of the files that can be read.

    Raises:
        FolderError: a folder is not there or empty, one name is there twice, or no name is in
            both.
    """
    if predictions.is_file() and references.is_file():
        for path in (predictions, references):
            if _stem(path.name, suffixes) is None:
                raise FolderError(f"{path} is no {_listing(suffixes)} file.")
        name = _stem(references.name, suffixes) or references.name
        return Pairs((FilePair(name, predictions, references),), (), ())
    answers, truths = _files(predictions, suffixes), _files(references, suffixes)
    if not set(answers.by_name) & set(truths.by_name):
        raise _nothing_in_common(predictions, answers, references, truths)
    return Pairs(
        cases=tuple(
            FilePair(name, answers.by_name.get(name), path)
            for name, path in sorted(truths.by_name.items())
        ),
        without_reference=tuple(
            path for name, path in sorted(answers.by_name.items()) if name not in truths.by_name
        ),
        ignored=(*answers.ignored, *truths.ignored),
    )


def _files(folder: Path, suffixes: Sequence[str]) -> _Found:
    if not folder.is_dir():
        what = "a file, the other side a folder" if folder.exists() else "not there"
        raise FolderError(f"{folder} is {what}.", "Give two folders, or two files.")
    found: dict[str, Path] = {}
    ignored = []
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if not path.is_file() or any(part.startswith(".") for part in inside.parts):
            continue
        name = _stem(inside.as_posix(), suffixes)
        if name is None:
            ignored.append(path)
        elif name in found:
            raise FolderError(
                f"{found[name]} and {path} are both called {name!r}.",
                "Leave one file for each case.",
            )
        else:
            found[name] = path
    if found:
        return _Found(found, tuple(ignored))
    if ignored:
        raise FolderError(
            f"{folder} holds {len(ignored)} files, such as {ignored[0].name}, and none of them is"
            f" a {_listing(suffixes)} file, which these metrics are made of."
        )
    raise FolderError(f"{folder} is empty.", f"Put {_listing(suffixes)} files there.")


def _stem(name: str, suffixes: Sequence[str]) -> str | None:
    for suffix in sorted(suffixes, key=len, reverse=True):
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            return name[: -len(suffix)]
    return None


def _nothing_in_common(
    predictions: Path, answers: _Found, references: Path, truths: _Found
) -> FolderError:
    first = next(iter(truths.by_name))
    near = get_close_matches(first, answers.by_name, n=1, cutoff=0.4)
    meant = f" Is {near[0]!r} the prediction of {first!r}? Then rename it." if near else ""
    return FolderError(
        "No file has the same name in both folders:"
        f" {predictions} has {_examples(answers)}, {references} has {_examples(truths)}.",
        f"A pair is two files of one name without suffix, in the same subfolder.{meant}",
    )


def _examples(found: _Found) -> str:
    names = [repr(name) for name in list(found.by_name)[:_SHOWN]]
    more = len(found.by_name) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")


def _listing(suffixes: Sequence[str]) -> str:
    return f"{', '.join(suffixes[:-1])} or {suffixes[-1]}"
