"""Everything an operator may set of a worker; read once by ``proctor worker`` and passed down."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from proctor.spec.limits import GIB
from proctor.spec.work import Queue, Role
from proctor_runner.faults import FaultPoint, Faults


class SettingsError(ValueError):
    """A setting is missing or cannot be used; the message names it and says what to do."""


class WorkerSettings(BaseSettings):
    """The settings of one worker; each may be given as ``PROCTOR_<NAME>`` in the environment."""

    model_config = SettingsConfigDict(env_prefix="PROCTOR_", extra="forbid", frozen=True)

    platform_url: str = Field("http://127.0.0.1:8000", description="where the platform answers")
    redis_url: str | None = Field(
        None, description="the queue; unix:// works too; without one the platform itself is asked"
    )
    run_token: SecretStr | None = Field(None, description="token of a worker with role run")
    run_token_file: Path | None = Field(None, description="or a file with mode 0600 that holds it")
    score_token: SecretStr | None = Field(None, description="token of a worker with role score")
    score_token_file: Path | None = Field(
        None, description="or a file with mode 0600 that holds it"
    )
    host_token: SecretStr | None = Field(None, description="token of a worker with role host")
    host_token_file: Path | None = Field(None, description="or a file with mode 0600 that holds it")
    worker_name: str = Field("", max_length=48, description="shown to operators; host name if none")
    worker_state: Path = Field(Path("worker"), description="folder for cache, slots and scratch")
    roles: Annotated[tuple[Role, ...], NoDecode] = Field(
        (Role.RUN, Role.SCORE), description="what this worker does, with commas between"
    )
    run_slots: int | None = Field(
        None, ge=1, le=256, description="runs at the same time; 1, or as many as the GPUs allow"
    )
    gpus_per_run: int = Field(
        1, ge=1, le=16, description="GPUs that a process of run.gpu has to itself"
    )
    score_slots: int = Field(1, ge=1, le=256, description="scorings at the same time")
    host_slots: int = Field(
        2, ge=1, le=256, description="hosted models at the same time; a swap takes one more"
    )
    run_queue: Literal[Queue.RUN_CPU, Queue.RUN_GPU] = Field(
        Queue.RUN_CPU, description="which runs this worker takes"
    )
    sandbox: Literal["auto", "docker", "process"] = Field(
        "auto", description="auto is docker where a daemon answers, else process"
    )
    sandbox_runtime: str = Field(
        "", description="runtime of Docker's for models, such as runsc; its default if none"
    )
    accept_unenforced_limits: bool = Field(
        False, description="serve although a limit is not enforced on this host; see proctor doctor"
    )
    decode_image: str = Field("", description="id of the decode image; proctor/decode if none")
    cache_bytes: int = Field(8 * GIB, ge=1 << 20, description="size limit of the blob cache")
    image_cache_bytes: int = Field(
        32 * GIB, ge=1 << 20, description="size limit of submissions' images in the Docker daemon"
    )
    poll_s: float = Field(5.0, gt=0, description="an idle process asks for work this often")
    sweep_s: float = Field(5.0, gt=0, description="leftovers of dead workers go this often")
    drain_s: float = Field(30.0, ge=0, description="after SIGTERM, work may go on for so long")
    decode_cases: int = Field(8, ge=1, description="cases decoded together")
    decode_wait_s: float = Field(10.0, gt=0, description="longest wait of a case for decoding")
    fault_at: Annotated[tuple[FaultPoint, ...], NoDecode] = Field(
        (), description="tests only: die at these points, with commas between"
    )
    fault_times: int = Field(1, ge=1, description="tests only: how often to die there")
    fault_socket: Path | None = Field(
        None, description="tests only: a Unix socket at which to ask at every point before going on"
    )

    @field_validator("roles", "fault_at", mode="before")
    @classmethod
    def _split(cls, names: object) -> object:
        return names.split(",") if isinstance(names, str) else names

    def token(self, role: Role) -> str:
        """Return the worker token of ``role``.

        Raises:
            SettingsError: there is none, or its file is readable by others.
        """
        match role:
            case Role.RUN:
                text, file = self.run_token, self.run_token_file
            case Role.SCORE:
                text, file = self.score_token, self.score_token_file
            case Role.HOST:
                text, file = self.host_token, self.host_token_file
        if text is not None:
            return text.get_secret_value()
        if file is None:
            raise SettingsError(
                f"a worker with role {role} needs a token: set PROCTOR_{role.upper()}_TOKEN_FILE"
            )
        return read_secret(file)

    def queue(self, role: Role) -> Queue:
        """Return the one queue that a process of ``role`` listens to."""
        return {Role.RUN: self.run_queue, Role.SCORE: Queue.SCORE, Role.HOST: Queue.HOST}[role]

    def slots(self, role: Role) -> int:
        """Return how many processes of ``role`` this worker has, whatever GPUs there are."""
        if role not in self.roles:
            return 0
        slots = {Role.RUN: self.run_slots, Role.SCORE: self.score_slots, Role.HOST: self.host_slots}
        return slots[role] or 1

    @property
    def runs_models(self) -> bool:
        """Whether a process of this worker runs models of others."""
        return bool({Role.RUN, Role.HOST} & set(self.roles))

    def faults(self) -> Faults:
        """Return the points at which this worker is to die."""
        return Faults(
            self.fault_at, self.worker_state / "faults", self.fault_times, self.fault_socket
        )


def read_secret(file: Path) -> str:
    """Return the secret in a file that only its owner may read.

    Raises:
        SettingsError: others may read it, or nobody can.
    """
    try:
        mode = file.stat().st_mode
        text = file.read_text().strip()
    except OSError as error:
        raise SettingsError(f"the token file {file} cannot be read: {error.strerror}") from error
    if stat.S_IMODE(mode) & 0o077:
        raise SettingsError(f"the token file {file} is open to others; run: chmod 600 {file}")
    return text
