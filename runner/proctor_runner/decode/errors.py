"""The one error of this package."""


class InvalidOutputError(Exception):
    """An output does not keep the rules; the text is the sentence a participant reads."""
