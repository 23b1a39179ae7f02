"""Contracts: what a container finds in /input and is expected to leave in /output."""
