"""Finds out what the sandbox enforces on this host, and keeps a worker from serving without it."""
