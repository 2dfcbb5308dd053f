"""Who fills the queue now: one sender whose mail stands out in it, and whether the queue itself says that it is spam.

A full queue accuses nobody: a newsletter that a provider puts off fills it as well.  The queue accuses where two things
come together that honest bulk mail does not show: recipients put off as unknown or as spam far more often than
everybody else's; foreign sender addresses of many domains to ever new recipients; one account from many networks; an
outside client whose mail only passes through.  Else what lies there is told, and nobody is blamed.

Where the log accuses somebody whose messages lie in the queue, the queue file is a second witness: Postfix wrote the
login, the uid or the address into it, and a forged log line puts nothing there.  A message counts as the same in
both if both have it from the same sender in the same second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from whosent.measures import phrases, who
from whosent.measures.bloom import Seen
from whosent.measures.trail import in_order
from whosent.model.finding import Cause, Finding, Level, Quote, Strength, Suspect
from whosent.model.rows import Actor, Message, Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from whosent.model.pile import Pile
    from whosent.model.settings import Settings
    from whosent.model.surroundings import Surroundings

_OURS: Final = ("account", "local_user", "host")
_MANY: Final = 100  # messages of one sender that are worth a word
_STANDS_OUT: Final = 0.2  # share of the queue
_DOMINATES: Final = 0.5
_REASONS: Final = 20  # recipients whose reason is known, without which reasons say nothing
_EARNED: Final = (Reason.UNKNOWN_USER, Reason.POLICY)  # what is about this mail, not about our address or the road
_EARNED_SHARE: Final = 0.3
_APART: Final = 3.0  # times everybody else's share
_FOREIGN_DOMAINS: Final = 5
_SPREAD: Final = 0.5  # different recipients for each message
_NETWORKS: Final = 6
_STRANGE_DOMAINS: Final = 20  # that an outside client writes to by way of us
_SIGNS: Final = 2
_WITNESSED: Final = 10  # messages that log and queue both have
_REMEMBERED: Final = 50_000  # senders of the log
_NEAR: Final = (-1, 0, 1)  # seconds between the log line and the file
_LOOPBACK: Final = ("127.", "::1")
_QUOTES: Final = 12
_SUBJECT: Final = 80  # characters


class _Sign(NamedTuple):
    """Something that honest bulk mail does not show."""

    clause: str
    measure: float
    norm: float | None
    unit: str


class Detector:
    """Looks at the piles of a queue, and at who handed in mail by the log."""

    name = "queued"

    def __init__(self, settings: Settings, surroundings: Surroundings) -> None:
        del settings
        self._ours = surroundings
        self._piles: list[Pile] = []
        self._logged = Seen()
        self._actors: dict[tuple[str, str], dict[str, Actor]] = {}  # by kind and name, then host
        if surroundings.reads_queue:
            self.message = self._message  # without a queue nothing of the log is worth remembering

    def _message(self, row: Message) -> None:
        """Remember in which second whom the log has handing in a message."""
        actor = row.actor
        if actor.kind in _OURS or actor.kind == "stranger":
            self._logged.add(int(row.opened), _key(actor))
            hosts = self._actors.get(actor[:2])
            if hosts is None:
                if len(self._actors) >= _REMEMBERED:
                    return
                hosts = self._actors[actor[:2]] = {}
            hosts.setdefault(actor.host, actor)

    def pile(self, row: Pile) -> None:
        """A pile of the queue, as it stood when it was looked at."""
        self._piles.append(row)

    def findings(self) -> Iterator[Finding]:
        """The piles that stand out, each in its own queue; and those that bear the log out."""
        for queue in dict.fromkeys(pile.queue for pile in self._piles):
            piles = [pile for pile in self._piles if pile.queue == queue]
            total = sum(pile.messages for pile in piles)
            for pile in piles:
                finding = self._judged(pile, piles, total)
                if finding is not None:
                    yield finding

    def _judged(self, pile: Pile, piles: list[Pile], total: int) -> Finding | None:
        logged = self._in_log(pile)
        kind = pile.actor.kind
        stands_out = pile.messages >= max(_MANY, _STANDS_OUT * total)
        if kind == "mta":
            return self._bounces(pile, total) if stands_out else None
        if kind not in (*_OURS, "stranger") or not pile.actor.name or pile.actor.name.startswith(_LOOPBACK):
            return None
        signs = list(self._signs(pile, piles)) if stands_out else []
        if len(signs) >= _SIGNS:
            return self._accused(pile, total, signs, logged)
        if pile.messages >= max(_MANY, _DOMINATES * total) or logged >= _WITNESSED:
            return self._told(pile, total, signs, logged)
        return None

    def _signs(self, pile: Pile, piles: Iterable[Pile]) -> Iterator[_Sign]:
        earned, known = _earned(pile)
        if known >= _REASONS and earned >= _EARNED_SHARE * known:
            others = [_earned(other) for other in piles if other is not pile]
            theirs = (1 + sum(one for one, _ in others)) / (_REASONS + sum(all_ for _, all_ in others))
            if earned / known >= _APART * theirs:
                clause = (
                    f"of {phrases.count(known, 'recipient')} whose reason to wait was looked at "
                    f"{phrases.share(earned / known)} were put off as unknown or as spam"
                )
                yield _Sign(clause, earned / known, theirs, "share put off as unknown or spam")
        if pile.actor.kind == "stranger":
            yield from self._passing(pile)
            return
        foreign = self._foreign(pile)
        spread = pile.recipients.distinct >= _SPREAD * pile.messages
        if foreign >= _FOREIGN_DOMAINS and spread and pile.direct >= _DOMINATES * pile.messages:
            clause = (
                f"it writes in the name of foreign domains ({phrases.count(foreign)} of them seen) to "
                f"{phrases.count(pile.recipients.distinct)} different recipients"
            )
            yield _Sign(clause, foreign, None, "foreign sender domains")
        if pile.networks.distinct >= _NETWORKS:
            clause = f"it was handed in from {phrases.count(pile.networks.distinct)} networks"
            yield _Sign(clause, pile.networks.distinct, None, "networks")

    def _passing(self, pile: Pile) -> Iterator[_Sign]:
        """An outside client whose mail is for nobody here."""
        domains = [name for name, _ in pile.recipient_domains.common]
        ours = any(self._ours.is_own_domain(_text(name)) for name in domains)
        if pile.recipient_domains.distinct >= _STRANGE_DOMAINS and not ours and pile.forwarded < pile.messages / 2:
            clause = (
                f"it is for recipients of {phrases.count(pile.recipient_domains.distinct)} domains, none of them known "
                "as ours"
            )
            yield _Sign(clause, pile.recipient_domains.distinct, None, "foreign recipient domains")

    def _foreign(self, pile: Pile) -> int:
        """Domains of senders or authors that are not ours: how many, as far as they are common or can be estimated."""
        found = 0
        for variety in (pile.sender_domains, pile.authors):
            named = [name for name, _ in variety.common if name]
            own = sum(self._ours.is_own_domain(_text(name)) or _text(name) == pile.actor.host for name in named)
            found = max(found, (variety.distinct - own) if own <= len(named) / 2 else 0)
        return found

    def _in_log(self, pile: Pile) -> int:
        """About how many of its messages the log has too."""
        logged = self._logged_as(pile)
        if logged is None:
            return 0
        key = _key(next(iter(self._actors[logged].values())))
        hits = sum(any(self._logged.has(second + near, key) for near in _NEAR) for second in pile.seconds)
        return round(pile.messages * hits / max(1, len(pile.seconds)))

    def _logged_as(self, pile: Pile) -> tuple[str, str] | None:
        """Kind and name under which the log knows whoever a pile is of: Exim's log has a local user's login, no uid."""
        kind, name, _, address = pile.actor[:4]
        names = [(kind, name)]
        if kind == "local_user" and pile.mta == "exim" and address:
            names.append((kind, address))
        return next((one for one in names if one in self._actors), None)

    def _suspect(self, pile: Pile) -> Suspect:
        """Whom the pile is about, called as the log calls it."""
        actor = pile.actor
        logged = self._logged_as(pile)
        hosts = self._actors[logged] if logged else {}
        short = actor.host.partition(".")[0]
        same = [host for host in hosts if host == actor.host or host.partition(".")[0] == short]
        known = hosts[same[0]] if same else next(iter(hosts.values()), actor) if len(hosts) == 1 else actor
        if actor.kind == "stranger":
            return Suspect(kind="relay", name=actor.name, host=known.host or None, address=actor.name)
        return who.suspect(known)

    def _script(self, pile: Pile) -> Suspect | None:
        """The script that the headers of all of the pile name, where it is a local user's."""
        if not pile.script or pile.actor.kind != "local_user":
            return None
        user = self._suspect(pile)
        site, _, path = pile.script.partition("/")
        name, url = (path.rpartition("/")[2], pile.script) if path else (site, None)
        return Suspect(kind="script", name=name, host=user.host, uid=user.uid, account=user.account, url=url)

    def _accused(self, pile: Pile, total: int, signs: list[_Sign], logged: int) -> Finding:
        suspect = self._script(pile) or self._suspect(pile)
        clauses = phrases.listing([sign.clause for sign in signs], most=len(signs))
        sentence = f"{self._lying(pile, total)}; {clauses}."
        return self._finding(pile, suspect, sentence, signs, logged, cause=_cause(pile), accuses=True)

    def _told(self, pile: Pile, total: int, signs: list[_Sign], logged: int) -> Finding:
        dominates = pile.messages >= max(_MANY, _DOMINATES * total)
        reserve = "" if logged >= _WITNESSED else "; the queue alone does not tell spam from other bulk mail"
        clauses = "".join(f"; {sign.clause}" for sign in signs)
        sentence = f"{self._lying(pile, total)}{clauses}{reserve}."
        suspect = self._suspect(pile)
        if self._logged_as(pile) is None:  # else what the log says of the uid belongs to it
            suspect = self._script(pile) or suspect
        found = self._finding(pile, suspect, sentence, signs, logged, cause=Cause.UNUSUAL_VOLUME, accuses=False)
        if dominates:
            return found
        return msgspec.structs.replace(found, stands_alone=False)

    def _bounces(self, pile: Pile, total: int) -> Finding:
        suspect = Suspect(
            kind="backscatter", name=f"bounces of {pile.actor.host or 'this host'}", host=pile.actor.host or None
        )
        sentence = (
            f"{phrases.count(pile.messages)} of {phrases.count(total, 'message')} in the queue are bounces of our own "
            f"to {phrases.count(pile.recipient_domains.distinct, 'domain')}, the oldest of "
            f"{phrases.moment(pile.oldest)}: "
            "mail was accepted here and could not be delivered."
        )
        return self._finding(pile, suspect, sentence, [], 0, cause=Cause.BACKSCATTER, accuses=False)

    def _lying(self, pile: Pile, total: int) -> str:
        suspect = self._suspect(pile)
        script = f" by the script {pile.script}" if pile.script else ""
        since = phrases.moment(pile.onset)
        subjects = ""
        if pile.subjects.common and pile.subjects.common[0][1] > pile.messages / 2:
            subjects = f", most with the subject {_text(pile.subjects.common[0][0])[:_SUBJECT]!r}"
        noun = who.subject(suspect)
        return (
            f"{noun} has {phrases.count(pile.messages, 'message')} to {phrases.count(pile.waiting, 'recipient')} in "
            f"the queue{script}, nearly all since {since}{subjects}; everybody else has "
            f"{phrases.count(total - pile.messages)}"
        )

    def _finding(  # noqa: PLR0913  what differs between four things to say
        self, pile: Pile, suspect: Suspect, sentence: str, signs: list[_Sign], logged: int, *, cause: Cause,
        accuses: bool,
    ) -> Finding:  # fmt: skip
        sign = signs[0] if signs else _Sign("", pile.messages, None, "queued messages")
        lies = f"{phrases.count(pile.messages)} of its messages lie in the queue"
        return Finding(
            detector=self.name,
            suspect=suspect,
            cause=cause,
            since=pile.onset,
            until=pile.youngest,
            sentence=sentence,
            clause=lies,
            measure=sign.measure,
            norm=sign.norm,
            unit=sign.unit,
            accuses=accuses,
            attests=logged >= _WITNESSED,
            stands_alone=not accuses,
            strength=Strength.SHOWN,
            witnesses=(f"{pile.mta.capitalize()} queue of {_recorder(pile, suspect, logged) or 'this host'}",),
            quotes=_quotes(pile),
            facts={
                "messages": pile.messages,
                "recipients": pile.waiting + pile.done,
                "refused": 0,
                "deferred": pile.waiting,
                "in_log": logged,
            },
            severity="critical" if accuses else "warning",
        )


