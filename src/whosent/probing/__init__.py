"""What probes say: who they are, and every way a stranger might try to have a message relayed.  Pure."""
