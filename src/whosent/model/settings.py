"""Every knob: type, default and one line of doc, in one place; ``whosent config`` prints them."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta


class Ours(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What belongs to us; what is not said here is learnt and stated as an assumption."""

    domains: Annotated[tuple[str, ...], Meta(description="Mail domains that are ours.")] = ()
    networks: Annotated[
        tuple[str, ...], Meta(description="Networks that are ours, as CIDR; private ranges always are.")
    ] = ()
    mail_servers: Annotated[
        tuple[str, ...],
        Meta(description="Names our mail servers give themselves in Received lines; *.example.org for all below."),
    ] = ()
    relay_domains: Annotated[
        tuple[str, ...], Meta(description="Domains of others we are asked to relay to (backup MX, gateway).")
    ] = ()


class Logs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How log lines are read."""

    timezone: Annotated[
        str, Meta(description="IANA zone of time stamps without offset; empty: this machine's zone.")
    ] = ""
    year: Annotated[
        int,
        Meta(ge=0, le=9999, description="Year of the first stamp without year; 0: inferred from file times."),
    ] = 0
    geo_database: Annotated[
        str, Meta(description="MMDB file with countries or ASNs of login addresses; empty: networks only.")
    ] = ""


class Registries(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom ``trace --investigate`` asks."""

    rdap_bootstrap: Annotated[
        str, Meta(description="Web address of IANA's RDAP bootstrap files, or of a copy of your own.")
    ] = "https://data.iana.org/rdap"
    whois_server: Annotated[str, Meta(description="WHOIS server that refers to all others.")] = "whois.iana.org"
    dns_server: Annotated[
        str, Meta(description="Address of the resolver for --reach dns, its port behind #; empty: this machine's.")
    ] = ""
    blocklists: Annotated[
        tuple[str, ...], Meta(description="Zones of blocklists that --reach dns asks about addresses.")
    ] = ("zen.spamhaus.org", "bl.spamcop.net")


class Meter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The outcome meter."""

    caution: Annotated[
        float,
        Meta(ge=0, le=20, description="Nats above one false alarm a sender-year before anybody is accused."),
    ] = 2.0


class State(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is kept between runs."""

    folder: Annotated[
        str,
        Meta(description="Folder of the ledger; empty: /var/lib/whosent for root, else ~/.local/state/whosent (XDG)."),
    ] = ""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings; an empty file is a complete configuration."""

    ours: Ours = Ours()
    logs: Logs = Logs()
    meter: Meter = Meter()
    registries: Registries = Registries()
    state: State = State()
