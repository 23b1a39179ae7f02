"""Tests a model before it is entered: ModelHub's seven integration checks, and Proctor's own.

`attempts` lets it answer a sample in the real sandbox, through each protocol that it declares and
twice; the modules of checks judge what came of that; `examine` puts them in order.
"""
