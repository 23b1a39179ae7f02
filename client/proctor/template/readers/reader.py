"""What every link of the chain can do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ..held import File


class Reader(Protocol):
    """Opens files of some formats.

    Attributes:
        formats: Names of `formats.FORMATS`.
        libraries: Modules it needs, beside the standard library.
        package: What to install to have them.
    """

    formats: tuple[str, ...]
    libraries: tuple[str, ...]
    package: str

    def shape(self, file: File, name: str) -> tuple[int, ...] | None:
        """Return the shape of the array form by the file's header; None where it tells none.

        It raises whatever its library raises on a file that it cannot read, as `native` does.
        """

    def native(self, file: File, name: str) -> object:
        """Return what the library makes of a whole file of format ``name``."""

    def owns(self, native: object) -> bool:
        """Tell whether a value is of this reader's native form; imports nothing."""

    def array(self, native: object) -> object:
        """Turn a value of the native form into the array form.

        Raises:
            ValueError: It has none; the text is a phrase.
        """


def is_of(native: object, module: str, *names: str) -> bool:
    """Tell whether a value's class, or a base of it, has one of the names in a package.

    By name, so that nobody pays for the import of a library that the value is not of.
    """
    return any(
        base.__name__ in names and base.__module__.split(".")[0] == module
        for base in type(native).__mro__
    )
