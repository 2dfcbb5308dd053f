"""What to say of a form's hole, and how to close it: the line of code that does, in the script's own language."""

from __future__ import annotations

from typing import Final

from whosent.model.incident import Remedy
from whosent.model.site import FormScript, Hazard, Hole
from whosent.remedies.shell import Unsafe, quoted

_WHAT: Final[dict[Hole, str]] = {
    "command_injection": "lets a visitor run commands on this machine",
    "option_injection": "lets a visitor give options to the mail program",
    "recipient_from_request": "sends what a visitor writes to whomever the visitor names",
    "header_injection": "lets a visitor add recipients and header lines of any kind",
}
_HOW: Final[dict[Hole, str]] = {
    "command_injection": "{field} becomes part of a command line ({how}, line {line})",
    "option_injection": "{field} becomes an option of the mail program ({how}, line {line})",
    "recipient_from_request": "the recipient comes from {field} (line {line}: {where}, by {how})",
    "header_injection": "line breaks in {field} are not taken out before it reaches {where} (line {line}, by {how})",
}
_OWN: Final = "Write the recipients into the script and let the form name one of them."
_CODE: Final[dict[tuple[str, Hole], tuple[str, tuple[str, ...]]]] = {  # why and how; the lines of code
    ("PHP", "recipient_from_request"): (
        _OWN,
        (
            "$recipients = ['sales' => 'sales@example.org'];",
            "$to = $recipients[$_POST['to'] ?? ''] ?? 'info@example.org';",
        ),
    ),
    ("PHP", "header_injection"): (
        (
            "Turn away whatever is no address, before it is used in a header line. For other fields take out"
            ' both characters: str_replace(["\\r", "\\n"], \'\', $value); single quotes or the pair "\\r\\n"'
            " alone do not do it."
        ),
        (
            "$email = filter_var($_POST['email'] ?? '', FILTER_VALIDATE_EMAIL);",
            "if ($email === false) { http_response_code(400); exit; }",
        ),
    ),
    ("PHP", "option_injection"): ("Leave the fifth argument of mail() out, or write it into the script.", ()),
    ("PHP", "command_injection"): ("Use mail() with a fixed recipient in place of a command line.", ()),
    ("Perl", "recipient_from_request"): (
        _OWN,
        (
            "my %recipients = (sales => 'sales@example.org');",
            "my $to = $recipients{ $q->param('recipient') // '' } || 'info@example.org';",
        ),
    ),
    ("Perl", "header_injection"): (
        "Take line breaks out before a value is printed in a header line.",
        (r"$email =~ s/[\r\n]+/ /g;",),
    ),
    ("Perl", "command_injection"): (
        "Open the mail program with a list, which no shell reads.",
        ("open my $mail, '|-', '/usr/sbin/sendmail', '-t', '-i' or die;",),
    ),
    ("Python", "recipient_from_request"): (
        _OWN,
        (
            "recipients = {'sales': 'sales@example.org'}",
            "to = recipients.get(form.getfirst('to', ''), 'info@example.org')",
        ),
    ),
    ("Python", "header_injection"): (
        (
            "Build the message with email.message.EmailMessage, which refuses line breaks in header fields, and send"
            " it with send_message()."
        ),
        (),
    ),
    ("Python", "command_injection"): ("Give subprocess.run a list of arguments, without shell=True.", ()),
}
_ELSE: Final[tuple[str, tuple[str, ...]]] = ("Keep the visitor's words out of it.", ())


def deed(hazard: Hazard) -> str:
    """What a visitor can do, as the end of a sentence that begins with the script."""
    return _WHAT[hazard.hole]


def way(hazard: Hazard) -> str:
    """How the visitor's words get there."""
    return _HOW[hazard.hole].format(**{
        name: getattr(hazard, name) for name in ("field", "how", "line", "where")
    })  # fmt: skip


def remedies(script: FormScript) -> list[Remedy]:
    """Take it out of service at once; then mend it."""
    told = []
    if script.plain:
        path = quoted(script.path)
        told.append(
            Remedy(
                step="block", title="Take the form out of service", reach="only this script; its page answers an error",
                commands=[f"chmod 000 -- {path}"], undo=[f"chmod {script.mode:o} -- {path}"],
            )
        )  # fmt: skip
    for hole in dict.fromkeys(one.hole for one in script.hazards if one.sure):
        lines = sorted({one.line for one in script.hazards if one.hole == hole and one.sure})
        shown = ", ".join(map(str, lines))
        note, code = _CODE.get((script.language, hole), _ELSE)
        told.append(
            Remedy(
                step="close", title=f"Mend line {shown} of the script", reach="only this script", commands=[], undo=[],
                note=note, lines=list(code),
            )
        )  # fmt: skip
    if script.weakness:
        told.append(
            Remedy(
                step="close", title="Replace the script", reach="only this script", commands=[], undo=[],
                note="NMS FormMail takes the same forms and sends only to addresses that are written into it.",
            )
        )  # fmt: skip
    return told


def verify(target: str) -> str:
    """The command that looks again; empty where the name cannot be typed."""
    try:
        return f"whosent audit forms {quoted(target)}"
    except Unsafe:
        return ""
