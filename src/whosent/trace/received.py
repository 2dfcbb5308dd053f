"""One Received line to its fields (RFC 5321 section 4.4, and what servers really write).

The line is cut into clauses at the words that stand outside of comments, so that nothing a client said within a
comment can begin a clause; the part between ``from`` and ``by`` is read by the forms of :mod:`whosent.trace.clients`.
A line that names two addresses neither of which is known to be the server's own word gives none.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from whosent.trace import clients, local
from whosent.trace.addresses import PATTERN, canonical
from whosent.trace.dates import seconds

LONGEST: Final = 4096  # characters of a line that are read
_COMMENT: Final = r"\((?:[^()\\]++|\\.|\((?:[^()\\]++|\\.|\([^()]*+\))*+\))*+\)"
_WORD: Final = re.compile(
    rf'{_COMMENT}|"[^"]*"|<[^<>\s]*(?:<[^<>\s]*>)?[^<>\s]*>|\[[^\[\]\s]*\]|[^\s()<>"]+|\S', re.DOTALL
)
_CLAUSES: Final = frozenset(
    form for word in ("from", "by", "via", "with", "id", "for") for form in (word, word.title(), word.upper())
)
_ONWARD: Final = ("via", "by", "with", "id", "for")
_MAYBE_LOCAL: Final = (
    "uid ", "[local]", "with local", "mail pickup", "pooler ", "with POP3", "with IMAP", "(localhost)", "MAILER-DAEMON",
)  # fmt: skip  # one of them stands in every line that begins with "from" and has a local form
_DATE: Final = re.compile(
    r";? ?(?P<date>(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? ?)?"
    r"(?:\d{1,3}[ -][A-Z][a-z]{2,8}[ -]\d{2,4},? |[A-Z][a-z]{2} \d{1,2},? "
    r"|\d{4}-\d\d-\d\d[ T])\d{1,2}[:.]\d\d[^;]{0,60}?)(?P<behind>$|;| (?=id |\((?:envelope|return)|for |env-|\[))"
)
_WHOLE_COMMENT: Final = re.compile(
    r"^\(from (\S+ \[[^\[\]\s]+\])\)(?= by )|^\(ofmipd ([0-9a-fA-F.:]+)\)"
)  # NAVGW and mess822 write the client so
_ENVELOPE: Final = re.compile(
    r"\(?(?:envelope-from|envelope[- ]sender:?|return-path|env-from|sender:) ?\(?<?(?P<from>[^<>()\s,;]*)>?\)?,?",
    re.IGNORECASE,
)
_LOGIN: Final = (
    re.compile(r"\(Authenticated sender: (?P<login>[^()]*(?:\([^()]*\)[^()]*)*)\)"),  # Postfix
    re.compile(r"\(AUTH: (?:\S+ )?(?P<login>[^\s(),]+)(?:,[^()]*)?\)"),  # Courier
    re.compile(r"\(authenticated(?: user=| as )(?P<login>[^\s()]+)[^()]*\)", re.IGNORECASE),  # Sendmail, Exim
    re.compile(r"\(authenticated_sender: (?P<login>[^\s()]+)\)", re.IGNORECASE),
    re.compile(r"\(authenticated[^()]*\)(?P<login>)", re.IGNORECASE),  # Sendmail, Haraka: (authenticated bits=0)
    re.compile(r"\bauth=(?:yes|pass) user=(?P<login>\S+)"),  # OpenSMTPD
    re.compile(r"\(Authenticated user:? (?P<login>[^\s()]+)\)", re.IGNORECASE),
    re.compile(r"\(user (?P<login>[^\s()]+)\)"),  # Kerio
    re.compile(r"\(smtp-auth username (?P<login>[^\s(),]+)[^()]*\)"),  # qmail with plesk
)  # fmt: skip
_WITH_LOGIN: Final = re.compile(r"(?:ESMTPS?A|ASMTP|UTF8SMTPS?A|ESMTPA\S*|esmtps?a|asmtp|LMTPS?A)$")
_BY_WEB: Final = re.compile(r"HTTP\b", re.IGNORECASE)  # HTTPS is how Exchange servers talk to each other
_TLS: Final = re.compile(
    r"[( ](?:using |version=|cipher |Using |TLS: |SSL: )?(?P<version>(?:TLS|SSL)v?\d[\d._]*(?:/SSLv3)?)"
    r"(?:,? (?:with )?|:|,\d+bits,)"
    r"(?:cipher[= ])?(?P<cipher>[\w:+-]*)[^()]*(?:\([^()]*\)[^()]*)*\)?"
    r"|\((?P<only>[A-Z0-9]+(?:-[A-Z0-9]+){2,}) encrypted\)"
    r"|\btls (?P<exim>TLS\S+)"
)


class Received(NamedTuple):
    """The fields of one line; None where the line has none."""

    from_helo: str | None = None
    from_rdns: str | None = None
    from_address: str | None = None
    from_port: int | None = None
    by: str | None = None
    with_: str | None = None
    id: str | None = None
    for_: str | None = None
    envelope_from: str | None = None
    auth: str | None = None  # the login; where it is not named, the word that says that there was one
    login: str | None = None  # the login by name
    tls: str | None = None
    time: float | None = None  # seconds since the epoch
    date: str | None = None  # as written
    local: str | None = None  # "uid 33", a user's name, or what handed it in on this host
    uid: int | None = None
    onward: bool = False  # says that the message came by network, and the line below from where
    by_address: str | None = None  # address the server says it has itself
    forgeable: bool = False  # names several addresses, so that none is taken
    readable: bool = True  # false: nothing but text


def read(text: str) -> Received:
    """The fields of an unfolded line (its value, without ``Received:``)."""
    text = " ".join(text[:LONGEST].split()).replace("; by ", " by ")
    if text.startswith(("(from ", "(ofmipd ")):
        text = _WHOLE_COMMENT.sub(r"from \1\2", text)
    elif text.startswith("[from ") and text.endswith("]"):
        text = text[1:-1]  # a filter that wrapped the lines it found
    moment, date, text = _without_date(text)
    place = _local(text)
    clauses = _clauses(text)
    if "by" not in clauses and "from" not in clauses and place is None:
        return Received(time=moment, date=date, readable=False)
    common = _common(text, clauses, moment, date)
    if place is not None:
        form, match = place
        named = {name: value for name, value in match.groupdict().items() if value}
        uid = named.get("uid") or named.get("uid_too")
        return common._replace(
            by=named.get("by") or common.by,
            local=None if form.network else f"uid {uid}" if uid else named.get("user") or "a local program",
            uid=int(uid) if uid else None, onward=form.network,
        )  # fmt: skip
    return _by_network(clauses, common)


def _local(text: str) -> tuple[local.Form, re.Match[str]] | None:
    if text.startswith("from "):
        if not any(map(text.__contains__, _MAYBE_LOCAL)):
            return None
    elif not text.startswith(("by ", "(", "indimail")):
        return None
    for form in local.FORMS:
        match = form.pattern.match(text)
        if match is not None:
            return form, match
    return None


def _without_date(text: str) -> tuple[float | None, str | None, str]:
    """The moment, the date as written, and the rest of the line; Courier and others write more behind the date."""
    end = text.rfind(";")
    if end >= 0:
        date = text[end + 1 :].strip()
        moment = seconds(date)
        if moment is not None:
            return moment, date, text[:end]
    dates = list(_DATE.finditer(text))
    match = dates[-1] if dates else None
    if match is None:
        return None, text[end + 1 :].strip() or None if end >= 0 else None, text if end < 0 else text[:end]
    date = match["date"].strip()
    rest = f"{text[: match.start()]} {text[match.end('date') :].strip('; ')}".strip()
    return seconds(date), date, rest


def _clauses(text: str) -> dict[str, str]:
    """Each clause's text by its word; the first of each word counts, and only in the order that servers write."""
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for word in _WORD.findall(text):
        if word in _CLAUSES:
            name = word.lower()
            if name not in found:
                current = found[name] = []
                continue
        current.append(word)
    return {name: " ".join(words) for name, words in found.items()}


