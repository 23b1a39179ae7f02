"""How the platform logs: for people on a terminal, as JSON lines elsewhere."""

from __future__ import annotations

import sys

import structlog


def configure() -> None:
    """Set up structlog for this process."""
    terminal = sys.stderr.isatty()
    chain: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if terminal:
        plain = structlog.dev.plain_traceback
        chain.append(structlog.dev.ConsoleRenderer(exception_formatter=plain))
    else:
        # Local variables stay out: they may hold tokens, or contents of a reference.
        frames = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        chain += [
            structlog.processors.ExceptionRenderer(frames),
            structlog.processors.JSONRenderer(),
        ]
    structlog.configure(
        processors=chain,
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
