"""What intake needs of its caller."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

OpenBlob = Callable[[str], BinaryIO]
"""Opens the blob with a digest for reading from its start."""
