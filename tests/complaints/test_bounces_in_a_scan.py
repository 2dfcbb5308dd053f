"""A site behind a smart host: its log says "sent" of everything, and bounces that come back say who was refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.complaints.kit import bounce, date, sent
from tests.test_cli import Answer, scan

RECIPIENTS = 300


def log(spammer: str = "mallory@corp.test") -> bytes:
    """Five days of ten accounts, and on the last one 300 mails of one of them, all taken by the smart host."""
    told = []
    for day in range(5):
        for number in range(100):
            at = day * 86_400 + 30_000 + number * 200
            account = f"user{number % 10}@corp.test"
            told.append(
                (at, sent(at, f"{day + 1:X}{number:05X}", f"friend{number % 60}@isp{number % 7}.test", account))
            )
    for number in range(RECIPIENTS):
        at = 5 * 86_400 + 40_000 + number * 5
        told.append((at, sent(at, f"F{number:05X}", f"victim{number}@isp{number % 50}.test", spammer)))
    return b"".join(text for _, text in sorted(told))


def bounces(share: float = 0.4, sender: str = "mallory@corp.test", **changed: str) -> bytes:
    """An mbox of what came back for the 300 mails."""
    mails = []
    for number in range(int(RECIPIENTS * share)):
        at = 5 * 86_400 + 40_000 + number * 5 + 20
        told = {"message_id": f"<F{number:05X}@corp.test>", "to": f"victim{number}@isp{number % 50}.test", **changed}
        mails.append(b"From MAILER-DAEMON Sat Nov 21 11:00:00 2026\n" + bounce(at, sender=sender, **told) + b"\n")
    return b"".join(mails)


def scanned(tmp_path: Path, **files: bytes) -> Answer:
    for name, text in files.items():
        (tmp_path / name.replace("_", ".")).write_bytes(text)
    return scan(*(tmp_path / name.replace("_", ".") for name in files), "--own-domain", "corp.test", "--year", "2026")


def test_without_bounces_nobody_is_seen_refused(tmp_path: Path) -> None:
    said = scanned(tmp_path, mail_log=log())
    assert not [one for one in said["incidents"] if one["refused"]]


def test_bounces_name_the_account_and_say_how_sure(tmp_path: Path) -> None:
    said = scanned(tmp_path, mail_log=log(), bounces_mbox=bounces())
    [incident] = [one for one in said["incidents"] if one["suspect"]["name"] == "mallory@corp.test"]
    assert incident["refused"] >= 100
    [finding] = [one for one in incident["findings"] if one["detector"] == "outcomes"]
    assert finding["accuses"]
    assert finding["strength"] == "likely"
    assert incident["strength"] in {"likely", "shown"}
    assert "bounces that came back" in finding["witnesses"]
    levels = {Path(line["source"]).name: line["level"] for line in finding["evidence"]}
    assert levels["bounces.mbox"] == "corroborated"
    assert any("refused recipients belong to messages of these logs" in one for one in said["assumptions"])
    [read] = [one for one in said["coverage"]["sources"] if one["source"].endswith("bounces.mbox")]
    assert (read["format"], read["problem"]) == ("mailbox", None)
    assert read["understood"] == read["lines"] > 0


def test_a_folder_of_single_files_says_the_same(tmp_path: Path) -> None:
    maildir = tmp_path / "Maildir" / "new"
    maildir.mkdir(parents=True)
    for number, mail in enumerate(bounces().split(b"From MAILER-DAEMON Sat Nov 21 11:00:00 2026\n")[1:]):
        (maildir / f"{number}.eml").write_bytes(mail)
    (tmp_path / "mail.log").write_bytes(log())
    said = scan(tmp_path / "mail.log", tmp_path / "Maildir", "--own-domain", "corp.test", "--year", "2026")
    assert "mallory@corp.test" in [one["suspect"]["name"] for one in said["incidents"] if one["refused"] >= 100]


@pytest.mark.parametrize(
    "forged",
    [
        bounces(message_id="<made-up@corp.test>"),  # of no message of ours
        bounces(to="somebody@else.test"),  # the message had no such recipient
        bounces(to="victim0@isp0.test", message_id="<F00000@corp.test>"),  # one recipient, again and again
        bounces(
            sender="user1@corp.test", message_id="<100001@corp.test>"
        ),  # somebody else's message, not its recipient
    ],
    ids=["unknown message", "unknown recipient", "one recipient many times", "another's message"],
)
def test_forged_bounces_accuse_nobody(tmp_path: Path, forged: bytes) -> None:
    said = scanned(tmp_path, mail_log=log(), bounces_mbox=forged)
    assert not [one for one in said["incidents"] if one["refused"] > 1]


def test_what_the_log_tells_itself_is_not_counted_twice(tmp_path: Path) -> None:
    text = log().replace(b"status=sent (250 2.0.0 Ok: queued as 4CE28A2)", b"status=bounced (550 5.1.1 User unknown)")
    alone = scanned(tmp_path, mail_log=text)
    both = scanned(tmp_path, mail_log=text, bounces_mbox=bounces())
    assert [one["refused"] for one in both["incidents"]] == [one["refused"] for one in alone["incidents"]]
    assert any("tells the same" in one for one in both["assumptions"])


def test_a_usual_share_of_bounces_accuses_nobody(tmp_path: Path) -> None:
    said = scanned(tmp_path, mail_log=log(), bounces_mbox=bounces(0.01))
    assert not [one for one in said["incidents"] if one["refused"] > 10]


def test_other_mail_in_the_box_is_counted_as_such(tmp_path: Path) -> None:
    head = f"From: anna@isp.test\nTo: bob@corp.test\nDate: {date(0)}\nSubject: x"
    letter = f"From anna Sat Nov 21 11:00:00 2026\n{head}\n\nHi.\n\n"
    said = scanned(tmp_path, mail_log=log(), box_mbox=letter.encode() * 3)
    [read] = [one for one in said["coverage"]["sources"] if one["source"].endswith("box.mbox")]
    assert read["other_programs"] == read["lines"]
    assert said["coverage"]["programs"]["mail that is no bounce and brings no report"] == read["lines"]
    assert said["coverage"]["not_understood"] == 0


def test_bounces_alone_prove_nothing(tmp_path: Path) -> None:
    said = scanned(tmp_path, bounces_mbox=bounces())
    assert said["verdict"] == "unknown"
    assert said["incidents"] == []
