"""Sandboxes: where a program that nobody trusts meets exactly one folder of inputs."""
