"""What a mail server's own configuration says: who may relay through it, and which line says so.  Pure."""
