"""What Proctor starts on this machine: child processes, Redis, a Docker daemon."""