def _common(text: str, clauses: dict[str, str], moment: float | None, date: str | None) -> Received:
    """What stands behind ``by``, and the remarks that servers place anywhere."""
    by, by_address = _by(clauses.get("by", ""))
    with_ = _protocol(clauses.get("with", ""))
    envelope = _ENVELOPE.search(text) if "envelope" in text or "return-path" in text or "env-from" in text else None
    login = _login(text)
    auth = login or None
    if login is None and (
        _WITH_LOGIN.match((with_ or "").rpartition(" ")[2]) or (with_ and _BY_WEB.match(with_) and "from" in clauses)
    ):
        auth = with_
    elif login == "":
        auth = "authenticated"
    return Received(
        by=by,
        by_address=by_address,
        with_=with_,
        id=_id(clauses.get("id", "")),
        for_=_recipient(clauses.get("for", "")),
        envelope_from=envelope["from"] if envelope else None,
        auth=auth,
        login=login or None,
        tls=_tls(text),
        time=moment,
        date=date,
    )


def _by_network(clauses: dict[str, str], common: Received) -> Received:
    """The fields of the client, from the part between ``from`` and the next clause."""
    part = clauses.get("from", "")
    if not part:
        return common
    for form in clients.FORMS:
        match = form.pattern.fullmatch(part)
        if match is None or (form.onward is not None and not form.onward.search(_onward(clauses))):
            continue
        named = match.groupdict()
        address = canonical(named["address"])
        if address is None:
            continue
        helo, rdns = named.get("helo"), named.get("rdns")
        rdns = helo if form.same else rdns
        login = common.login or (named.get("login") or None)
        doubtful = _doubtful(named["rest"], address)
        return common._replace(
            from_helo=_name(helo),
            from_rdns=_looked_up(rdns),
            from_address=None if doubtful else address,
            from_port=_port(named.get("port") or named.get("behind")),
            login=login,
            auth=login or common.auth,
            forgeable=doubtful,
        )
    match = clients.NAMELESS.fullmatch(part)
    found = {canonical(found) for found in clients.ADDRESSES.findall(part)} - {None}
    helo = match["helo"] if match else None
    return common._replace(from_helo=_name(helo), forgeable=bool(found))


