"""Mail born in a web script: which script or page makes a local user send, and uids that hardly ever sent before.

A message of a local user carries its uid or login name and nothing more, unless the mail server logs the folder it was
called from (Exim with ``+arguments``).  PHP's mail.log names the script, joined by recipient or order; else the access
log names a page whose requests come before the mail far more often than its usual rate explains.  Under the margin
candidates are listed and only the user is named.  Web server, script and mail may be on different hosts: these joins
are by time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from whosent.measures import coincidence, phrases, regard, who
from whosent.measures.bursts import Bursts
from whosent.measures.calls import Calls
from whosent.measures.meter import Meter
from whosent.measures.surge import Beginning, Surge
from whosent.measures.trail import Trail, in_order
from whosent.measures.visits import Visits
from whosent.measures.watch import Case, Watched
from whosent.model.finding import Cause, Finding, Strength, Suspect
from whosent.model.rows import ANSWERS, Actor, Call, Message, Outcome, Reason, Request, Result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whosent.measures.coincidence import Ranking
    from whosent.measures.visits import Page
    from whosent.model.settings import Settings
    from whosent.model.surroundings import Surroundings

_USERS: Final = 1000
_SCRIPTS: Final = 2000
_HOUR: Final = 3600.0
_ROOT: Final = ("0", "root")
_AGREE: Final = 0.8  # share of a uid's messages with a call beside them
_BEFORE: Final = 120.0  # seconds before the first bad answer in which its request may lie
_ENOUGH: Final = 20  # recipients of the same uid before that make a norm
_FEW_EACH: Final = 2.0  # mails per POST of an abused form, at most
_CANDIDATES: Final = 5
_QUOTES: Final = 12


class _Script:
    """A script that PHP named."""

    __slots__ = ("calls", "path", "since", "trail", "watched")

    def __init__(self, path: str, watched: Watched, time: float) -> None:
        self.path = path
        self.watched = watched
        self.since = time
        self.calls = 0
        self.trail = Trail()


class _User:
    """A local user that hands in mail."""

    __slots__ = ("beginning", "bursts", "called", "last", "watched", "wide")

    def __init__(self, watched: Watched, time: float) -> None:
        self.watched = watched
        self.bursts = Bursts()
        self.beginning = Beginning(time)
        self.called = 0  # messages with a call beside them
        self.last: _Script | None = None  # behind the latest message
        self.wide: _Script | None = None  # behind the latest message to several


class Detector:
    """Follows local users, the scripts that PHP names and the pages visitors ask for."""

    name = "webscript"
    kinds = ("local_user",)
    results = ANSWERS

    def __init__(self, settings: Settings, surroundings: Surroundings) -> None:
        self._correspondents = surroundings.correspondents
        self._caution = settings.meter.caution
        self._meter = Meter()
        self._users: dict[tuple[str, str], _User] = {}
        self._scripts: dict[str, _Script] = {}
        self._folders: dict[tuple[str, str, str], _Script] = {}  # (folder, user, host), where the mail server logs it
        self._visits = Visits()
        self._calls = Calls()
        self._now = float("-inf")

    def request(self, row: Request) -> None:
        """A visitor asked for a page."""
        page = self._visits.note(row)
        for user in self._users.values():
            user.bursts.request(row.time, page)

    def call(self, row: Call) -> None:
        """PHP logged a mail()."""
        self._calls.note(row)

    def message(self, row: Message) -> None:
        """A local user handed in a message."""
        user = self._user(row.actor, row.time)
        if user is None:
            return
        user.watched.sender.messages += 1
        user.bursts.mail(row.opened, self._visits, suspected=user.watched.case is not None)
        user.beginning.note(row)
        folder = self._folder(row.actor, row.time)
        if folder is not None:
            folder.watched.sender.messages += 1
            folder.calls += 1
            folder.trail.add(row.time, row.ref, "handed in from this folder")
        call = self._calls.take(row.opened)
        script = self._script(call, user, row.time) if call is not None else None
        user.last = script
        if row.recipient_count > 1:
            user.wide = script
        if call is not None and script is not None:
            user.called += 1
            script.watched.sender.messages += 1
            script.calls += 1
            script.trail.add(call.time, call.ref, f"mail() on line {call.line} of the script")

    def outcome(self, row: Outcome) -> None:
        """What became of a recipient of a local user."""
        if row.forwarded:
            return
        self._now = row.time
        user = self._user(row.actor, row.time)
        if user is None:
            return
        path = self._calls.script_of(row.recipient)
        script = self._scripts.get(path) if path else user.wide or user.last
        folder = self._folder(row.actor, row.time)
        for one in (user, script, folder):
            if one is not None:
                self._weigh(one.watched, row)

    def _weigh(self, watched: Watched, row: Outcome) -> None:
        if row.result is Result.SENT:
            watched.good(self._meter, row.time, row.recipient)
            return
        weight = regard.weight(row.result, row.reason)
        about_us = row.reason is Reason.LISTED
        if weight is None or about_us or self._correspondents.explains(row):
            watched.skip(row)
        else:
            watched.bad(self._meter, row, weight, self._caution)

    def _user(self, actor: Actor, time: float) -> _User | None:
        user = self._users.get((actor.name, actor.host))
        if user is None:
            if len(self._users) >= _USERS:
                return None
            user = _User(Watched(actor, self._meter.join(time)), time)
            self._users[actor.name, actor.host] = user
        if user.watched.actor.address != actor.address and who.suspect(actor).name != f"uid {actor.name}":
            user.watched.actor = actor  # it called itself what its uid is called
        return user

    def _script(self, call: Call, user: _User, time: float) -> _Script | None:
        script = self._scripts.get(call.script)
        if script is None and len(self._scripts) < _SCRIPTS:
            script = _Script(call.script, Watched(user.watched.actor, self._meter.join(time)), call.time)
            self._scripts[call.script] = script
        return script

    def _folder(self, actor: Actor, time: float) -> _Script | None:
        if actor.script is None:
            return None
        key = (actor.script, actor.name, actor.host)
        folder = self._folders.get(key)
        if folder is None and len(self._folders) < _SCRIPTS:
            folder = self._folders[key] = _Script(actor.script, Watched(actor, self._meter.join(time)), time)
        return folder

    def findings(self) -> Iterator[Finding]:
        """A script where one can be named, else the uid with candidates; else that a uid began to send."""
        for (uid, host), user in self._users.items():
            mine = [one for one in self._scripts.values() if one.watched.actor[1:3] == (uid, host)]
            guilty = [(one, case) for one in mine if (case := one.watched.worst()) and self._guilty(one.watched, case)]
            for script, case in guilty:
                yield self._named_by_php(user, script, case)
            named = bool(guilty)
            for (path, *whose), folder in self._folders.items() if not guilty else ():
                case = folder.watched.worst()
                if whose == [uid, host] and case is not None and self._guilty(folder.watched, case):
                    named = True
                    yield self._named_by_server(user, path, folder, case)
            case = user.watched.worst()
            if not named and case is not None and self._guilty(user.watched, case):
                found = self._named_by_requests(user, case)
                if found is not None:
                    yield found
            if not guilty and user.beginning.surge is not None and uid not in _ROOT:
                yield self._began(user, user.beginning.surge)

    def _guilty(self, watched: Watched, case: Case) -> bool:
        return case.above >= self._caution and not watched.is_list(case)

    def _named_by_php(self, user: _User, script: _Script, case: Case) -> Finding:
        page = self._visits.of_script(script.path)
        mails = user.beginning.messages
        agree = user.called / max(1, mails)
        subject = who.suspect(user.watched.actor)
        witnesses = (who.witness(user.watched.actor.host), "PHP mail log", *(("web access log",) if page else ()))
        sentence = (
            f"The script {script.path} {_used(case, self._now)}: {_refused(case)}; PHP logged its "
            f"{phrases.count(script.calls, 'call')} of mail(), and {phrases.count(user.called)} of the "
            f"{phrases.count(mails, 'message')} of {subject.name} have such a call beside them{_posts(page)}."
        )
        suspect = _of(subject, script.path, page)
        cause = _cause(page, script.calls, early=script.since < case.onset[0] - _BEFORE)
        strength = Strength.SHOWN if agree >= _AGREE else Strength.LIKELY
        lines = script.trail.entries(case.onset[0] - _BEFORE)[:3]
        return self._finding(
            suspect, case, cause, sentence, strength=strength, witnesses=witnesses, lines=lines, page=page
        )

    def _named_by_server(self, user: _User, path: str, folder: _Script, case: Case) -> Finding:
        subject = who.suspect(user.watched.actor)
        page = self._visits.in_folder(path)
        sentence = (
            f"The script in {path} {_used(case, self._now)}: {_refused(case)}; the mail server logged that folder for "
            f"{phrases.count(folder.calls)} of the {phrases.count(user.beginning.messages, 'message')} of "
            f"{subject.name}{_posts(page)}."
        )
        suspect = _of(subject, path, page)
        cause = _cause(page, folder.calls, early=folder.since < case.onset[0] - _BEFORE)
        witnesses = (who.witness(user.watched.actor.host), *(("web access log",) if page else ()))
        lines = folder.trail.entries(case.onset[0] - _BEFORE)[:3]
        return self._finding(
            suspect, case, cause, sentence, strength=Strength.SHOWN, witnesses=witnesses, lines=lines, page=page
        )

    def _named_by_requests(self, user: _User, case: Case) -> Finding | None:
        ranking = coincidence.best(user.bursts.ways(case.onset[0] - _BEFORE), self._visits.span)
        if ranking is None or not ranking.pages:
            return None
        subject = who.suspect(user.watched.actor)
        witnesses = (who.witness(user.watched.actor.host), "web access log")
        first = ranking.pages[0]
        coincide = (
            f"{phrases.count(first.hits)} of {phrases.count(ranking.bursts, 'burst')} of mail came within "
            f"{phrases.duration(ranking.reach)} of such a request, where chance gives {phrases.share(first.chance)}"
        )
        if not ranking.certain:
            return self._undecided(user, case, ranking, witnesses)
        sentence = (
            f"The script behind {first.page.name} {_used(case, self._now)}: mail of {subject.name}, {_refused(case)}; "
            f"{coincide} ({ranking.margin:.0f} nats ahead of the next page){_posts(first.page)}; joined by time."
        )
        suspect = _of(subject, first.page.path, first.page)
        cause = _cause(first.page, case.last[4] - case.onset[4], early=first.page.first < case.onset[0] - _HOUR)
        return self._finding(
            suspect, case, cause, sentence, strength=Strength.LIKELY, witnesses=witnesses, lines=[], page=first.page
        )

    def _undecided(self, user: _User, case: Case, ranking: Ranking, witnesses: tuple[str, ...]) -> Finding:
        subject = who.suspect(user.watched.actor)
        leading = [one.page for one in ranking.pages[:_CANDIDATES] if one.nats > 0]
        sentence = (
            f"{who.subject(subject)} {_used(case, self._now)}: {_refused(case)}; which page makes the mail cannot be "
            f"told from {phrases.count(ranking.bursts, 'burst')} of it"
            f"{', candidates: ' + phrases.listing([page.name for page in leading]) if leading else ''}."
        )
        candidates = tuple(_of(subject, page.path, page) for page in leading)
        found = self._finding(
            subject,
            case,
            Cause.ABUSED_SCRIPT,
            sentence,
            strength=Strength.CANDIDATES,
            witnesses=witnesses,
            lines=[],
            page=None,
        )
        return msgspec.structs.replace(found, accuses=False, candidates=candidates)

    def _finding(  # noqa: PLR0913  what differs between three ways to name somebody
        self, suspect: Suspect, case: Case, cause: Cause, sentence: str, *, strength: Strength,
        witnesses: tuple[str, ...], lines: list[tuple[float, int, str]], page: Page | None,
    ) -> Finding:  # fmt: skip
        if page is not None:
            during = [(time, ref) for time, ref in page.lines if case.onset[0] - _BEFORE <= time <= case.last[0]]
            lines += [(time, ref, f"POST to {page.path}") for time, ref in during[-2:]]
        outcomes = case.trail.entries(case.onset[0])
        poster, posts = page.poster if page else ("", 0)
        return Finding(
            detector=self.name,
            suspect=suspect,
            cause=cause,
            since=case.onset[0],
            until=case.last[0],
            sentence=sentence,
            measure=case.refused / case.answered,
            norm=case.past[0] / case.past[1] if case.past[1] >= _ENOUGH else None,
            unit="refused share",
            accuses=True,
            strength=strength,
            witnesses=witnesses,
            quotes=in_order([*lines, *outcomes[: _QUOTES - len(lines)]]),
            facts={
                **case.counts,
                "posts": page.posts if page else None,
                "top_visitor": poster or None,
                "top_visitor_posts": posts or None,
            },
        )

    def _began(self, user: _User, surge: Surge) -> Finding:
        subject = who.suspect(user.watched.actor)
        before = phrases.count(surge.before, "message") if surge.before else "nothing"
        span = phrases.duration(max(60.0, surge.start - user.beginning.first))
        past = (
            f"had handed in {before} in {span} before" if surge.before else "had handed in nothing before in this log"
        )
        return Finding(
            detector=self.name,
            suspect=subject,
            cause=Cause.ABUSED_SCRIPT,
            since=surge.start,
            until=surge.end,
            sentence=(
                f"{who.subject(subject)} {past} and then handed in {phrases.count(surge.messages, 'message')} "
                f"within {phrases.duration(surge.end - surge.start)} from {phrases.moment(surge.start)}."
            ),
            measure=surge.messages,
            norm=surge.before,
            unit="messages",
            accuses=False,
            strength=Strength.SHOWN,
            witnesses=(who.witness(user.watched.actor.host),),
            quotes=user.beginning.trail.quotes(surge.start),
            facts={"messages": surge.messages, "recipients": surge.recipients, "refused": None, "deferred": None},
            severity="warning",
        )


def _of(user: Suspect, path: str, page: Page | None) -> Suspect:
    """The script that runs under a user."""
    url = page.name if page else None
    return Suspect(kind="script", name=path, host=user.host, uid=user.uid, account=user.account, url=url)


def _cause(page: Page | None, mails: int, *, early: bool) -> Cause:
    """A form that was there before and makes about one mail a request, or a script that somebody put there."""
    if page is not None and early and mails <= _FEW_EACH * page.posts:
        return Cause.ABUSED_FORM
    return Cause.ABUSED_SCRIPT


def _used(case: Case, now: float) -> str:
    when = phrases.since(case.onset[0], case.last[0], now)
    return f"{'is' if when.startswith('since') else 'was'} being used to send spam {when}"


def _refused(case: Case) -> str:
    return f"{phrases.count(case.refused)} of {phrases.count(case.answered)} recipients refused"


def _posts(page: Page | None) -> str:
    if page is None or not page.posts:
        return ""
    poster, count = page.poster
    return (
        f"; {page.name} got {phrases.count(page.posts, 'POST request')}, "
        f"at least {phrases.count(count)} of them from {poster}"
    )
