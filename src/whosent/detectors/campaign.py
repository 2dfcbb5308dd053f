"""One campaign: the same text or subject from several accounts within hours, and something is wrong with it.

A text is known by rspamd's digest of it, a subject by a header check, or by a mail server that logs subjects; numbers
in a subject count as alike.  Many people send the same words for good reasons (a signature, a ticket, a newsletter sent
by several, a birthday), so sameness alone says nothing here.  It does where several of these accounts show a bad sign
with that text: our own filter calls it spam, or the world refuses the recipients they write to meanwhile.  What each
account did may be too little to notice; together it is not.

That is worth telling, and supports what others find.  It accuses an account only if its copies also came from networks
it never used before: staff whose common mailing the filter misjudges sit where they always sat.  Words that the same
accounts already used in a quiet campaign are a habit.  Replies, automatic ones included, never begin one.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, NamedTuple

from whosent.measures import phrases, who
from whosent.measures.homes import Abroad, Homes
from whosent.measures.judged import Heard, is_own
from whosent.measures.trail import Trail
from whosent.model.finding import Finding, Strength
from whosent.model.rows import Actor, Outcome, Result, Subject, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whosent.model.settings import Settings
    from whosent.model.surroundings import Surroundings

_SENT: Final = Result.SENT
_BOUNCED: Final = Result.BOUNCED
_WINDOW: Final = 6 * 3600.0  # seconds without another copy that end a campaign
_ACCOUNTS: Final = 3  # with a bad sign
_COPIES: Final = 5  # of one account
_SPAM_SHARE: Final = 0.5  # of its copies
_REFUSED_SHARE: Final = 0.15  # of the recipients answered meanwhile
_REFUSED: Final = 3
_TOGETHER: Final = 20  # bad signs of all accounts
_MOST_TEXTS: Final = 50_000
_MOST_SENDERS: Final = 64  # of one text that are told apart
_RECENT: Final = 20_000  # queue ids
_SHORTEST: Final = 6  # letters of a subject that mean anything
_REPLY: Final = re.compile(
    rb"(?i)(?:re|aw|antw|sv|rv|vs|ref)\s*(?:\[\d+\])?:|auto|out of (?:the )?office|abwesenheit|vacation|undeliver"
)
_NUMBERS: Final = re.compile(rb"[0-9a-f]*\d[0-9a-f]*|\s+")


class _Sender:
    """An account and what the world answers it."""

    __slots__ = ("actor", "answered", "homes", "refused")

    def __init__(self, actor: Actor) -> None:
        self.actor = actor
        self.homes = Homes()
        self.answered = self.refused = 0


class _Copies:
    """What one account sent of one text."""

    __slots__ = ("abroad", "actor", "count", "first", "last", "sender", "spam", "start", "trail")

    def __init__(self, sender: _Sender, actor: Actor, time: float) -> None:
        self.sender = sender
        self.actor = actor
        self.first = self.last = time
        self.count = self.spam = 0
        self.start = (sender.answered, sender.refused)
        self.trail = Trail()
        self.abroad = Abroad()

    @property
    def answered(self) -> int:
        return self.sender.answered - self.start[0]

    @property
    def refused(self) -> int:
        return self.sender.refused - self.start[1]

    @property
    def bad(self) -> int:
        """Copies with a bad sign, 0 if they are too few to say so."""
        if self.count < _COPIES:
            return 0
        spam = self.spam if self.spam >= _SPAM_SHARE * self.count else 0
        enough = self.refused >= max(_REFUSED, _REFUSED_SHARE * self.answered)
        return max(spam, min(self.refused, self.count) if enough else 0)


class _Text:
    """One text within one window."""

    __slots__ = ("copies", "last", "others", "words")

    def __init__(self, words: str) -> None:
        self.words = words  # what is the same: the text or the subject
        self.copies: dict[str, _Copies] = {}
        self.others = 0  # messages of accounts that are not told apart
        self.last = float("-inf")

    def guilty(self) -> list[_Copies]:
        """The accounts with a bad sign, if they are several and it is enough together."""
        bad = [copies for copies in self.copies.values() if copies.bad]
        enough = len(bad) >= _ACCOUNTS and sum(copies.bad for copies in bad) >= _TOGETHER
        return bad if enough else []


class _Told(NamedTuple):
    """A campaign that is over, one account's part of it."""

    copies: _Copies
    answered: int
    refused: int
    bad: int
    accounts: int
    words: str


