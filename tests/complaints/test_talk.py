"""Who talks of spam to nobody in charge complains of nothing; who complains to a person still does."""

from __future__ import annotations

import pytest

from whosent.complaints.reading import read

_LIST = "To: users@list.test\nList-Id: <users.list.test>\n"
_PERSON = "To: info@isp.test\n"
_LABEL = "Attack on us.\n\nSource IP: 192.0.2.7\n"


@pytest.mark.parametrize(
    ("head", "text", "complaint"),
    [
        (f"{_LIST}Subject: spam scores", "How do I block the spam from 192.0.2.7?", False),
        (f"{_LIST}Subject: spam scores", "The scores for spam are wrong.", False),
        (f"{_LIST}Subject: hello", _LABEL, True),
        (f"{_LIST}Cc: abuse@isp.test\nSubject: spam", "Spam comes from 192.0.2.7.", True),
        ("To: undisclosed-recipients:;\nDelivered-To: abuse@isp.test\nSubject: hello", "You send me spam.", True),
        (f"To: abuse@isp.test\n{_LIST.partition(chr(10))[2]}Subject: spam", "Spam comes from 192.0.2.7.", True),
        (f"{_PERSON}Subject: hello", "This is no spam. Unsubscribe at http://192.0.2.9/u", False),
        (f"{_PERSON}Subject: hello", "My old provider was called a source of junk once.", False),
        (f"{_PERSON}Subject: hello", "Your customer 192.0.2.7 attacks us.", True),
        (f"{_PERSON}Subject: spam", "You send it to me. Stop it.", True),
        ("To: abuse@isp.test\nSubject: hello", "You send me spam. Stop it.", True),
    ],
)
def test_talk_is_no_complaint(head: str, text: str, complaint: bool) -> None:  # noqa: FBT001  # a case's answer
    (told,) = read(f"From: ann@reporter.test\n{head}\nDate: Fri, 27 Nov 2026 10:00:00 +0000\n\n{text}\n".encode())
    assert (told.kind == "complaint") is complaint
