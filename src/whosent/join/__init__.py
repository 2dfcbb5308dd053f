"""Tokens to rows: lines of one queue id become messages, ids of one message become one (pure)."""
