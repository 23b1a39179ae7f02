"""Plots of rankings and scores, one implementation for pages, reports and notebooks.

A plot is a plotly figure with a title and a caption that says how to read it (``plot.Plot``).
Each is drawn from ``proctor.spec.statistics`` alone, so it does not know where the numbers come
from. What it must bear: a printer without colors, a telephone, and names that strangers chose.
"""
