"""Bounces of every other system: told by the signs they share, their recipients found where a reader would look."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from whosent.complaints import extract
from whosent.complaints.layouts import Layout
from whosent.complaints.returned import bounce, recipient
from whosent.complaints.view import View
from whosent.model.complaint import ReportedRecipient, Told

_SUBJECT: Final = re.compile(
    r"undeliver|non[- ]?deliver|not delivered|returned (?:mail|message|to sender)|(?:mail|message)[- ]?(?:could not"
    r"|cannot|delivery|system error|status|failure)|delivery[- ](?:status|fail|problem|error|notif|report|of|warning"
    r"|has|delay)|failure (?:notice|delivery|report|notification)|deliver[^\n]{0,40}(?:fail|error|problem|unable)"
    r"|could not be (?:deliv|sent)|(?:mail|message)[^\n]{0,30}(?:fail|could not|reject|blocked|bounce)"
    r"|unknown (?:user|address|recipient)|user unknown|could not send|not (?:a )?member|failed mail|\bNDN\b|\bNDR\b"
    r"|\bDSN\b|returned mail|unzustellbar|nicht zugestellt|non remis|non recapitabile|no se pudo entregar|devuelto"
    r"|devolvid|niet bezorgd|niedostarcz|недостав|не доставлен|не удалось доставить|配信|配送|不達|未达|退信|投递"
    r"|无法|返送|遞送",
    re.IGNORECASE,
)
_WORDS: Final = re.compile(
    r"(?:could|can|was|were|has|have|will|be|been|is|are)(?: ?not|n't)(?: yet)?(?: have)?(?: be"
    r"| been)? (?:able to deliver|delivered|deliverable|sent to|reach)|(?:could|can|did|does|do)(?: ?not"
    r"|n't) (?:deliver|reach|exist|accept|be sent)|unable to (?:deliver|send|relay|process|accept)|undeliver"
    r"|delivery (?:has )?(?:fail|was aborted|attempt|status|error|to the|report|notification)|(?:mail"
    r"|message)[^\n.]{0,40} (?:rejected|returned|refused|bounced)|failed (?:to deliver|addresses|recipient|address)"
    r"|error (?:delivering|occurred while|while)|not (?:be )?(?:delivered|known here|listed in"
    r"|a valid (?:user|recipient|address|mailbox))|user (?:unknown"
    r"|not (?:known|found))|unknown (?:user|recipient|local|address)|no such (?:user|mailbox|recipient|address)"
    r"|(?:mailbox|account|quota)[^\n.]{0,40}(?:full|exceed|over quota|disabled|unavailable|not (?:exist|found))"
    r"|over quota|recipient[^\n.]{0,40}(?:rejected|refused|unknown|not found|invalid)|invalid (?:user|recipient"
    r"|address|mailbox)|permanent(?:ly)? (?:error|fail)|gave up|given up|giving up|exceed[^\n.]{0,30}(?:size|quota"
    r"|limit)|account is closed|transaction failed|non-?deliver|returned to (?:sender|you)|not (?:a )?member of"
    r"|address(?:es)? had|did not like|did not reach|nicht zugestellt|zustellung|送信できません|送信エラー"
    r"|配信できません|届け|無法|无法|недостав|не может быть доставлен",
    re.IGNORECASE,
)
_REFUSAL: Final = re.compile(
    r"(?m)(?<![\d.])(?:5\d\d|4[2-5]\d)[ -]{1,3}(?:#?[45]\.\d{1,3}\.\d{1,3}\b|[A-Z<])|(?:^[ \t]*|: )(?:5\d\d"
    r"|4[2-5]\d)[ -](?=[a-z])|#?[45]\.[0-7]\.\d{1,2}\b"
)
_AUTOMATIC: Final = re.compile(
    r"out of (?:the )?office|automatic(?:ally)? (?:generated )?(?:reply|response)|auto(?:matic)?[-_ ]?(?:reply"
    r"|response|responder)|vacation|on holiday|abwesen|absence|fuera de la oficina|away from|ticket"
    r"|we have received your|thank you for|has been received|自動返信|自动回复",
    re.IGNORECASE,
)
_RECIPIENT_LINE: Final = re.compile(
    r"(?im)^[> \t*•-]{0,12}(?:(?:failed |final-|original |invalid |affected |undelivered )?(?:recipient|address"
    r"|rcpt to|to|user|mailbox|empfänger)(?:s|es|\(s\)|\(es\))?[ \t]*:[ \t]*)?[<'\"(\[]?(?:mailto:|smtp:"
    r"|rfc822;)?(?P<box>[^\s<>()'\"\[\]:;,]{1,128}@[\w.-]{1,255}[\w-])"
)
_IN_WORDS: Final = re.compile(
    r"(?i)(?<![\w.@-])(?:to|for|recipient|address|mailbox|user|account|rcpt to:?|reach|adressat|von"
    r"|an)(?=[ \t:\n<'\"(\[])[ \t:]*\n?[ \t]*[<'\"(\[]?(?:mailto:"
    r"|smtp:)?(?P<box>[^\s<>()'\"\[\]:;,]{1,128}@[\w.-]{1,255}[\w-])"
)
_ENOUGH: Final = 3


def read(view: View) -> tuple[Told, ...]:
    """The bounce, if enough signs agree."""
    if not _is_bounce(view):
        return ()
    found = list(_recipients(view))
    return (bounce(view, "notification", found or [recipient(view, None, view.own_words)]),)


def _is_bounce(view: View) -> bool:
    """Three of: written by a daemon, subject, words, a refusal, the returned message; and no automatic answer."""
    words, subject = _WORDS.search(view.own_words), _SUBJECT.search(view.subject)
    refusal = _REFUSAL.search(view.own_words)
    report = "delivery-status" in view.headers.get("content-type").lower()
    signs = 2 * view.by_daemon + 2 * bool(subject) + bool(words) + bool(refusal) + bool(
        view.original and (view.attached or view.by_daemon or subject)
    ) + 2 * report + bool(view.headers.get("x-failed-recipients"))  # fmt: skip
    if signs < _ENOUGH or not (words or refusal or (subject and (view.original or view.by_daemon)) or report):
        return False
    return not (_AUTOMATIC.search(view.subject) and not (refusal or view.headers.get("x-failed-recipients")))


def _recipients(view: View) -> Iterator[ReportedRecipient]:
    """Recipients on lines of their own, else in sentences, else in the header that some systems write."""
    text = view.own_words
    for value in view.headers.all("x-failed-recipients"):
        for box in extract.mailboxes(value):
            yield recipient(view, box, text)
    any_found = False
    for pattern in (_RECIPIENT_LINE, _IN_WORDS):
        for match, _ in zip(pattern.finditer(text), range(200), strict=False):
            box = extract.folded(match["box"])
            if _is_recipient(view, box):
                any_found = True
                yield recipient(view, box, _said(text, match.end()))
        if any_found:
            return
    for box in extract.mailboxes(text):
        if _is_recipient(view, box):
            yield recipient(view, box, _said(text, text.find(box) + len(box)))


def _is_recipient(view: View, box: str) -> bool:
    """Not the sender who gets the bounce, nor an address to ask for help."""
    local = box.partition("@")[0].lower()
    if local in {"postmaster", "mailer-daemon", "abuse", "support", "help", "helpdesk", "noreply", "no-reply"}:
        return bool(view.original and box in view.original.recipients)
    return box.lower() not in view.addressee and box != view.reporter


def _said(text: str, end: int) -> str:
    rest = text[end : end + 1_500].lstrip(">)]'\":.= \t\n")
    refusal = _REFUSAL.search(rest) or _REFUSAL.search(text)
    if refusal is None:
        return rest.partition("\n\n")[0]
    where = rest if _REFUSAL.search(rest) else text
    return where[refusal.start() : refusal.start() + 500].lstrip(": \t").partition("\n\n")[0]


layout = Layout("notification", "Bounces of other systems", 7, read)
