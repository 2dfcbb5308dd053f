"""Every way to ask a server to relay: forms of sender, recipient and greeting, after those of the known testers.

RFC 5321 4.1.2 has the forms; RFC 1123 5.2.16 the percent hack; source routes are RFC 5321 appendix C; the bang path is
UUCP's.  ``T`` is the probe's token, ``D`` the sink's domain: a server that believes one of these forms to be its own,
or its client to be a friend, passes the message on, and the token arrives.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from whosent.model.check import Sink

_OWN: Final = 3  # domains tried at most of each kind


class Way(NamedTuple):
    """One way to ask."""

    name: str  # unique, in words
    kind: str  # what is special in it: plain, sender, helo, recipient, both
    greeting: str  # a whole command
    sender: str  # with brackets and parameters
    recipient: str  # with brackets; {T} stands for the token
    believed: str = ""  # what a server must believe to fall for it, as the end of "anybody who ..."


class Site(NamedTuple):
    """What is known of the server that is asked."""

    host: str
    address: str  # of the listener
    domains: tuple[str, ...]  # its own
    relayed: tuple[str, ...] = ()  # domains it relays to
    offers: frozenset[str] = frozenset()  # of EHLO, upper case


def ways(site: Site, sink: Sink, name: str) -> Iterator[Way]:
    """All of them, the plainest first; ``name`` is what the prober is called."""
    domain = sink.mail
    hello = f"EHLO {name}"
    foreign = f"<whosent-audit@{domain}>"
    plain = f"<{{T}}@{domain}>"
    yield Way("plain", "plain", hello, foreign, plain, "asks")
    yield from _senders(site, hello, plain)
    yield from _greetings(site, foreign, plain)
    yield from _recipients(site, hello, foreign, sink)
    own = site.domains[0] if site.domains else site.host
    for greeting in ("localhost", own):
        yield Way(f"sender postmaster@{own} and greeting {greeting}", "both", f"EHLO {greeting}",
                  f"<postmaster@{own}>", plain, f"forges a sender @{own} and greets as {greeting}")  # fmt: skip


def _senders(site: Site, hello: str, plain: str) -> Iterator[Way]:
    literal = _literal(site.address)
    yield Way("null sender", "sender", hello, "<>", plain, "sends bounces (an empty sender)")
    for domain in site.domains[:_OWN]:
        yield Way(f"sender postmaster@{domain}", "sender", hello, f"<postmaster@{domain}>", plain,
                  f"forges a sender @{domain}")  # fmt: skip
        yield Way(f"sender whosent-audit@{domain}", "sender", hello, f"<whosent-audit@{domain}>", plain,
                  f"forges a sender @{domain}")  # fmt: skip
    for sender, believed in (
        (f"postmaster@{site.host}", f"forges a sender @{site.host}"),
        (f"postmaster@{literal}", f"forges a sender @{literal}"),
        ("root@localhost", "forges a sender @localhost"),
        ("root", "gives a sender without a domain"),
    ):
        yield Way(f"sender {sender}", "sender", hello, f"<{sender}>", plain, believed)


def _greetings(site: Site, foreign: str, plain: str) -> Iterator[Way]:
    names = [site.host, *site.domains[:_OWN], "localhost", "localhost.localdomain", "[127.0.0.1]",
             _literal(site.address)]  # fmt: skip
    for name in dict.fromkeys(names):
        yield Way(f"greeting {name}", "helo", f"EHLO {name}", foreign, plain, f"greets as {name}")
    yield Way("HELO localhost", "helo", "HELO localhost", foreign, plain, "greets as localhost")


def _recipients(site: Site, hello: str, foreign: str, sink: Sink) -> Iterator[Way]:
    domain = sink.mail

    def way(form: str, believed: str, sender: str = foreign) -> Way:
        return Way(f"recipient {form.replace('{T}', 'token')}", "recipient", hello, sender, form, believed)

    yield way(f"{{T}}@{domain}", "leaves out the brackets")
    yield way(f'<"{{T}}"@{domain}>', "quotes the local part")
    yield way(f"<{{T}}@{domain}.>" if not domain.startswith("[") else f"<{{T}}@{domain} >", "adds a dot")
    yield way(f"<{{T}}@{sink.literal}>", "writes an address literal")
    yield way(f'<"{{T}}@{domain}">', "quotes the whole address")
    for form in (f"<{{T}}%{domain}>", f"<{domain}!{{T}}>", f'<"{{T}}%{domain}">'):
        yield way(form, "writes the other domain into a local part without a domain")
    if "SMTPUTF8" in site.offers:
        yield way(f"<ü.{{T}}@{domain}>", "writes an internationalised address", f"{foreign} SMTPUTF8")
    literal = _literal(site.address)
    places = [*site.domains[:_OWN], *site.relayed[:_OWN], site.host, literal]
    for place in dict.fromkeys(places):
        for form, believed in (
            (f"<{{T}}%{domain}@{place}>", f"writes user%domain@{place} (percent hack)"),
            (f"<{domain}!{{T}}@{place}>", f"writes domain!user@{place} (bang path)"),
            (f'<"{{T}}@{domain}"@{place}>', f'writes "user@domain"@{place}'),
            (f'<"{{T}}%{domain}"@{place}>', f'writes "user%domain"@{place}'),
            (f"<{{T}}@{domain}@{place}>", f"writes user@domain@{place}"),
            (f"<@{place}:{{T}}@{domain}>", f"writes a source route by {place}"),
        ):
            yield way(form, believed)


def _literal(address: str) -> str:
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"
