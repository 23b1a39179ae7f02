"""Proctor: examinations for machine-learning models. The public SDK and the command line."""
