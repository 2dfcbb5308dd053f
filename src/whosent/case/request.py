"""A delisting dossier in words: the request to the list, and the whole of it for a terminal."""

from __future__ import annotations

from datetime import tzinfo
from typing import Final

from whosent.model.case import Change
from whosent.model.dossier import Dossier
from whosent.model.finding import Cause
from whosent.report import words

_CAUSES: Final = {
    Cause.COMPROMISED_ACCOUNT: "A mail account was used by somebody who had its password.",
    Cause.ABUSED_SCRIPT: "A script on a web server was made to send mail.",
    Cause.ABUSED_FORM: "A form on a web site was made to send mail to strangers.",
    Cause.INFECTED_HOST: "A machine in our network sent mail on its own.",
    Cause.OPEN_RELAY: "Our mail server relayed mail for strangers.",
    Cause.OPEN_PROXY: "A proxy in our network carried mail of strangers.",
    Cause.FORWARDED_SPAM: "Spam that came to mailboxes here was forwarded to other providers.",
    Cause.BACKSCATTER: "Bounces or automatic answers went to forged senders.",
    Cause.DIRTY_LIST: "A mailing list held addresses that no longer exist or never asked for it.",
    Cause.MAIL_LOOP: "Messages went round in a loop.",
}


def draft(one: Dossier, zone: tzinfo) -> str:
    """The request in plain words; it names no account and no person."""
    done = [
        f"- {words.when(each.at, zone) + ': ' if each.at else ''}{words.visible(each.text)}" for each in one.changes
    ]
    gaps = [
        f"- {gap.host}: no log lines from {words.when(gap.since, zone)} to {words.when(gap.until, zone)}"
        for gap in one.gaps
    ]
    assert one.silence_until is not None
    quiet = (
        f"From that last sign until {words.when(one.silence_until, zone)} we read the mail logs of "
        f"{words.listed(one.hosts)}, which cover {one.proven_hours:.1f} hours of that time. "
        f"They show no further spam: {one.sent:,} recipients accepted, {one.refused:,} refused."
    )
    lines = [
        f"Subject: Removal of {one.address} from {one.blocklist}",
        "",
        f"Address: {one.address}",
        "",
        f"Cause: {_CAUSES.get(one.cause, '[the cause in one sentence]')}",
        f"It began on {words.when(one.began, zone)}; the last sign of it was on {words.when(one.stopped, zone)}.",
        "",
        "What was changed:",
        *done,
        "",
        quiet,
        *(["Our logs have gaps in that time:", *gaps] if gaps else []),
        "",
        "Please remove the entry, or tell us what you still see. We answer at [mail address, telephone].",
        "",
        "[Name, role, organisation]",
    ]
    return "\n".join(lines) + "\n"


def _at(one: Change, zone: tzinfo) -> str:
    return f"{words.when(one.at, zone)}: " if one.at else ""


def text(one: Dossier, zone: tzinfo) -> str:
    """The dossier for a terminal: the answer first."""
    answer = "ready" if one.ready else "NOT ready: do not ask yet"
    until = f", until {words.when(one.silence_until, zone)}" if one.silence_until else ""
    told = [f"{one.blocklist}, {one.address}: {answer}.", ""]
    told += [f"- {reason}" for reason in one.refusals]
    told += [""] if one.refusals else []
    told += [
        f"Incident   {one.incident}, {words.CAUSES[one.cause]}",
        f"Began      {words.when(one.began, zone)}",
        f"Last sign  {words.when(one.stopped, zone)}",
        f"Silence    {one.proven_hours:.1f} hours proven, {one.wanted_hours} wanted{until}",
        *(f"Gap        {gap.host}: {words.when(gap.since, zone)} to {words.when(gap.until, zone)}" for gap in one.gaps),
        f"Where      {one.where}",
        *([f"By itself  {one.expires}"] if one.expires else []),
        "",
        "What it wants",
        *(f"- {want}" for want in one.wants),
        "",
        "What this does not show",
        *(f"- {limit}" for limit in one.limits),
    ]
    told += ["", "The request, to be read, completed and sent by hand", "", one.draft] if one.draft else []
    return "\n".join(told).rstrip() + "\n"
