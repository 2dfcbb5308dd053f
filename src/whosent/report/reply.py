"""The draft of an answer to who complained: what is known, nothing about who the culprit is; nothing is sent."""

from __future__ import annotations

from typing import Final

from whosent.model.complaint import Complaint, is_no_message

_BODIES: Final = {
    "yes": (
        "Thank you for your report. Our own logs confirm that this message left through our mail system.\n\n[What "
        "we did, and when: for example, we stopped the source on DATE at TIME and closed the hole by ...]\n\n[If it "
        "goes on: please send us one more message with its full headers.]\n"
    ),
    "claimed": (
        "Thank you for your report. The address it names is ours. To find the message we need it with its full "
        "headers: the\nReceived lines, the Message-ID, and the time with its zone.\n"
    ),
    "forged": (
        "Thank you for your report. We looked into our logs for the time it names. They are complete for that time "
        "and hold no\nsuch message: the header line that names our server was written by the sender, to put the "
        "blame on us.\n\nThe line to trust is the one your own server wrote: it names the address that really "
        "connected to it.\n"
    ),
    "no": (
        "Thank you for your report. The message it is about did not come from our network or our mail system, as "
        "far as our logs\nand address ranges tell. The line your own server wrote names the address that connected "
        "to it; its network's abuse\ncontact is in RDAP or WHOIS.\n"
    ),
    "host": (
        "Thank you for your report. The address it names is ours.\n\n[What we found on the machine behind it, what "
        "we did, and when.]\n\n[If it goes on: please send us the lines of your log with their time zone and the "
        "source port.]\n"
    ),
    "nobody": (
        "Thank you for your report. The address it names is not in our network; its network's abuse contact is in "
        "RDAP or WHOIS.\n"
    ),
    "nothing": (
        "Thank you for your report. We could not tell from it which machine of ours it is about. Please send us the "
        "address, the\nsource port, and the time with its zone.\n"
    ),
    "unknown": (
        "Thank you for your report. We could not find the message from what it says. Please send us the message "
        "with its full\nheaders: the Received lines, the Message-ID, and the time with its zone.\n"
    ),
}


_NO_ANSWER: Final = {
    "bounce": "a bounce: it comes from a mail system, and is not answered (RFC 5321, 4.5.5)",
    "auto-reply": "an automatic answer, and is not answered itself (RFC 3834, 2)",
}


def draft(complaint: Complaint) -> str:
    """A text to be read, completed and sent by hand; it names neither an account nor a person."""
    none = _NO_ANSWER.get("bounce" if complaint.kind == "bounce" else complaint.feedback_type or "")
    if none:
        return f"There is nothing to answer: {complaint.id} is {none}.\n"
    body = _BODIES[_which(complaint)]
    asked = [f"To: {_line(complaint.reporter or '[the reporter]')}", f"Subject: Your report: {_about(complaint)}"]
    told = [
        f"  {name}: {_line(str(value))}"
        for name, value in (
            ("Time", complaint.arrival_date),
            ("Address", complaint.source_address),
            ("Message-ID", complaint.message_id),
            ("Our reference", complaint.id),
        )
        if value
    ]
    return "\n".join([*asked, "", body, "Your report in short:", "", *told, "", "[Name, role, organisation]", ""])


def _which(complaint: Complaint) -> str:
    if is_no_message(complaint.feedback_type, quoted=bool(complaint.message_id)):
        return {"yes": "host", "no": "nobody"}.get(complaint.ours, "nothing")
    if complaint.ours == "yes":
        return "yes" if complaint.level.value == "observed" else "claimed"
    if complaint.ours == "no" and complaint.level.value == "contradicted":
        return "forged"
    return complaint.ours


def _about(complaint: Complaint) -> str:
    return _line(complaint.source_address or complaint.message_id or complaint.id)


def _line(text: str) -> str:
    """A stranger's text in one line: it becomes no header and no command of a mail program."""
    return " ".join(text.split())[:300]
