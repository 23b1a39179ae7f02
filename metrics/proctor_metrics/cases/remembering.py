"""What several metrics make of one case, made once."""

from collections.abc import Callable, Hashable
from functools import cached_property
from typing import TypeVar, cast

_Made = TypeVar("_Made")


class Remembering:
    """A case that keeps what was derived from it for as long as it lives itself."""

    def once(self, key: Hashable, make: Callable[[], _Made]) -> _Made:
        """Return what `make` makes, made at the first call with this key and kept.

        Args:
            key: names all that decides what is made.
            make: derives it from this case alone.
        """
        if key not in self._made:
            self._made[key] = make()
        return cast("_Made", self._made[key])

    @cached_property
    def _made(self) -> dict[Hashable, object]:
        return {}