def _onward(clauses: dict[str, str]) -> str:
    return " ".join(f"{name} {clauses[name]}" for name in _ONWARD if name in clauses)


def _doubtful(rest: str, address: str) -> bool:
    """Whether what follows the client could be another client, and not a remark of the server."""
    if "[" not in rest and "@" not in rest:
        return False
    return bool({canonical(found) for found in clients.ADDRESSES.findall(rest)} - {None, address})


def _name(text: str | None) -> str | None:
    if text is None or not text or text.lower() in clients.UNKNOWN:
        return None
    return text


def _looked_up(text: str | None) -> str | None:
    """A looked-up name; Yahoo and others write an address in its place."""
    return _name(text.rstrip(".")) if text and canonical(text) is None else None


def _port(text: str | None) -> int | None:
    return int(text) if text and len(text) <= 5 and 0 < int(text) < 65536 else None  # noqa: PLR2004  # TCP


_BY: Final = re.compile(rf"[\[<]?(?P<by>[^\s()\[\]<>;]+)[\]>]?;? ?(?:\(\[?(?P<address>{PATTERN})\]?(?::\d+)?\))?")


def _by(text: str) -> tuple[str | None, str | None]:
    match = _BY.match(text)
    if match is None:
        return None, None
    address = match["address"]
    return match["by"].rstrip(".,"), canonical(address) if address else canonical(match["by"])


def _protocol(text: str) -> str | None:
    """The protocol as written, without remarks: ``ESMTPS``, ``Microsoft SMTP Server``."""
    plain = text.partition("(")
    words = plain[0].split() or plain[2].partition(")")[2].split()
    return " ".join(words).rstrip(";,") or None


def _id(text: str) -> str | None:
    words = text.split(None, 1)
    return words[0].strip("<>;,") or None if words else None


def _recipient(text: str) -> str | None:
    words = text.split(None, 1)
    return words[0].partition(";")[0].strip("<>,") or None if words and not words[0].startswith("(") else None


def _login(text: str) -> str | None:
    """The login a server notes; "" where it notes that there was one; None without one."""
    lower = text.lower()
    if "auth" not in lower and "user " not in lower:
        return None
    for form in _LOGIN:
        match = form.search(text)
        if match is not None:
            return match["login"].strip()
    return None


def _tls(text: str) -> str | None:
    if "TLS" not in text and "SSL" not in text and "encrypted" not in text:
        return None
    match = _TLS.search(text)
    if match is None:
        return None
    return match["only"] or match["exim"] or " ".join(filter(None, (match["version"], match["cipher"])))
