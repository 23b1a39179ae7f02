"""The two parameters of every list."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

Offset = Annotated[int, Query(ge=0, le=10_000_000, description="items to leave out")]
Limit = Annotated[int, Query(ge=1, le=200, description="the most items to send")]
