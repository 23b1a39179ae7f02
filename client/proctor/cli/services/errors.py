"""The one error of this package: something this machine should run does not run."""


class ServiceError(Exception):
    """Ours, never a participant's: carries what happened and what to do next."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}"
