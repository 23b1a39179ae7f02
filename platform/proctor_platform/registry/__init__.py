"""The registry: submissions as models that people find, look at, cite and take."""
