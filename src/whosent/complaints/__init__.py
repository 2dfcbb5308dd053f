"""Reports from outside as values: complaints, feedback loops, blocklist notices, bounces (pure)."""
