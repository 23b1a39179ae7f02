"""Models that the platform keeps running: deployments, versions, and what is asked of them."""
