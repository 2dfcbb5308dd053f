"""What is asked beyond a message's headers: its links and contacts, registries, the DNS; never an advertised host."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, Literal

from whosent.model.check import Resolve
from whosent.model.inquiry import Advertised, Inquiry, Reach, Registration, Resolution
from whosent.model.mistake import Mistake
from whosent.model.settings import Settings
from whosent.model.trace import Trace
from whosent.published.signed import Key, Signed
from whosent.sources.dns import resolve
from whosent.sources.names import Names
from whosent.sources.registries import Asked, Network, Registries
from whosent.trace.addresses import is_private
from whosent.trace.heads import BODY_LIMIT, Block

_QUESTIONS: Final = 20  # domains and addresses asked about for one message
_KEYS: Final = 10_000  # kept
_MARGIN: Final = 4  # line ends between header and body
_SENTENCES: Final[dict[Reach, str]] = {
    "offline": "Nobody was asked.",
    "registries": (
        "Only registries that IANA names were asked; no advertised host was contacted or looked up in the DNS."
    ),
    "dns": (
        "Registries were asked, and the DNS: looking up an advertised name, or the key of a signature, reaches the "
        "name servers of whoever owns it, who may notice. No advertised host was contacted."
    ),
}

Inquire = Callable[[Block, Trace], Inquiry]


def inquirer(reach: Reach, settings: Settings) -> Inquire:
    """Asks about one message after the other, and nobody twice."""
    try:
        from whosent.trace.advertised import advertised  # noqa: PLC0415  # needs an extra
    except ImportError as error:
        raise Mistake("--investigate needs publicsuffixlist: pip install 'whosent[investigate]'.") from error
    known = settings.registries
    registries = Registries(known.rdap_bootstrap, known.whois_server, Network()) if reach != "offline" else None
    names = Names(known.dns_server, known.blocklists) if reach == "dns" else None
    keys = _Keys(known.dns_server) if reach == "dns" else None

    def inquire(block: Block, one: Trace) -> Inquiry:
        found, digests = advertised(b"\n\n".join((block.raw, block.body)))
        whole = len(block.body) + _MARGIN < BODY_LIMIT
        signed = Signed(block.raw, block.body if whole else None)
        entry = _entry(one)
        return Inquiry(
            reach=reach,
            sentence=_SENTENCES[reach],
            advertised=found,
            registrations=_registrations(registries, entry, found) if registries else [],
            resolutions=_resolved(names, entry, found) if names else [],
            digests=digests,
            signatures=list(signed.told(keys.of(signed.keys()) if keys else None)),
        )

    return inquire


def _entry(one: Trace) -> str | None:
    """The client of the last line that can be believed, whether or not the message is said to have entered there."""
    address = one.hops[one.boundary.hop - 1].from_address if one.boundary is not None else None
    return address if address is not None and not is_private(address) else None


class _Keys:
    """Public keys from the DNS, each asked for once."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._known: dict[str, Key] = {}

    def of(self, names: list[str]) -> dict[str, Key]:
        """What is published at these names."""
        if len(self._known) > _KEYS:
            self._known.clear()
        new = [Resolve(key=name, name=name, type="TXT") for name in names if name not in self._known]
        for told in resolve(new, self._server):
            record = next((one for one in told.records if "p=" in one), None)
            problem = f"its key could not be asked for ({told.problem.sentence})" if told.problem else None
            self._known[told.key] = Key(record, problem)
        return self._known


def _registrations(registries: Registries, entry: str | None, found: list[Advertised]) -> list[Registration]:
    addresses = dict.fromkeys(
        filter(None, (entry, *(one.host for one in found if one.domain is None and _is_public(one))))
    )
    domains = dict.fromkeys(one.domain for one in found if one.domain)
    asked = [*(("network", address) for address in addresses), *(("domain", name) for name in domains)]
    return [
        _registration(about, "network", registries.network(about))
        if kind == "network"
        else _registration(about, "domain", registries.domain(about))
        for kind, about in asked[:_QUESTIONS]
    ]


def _is_public(one: Advertised) -> bool:
    """Whether the host is an address that a registry knows."""
    return (":" in one.host or one.host.replace(".", "").isdecimal()) and not is_private(one.host)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _registration(about: str, kind: Literal["domain", "network"], asked: Asked) -> Registration:
    answer = asked.answer
    return Registration(
        about=about, kind=kind, server=asked.server, asked=_now(),
        registrar=answer.registrar if answer else None,
        registered=answer.registered if answer else None,
        expires=answer.expires if answer else None,
        name_servers=list(answer.name_servers) if answer else [],
        holder=answer.holder if answer else None,
        network=answer.network if answer else None,
        asn=answer.asn if answer else None,
        country=answer.country if answer else None,
        abuse_contact=answer.abuse_contact if answer else None,
        status=list(answer.status) if answer else [],
        problem=asked.problem,
    )  # fmt: skip


def _resolved(names: Names, entry: str | None, found: list[Advertised]) -> list[Resolution]:
    told: list[Resolution] = list(names.of_address(entry)) if entry else []
    for one in found[:_QUESTIONS]:
        told += (
            names.of_host(one.host, one.domain)
            if not _is_address(one.host)
            else names.of_address(one.host)
            if _is_public(one)
            else []
        )
    return told


def _is_address(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdecimal()
