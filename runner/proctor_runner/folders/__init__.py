"""Scores anybody's folder of predictions against a folder of references, without a challenge.

The files are their user's own, so they are read in this process. What is read becomes a task, its
cases and their references, and from there on it is the scoring of a worker: the same handling of
what is missing or refused, the same draws, the same tables.
"""
