"""Metrics and rankings: numpy in, numbers out."""
