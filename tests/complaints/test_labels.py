"""Labels of texts, HTML, lists, subjects and attachments: the source is named, the attacked is not."""

from __future__ import annotations

import pytest

from tests.complaints.kit import HEAD, named
from whosent.complaints.reading import read

_SOURCE, _ATTACKED = "192.0.2.7", "198.51.100.9"


def test_two_labels_nobody_knows_accuse_nobody() -> None:
    assert named(f"Attack.\n\nXyzzy IP: {_SOURCE}\nPlugh IP: {_ATTACKED}") == []
    assert named(f"Attack.\n\nXyzzy IP: {_SOURCE}\n") == [_SOURCE]


_ROWS = "<tr><td>{}</td>\n <td>{}</td></tr>\n<tr>\n <td><p>{}</p></td>\n <td><p>{}</p></td></tr>"


@pytest.mark.parametrize(
    ("markup", "accused"),
    [
        (_ROWS.format("Source IP", _SOURCE, "Target IP", _ATTACKED), [_SOURCE]),
        (_ROWS.format("Destination", _ATTACKED, "Source", _SOURCE), [_SOURCE]),
        (_ROWS.format("Destination IP", "Source IP", _ATTACKED, _SOURCE), [_SOURCE]),
        (_ROWS.format("Target", "Attacker", _ATTACKED, _SOURCE), [_SOURCE]),
        (_ROWS.format("Foo", "Bar", _ATTACKED, _SOURCE), []),
        (f"Source: {_SOURCE}<br>Destination: {_ATTACKED}<br/>", [_SOURCE]),
        (
            f"<p>Infected hosts in your network:</p><ul><li>{_SOURCE}</li><li>192.0.2.8</li></ul>",
            [_SOURCE, "192.0.2.8"],
        ),
        (f"<p>Source&nbsp;IP:&nbsp;<b>{_SOURCE}</b></p><p>Target:&#32;<i>{_ATTACKED}</i></p>", [_SOURCE]),
        (f"<p>Attack</p><pre>Source: {_SOURCE}\nTarget: {_ATTACKED}</pre>", [_SOURCE]),
    ],
)
def test_html_reads_as_it_is_shown(markup: str, accused: list[str]) -> None:
    assert named(f"<html><body><p>Stop the attack.</p>{markup}</body></html>", kind="text/html") == accused


@pytest.mark.parametrize(
    "text",
    [
        f"IPs of your network attack:\n\n i. {_SOURCE}\n ii. 192.0.2.8",
        f"The infected hosts are in your network.\n1) {_SOURCE}\n2) 192.0.2.8",
        f"Malware at the following addresses: {_SOURCE}, 192.0.2.8",
        f"Our host was attacked from the following IPs:\n{_SOURCE} and 192.0.2.8\n\nThey hit:\n\n{_ATTACKED} or more\n",
        f"The following networks are abused by criminals. Details:\n\nC2\n\n@ {_SOURCE}:8443\n\n@ 192.0.2.8:443",
        f"attack[source_ip]:{_SOURCE}\nattack[source_ip]:192.0.2.8\nattack[destination_ip]:{_ATTACKED}",
    ],
)
def test_lists_are_named_whole(text: str) -> None:
    assert named(text) == [_SOURCE, "192.0.2.8"]


def test_a_subject_accuses_by_its_words() -> None:
    assert named("See the log.", f"Attack on {_ATTACKED} from {_SOURCE}") == [_SOURCE]
    assert named("See the log.", f"Logins from {_SOURCE} 192.0.2.8") == [_SOURCE, "192.0.2.8"]
    assert named(f"Source IP: {_SOURCE}\nTarget IP: {_ATTACKED}", f"Abuse ({_ATTACKED})") == [_SOURCE]


def test_where_a_reported_site_is_the_text_says() -> None:
    report = "Reported-From: desk@reporter.test\nCategory: fraud\nReport-Type: phishing\nSource: http://site.test/x\n"
    parts = f"--b\nContent-Type: text/plain\n\nSee http://site.test/x [{_SOURCE}]\n--b\n"
    mail = (
        f"{HEAD}Subject: Phishing\nX-ARF: yes\nContent-Type: multipart/mixed; boundary=b\n\n{parts}"
        f"Content-Type: text/plain; name=report.txt\n\n{report}Source-Type: uri\n--b--\n"
    )
    found = read(mail.encode())
    assert [(told.layout, told.source_address) for told in found] == [("xarf", _SOURCE)]


def test_attacks_on_your_network_are_an_accusation() -> None:
    assert named(f"IPs engaged in attacks on your network:\n\n{_SOURCE} (D)") == [_SOURCE]


def _enclosing(kind: str, content: str) -> list[str]:
    mail = (
        f"{HEAD}Subject: Attack\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\n"
        f"See the attached log of {_ATTACKED}.\n--b\nContent-Type: {kind}\n\n{content}\n--b--\n"
    )
    return [told.source_address for told in read(mail.encode()) if told.source_address]


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (
            "application/octet-stream",
            f"Nov 27 08:01:02 web sshd[1]: Failed password for root from {_SOURCE} port 4711 ssh2",
        ),
        ("application/json", f'{{"destination": {{"ip": "{_ATTACKED}"}},\n "source": {{"ip": "{_SOURCE}"}}}}'),
        ("application/json", f'[{{"destination.ip": "{_ATTACKED}", "source.ip": "{_SOURCE}"}}]'),
        ("application/json", f'[{{"attacker": "{_SOURCE}", "victim": "{_ATTACKED}"}}]'),
        (
            "application/xml",
            f"<a><Source><T>x</T><IP_Address>{_SOURCE}</IP_Address></Source><Target><IP>{_ATTACKED}</IP></Target></a>",
        ),
        ("application/x-yaml", f"destination:\n  ip: {_ATTACKED}\nsource:\n  ip: {_SOURCE}"),
        ("text/tab-separated-values", f"time\tsrc\tdst\n1\t{_SOURCE}\t{_ATTACKED}"),
    ],
)
def test_attachments_that_are_text_are_read(kind: str, content: str) -> None:
    assert _enclosing(kind, content) == [_SOURCE]


@pytest.mark.parametrize("kind", ["image/png", "application/pdf", "message/rfc822", "application/pgp-signature"])
def test_what_is_no_text_accuses_nobody(kind: str) -> None:
    assert _SOURCE not in _enclosing(kind, f"Source IP: {_SOURCE}")
    assert _SOURCE not in _enclosing("application/octet-stream", f"\x00\x01Source IP: {_SOURCE}")
