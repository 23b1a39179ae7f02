"""Runs inside a container: an organizer's function over canonical predictions and references.

The only place that executes code of a challenge. It has no network and knows no platform; what it
writes is read with guards, since whoever wrote the function decides about it. It needs numpy alone;
the function finds SciPy and scikit-learn beside it, as in the runtime image.

``metric.json`` in the input folder says what to do; ``scores.json`` in the output folder answers.
"""
