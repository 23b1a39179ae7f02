"""Leaderboards: immutable, numbered snapshots of who stands where and how sure that is."""
