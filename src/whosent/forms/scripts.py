"""One script of a web site: its language, what it sends, and what a visitor can make of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, Literal, NamedTuple

from whosent.forms import perl, php, python
from whosent.forms.code import Statement, TooLong
from whosent.forms.danger import Risk, risks
from whosent.forms.follow import Follower
from whosent.forms.known import Known, known

Language = Literal["PHP", "Perl", "Python", "shell"]
LONGEST: Final = 1 << 20  # bytes of a script that are followed
_BINARY: Final = 1_024  # bytes looked at for zeros
_STATEMENTS: Final[dict[Language, Callable[[bytes], tuple[Statement, ...]]]] = {
    "PHP": php.statements,
    "Perl": perl.statements,
    "Python": python.statements,
}
_ENDINGS: Final[dict[str, Language]] = {
    "php": "PHP", "php3": "PHP", "php4": "PHP", "php5": "PHP", "php7": "PHP", "phtml": "PHP", "inc": "PHP",
    "pl": "Perl", "pm": "Perl", "py": "Python", "sh": "shell",
}  # fmt: skip
_SHEBANG: Final = re.compile(rb"#![^\n]*?\b(perl|python|php|(?:ba|da|k)?sh)[\d.]*\b")
_SENDING: Final = re.compile(
    rb"\bmail\s*\(|sendmail|PHPMailer|addaddress|Swift_M|Mail::|MIME::Lite|Net::SMTP|smtplib|send_mail|wp_mail|"
    rb"->(?:setTo|addTo|to)\s*\(|EmailMessage|Email::|mailprog|qmail-inject|flask_mail|\|\s*\S*mailx?\b",
    re.IGNORECASE,
)
_ASKING: Final[dict[Language, re.Pattern[bytes]]] = {
    "PHP": re.compile(
        rb"_POST|_GET\b|_REQUEST|HTTP_(?:POST|GET)_VARS|filter_input|php://input|import_request_variables|"
        rb"[iI]nput(?:->|\(\))|request(?:\(\))?->"
    ),
    "Perl": re.compile(rb"param|STDIN|QUERY_STRING|ReadParse|CGI", re.IGNORECASE),
    "Python": re.compile(rb"FieldStorage|request|QUERY_STRING|stdin", re.IGNORECASE),
    "shell": re.compile(rb"QUERY_STRING|CONTENT_LENGTH|stdin|\bread\b"),
}
_QUICK: Final = (b"mail", b"smtp", b"addaddress", b"swift_", b"mime::lite", b"setto", b"addto")
_SHELL_MAIL: Final = re.compile(rb"^[^#\n]*\b(?:mailx?|sendmail)\b[^\n]*\$", re.MULTILINE)


class Script(NamedTuple):
    """What was found in one file."""

    language: Language
    sends: int  # places that hand mail on
    risks: tuple[Risk, ...]  # worst first
    login: bool  # only for visitors who have logged in, as it seems
    referer: bool  # it looks at the Referer, which visitors write
    known: Known | None
    undecided: str | None  # why it could not be followed


def language_of(name: str, head: bytes) -> Language | None:
    """What a file is written in, by its first line or its ending; None: no script that is followed."""
    if b"\0" in head[:_BINARY]:
        return None
    match = _SHEBANG.match(head)
    if match is not None:
        said = match[1].decode()
        return {"perl": "Perl", "python": "Python", "php": "PHP"}.get(said, "shell")  # type: ignore[return-value]  # literals
    ending = name.rpartition(".")[2].lower() if "." in name else ""
    if ending in {"cgi", "html", "htm"}:
        return "PHP" if b"<?php" in head else "Perl" if ending == "cgi" and b"perl" in head else None
    return _ENDINGS.get(ending)


def worth_following(language: Language, source: bytes) -> bool:
    """Whether the file both asks a visitor and sends mail; most files of a site do not."""
    small = source.lower()
    if not any(word in small for word in _QUICK):
        return False
    if _ASKING[language].search(source) is None:
        return False
    return (_SHELL_MAIL if language == "shell" else _SENDING).search(source) is not None


def script(name: str, source: bytes) -> Script | None:
    """What a file is and does; None if it is no script that takes a visitor's words and sends mail."""
    language = language_of(name, source[:4_096])
    if language is None or not worth_following(language, source):
        return None
    if language == "shell":
        reason = "shell scripts are not followed; this one hands a variable to a mail program"
        return Script("shell", 1, (), login=False, referer=False, known=None, undecided=reason)
    return _followed(language, source)


def _followed(language: Language, source: bytes) -> Script | None:
    family = known(source)
    try:
        follower = Follower(_STATEMENTS[language](source))
    except (TooLong, RecursionError) as error:
        reason = str(error) if isinstance(error, TooLong) else "it is nested too deeply to be followed"
        return Script(language, 0, (), login=False, referer=False, known=family, undecided=reason)
    sent = follower.outbox.sent
    if not sent:
        return None
    found = tuple(risks(sent, follower.outbox.text))
    return Script(language, len(sent), found, follower.login, follower.referer, family, None)