class Detector:
    """Remembers who sent which text of late."""

    name = "campaign"
    woken_by = ("verdict", "subject")
    kinds = ("account",)
    results = (_SENT, _BOUNCED)

    def __init__(self, settings: Settings, surroundings: Surroundings) -> None:
        del settings
        self._surroundings = surroundings
        self._heard = Heard()
        self._texts: OrderedDict[bytes, _Text] = OrderedDict()  # the one seen longest ago first
        self._habits: OrderedDict[bytes, None] = OrderedDict()
        self._senders: dict[str, _Sender] = {}
        self._by_id: OrderedDict[str, _Copies] = OrderedDict()
        self._told: dict[str, _Told] = {}
        self._now = float("-inf")

    def outcome(self, row: Outcome) -> None:
        """What the world answers those whose texts are known."""
        if row[9]:
            return
        sender = self._senders.get(row[2][1])
        if sender is not None:
            sender.answered += 1
            sender.refused += row[6] is _BOUNCED
            if not sender.actor.host:  # of a filter with a file of its own
                sender.actor = row[2]

    def subject(self, row: Subject) -> None:
        """A message's subject."""
        if row.actor.kind != "account" or _REPLY.match(row.subject):
            return
        alike = _NUMBERS.sub(b"#", row.subject.lower()).strip(b"#")
        if len(alike) >= _SHORTEST:
            copies = self._copy(b"s" + alike, row.time, row.ref, row.actor)
            if copies is not None and row.queue_id:
                self._by_id[row.queue_id] = copies
                if len(self._by_id) > _RECENT:
                    self._by_id.popitem(last=False)

    def verdict(self, row: Verdict) -> None:
        """A filter's word on a message, and its digest of the text."""
        if row.actor.kind != "account" or not is_own(row, self._surroundings) or self._heard.again(row):
            return
        copies = self._by_id.get(row.queue_id) if row.queue_id else None
        if copies is not None and row.spam:
            copies.spam += 1
        if row.digest:
            copies = self._copy(b"d" + row.digest.encode(), row.time, row.ref, row.actor)
            if copies is not None:
                copies.spam += row.spam

    def _copy(self, text: bytes, time: float, ref: int, actor: Actor) -> _Copies | None:
        self._now = time
        self._forget(time)
        sender = self._senders.get(actor.name)
        if sender is None:
            sender = self._senders[actor.name] = _Sender(actor)
        known = self._texts.get(text)
        if known is None:
            known = self._texts[text] = _Text("subject" if text.startswith(b"s") else "text")
        self._texts.move_to_end(text)
        known.last = time
        copies = known.copies.get(actor.name)
        if copies is None:
            if len(known.copies) >= _MOST_SENDERS:
                known.others += 1
                return None
            copies = known.copies[actor.name] = _Copies(sender, actor, time)
        copies.count += 1
        copies.last = time
        copies.abroad.add(sender.homes.elsewhere(actor))
        copies.trail.add(time, ref, f"the same {known.words}")
        return copies

    def _forget(self, time: float) -> None:
        """End campaigns that nobody continued."""
        while self._texts:
            text, known = next(iter(self._texts.items()))
            if time - known.last <= _WINDOW and len(self._texts) < _MOST_TEXTS:
                return
            del self._texts[text]
            self._settle(text, known)

    def _settle(self, text: bytes, known: _Text) -> None:
        """Keep what a campaign amounts to that is over; quiet words show where their senders are, and make a habit."""
        told = list(_parts(known)) if text not in self._habits else []
        for part in told:
            self._told.setdefault(part.copies.sender.actor.name, part)
        if not told:
            for copies in known.copies.values():
                copies.sender.homes.add(copies.actor)
        if not told and len(known.copies) >= _ACCOUNTS:
            self._habits[text] = None
            if len(self._habits) > _MOST_TEXTS:
                self._habits.popitem(last=False)

    def findings(self) -> Iterator[Finding]:
        """One finding for each account with a bad sign in a campaign of several."""
        told = dict(self._told)
        for text, known in self._texts.items():
            if text not in self._habits:
                for part in _parts(known):
                    told.setdefault(part.copies.sender.actor.name, part)
        for part in told.values():
            yield self._finding(part)

    def _finding(self, part: _Told) -> Finding:
        copies = part.copies
        suspect = who.suspect(copies.sender.actor)
        others = phrases.count(part.accounts - 1, "other account")
        signs = []
        if copies.spam:
            signs.append(f"our own filter called {phrases.count(copies.spam)} of them spam")
        if part.refused:
            answered = phrases.count(part.answered, "recipient")
            signs.append(f"the world refused {phrases.count(part.refused)} of its {answered} meanwhile")
        accuses = copies.abroad.clear
        if accuses:
            networks = phrases.count(len(copies.abroad.networks), "network")
            signs.append(f"they came from {networks} it never used before")
        return Finding(
            detector=self.name,
            suspect=suspect,
            cause=who.CAUSES["account"],
            since=copies.first,
            until=copies.last,
            sentence=(
                f"{who.subject(suspect)} sent {phrases.count(copies.count, 'message')} with the same {part.words} as "
                f"{others} "
                f"{phrases.since(copies.first, copies.last, self._now)}: {phrases.listing(signs)}."
            ),
            clause=f"the same {part.words} came from {others}",
            measure=part.accounts,
            norm=1.0,
            unit="accounts with one text",
            accuses=accuses,
            stands_alone=True,
            strength=Strength.SHOWN,
            witnesses=(who.witness(copies.sender.actor.host),),
            quotes=copies.trail.quotes(),
            facts={
                "messages": copies.count,
                "recipients": part.answered,
                "refused": part.refused,
                "deferred": 0,
                "called_spam": copies.spam,
                "accounts": part.accounts,
                "bad_signs": part.bad,
            },
            severity="critical" if accuses else "warning",
        )


def _parts(known: _Text) -> Iterator[_Told]:
    guilty = known.guilty()
    for copies in guilty:
        yield _Told(copies, copies.answered, copies.refused, copies.bad, len(guilty), known.words)
