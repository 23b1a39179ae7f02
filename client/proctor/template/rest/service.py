"""A model behind a web server: takes requests in, has them answered one by one, keeps the files.

It holds all that the doors share, and no door's form: `own_api`, `modelhub_api` and `max_api` write
what `Service.predict` returns as their callers know it.
"""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .backend import Wish
from .fetching import UrlFetcher
from .folder_pool import FolderPool
from .kept_files import KeptFiles
from .lane import Aside, Lane
from .samples import Samples
from .settings import Settings
from .uploads import Question, Uploads

if TYPE_CHECKING:
    from .backend import Answer, Backend, Part
    from .messages import Request

PARAMETERS = ("threshold", "pictures", "top")
OUTPUT_PATH = "/api/output/"
_SMALL_BYTES = 256 * 1024
_JPEG_START = b"\xff\xd8"


@dataclass(frozen=True)
class Told:
    """An answer as it can be told: its files have names to be fetched by.

    Attributes:
        files: The path of a part's file, by the part's name.
        pictures: The path of a part's picture, likewise.
        input_pictures: By input name.
        fields: What the request said beside its inputs.
    """

    answer: Answer
    files: Mapping[str, str]
    pictures: Mapping[str, str]
    input_pictures: Mapping[str, str]
    fields: Mapping[str, str]

    def place(self, part: Part, base: str) -> str:
        """Return the address of a part's file."""
        return base + self.files[part.name]


class Service:
    """One model's service; `run` belongs to the thread that owns the model.

    Args:
        scratch: An empty folder for requests and answers; a temporary one without it.
    """

    def __init__(self, backend: Backend, settings: Settings, scratch: Path | None = None) -> None:
        self.backend = backend
        self.settings = settings
        self._temporary = None if scratch else tempfile.TemporaryDirectory(prefix="proctor-rest-")
        self.scratch = scratch or Path(self._temporary.name if self._temporary else "")
        for name in ("requests", "answers", "kept"):
            (self.scratch / name).mkdir()
        self._large = FolderPool(self.scratch / "requests")
        self._small = FolderPool.in_memory() or self._large
        self._answers = self.scratch / "answers"
        self._numbers = itertools.count()
        self._kept = KeptFiles(self.scratch / "kept", settings.most_kept_bytes, settings.keep_s)
        self._lane: Lane[list[Answer]] = Lane(settings.most_waiting, settings.most_wait_s)
        self.samples = Samples(backend.folder, backend.card.inputs)
        self.uploads = Uploads(
            backend.card,
            self.samples,
            UrlFetcher(settings.url_hosts, settings.most_body_bytes),
            PARAMETERS,
        )

    @property
    def waiting(self) -> int:
        """How many requests wait for the model or have it."""
        return self._lane.waiting

    def run(self) -> None:
        """Let the model answer on this thread until the service is closed."""
        self._lane.run()

    def beside(self, aside: Aside) -> None:
        """Have the model's thread do something else while nobody waits; before it runs."""
        self._lane.beside(aside)

    def run_aside(self) -> threading.Thread:
        """Do the same on a thread of its own."""
        thread = threading.Thread(target=self.run, name="rest-model", daemon=True)
        thread.start()
        return thread

    def close(self) -> None:
        """Answer nothing more and remove every file."""
        self._lane.close()
        self._small.close()
        if self._temporary is not None:
            self._temporary.cleanup()

    def predict(self, request: Request, vector_files: bool = False) -> list[Told]:
        """Answer what a request sends: once, or once for each text of a batch.

        Args:
            vector_files: Whether vectors are wanted as files as well.

        Raises:
            RefusedError: It is not what the model takes, the model failed, or it is busy.
        """
        size = request.body.most_bytes
        is_small = size is not None and size <= _SMALL_BYTES
        with (self._small if is_small else self._large).folder() as folder:
            question = self.uploads.read(request, folder, is_small)
            return self._ask(question, request, vector_files)

    def predict_sample(self, name: str, request: Request, vector_files: bool = False) -> Told:
        """Answer a sample of the model's own.

        Raises:
            RefusedError: There is none of that name, or as for `predict`.
        """
        inputs = self.samples.inputs_of(name)
        self.uploads.refuse_missing(inputs)
        fields = {key: value for key, value in request.query.items() if key in PARAMETERS}
        return self._ask(Question(dict(inputs), fields), request, vector_files)[0]

    def kept(self, name: str) -> Path | None:
        """Return a file of an answer, while it is kept."""
        return self._kept.find(name)

    def keep(self, file: Path) -> Path:
        """Take a file over from a request's folder, for an answer that is still to be sent."""
        name = self._kept.keep(file, file.suffix)
        found = self._kept.find(name)
        if found is None:
            raise FileNotFoundError(name)
        return found

    @contextmanager
    def request_folder(self) -> Iterator[Path]:
        """Give an empty folder whose files are gone after the block."""
        with self._large.folder() as folder:
            yield folder()

    def _ask(self, question: Question, request: Request, vector_files: bool) -> list[Told]:
        wish = Wish(
            pictures=question.fields.get("pictures") in ("true", "1"),
            vector_files=vector_files,
            threshold=question.fields.get("threshold", ""),
        )
        asked = [question.inputs] + [
            dict.fromkeys(question.inputs, text) for text in question.texts
        ]

        folders = [self._answers / str(next(self._numbers)) for _ in asked]

        def ask() -> list[Answer]:
            return [
                self.backend.answer(inputs, folder, wish)
                for inputs, folder in zip(asked, folders)  # noqa: B905  # Python 3.8
            ]

        try:
            answers = self._lane.ask(ask, request.is_gone)
            return [self._tell(answer, question.fields) for answer in answers]
        finally:
            for folder in folders:
                # Few answers have files; a look is cheaper than an attempt.
                if os.path.exists(folder):
                    shutil.rmtree(folder, ignore_errors=True)

    def _tell(self, answer: Answer, fields: Mapping[str, str]) -> Told:
        def kept(path: Path) -> str:
            return OUTPUT_PATH + self._kept.keep(path, path.suffix)

        return Told(
            answer=answer,
            files={part.name: kept(part.file) for part in answer.parts if part.file},
            pictures={part.name: kept(part.picture.path) for part in answer.parts if part.picture},
            input_pictures={
                # It may be the input itself, a sample of the model's.
                name: OUTPUT_PATH + self._kept.keep(one.path, _suffix_of(one.path), is_ours=False)
                for name, one in answer.pictures.items()
            },
            fields=fields,
        )


def _suffix_of(picture: Path) -> str:
    with picture.open("rb") as stream:
        return ".jpg" if stream.read(2) == _JPEG_START else ".png"
