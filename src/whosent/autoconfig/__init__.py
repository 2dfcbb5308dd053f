"""How mail programs find our servers: what is published, what ports accept, and files that say it; pure."""
