"""How mail is handed in: the line of Postfix or Exim that decides on passwords, and the step that mends it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

from whosent.model.check import Heard, Opening, Question, Read
from whosent.model.incident import Remedy
from whosent.servers import exim, mending, postfix
from whosent.servers.attempt import Attempt

Fault = Literal["auth_on_25", "auth_in_clear", "no_password"]
_POSTFIX: Final[dict[Fault, tuple[str, str]]] = {
    "auth_on_25": ("smtpd_sasl_auth_enable", "no"),
    "auth_in_clear": ("smtpd_tls_auth_only", "yes"),
    "no_password": ("smtpd_recipient_restrictions", "permit_sasl_authenticated,reject"),
}
_ADVERTISED: Final = "auth_advertise_hosts"
_EXIM: Final[dict[Fault, tuple[str, str, str]]] = {  # the old value narrowed, what it does, who is reached
    "auth_on_25": ("${{if eq{{$received_port}}{{25}}{{}}{{{}}}}}", "Offer passwords at other ports than 25 only",
                   "whoever handed in mail with a password at port 25: 587 and 465 remain"),
    "auth_in_clear": ("${{if def:tls_in_cipher{{{}}}{{}}}}", "Offer passwords only once the connection is encrypted",
                      "whoever hands in mail without encryption"),
}  # fmt: skip
_LOG_IN: Final = ("  deny message = Log in first\\n       condition = ${if or{{eq{$received_port}{587}}"
                  "{eq{$received_port}{465}}}}\\n       !authenticated = *")  # fmt: skip


def reads(heard: Heard) -> Iterator[Question]:
    """The file that names who is offered passwords, where Postfix has not told it."""
    place = exim.path(heard)
    if place is not None and postfix.configuration(heard) is None:
        yield Read(key=place, path=place)


def lookups(heard: Heard, port: int, attempt: Attempt) -> Iterator[Question]:
    """What is to be asked before a line can be named; Postfix has told everything already."""
    if postfix.configuration(heard) is None:
        yield from exim.lookups(heard, _key(port), port, attempt)


def _key(port: int) -> str:
    return f"handed in at {port}"


def guilty(heard: Heard, fault: Fault, port: int) -> tuple[Opening, Remedy] | None:
    """The line, and the step."""
    site = postfix.configuration(heard)
    if site is not None:
        return _of_postfix(site, fault, port)
    main = exim.written(heard)
    if main is None:
        return None
    return _without_password(heard, main, port) if fault == "no_password" else _advertised(main, fault)


def _of_postfix(site: postfix.Configuration, fault: Fault, port: int) -> tuple[Opening, Remedy] | None:
    service = site.service(port)
    if service is None:
        return None
    parameter, value = _POSTFIX[fault]
    title, reach = f"Set {parameter} for this port alone", f"everybody who hands in mail at port {port}"
    return site.where(parameter, service), mending.of_service(service, parameter, value, title, reach)


def _advertised(main: exim.Written, fault: Fault) -> tuple[Opening, Remedy]:
    """To whom passwords are offered: everybody, where nothing is written."""
    narrowed, title, reach = _EXIM[fault]
    found = exim.option(main, _ADVERTISED)
    value = f"{_ADVERTISED} = {narrowed.format(found.value if found else '*')}".replace("\\", "\\\\")
    why = "Clients that it names are offered passwords, whatever port they ask and however they came."
    if found is None:
        opening = Opening(file=main.file, line=None, text=f"{_ADVERTISED} = * (default)", why=why, setting=_ADVERTISED)
        return opening, mending.exim_edit(main.file, f"1i\\{value}", title, reach)
    opening = main.cause(found.first, why, _ADVERTISED)
    return opening, mending.exim_edit(main.file, f"{found.first},{found.last}c\\{value}", title, reach)


def _without_password(heard: Heard, main: exim.Written, port: int) -> tuple[Opening, Remedy] | None:
    told = exim.statement(heard, _key(port), main)
    if told is None or told.cause.file != main.file or told.cause.line is None:
        return None
    why = f"This statement of the ACL for recipients accepts who has not logged in, at port {port} too."
    opening = main.cause(told.cause.line, why)
    return opening, mending.exim_edit(
        main.file, f"{told.cause.line}i\\{_LOG_IN}", "Refuse at 587 and 465 who has not logged in",
        "whoever hands in mail at 587 or 465 without a password; what stands above is accepted as before",
    )  # fmt: skip
