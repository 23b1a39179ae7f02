"""Every outcome a person may meet, in one table: code, owner, message, hint, HTTP status.

Three owners, never mixed. A participant's failure is shown, final and counts; an organizer's is
shown to the organizer and counts for nobody; the platform's is tried again and never charged.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Owner(StrEnum):
    """Whose failure it is."""

    NOBODY = "nobody"
    PARTICIPANT = "participant"
    ORGANIZER = "organizer"
    PLATFORM = "platform"


class Code(StrEnum):
    """The stable name of an outcome."""

    OK = "OK"
    # a model's case or run
    CRASH = "CRASH"
    TIMEOUT = "TIMEOUT"
    TOTAL_TIMEOUT = "TOTAL_TIMEOUT"
    OOM = "OOM"
    CUDA_OOM = "CUDA_OOM"
    OUTPUT_LIMIT = "OUTPUT_LIMIT"
    MISSING_OUTPUT = "MISSING_OUTPUT"
    INVALID_OUTPUT = "INVALID_OUTPUT"
    START_FAILED = "START_FAILED"
    PROTOCOLS_DISAGREE = "PROTOCOLS_DISAGREE"
    IMAGE_REJECTED = "IMAGE_REJECTED"
    FOLDER_REJECTED = "FOLDER_REJECTED"
    PREDICTIONS_REJECTED = "PREDICTIONS_REJECTED"
    # an organizer's data or metric
    CHALLENGE_INVALID = "CHALLENGE_INVALID"
    REFERENCE_INVALID = "REFERENCE_INVALID"
    METRIC_FAILED = "METRIC_FAILED"
    # ours
    WORKER_LOST = "WORKER_LOST"
    SANDBOX_FAILED = "SANDBOX_FAILED"
    DECODE_FAILED = "DECODE_FAILED"
    STORAGE_FAILED = "STORAGE_FAILED"
    INTERNAL = "INTERNAL"
    # at the API
    CANCELLED = "CANCELLED"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    NOT_FOUND = "NOT_FOUND"
    INVALID_REQUEST = "INVALID_REQUEST"
    CONFLICT = "CONFLICT"
    TERMS_NOT_ACCEPTED = "TERMS_NOT_ACCEPTED"
    PHASE_CLOSED = "PHASE_CLOSED"
    QUOTA_USED = "QUOTA_USED"
    RATE_LIMITED = "RATE_LIMITED"
    KIND_NOT_ACCEPTED = "KIND_NOT_ACCEPTED"
    RUNTIME_NOT_APPROVED = "RUNTIME_NOT_APPROVED"
    BLOB_MISSING = "BLOB_MISSING"
    DIGEST_MISMATCH = "DIGEST_MISMATCH"
    TOO_LARGE = "TOO_LARGE"
    LEASE_LOST = "LEASE_LOST"
    NOT_YET = "NOT_YET"
    # a model that is hosted
    NOT_SERVED = "NOT_SERVED"
    NO_ANSWER = "NO_ANSWER"


class Outcome(NamedTuple):
    """What is said when ``code`` happens."""

    owner: Owner
    message: str
    hint: str
    status: int


_N, _P, _O, _US = Owner.NOBODY, Owner.PARTICIPANT, Owner.ORGANIZER, Owner.PLATFORM

OUTCOMES: dict[Code, Outcome] = {
    Code.OK: Outcome(_N, "Done.", "", 200),
    Code.CRASH: Outcome(
        _P,
        "The model ended with an error.",
        "Run `proctor model test` on the folder or image: it uses the same sandbox.",
        422,
    ),
    Code.TIMEOUT: Outcome(
        _P,
        "The model took longer than the phase allows for one case.",
        "Compare the seconds per case with the limit case_s of the phase.",
        422,
    ),
    Code.TOTAL_TIMEOUT: Outcome(
        _P,
        "The run took longer than the phase allows in all.",
        "Compare the seconds of all cases with the limit total_s of the phase.",
        422,
    ),
    Code.OOM: Outcome(
        _P,
        "The model used more memory than the phase allows, or a child of it did.",
        "The limit memory_bytes holds for all processes, /tmp and /dev/shm together.",
        422,
    ),
    Code.CUDA_OOM: Outcome(
        _P,
        "The model asked for more memory than the GPU has.",
        "Take smaller batches or half precision; the run's environment names the GPU.",
        422,
    ),
    Code.OUTPUT_LIMIT: Outcome(
        _P,
        "The model wrote more than the phase allows.",
        "Write only the declared outputs; see output_bytes and output_files of the phase.",
        422,
    ),
    Code.MISSING_OUTPUT: Outcome(
        _P,
        "An output that the task declares is not there.",
        "Write each output under the file name that case.json gives in /output.",
        422,
    ),
    Code.INVALID_OUTPUT: Outcome(
        _P,
        "An output is not what the task declares.",
        "Run `proctor run` on the public sample: it decodes outputs as the server does.",
        422,
    ),
    Code.START_FAILED: Outcome(
        _P,
        "The container did not start, or the model was not ready to serve.",
        "Check the entrypoint: it must exist, be executable and fit this machine's architecture;"
        " a model that serves is loaded within start_s of the phase. The log of the case says"
        " more.",
        422,
    ),
    Code.PROTOCOLS_DISAGREE: Outcome(
        _P,
        "The model answers differently when it serves than when it is started for each case.",
        "Keep nothing from one case to the next and seed generators in each case, or declare the"
        " protocol case alone; `proctor model test` makes the same comparison.",
        422,
    ),
    Code.IMAGE_REJECTED: Outcome(
        _P,
        "The image was refused before it ran.",
        "Change what the detail names, build again and submit the new image.",
        422,
    ),
    Code.FOLDER_REJECTED: Outcome(
        _P,
        "The model folder was refused before it ran.",
        "Change what the detail names; `proctor model test` makes the same checks.",
        422,
    ),
    Code.PREDICTIONS_REJECTED: Outcome(
        _P,
        "The predictions were refused before they were read.",
        "`proctor challenge template predictions` writes a folder that is right, to start from.",
        422,
    ),
    Code.CHALLENGE_INVALID: Outcome(
        _O,
        "The challenge is not valid.",
        "Run `proctor challenge check`: it names file and field of every problem.",
        422,
    ),
    Code.REFERENCE_INVALID: Outcome(
        _O,
        "A reference of the task cannot be used.",
        "Run `proctor challenge check`, mend the file and publish again.",
        422,
    ),
    Code.METRIC_FAILED: Outcome(
        _O,
        "A metric of the task ended with an error.",
        "Nobody is charged. Mend the metric's parameters and publish again.",
        422,
    ),
    Code.WORKER_LOST: Outcome(
        _US,
        "The worker that had this work stopped answering.",
        "It is tried again by itself; nothing is charged.",
        503,
    ),
    Code.SANDBOX_FAILED: Outcome(
        _US,
        "The sandbox could not be used.",
        "It is tried again by itself; the operator can look with `docker info`.",
        503,
    ),
    Code.DECODE_FAILED: Outcome(
        _US,
        "The outputs could not be decoded for a reason that is not the model's.",
        "It is tried again by itself; nothing is charged.",
        503,
    ),
    Code.STORAGE_FAILED: Outcome(
        _US,
        "A file could not be stored or read.",
        "Try again; the operator should look at disk space.",
        503,
    ),
    Code.INTERNAL: Outcome(
        _US,
        "Something went wrong on our side.",
        "Try again; if it stays, give the operator the request id.",
        500,
    ),
    Code.CANCELLED: Outcome(_N, "It was cancelled.", "Submit again when you are ready.", 409),
    Code.UNAUTHENTICATED: Outcome(
        _N,
        "No valid token was given.",
        "Log in with `proctor login`, or set PROCTOR_TOKEN to a token that is not revoked.",
        401,
    ),
    Code.FORBIDDEN: Outcome(
        _N, "Your token does not allow this.", "Ask an organizer of the challenge.", 403
    ),
    Code.NOT_FOUND: Outcome(
        _N, "There is no such thing, or it is not yours to see.", "Check the address.", 404
    ),
    Code.INVALID_REQUEST: Outcome(
        _N, "The request is not valid.", "Mend the fields that errors names.", 422
    ),
    Code.CONFLICT: Outcome(
        _N,
        "It is not in a state that allows this.",
        "That is in the way: wait until it has changed, or ask for something else.",
        409,
    ),
    Code.TERMS_NOT_ACCEPTED: Outcome(
        _N,
        "You do not take part in this challenge, or its terms are new.",
        "`proctor challenge join SLUG` shows its terms, if it has any, and takes part.",
        403,
    ),
    Code.PHASE_CLOSED: Outcome(
        _N, "The phase is not open.", "`proctor challenge show` lists every phase.", 409
    ),
    Code.QUOTA_USED: Outcome(
        _N,
        "Your quota of this phase is used up.",
        "`proctor run` scores a model on the public sample and costs nothing.",
        429,
    ),
    Code.RATE_LIMITED: Outcome(
        _N,
        "You ask more often than this platform allows.",
        "Nothing was done. Wait as many seconds as Retry-After says, then repeat.",
        429,
    ),
    Code.KIND_NOT_ACCEPTED: Outcome(
        _N,
        "The challenge does not accept this kind of submission.",
        "Its page lists what it accepts.",
        422,
    ),
    Code.RUNTIME_NOT_APPROVED: Outcome(
        _N,
        "The model card names a runtime image that this challenge has not approved.",
        "Set runtime in model.json to one that the challenge's page lists.",
        422,
    ),
    Code.BLOB_MISSING: Outcome(
        _N, "A file that the request names is not here.", "Upload it first, then repeat.", 409
    ),
    Code.DIGEST_MISMATCH: Outcome(
        _N,
        "The bytes received do not have the digest that was announced.",
        "Nothing was stored. Send the file again.",
        422,
    ),
    Code.TOO_LARGE: Outcome(
        _N, "The upload is larger than allowed.", "Nothing was stored. Send less.", 413
    ),
    Code.LEASE_LOST: Outcome(
        _N,
        "This work is no longer yours.",
        "Another attempt has it; stop and drop what you have.",
        409,
    ),
    Code.NOT_YET: Outcome(
        _N, "This is hidden until the phase closes.", "Organizers see it now.", 403
    ),
    Code.NOT_SERVED: Outcome(
        _N,
        "The model is not being served.",
        "`proctor deployments show` says why; whoever deployed it can start it again.",
        503,
    ),
    Code.NO_ANSWER: Outcome(
        _N,
        "The model did not answer in time.",
        "Ask again, or ask for less at once; a model that was asleep is being started meanwhile.",
        504,
    ),
}


class ProctorError(Exception):
    """A failure with a code of the outcomes table; ``detail`` says what, where and by how much."""

    def __init__(self, code: Code, detail: str = "") -> None:
        super().__init__(detail or OUTCOMES[code].message)
        self.code = code
        self.detail = detail

    def __reduce__(self) -> tuple[type[ProctorError], tuple[Code, str]]:
        return type(self), (self.code, self.detail)

    @property
    def outcome(self) -> Outcome:
        """The row of the table."""
        return OUTCOMES[self.code]


class ParticipantError(ProctorError):
    """The participant's failure: shown, final, counts."""


class OrganizerError(ProctorError):
    """The organizer's failure: shown to the organizer, counts for nobody."""


class PlatformError(ProctorError):
    """Our failure: tried again, never charged."""
