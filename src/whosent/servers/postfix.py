"""Postfix: what ``postconf`` and the access maps say of a client, and the first line that lets it relay.

The restriction lists are walked as smtpd(8) walks them for a recipient of strangers; see SMTPD_ACCESS_README.  Maps are
asked by ``postmap -q``, which knows every kind of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_address, ip_network
from typing import Final, NamedTuple

import msgspec

from whosent.model.check import Content, Heard, Opening, Question, Ran, Read, Run
from whosent.servers import running
from whosent.servers.attempt import Attempt

_PORTS: Final = {"smtp": 25, "smtps": 465, "submissions": 465, "submission": 587}
_MAIN, _MASTER = "/etc/postfix/main.cf", "/etc/postfix/master.cf"
_ACCESS: Final = {"check_client_access": "client", "check_helo_access": "helo", "check_sender_access": "sender",
                  "check_recipient_access": "recipient"}  # fmt: skip
_PASSES: Final = re.compile(r"(?i)^(?:OK|PERMIT|\d+)\b")
_STOPS: Final = re.compile(r"(?i)^(?:REJECT|DEFER|DISCARD|[45]\d\d)\b")
_WITH_SOURCE: Final = {"hash", "btree", "lmdb", "cdb", "dbm", "texthash", "pcre", "regexp", "cidr"}
_STOPPING: Final = {"reject", "defer"}
_GUARDS: Final = {"reject_unauth_destination", "defer_unauth_destination"}
_DEEPEST: Final = 5  # restriction classes within one another


class Service(NamedTuple):
    """One smtpd of master.cf."""

    name: str  # "smtp/inet", as postconf -P writes it
    port: int
    address: str  # empty: all
    command: str
    overrides: Mapping[str, str]


class Configuration(msgspec.Struct, frozen=True):
    """All that was read."""

    parameters: Mapping[str, str]  # expanded
    services: tuple[Service, ...]
    main: str
    master: str

    def value(self, parameter: str, service: Service | None = None) -> str:
        """In force for this service."""
        if service is not None and parameter in service.overrides:
            return service.overrides[parameter]
        return self.parameters.get(parameter, "")

    def words(self, parameter: str, service: Service | None = None) -> list[str]:
        """A list: separated by commas and white space."""
        return re.findall(r"\{[^}]*\}|[^,\s]+", self.value(parameter, service))

    def service(self, port: int) -> Service | None:
        """The smtpd behind a port."""
        return next((one for one in self.services if one.port == port), None)

    def where(self, parameter: str, service: Service | None = None) -> Opening:
        """The line that sets a parameter."""
        if service is not None and parameter in service.overrides:
            below = rf"{re.escape(service.name.partition('/')[0])}\s"
            line = _line(self.master, rf"\s+-o\s*\{{?\s*{re.escape(parameter)}\s*=", below)
            text = f"-o {parameter}={service.overrides[parameter]}"
            return Opening(file=_MASTER, line=line, text=text, why="", setting=f"{service.name}/{parameter}")
        line = _line(self.main, rf"{re.escape(parameter)}\s*=")
        default = f"{parameter} = {self.value(parameter)}".rstrip() + " (default)"
        text = running.split(self.main)[line - 1].strip() if line else default
        return Opening(file=_MAIN, line=line, text=text, why="", setting=parameter)


def questions() -> Iterator[Question]:
    """What tells everything but the maps."""
    yield Run(key="postconf", argv=("postconf", "-x"))
    yield Run(key="postconf -M", argv=("postconf", "-M"))
    yield Run(key="postconf -P", argv=("postconf", "-P"))
    yield Read(key=_MAIN, path=_MAIN)
    yield Read(key=_MASTER, path=_MASTER)


def configuration(heard: Heard) -> Configuration | None:
    """What was read, if there is a Postfix here."""
    told = heard.get("postconf")
    if not isinstance(told, Ran) or told.problem is not None:
        return None
    services = list(_services(_output(heard, "postconf -M"), _output(heard, "postconf -P")))
    return Configuration(dict(_pairs(told.output)), tuple(services), _content(heard, _MAIN), _content(heard, _MASTER))


def _output(heard: Heard, key: str) -> str:
    answer = heard.get(key)
    return answer.output if isinstance(answer, Ran) else ""


def _content(heard: Heard, key: str) -> str:
    answer = heard.get(key)
    return answer.text if isinstance(answer, Content) else ""


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        name, found, value = line.partition("=")
        if found:
            yield name.strip(), value.strip()


def _services(listed: str, overridden: str) -> Iterator[Service]:
    overrides: dict[str, dict[str, str]] = {}
    for name, value in _pairs(overridden):
        service, _, parameter = name.rpartition("/")
        overrides.setdefault(service, {})[parameter] = value
    for line in listed.splitlines():
        fields = line.split(None, 7)
        if len(fields) < 8 or fields[1] != "inet" or not fields[7].startswith("smtpd"):  # noqa: PLR2004  # master(5)
            continue
        address, _, port = fields[0].rpartition(":")
        number = _PORTS.get(port) or (int(port) if port.isdecimal() else 0)
        name = f"{fields[0]}/inet"
        yield Service(name, number, address.strip("[]"), fields[7], overrides.get(name, {}))


# ------------------------------------------------------------------ who may relay


class Step(NamedTuple):
    """One restriction that could pass or stop, in the order smtpd looks at them."""

    parameter: str
    word: str
    table: str = ""  # of an access map, type:place
    keys: tuple[str, ...] = ()  # it is asked for


def steps(site: Configuration, service: Service | None, attempt: Attempt) -> list[Step]:
    """The restrictions that decide on relaying for this attempt.

    Those of smtpd_relay_restrictions; where that list is empty, as it was before Postfix 2.10, those of
    smtpd_recipient_restrictions.
    """
    parameter = "smtpd_relay_restrictions"
    if not site.words(parameter, service):
        parameter = "smtpd_recipient_restrictions"
    return list(restrictions(site, service, parameter, attempt))


def restrictions(site: Configuration, service: Service | None, parameter: str, attempt: Attempt) -> Iterator[Step]:
    """Those of one list, with the classes it names."""
    return _steps(site, service, parameter, site.words(parameter, service), attempt, _DEEPEST)


def _steps(  # noqa: PLR0913, PLR0917  # of what, in which list, how deep
    site: Configuration, service: Service | None, parameter: str, words: list[str], attempt: Attempt, depth: int
) -> Iterator[Step]:
    waiting = iter(words)
    for word in waiting:
        name = word.lower()
        if name in _ACCESS:
            table = next(waiting, "")
            yield Step(parameter, name, table, tuple(_keys(_ACCESS[name], attempt)))
        elif name in site.words("smtpd_restriction_classes", service) and depth:
            yield from _steps(site, service, name, site.words(name, service), attempt, depth - 1)
        else:
            yield Step(parameter, name)


def _keys(what: str, attempt: Attempt) -> Iterator[str]:
    """What smtpd looks up, the most special first; see access(5)."""
    if what == "client":
        yield attempt.client
        parts = attempt.client.split(".")
        yield from (".".join(parts[:count]) for count in range(len(parts) - 1, 0, -1))
        return
    said: str = getattr(attempt, what)
    if what == "helo":
        yield from _parents(said)
        return
    if not said:
        yield "<>"
        return
    local, _, domain = said.rpartition("@")
    yield said
    yield from _parents(domain)
    yield f"{local}@"


def _parents(domain: str) -> Iterator[str]:
    labels = domain.lower().split(".")
    for start in range(len(labels)):
        yield ".".join(labels[start:])
        if start:
            yield "." + ".".join(labels[start:])


def lookups(site: Configuration, service: Service | None, attempt: Attempt) -> Iterator[Question]:
    """What the maps are to be asked, and the files they are made of."""
    for step in steps(site, service, attempt):
        if step.table:
            yield from asks(step)
    for word in site.words("relay_domains", service):
        if ":" in word and not word.startswith("/"):
            domain = attempt.recipient.rpartition("@")[2]
            yield Run(key=f"{word} {domain}", argv=("postmap", "-q", domain, word))


def asks(step: Step) -> Iterator[Question]:
    """What a map is asked, and the file it is made of."""
    for key in step.keys:
        yield Run(key=f"{step.table} {key}", argv=("postmap", "-q", key, step.table))
    kind, _, path = step.table.partition(":")
    if kind in _WITH_SOURCE and path.startswith("/"):
        yield Read(key=path, path=path)


def guilty(site: Configuration, service: Service | None, attempt: Attempt, heard: Heard) -> Opening | None:
    """The line that let this attempt pass; None if the configuration does not say so."""
    walked = steps(site, service, attempt)
    for step in walked:
        if step.word in _STOPPING:
            return None
        if step.word in _GUARDS:
            domain = attempt.recipient.rpartition("@")[2]
            return _routed(site, service, attempt) or _relayed(site, service, domain, heard)
        if step.table:
            key, answer = answered(step, heard)
            if _STOPS.match(answer):
                return None
            if _PASSES.match(answer):
                why = (f"{step.word} in {step.parameter} looks up {key} here, and {answer.split(None, 1)[0]} lets it "
                       "pass before recipients of others are refused.")  # fmt: skip
                return entry(step, key, answer, heard, why)
        elif (cause := _passes(site, service, step, attempt)) is not None:
            return cause
    unset = site.where(walked[0].parameter if walked else "smtpd_relay_restrictions", service)
    return because(unset, "Nothing in this list refuses recipients of others (reject_unauth_destination is missing).")


def _passes(site: Configuration, service: Service | None, step: Step, attempt: Attempt) -> Opening | None:
    """What a restriction without a map lets through."""
    if step.word == "permit":
        return because(site.where(step.parameter, service), "It permits everybody before anything is refused.")
    network = network_of(site.words("mynetworks", service), attempt.client)
    if step.word != "permit_mynetworks" or not network:
        return None
    why = f"{network} makes {attempt.client} one of our own: whoever is there may relay."
    return because(site.where("mynetworks", service), why, network)


def because(cause: Opening, why: str, entry: str = "") -> Opening:
    """A line, with what it does."""
    return msgspec.structs.replace(cause, why=why, entry=entry)


def network_of(words: list[str], client: str) -> str:
    """The entry of a list of networks that holds the client."""
    for word in words:
        try:
            if ip_address(client) in ip_network(word.replace("[", "").replace("]", ""), strict=False):
                return word
        except ValueError:
            continue
    return ""


def is_own_client(site: Configuration, service: Service | None, client: str) -> bool:
    """Whether mynetworks names the client."""
    return bool(network_of(site.words("mynetworks", service), client))


def _relayed(site: Configuration, service: Service | None, domain: str, heard: Heard) -> Opening | None:
    for word in site.words("relay_domains", service):
        told = heard.get(f"{word} {domain}")
        if word.lower() == domain.lower() or (isinstance(told, Ran) and told.code == 0 and told.output.strip()):
            why = f"{word} holds {domain}: everybody may send there."
            return because(site.where("relay_domains", service), why, word)
    return None


def _routed(site: Configuration, service: Service | None, attempt: Attempt) -> Opening | None:
    """Addresses that name a second domain within the first are passed on only with allow_untrusted_routing."""
    local = attempt.recipient.rpartition("@")[0]
    if not re.search(r"[%!@]", local):
        return None
    if site.value("allow_untrusted_routing", service).lower() != "yes":
        return None
    why = f"Addresses such as {attempt.recipient} are passed on to where their local part points."
    return because(site.where("allow_untrusted_routing", service), why)


def answered(step: Step, heard: Heard) -> tuple[str, str]:
    """The first key that a map knows, and what it says to it; both empty: none."""
    for key in step.keys:
        told = heard.get(f"{step.table} {key}")
        if isinstance(told, Ran) and told.code == 0 and told.output.strip():
            return key, told.output.strip()
    return "", ""


def entry(step: Step, key: str, answer: str, heard: Heard, why: str) -> Opening:
    """The line of a map."""
    kind, _, path = step.table.partition(":")
    text = _content(heard, path)
    line = _line(text, rf"{re.escape(key)}(?:\s|$)") or _line(text, rf"\S.*\s{re.escape(answer)}\s*$")
    shown = running.split(text)[line - 1].strip() if line else f"{key} {answer}"
    place = path if text else f"{kind}:{path}"
    return Opening(file=place, line=line, text=shown, why=why, setting=step.table, entry=key)


def _line(text: str, pattern: str, after: str = "") -> int | None:
    """The number of the last line that begins so (Postfix takes the last), below the first line like ``after``."""
    found, begun = None, not after
    for number, line in enumerate(running.split(text), 1):
        if after and not line[:1].isspace() and not line.startswith("#"):
            begun = bool(re.match(after, line))
        if begun and re.match(pattern, line, re.IGNORECASE):
            found = number
    return found
