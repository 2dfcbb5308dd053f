"""What an alert says: the sentence, how sure, what is new, the next command; and nothing a stranger could use."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.telling.kit import NOW, kept
from whosent.alerts.due import Told, told
from whosent.alerts.silence import Pulse, of_source, of_whosent, quiet, source_is_back, whosent_is_back
from whosent.alerts.wording import Voice, of_incident, of_many, one_line, plain, subject_line, text, told_safely
from whosent.model.alert import Alert, News
from whosent.model.finding import Strength, Suspect
from whosent.model.lifecycle import State

VOICE = Voice("mx", "2024-11-12T14:00:00Z")


def say(*news: News, state: State = State.OPEN, before: Told | None = None, why: str = "", **changes: object) -> Alert:
    return of_incident(kept(state, **changes), news, before, VOICE, why)


def test_the_first_telling() -> None:
    alert = say(News.OPENED)
    assert subject_line(alert) == "[critical] mx: opened: account alice@example.org on mx, stolen account"
    assert text(alert) == (
        "The account alice@example.org is being used to send spam since Tue 12 Nov 14:03 (+01:00): 1,204 of 3,310"
        " recipients refused; it normally sees 1 in 40, everybody else 1 in 35; logins from 31 networks in 2 hours.\n\n"
        "How sure: shown, our own log or queue: syslog of mx.\n\n"
        "Next: whosent incident contain 3f9a1c20b7de\n\n"
        f"Whosent on mx, alert {alert.id}, 2024-11-12T14:00:00Z\n"
    )
    assert one_line(alert).count("\n") == 0
    assert one_line(alert).startswith("critical: The account alice@example.org")


@pytest.mark.parametrize(
    ("state", "strength", "command"),
    [
        (State.OPEN, Strength.PROVEN, "whosent incident contain 3f9a1c20b7de"),
        (State.OPEN, Strength.CANDIDATES, "whosent incident show 3f9a1c20b7de"),
        (State.CONTAINED, Strength.PROVEN, "whosent incident resolve 3f9a1c20b7de"),
        (State.RESOLVED, Strength.PROVEN, "whosent incident show 3f9a1c20b7de"),
    ],
)
def test_the_next_command_never_stops_whom_nobody_named(state: State, strength: Strength, command: str) -> None:
    assert say(News.OPENED, state=state, strength=strength).command == command


@pytest.mark.parametrize("news", [one for one in News if one not in {News.OPENED, News.SILENT, News.HEARD, News.TEST}])
def test_every_news_of_an_incident_has_its_sentence(news: News) -> None:
    before = told(kept(recipients=40, witnesses=["syslog of mx"]), NOW, stopped=False)
    alert = say(news, before=before, witnesses=["syslog of mx", "queue of mx"])
    assert alert.changed.endswith(".")
    assert f"New: {alert.changed}" in text(alert)
    assert alert.changed in one_line(alert)


def test_growth_in_numbers_also_where_it_should_have_ended() -> None:
    before = told(kept(recipients=40), NOW, stopped=False)
    assert say(News.GREW, before=before).changed == "It grows: 100 recipients now, 40 when it was last told."
    held = kept(State.CONTAINED)
    out = of_incident(msgspec.structs.replace(held, leaked=60), [News.GREW], told(held, NOW, stopped=False), VOICE)
    assert out.changed == "It goes on although it is contained: 60 recipients refused since."
    assert out.urgency == "critical"
    assert of_incident(held, [News.RESUMED], None, VOICE).changed.startswith("It is tried again: 100 recipients")


def test_good_news_wakes_nobody() -> None:
    for news in (News.CONTAINED, News.STOPPED, News.RESOLVED, News.DISMISSED):
        assert say(news).urgency == "information"
    assert say(News.REOPENED, News.CONTAINED).urgency == "critical"
    assert say(News.OPENED, severity="warning").urgency == "warning"


def test_who_changed_it_and_why() -> None:
    assert say(News.CONTAINED, why="carol: until she is back.").changed.endswith(
        "The reason given: carol: until she is back."
    )


def test_one_summary_of_many() -> None:
    alert = of_many([kept() for _ in range(7)], VOICE)
    assert alert.sentence.startswith(
        "7 more incidents were opened at once, 7 of them critical: account alice@example.org"
    )
    assert alert.sentence.endswith("and 4 others.")
    assert alert.command == "whosent incident list"
    assert "account alice@example.org on mx." in of_many([kept()], VOICE).sentence


def test_silence() -> None:
    pulses = [Pulse("a.log", 0, 10), Pulse("night.log", 0, 30_000), Pulse("b.log", 90_000)]
    assert quiet(pulses, 93_601, 3600) == [pulses[0], pulses[2]]
    assert quiet(pulses, 93_600, 3600) == pulses[:1]
    assert quiet(pulses, 10**9, 0) == []
    gone = plain(of_whosent(Pulse("watch", 0), 400), VOICE)
    assert "for 6 minutes 40 seconds" in gone.sentence
    assert gone.urgency == "critical"
    assert "brought no line for 1 day 2 hours" in plain(of_source(pulses[0], 93_601), VOICE).sentence
    for good in (whosent_is_back(), source_is_back("a.log")):
        assert plain(good, VOICE).urgency == "information"


HOSTILE = (
    "x\x1b[2J\x1b]0;owned\x07\r\nBcc: victim@example.net\n\n<script>alert(1)</script> [link](http://evil.example/)"
    " @everyone @here <!channel> \u202egnp.exe | rm -rf / ; $(reboot) `reboot`"
)


def test_a_hostile_name_is_text() -> None:
    suspect = Suspect(kind="form", name=HOSTILE, host="web")
    alert = say(News.OPENED, suspect=suspect, sentence=f"The form {HOSTILE} sends spam.", witnesses=[HOSTILE])
    for told_ in (text(alert), one_line(alert), subject_line(alert)):
        assert "\x1b" not in told_
        assert "\r" not in told_
        assert "\u202e" not in told_
    for told_ in (text(alert), one_line(alert)):
        assert "http://" not in alert.sentence
        assert "@everyone" not in alert.sentence
        assert "\nBcc:" not in told_
    assert "\n" not in one_line(alert) + subject_line(alert)
    assert alert.command == "whosent incident contain 3f9a1c20b7de"


def test_addresses_stay_addresses() -> None:
    assert told_safely("alice@hereford.example bob@here.example carol@all-hands.example") == (
        "alice@hereford.example bob@here.example carol@all-hands.example"
    )


@given(st.text(max_size=3000))
def test_whatever_a_stranger_writes_it_is_one_short_line(name: str) -> None:
    line = one_line(say(News.OPENED, sentence=name, witnesses=[name] * 9, suspect=Suspect(kind="account", name=name)))
    assert line.replace("\u2060", "").replace("\u2026", "").isprintable() or not line.isascii()
    assert not set(line) & set("\n\r\x1b\x00\x7f\u2028\u202e")
    assert len(told_safely(name)) <= 1_500
