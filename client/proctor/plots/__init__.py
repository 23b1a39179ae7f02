"""Plots of rankings and scores, one implementation for pages, reports and notebooks."""
