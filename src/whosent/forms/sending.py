"""Where a script hands mail on: what goes into recipients, header lines, text, options and commands."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from whosent.forms import names
from whosent.forms.code import Call, Expression, Item, Name, Pairs, Text, key_of
from whosent.forms.values import Value, joined, marks, text

_ARGUMENTS = 5  # of mail()
_THREE = 3


class Sent(NamedTuple):
    """One place where mail leaves."""

    how: str  # "mail()", "sendmail", "addAddress", ...
    line: int
    recipients: Value = ()
    headers: Value = ()  # header lines, as text
    raw: tuple[tuple[Value, int], ...] = ()  # a whole message as it is written, with the lines that write it
    text: Value | None = None  # None: set elsewhere
    options: Value = ()  # arguments of the mail program
    command: Value = ()  # a command line
    checked: bool = False  # the library refuses line breaks in header lines


class Script(Protocol):
    """What is asked of the script."""

    def value(self, expression: Expression) -> Value:
        """What an expression may hold."""

    def field(self, expression: Expression, key: str) -> Value:
        """An entry of a hash; its key in any case."""


class Outbox:
    """Collects what a script sends."""

    def __init__(self, script: Script) -> None:
        self.sent: list[Sent] = []
        self.text: Value = ()  # all text set on mails by members and methods
        self._script = script
        self._pipes: dict[str, list[tuple[Value, int]]] = {}
        self._opened: dict[str, int] = {}

    def close(self) -> None:
        """End of the script: what was written to mail programs is complete."""
        for name, written in self._pipes.items():
            self.sent.append(Sent("sendmail", self._opened[name], raw=tuple(written)))

    def assigned(self, name: str, expression: Expression, value: Value, line: int) -> None:
        """A value put into a place: the text of a mail, its recipients, or a mail program's pipe."""
        if isinstance(expression, Call) and expression.name in {"popen", "open", "proc_open"}:
            self._open(name, joined(*map(self._script.value, expression.arguments)), line)
        if names.TEXT_MEMBER.search(name) and "." in name:
            self.text = joined(self.text, value)
        holder, _, member = name.partition("[")
        if member.lower().rstrip("]") in {"to", "cc", "bcc"} and names.MAIL_HOLDER.search(holder) and marks(value):
            self.sent.append(Sent(f"{member.rstrip(']')} of the mail", line, recipients=value, checked=True))

    def called(self, call: Call, given: list[Value]) -> None:
        """A function or method that sends, or writes to something that does."""
        name = call.name
        holder = key_of(call.receiver) if call.receiver is not None else None
        if call.receiver is None and name in names.MAILING:
            self._mail(call, given)
        elif name in names.ADDING and given:
            self.sent.append(Sent(call.name, call.line, recipients=given[0], checked=True))
        elif name in names.ADDRESSING and given and call.receiver is not None and _is_mail(call.receiver):
            self.sent.append(Sent(call.name, call.line, recipients=joined(*given), checked=True))
        elif name in names.WRITING_TEXT and call.receiver is not None and _is_mail(call.receiver):
            self.text = joined(self.text, *given)
            if name == "datasend":
                self._pipes.setdefault(holder or "smtp", []).append((joined(*given), call.line))
                self._opened.setdefault(holder or "smtp", call.line)
        elif name == "sendmail":
            self._sendmail(call, given)
        elif name in {"send_mail", "emailmessage", "message", "mimetext", "new"}:
            self._constructed(call, given)
        else:
            self._written(call, given, holder)

    def _mail(self, call: Call, given: list[Value]) -> None:
        by_name = call.arguments[-1] if call.arguments and isinstance(call.arguments[-1], Pairs) else None
        places = [*given, *[()] * _ARGUMENTS]
        to, words, headers, options = places[0], places[2], places[3], places[4]
        listed = call.arguments[3] if len(call.arguments) > _THREE else None
        more: Value = ()
        if isinstance(listed, (Pairs, Name)) and (copies := [self._script.field(listed, key) for key in ("cc", "bcc")]):
            more = joined(*copies)
        if isinstance(listed, Pairs):  # PHP refuses line breaks in an array of header lines
            headers = joined(*map(self._script.value, [value for key, value in listed.pairs if key is None]))
        if by_name is not None and len(call.arguments) == 1:
            to, words = self._script.field(by_name, "to"), self._script.field(by_name, "message")
            headers = self._script.field(by_name, "additional_headers")
        if call.name == "wp_mail":
            options = ()
        self.sent.append(
            Sent(f"{call.name}()", call.line, recipients=joined(to, more), headers=headers, text=words, options=options)
        )

    def _sendmail(self, call: Call, given: list[Value]) -> None:
        """``sendmail(%mail)`` of Perl's Mail::Sendmail; ``smtp.sendmail(from, to, message)`` of Python."""
        if call.receiver is not None and len(given) >= _THREE:
            self.sent.append(
                Sent("sendmail()", call.line, recipients=given[1], raw=((given[2], call.line),), text=None)
            )
        elif call.receiver is None and call.arguments:
            whole = call.arguments[-1]
            recipients = joined(*(self._script.field(whole, key) for key in ("to", "cc", "bcc")))
            words = joined(*(self._script.field(whole, key) for key in ("message", "body", "text")))
            self.sent.append(Sent("sendmail()", call.line, recipients=recipients, text=words, checked=True))

    def _constructed(self, call: Call, given: list[Value]) -> None:
        """A mail made with its recipients: ``MIME::Lite->new(To => ...)``, ``EmailMessage(to=[...])``."""
        last = call.arguments[-1] if call.arguments else None
        if isinstance(last, Pairs):
            keys = ("to", "cc", "bcc", "recipients", "recipient_list")
            recipients = joined(*(self._script.field(last, key) for key in keys))
            words = joined(*(self._script.field(last, key) for key in ("data", "body", "message", "html", "text")))
            if marks(recipients):
                self.sent.append(
                    Sent(_shown(call), call.line, recipients=recipients, text=joined(words, *given[:2]), checked=True)
                )
                return
        if call.name == "send_mail" and len(given) > _THREE:
            self.sent.append(Sent("send_mail()", call.line, recipients=given[3], text=given[1], checked=True))
        elif call.name == "mimetext" and given:
            self.text = joined(self.text, given[0])

    def _written(self, call: Call, given: list[Value], holder: str | None) -> None:
        """Pipes to a mail program, and commands."""
        name = call.name
        if name == "open" and call.receiver is None and call.arguments:
            opened = key_of(call.arguments[0])
            if opened is not None and "|" in text(joined(*given[1:])):
                self._open(opened, joined(*given[1:]), call.line)
        elif name == "print" and holder in self._pipes:
            self._pipes[holder].append((joined(*given), call.line))
        elif name in names.WRITES and given:
            target = holder.partition(".")[0] if holder is not None else key_of(call.arguments[0])
            written = given if holder is not None else given[1:]
            if target in self._pipes:
                self._pipes[target].append((joined(*written), call.line))
        elif name in names.SHELL:
            self._command(call, joined(*given))

    def _open(self, name: str, command: Value, line: int) -> None:
        if not names.PROGRAM.search(text(command)):
            return
        if not names.TEXT_ONLY.search(text(command)):
            self._pipes.setdefault(name, [])
            self._opened.setdefault(name, line)
        if marks(command):
            self.sent.append(Sent("a pipe to the mail program", line, command=command))

    def _command(self, call: Call, command: Value) -> None:
        if names.PROGRAM.search(text(command)) and marks(command):
            self.sent.append(Sent("a command", call.line, command=command))
        if call.name == "popen" and call.receiver is not None and names.PROGRAM.search(text(command)):
            self._pipes.setdefault("p", [])
            self._opened.setdefault("p", call.line)


def _is_mail(receiver: Expression) -> bool:
    """Whether what a method is called on is a mail or a mail server, as its name has it."""
    match receiver:
        case Name(name):
            return names.MAIL_HOLDER.search(name) is not None
        case Call(name, inner, arguments, _):
            made = name == "new" and bool(arguments is not None) and inner is not None and _is_mail(inner)
            return made or names.MAIL_HOLDER.search(name) is not None or (inner is not None and _is_mail(inner))
        case Item(base, key):
            return (isinstance(key, Text) and names.MAIL_HOLDER.search(key.text) is not None) or _is_mail(base)
        case _:
            return False


def _shown(call: Call) -> str:
    return f"{key_of(call.receiver) or 'new'}" if call.name == "new" and call.receiver is not None else f"{call.name}()"
