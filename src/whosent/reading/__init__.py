"""Bytes to tokens: envelopes, stamps and the compiled alternation of all dialects (pure)."""
