"""Who is registered for an address, as an audit asks the registries."""

from __future__ import annotations

from whosent.model.check import Answer, Question


class Registered(Question, frozen=True, kw_only=True):
    """Which network an address belongs to, and whom its registry names for complaints."""

    address: str


class Registrant(Answer, frozen=True, kw_only=True):
    """Of a Registered."""

    server: str = ""  # who answered
    network: str = ""
    holder: str = ""
    abuse_contact: str = ""  # mail address for complaints; empty: none is registered
