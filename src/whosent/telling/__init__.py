"""Telling somebody: what is due goes into the outbox, the outbox to the channels, and the heartbeat to who listens."""

from __future__ import annotations

import socket


def this_host() -> str:
    """The name of this machine, as alerts tell it."""
    return socket.gethostname()
