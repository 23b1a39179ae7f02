"""The platform: HTTP API, tables, queue producer, leaderboards."""
