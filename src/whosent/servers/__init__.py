"""What a server's own configuration says: which line let a stranger through, and the commands that close it.  Pure."""