def _recorder(pile: Pile, suspect: Suspect, logged: int) -> str:
    """The queue's host, by the log's short name for it where log and queue recorded the same messages."""
    host, short = pile.actor.host, suspect.host or ""
    return short if logged >= _WITNESSED and host.partition(".")[0] == short.partition(".")[0] else host


def _earned(pile: Pile) -> tuple[int, int]:
    """Recipients put off for what this mail is, and all whose reason is known."""
    return sum(pile.reasons.get(reason, 0) for reason in _EARNED), sum(pile.reasons.values())


def _cause(pile: Pile) -> Cause:
    return Cause.OPEN_RELAY if pile.actor.kind == "stranger" else who.CAUSES[pile.actor.kind]


def _quotes(pile: Pile) -> tuple[Quote, ...]:
    notes = []
    for sample in pile.samples:
        subject = f", subject {_text(sample.subject)[:_SUBJECT]!r}" if sample.subject else ""
        if sample.ref:
            notes.append((sample.arrived, sample.ref, f"who handed in {sample.queue_id} ({sample.folder}){subject}"))
        if sample.script_ref:
            notes.append(
                (sample.arrived, sample.script_ref, f"the script, as the header of {sample.queue_id} names it")
            )
    quotes = in_order(notes[:_QUOTES])
    claimed = {sample.script_ref for sample in pile.samples}
    return tuple(Quote(one.ref, one.note, Level.CLAIMED if one.ref in claimed else one.level) for one in quotes)


def _key(actor: Actor) -> bytes:
    return f"{actor.kind}\0{actor.name}".encode("utf-8", "backslashreplace")


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")
