"""The files of a model by digest, for those who may have them."""

from __future__ import annotations

from proctor.spec.outcomes import Code, ProctorError
from proctor.spec.registry.pages import ModelFile
from proctor_platform.archive.rights import may_have_files
from proctor_platform.registry.differences import files_by_path
from proctor_platform.registry.sight import ModelSight


def files_of_model(model: ModelSight) -> list[ModelFile]:
    """Return every file of a model with its digest, for those who may have them.

    Raises:
        ProctorError: the model was withdrawn, or its license lets nobody hand it on.
    """
    if not model.shown:
        raise ProctorError(Code.NOT_FOUND, "This model was withdrawn.")
    if not may_have_files(model.sight):
        raise ProctorError(
            Code.FORBIDDEN, "Its files are its owner's and the organizers', by its license."
        )
    return [
        ModelFile(path=path, size=file.size, digest=file.digest)
        for path, file in files_by_path(model.submission.content).items()
    ]
