"""Everything an operator may set, as environment variables with the prefix ``PROCTOR_``.

One frozen object, built in ``__main__`` or handed to ``create_app``; nothing else of the platform
reads the environment. There is no secret with a default.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from fastapi import Request
from limits import parse
from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

_MIB = 1 << 20
_GIB = 1 << 30


def default_home() -> Path:
    """Return ``$XDG_STATE_HOME/proctor``, or its usual place below the home folder."""
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "proctor"


def _rate_of(text: str) -> str:
    """Return a limit as ``limits`` writes it, for example ``60/minute``; empty is no limit.

    Raises:
        ValueError: it is none.
    """
    if text and parse(text).amount < 1:
        raise ValueError(f"{text!r} allows nothing")
    return text


Rate = Annotated[str, AfterValidator(_rate_of)]


class PlatformSettings(BaseSettings):
    """The platform's settings."""

    model_config = SettingsConfigDict(env_prefix="PROCTOR_", frozen=True, extra="forbid")

    home: Path = Field(default_factory=default_home, description="folder of all state and secrets")
    database_url: str = Field("", description="SQLAlchemy URL; SQLite in the home folder if empty")
    blob_folder: Path | None = Field(
        None, description="where blobs are stored; `blobs` in the home folder if not given"
    )
    redis_url: str | None = Field(
        None, description="the queue's Redis; without one nobody is woken and workers ask by time"
    )
    listen_host: str = Field("127.0.0.1", description="address the API listens on")
    listen_port: int = Field(8000, ge=0, le=65535, description="port the API listens on")
    dashboard_url: str = Field("", description="address of the dashboard as its users see it")
    max_blob_bytes: int = Field(16 * _GIB, gt=0, description="the largest upload")
    max_json_bytes: int = Field(
        16 * _MIB,
        gt=0,
        description="the largest JSON request; 64 MiB where challenges and results are sent",
    )
    upload_quota_bytes: int = Field(
        64 * _GIB, gt=0, description="bytes one user who is not an admin may have uploaded in all"
    )
    max_folder_bytes: int = Field(_GIB, gt=0, description="the largest model folder")
    max_weights_bytes: int = Field(
        8 * _GIB, gt=0, description="the largest weights folder beside an image"
    )
    max_image_bytes: int = Field(32 * _GIB, gt=0, description="the largest image, all layers")
    max_open_uploads: int = Field(
        16, ge=1, description="unfinished uploads of one user; one more takes the oldest's place"
    )
    max_unfinished_bytes: int = Field(
        128 * _GIB, gt=0, description="bytes of everybody's unfinished uploads in all"
    )
    git_hosts: tuple[str, ...] = Field(
        ("github.com", "gitlab.com", "codeberg.org", "bitbucket.org", "huggingface.co"),
        description="whose repositories may be named as a submission's source, as a JSON list;"
        " with `:port` where it is not the usual one",
    )
    rate_requests: Rate = Field(
        "10000/10 seconds",
        description="requests of one user, or of one address without a token; `60/minute` is a"
        " limit too, and an empty one is none",
    )
    rate_wrong_tokens: Rate = Field(
        "600/minute", description="requests of one address whose token is wrong"
    )
    rate_submissions: Rate = Field(
        "600/minute", description="submissions and re-runs of one user who is not an admin"
    )
    rate_uploads: Rate = Field(
        "3000/10 seconds", description="uploads, or parts of one, of one user who is not an admin"
    )
    rate_tokens: Rate = Field(
        "60/minute", description="tokens that one user who is not an admin makes"
    )
    rate_deployments: Rate = Field(
        "60/minute", description="deployments, swaps and starts of one user who is not an admin"
    )
    rate_questions: Rate = Field(
        "600/minute", description="requests to hosted models by one user, or one address without"
    )
    rates_in_redis: bool = Field(
        False, description="whether several platforms count these together, in the queue's Redis"
    )
    lease_s: float = Field(30, gt=0, description="a worker's lease lapses this long after a beat")
    reconcile_s: float = Field(5, gt=0, description="seconds between two looks for lost work")
    metrics_public: bool = Field(
        False, description="whether /metrics answers everybody, and not admins alone"
    )
    max_attempts: int = Field(5, ge=1, description="attempts at one run or evaluation")
    hosted_open: bool = Field(
        False, description="whether public models that are hosted answer without an account, too"
    )
    hosted_most: int = Field(8, ge=0, description="models that are hosted at once")
    hosted_most_per_user: int = Field(
        2, ge=0, description="of them, models of one user who is not an admin"
    )
    hosted_idle_s: float = Field(
        900, gt=0, description="a hosted model falls asleep when nobody asks for so long"
    )
    hosted_answer_s: float = Field(
        120, gt=0, le=3600, description="whoever asks a hosted model waits so long at most"
    )
    hosted_most_waiting: int = Field(16, ge=1, description="questions that may wait for one model")
    hosted_question_bytes: int = Field(
        32 * _MIB, gt=0, le=256 * _MIB, description="the largest request to a hosted model"
    )
    hosted_answer_bytes: int = Field(
        32 * _MIB, gt=0, le=256 * _MIB, description="the largest answer of a hosted model"
    )
    visit_s: float = Field(
        4 * 3600, gt=0, description="so long a page of a hosted model that was opened can be used"
    )
    running: int | None = Field(
        None,
        ge=1,
        description="runs of one participant carried out at once, where a phase does not say",
    )

    @property
    def database_address(self) -> str:
        """The SQLAlchemy URL in use."""
        return self.database_url or f"sqlite:///{self.home / 'proctor.sqlite3'}"

    @property
    def blobs(self) -> Path:
        """The folder of the blob store."""
        return self.blob_folder or self.home / "blobs"


def settings_of(request: Request) -> PlatformSettings:
    """Return the application's settings."""
    settings: PlatformSettings = request.app.state.settings
    return settings
