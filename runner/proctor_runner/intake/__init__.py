"""Intake: how a stranger's image is read, judged and given to the Docker daemon."""
