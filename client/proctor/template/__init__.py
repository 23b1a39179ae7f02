"""The engine inside a model's container: it turns a model folder into a contestant.

It reads one case, calls the participant's `Model`, checks what came back and writes it. It runs
in images this project does not build, so it needs the standard library alone (numpy and nibabel
are used where they are installed), keeps to the syntax of Python 3.8, and imports nothing else
of Proctor. It knows no platform, no metric and no reference.
"""
