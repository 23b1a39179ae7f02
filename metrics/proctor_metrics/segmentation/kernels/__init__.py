"""Compiled passes over label maps; imported only where there is enough work to pay for Numba.

`joint` counts, `borders` and `corners` find surfaces, `rows`, `blocks` and `transform` find exact
nearest distances, `weighted` takes a percentile. Nothing outside this package imports Numba.
"""
