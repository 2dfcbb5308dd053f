"""Whosent measured: generated logs with truth, peers beside it, a simulated population of senders."""
