"""What goes wrong with a model, as sentences for the person who made it."""


class NotReadyError(Exception):
    """The model cannot be asked anything, now or later."""


class NotAnsweredError(Exception):
    """The model did not answer this case."""
