"""When somebody has to be told, and what is said; pure."""
