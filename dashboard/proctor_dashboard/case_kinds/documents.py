"""A case that is answered by a JSON document, for a metric of the organizer's own."""

from __future__ import annotations

import json

import numpy as np
import streamlit as st

from proctor_dashboard.case_kinds.parts import Parts, draw_scores
from proctor_dashboard.volumes import VolumeError

_MOST_SHOWN = 20_000


def draw(parts: Parts) -> None:
    """Draw the case.

    Raises:
        VolumeError: the answer cannot be read.
    """
    if parts.answered:
        packed = parts.array("predictions", parts.output).astype(np.uint8).tobytes()
        try:
            text = json.dumps(json.loads(packed), indent=2, ensure_ascii=False)
        except (ValueError, RecursionError) as error:
            raise VolumeError(f"The answer cannot be read as JSON ({error}).") from error
        st.code(text[:_MOST_SHOWN], language="json", wrap_lines=True)
        if len(text) > _MOST_SHOWN:
            st.caption(f"The first {_MOST_SHOWN:,} of {len(text):,} characters.")
    else:
        st.info("There is no answer to this case.")
    draw_scores(parts.case)
