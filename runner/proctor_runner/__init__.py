"""The runner: sandboxes, contracts, decode and scoring on a worker."""
