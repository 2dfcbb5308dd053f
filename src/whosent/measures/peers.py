"""What everybody else experiences just now, overall and per destination, so that an outage accuses nobody.

One sender, few votes: at most :data:`VOTES` recipients a quarter of an hour, so that nobody can outvote the
others; old votes fade by half every quarter.  Where so few write that a quarter's votes are none, those of days
count: a provider may refuse everybody for a week.  A vote is the outcome and what that sender usually sees; the
difference, averaged over the *other* voters, is the excess that a sender's own outcomes are excused by.
"""

from __future__ import annotations

from typing import Final

ROUND: Final = 900.0  # seconds
VOTES: Final = 3  # of one sender a round
QUORUM: Final = 5  # other voters needed before they count
_PRIOR: Final = 4.0  # votes of "nothing special" that every average begins with
_FADED: Final = 0.3  # votes worth forgetting
_DESTINATIONS: Final = 20_000
_FORGET: Final = 8  # rounds after which nothing is left
_DAY: Final = 96  # rounds; by half every day fade the votes that count where few write
_DAYS: Final = 4  # after which nothing is left of them
_VOTERS: Final = 200  # of one destination, remembered for days
_DAYS_QUORUM: Final = 8

Votes = dict[int, list[float]]  # sender number -> [votes, bad, usual]


class Poll:
    """The votes about one destination."""

    __slots__ = ("bad", "step", "usual", "voters", "votes")

    def __init__(self, step: int) -> None:
        self.step = step  # up to which it has faded
        self.voters: Votes = {}
        self.votes = self.bad = self.usual = 0.0

    def vote(self, sender: int, bad: float, usual: float) -> None:
        """One recipient's outcome in [0, 1], and the share this sender usually sees."""
        mine = self.voters.get(sender)
        if mine is None:
            self.voters[sender] = [1.0, bad, usual]
        else:
            mine[0] += 1.0
            mine[1] += bad
            mine[2] += usual
        self.votes += 1.0
        self.bad += bad
        self.usual += usual

    def fade(self, step: int) -> None:
        """Let the rounds up to ``step`` pass."""
        factor = 0.5 ** (step - self.step)
        self.step = step
        kept: Votes = {}
        total = total_bad = total_usual = 0.0
        for sender, (votes, bad, usual) in self.voters.items():
            if votes * factor >= _FADED:
                kept[sender] = [votes * factor, bad * factor, usual * factor]
                total += votes * factor
                total_bad += bad * factor
                total_usual += usual * factor
        self.voters = kept
        self.votes, self.bad, self.usual = total, total_bad, total_usual

    def excess(self, sender: int, quorum: int = QUORUM) -> float | None:
        """By how much the others are worse off than usual; None with too few others."""
        mine = self.voters.get(sender)
        if len(self.voters) - (mine is not None) < quorum:
            return None
        votes, bad, usual = mine or (0.0, 0.0, 0.0)
        return max(0.0, (self.bad - bad - self.usual + usual) / (self.votes - votes + _PRIOR))


class Peers:
    """The polls of all destinations and one over all of them."""

    def __init__(self) -> None:
        self.round = 0  # counted up whenever one begins; senders remember theirs
        self.ends = float("-inf")  # when the running round does
        self._step = 0  # rounds passed, quiet ones too
        self._swept = 0
        self._everywhere = Poll(0)
        self._polls: dict[bytes, Poll] = {}
        self._of_days: dict[bytes, Poll] = {}

    def roll(self, time: float) -> None:
        """Begin the round of ``time``, which is past the end of the last."""
        passed = 1 + int((time - self.ends) // ROUND) if self.round else _FORGET
        self.round += 1
        self._step += passed
        self.ends = time + ROUND if passed >= _FORGET else self.ends + passed * ROUND
        if self._step - self._swept >= _FORGET:
            self._swept = self._step
            self._polls = {name: poll for name, poll in self._polls.items() if self._step - poll.step < _FORGET}
            day = self._step // _DAY
            self._of_days = {name: poll for name, poll in self._of_days.items() if day - poll.step < _DAYS}

    def vote(self, sender: int, destination: bytes, bad: float, usual: float, *, first: bool) -> None:
        """Count one recipient's outcome for its destination, and the ``first`` of a round for the world."""
        poll = self._polls.get(destination)
        if poll is None:
            if len(self._polls) >= _DESTINATIONS:
                return
            poll = self._polls[destination] = Poll(self._step)
        self._now(poll).vote(sender, bad, usual)
        if first:
            self._now(self._everywhere).vote(sender, bad, usual)
            self._remember(sender, destination, bad, usual)

    def _remember(self, sender: int, destination: bytes, bad: float, usual: float) -> None:
        poll = self._of_days.get(destination)
        if poll is None:
            if len(self._of_days) >= _DESTINATIONS:
                return
            poll = self._of_days[destination] = Poll(self._step // _DAY)
        elif poll.step != self._step // _DAY:
            poll.fade(self._step // _DAY)
        if len(poll.voters) < _VOTERS or sender in poll.voters:
            poll.vote(sender, bad, usual)

    def excess(self, sender: int, destination: bytes) -> float:
        """What excuses an outcome there: that destination's excess now; where few write, of days or the world."""
        poll = self._polls.get(destination)
        there = self._now(poll).excess(sender) if poll is not None else None
        if there is not None:
            return there
        lately = self._of_days.get(destination)
        of_days = lately.excess(sender, _DAYS_QUORUM) if lately is not None else None
        return max(of_days or 0.0, self._now(self._everywhere).excess(sender) or 0.0)

    def _now(self, poll: Poll) -> Poll:
        if poll.step != self._step:
            poll.fade(self._step)
        return poll
