"""The other half of an audit: a small receiver that takes probes' tokens and nothing else, and says which arrived."""
