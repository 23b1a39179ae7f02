"""Names that people give on the command line to what they make."""

from __future__ import annotations

from proctor.cli.failures import CommandError, Exit


def require_slug(name: str, what: str, example: str) -> None:
    """Refuse a name that a platform would not take.

    Args:
        what: What the name is meant to be, for the message.
        example: One that it could be.
    """
    from pydantic import TypeAdapter, ValidationError

    from proctor.spec.base import Slug

    try:
        TypeAdapter(Slug).validate_python(name)
    except ValidationError as error:
        raise CommandError(
            f"{name!r} is no {what}.",
            f"Use lower-case letters, digits and inner hyphens, for example {example}.",
            Exit.USAGE,
        ) from error


def require_model_name(name: str) -> None:
    """Refuse a name that no model can have."""
    require_slug(name, "name for a model", "u-net-small")
