"""What the logs hold decides what can be said, and what is told to be missing."""

from __future__ import annotations

from tests.stories.kit import MX, START, account, stranger, user
from whosent.model.rows import (
    Actor,
    Call,
    Login,
    Message,
    Outcome,
    Reason,
    Rejection,
    Request,
    Result,
    Subject,
    Verdict,
)
from whosent.witnessed import Witnessed


def message(actor: Actor) -> Message:
    return Message(START, 1, actor, "", b"a@b.test", 900, 1, START)


def outcome(result: Result) -> Outcome:
    return Outcome(
        START, 1, account("al"), "", b"a@b.test", b"c@d.test", result, Reason.NONE, "192.0.2.1", forwarded=False
    )


def login(service: str, *, succeeded: bool) -> Login:
    return Login(START, 1, MX, "al", "192.0.2.1", succeeded, service)


def test_nothing_about_mail() -> None:
    seen = Witnessed()
    assert not seen.tells_of_mail
    assert seen.held() == "nothing about mail"
    assert not list(seen.blind_spots())


def test_logins_of_a_mailbox_server_tell_nothing_of_who_sent() -> None:
    seen = Witnessed()
    seen.login(login("imap", succeeded=True))
    seen.request(Request(START, 1, "", "192.0.2.1", "GET", "/", 200))
    seen.call(Call(START, 1, "", "/x.php", 1, b"a@b.test"))
    assert not seen.tells_of_mail
    assert seen.held() == "1 login, 1 web request and 1 call of mail()"


def test_a_refusal_of_the_mail_server_does() -> None:
    seen = Witnessed()
    seen.rejection(Rejection(START, 1, MX, "192.0.2.1", "", "RCPT", 554, b"no"))
    seen.login(login("smtp", succeeded=False))
    assert seen.tells_of_mail
    assert seen.held() == "1 failed login and 1 refused attempt"


def test_behind_a_smart_host_refusals_are_invisible() -> None:
    seen = Witnessed()
    for _ in range(20):
        seen.outcome(outcome(Result.HANDED_OVER))
    assert any("Outcome-blind" in sentence for sentence in seen.blind_spots())
    seen.outcome(outcome(Result.SENT))
    seen.outcome(outcome(Result.BOUNCED))
    assert not any("Outcome-blind" in sentence for sentence in seen.blind_spots())


def test_each_missing_log_is_named_until_it_is_there() -> None:
    seen = Witnessed()
    for actor in (user(33, "www-data"), account("al"), stranger("192.0.2.9"), Actor("unknown", "", MX)):
        seen.message(message(actor))
    told = " ".join(seen.blind_spots())
    assert all(words in told for words in ("mail.log = ", "access log", "IMAP", "before the logs begin", "/^Subject:/"))
    seen.call(Call(START, 1, "", "/x.php", 1, b"a@b.test"))
    seen.request(Request(START, 1, "", "192.0.2.1", "GET", "/", 200))
    seen.login(login("imap", succeeded=True))
    seen.subject(Subject(START, 1, account("al"), "", b"Hello"))
    assert [sentence for sentence in seen.blind_spots() if "before the logs begin" not in sentence] == []


def exim_user(script: str | None) -> Message:
    return Message(0.0, 0, Actor("local_user", "shop", "", "shop", script), "", b"a@b.example", 1, 1, 0.0)


def test_exim_is_asked_for_the_folder_and_not_for_phps_log() -> None:
    seen = Witnessed()
    seen.message(exim_user(None))
    spots = "\n".join(seen.blind_spots())
    assert "log_selector = +arguments +pid" in spots
    assert "mail.log" not in spots
    seen.message(exim_user("/home/u/public_html"))
    assert "log_selector" not in "\n".join(seen.blind_spots())


def test_verdicts_that_name_no_message_are_told() -> None:
    seen = Witnessed()
    judged = Verdict(START, 1, account("al"), "", b"", b"", "rspamd", False, "", "no action", 1.0, 15.0, "")  # noqa: FBT003
    seen.verdict(judged)
    assert not list(seen.blind_spots())
    seen.verdict(judged._replace(actor=Actor("unknown", "", "")))
    assert ["1 verdict" in sentence for sentence in seen.blind_spots()] == [True]
    assert seen.held() == "2 verdicts"
