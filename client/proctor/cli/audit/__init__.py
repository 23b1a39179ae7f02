"""Recomputes the scores of a board with other people's code: MedPy, scikit-learn and SciPy.

MedPy is under the GNU GPL, version 3; it is used here alone, and comes with the extra `audit`.
"""
