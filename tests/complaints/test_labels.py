"""Labels of texts, HTML, lists, subjects and attachments: the source is named, the attacked is not."""

from __future__ import annotations

import pytest

from tests.complaints.kit import HEAD, named
from whosent.complaints.labels import CLIENT, weight
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


@pytest.mark.parametrize(
    "text",
    [
        f"z Va\u0161\u00ed IP adresy {_SOURCE}, 192.0.2.8 patrn\u011b odch\u00e1z\u00ed spam",
        f"Probes seen.\n\nTimestamp            IP Address\n2026-11-27 08:01  {_SOURCE}\n2026-11-27 08:04  192.0.2.8",
    ],
)
def test_several_in_a_sentence_or_with_their_moments_are_named_whole(text: str) -> None:
    assert named(f"Brute force.\n\n{text}\n") == [_SOURCE, "192.0.2.8"]


@pytest.mark.parametrize(
    "text",
    [
        f"Hosts that were attacked:\n\nTime             IP Address\n2026-11-27 08:01  {_ATTACKED}",
        f"Time   Target  IP Address\n08:01  mx      {_ATTACKED}\n08:02  mx      198.51.100.8",
        f"Time             IP Address\n2026-11-27 08:01  {_ATTACKED}  {_SOURCE}",
        f"Target IP: {_ATTACKED}\n\nTime             IP Address\n2026-11-27 08:01  {_ATTACKED}",
    ],
)
def test_a_table_with_moments_of_the_attacked_accuses_nobody(text: str) -> None:
    assert named(f"Brute force.\n\n{text}\n") == []


@pytest.mark.parametrize(
    "behind",
    [
        "\nGateway  192.0.2.8",
        "\nRegards, Desk\n\nLookups by  192.0.2.8",
        "Gateway  192.0.2.8",
        "Regards\n2026-11-27 09:00  192.0.2.8",
        "\n2026-11-27 09:00  192.0.2.8",
    ],
)
def test_a_table_with_moments_ends_with_its_last_row(behind: str) -> None:
    for rule in ("", "\n", "----------------  ---------\n"):
        table = f"Time  IP\n{rule}2026-11-27 08:01  {_SOURCE}\n27 Nov 08:02  198.51.100.8\n"
        assert named(f"Brute force.\n\n{table}{behind}\n") == [_SOURCE, "198.51.100.8"]


def test_a_resolver_that_is_open_is_accused_and_another_is_not() -> None:
    reply = f"13:54:22.3 IP (ttl 53, UDP) {_SOURCE}.53 > 203.0.113.x.25565: 21343 242/0/1"
    assert named(f"An open recursive resolver at IP address {_SOURCE} took part in an attack.\n\n{reply}") == [_SOURCE]
    assert named(f"DDoS. Resolver: {_ATTACKED}\nsource: {_SOURCE}") == [_SOURCE]


def test_lines_of_a_log_without_words_complain_where_a_desk_gets_them() -> None:
    line = f'{_SOURCE} - - [27/Nov/2026:08:01:02 +0000] "GET /.env HTTP/1.1" 404 153'
    assert named(line, "From the log") == [_SOURCE]
    [told] = read(f"{HEAD}Subject: From the log\n\n{line}\n".replace("abuse@", "sales@").encode())
    assert told.kind == "other"


def test_where_links_are_hosted_stands_behind_them() -> None:
    links = f"http://one.test/x/ ({_SOURCE})\nhttp://two.test/bOLdO0s/ (192.0.2.8)\n"
    assert named(f"Unwanted software was found:\n\n{links}") == [_SOURCE, "192.0.2.8"]
    assert named(f"Phishing at http://one.test/, which resolves to the IP address {_SOURCE}") == [_SOURCE]
    assert named(f"Attack seen on {_ATTACKED}, target: {_ATTACKED}. Server {_ATTACKED} is ours.") == []


def test_behind_a_desks_tickets_the_reporter_is_whoever_wrote_to_it() -> None:
    head = "From: Desk via RT <abuse@isp.test>\nTo: abuse@isp.test\nReply-To: abuse@isp.test\n"
    body = f"Subject: [isp.test #7] Abuse from {_SOURCE}\n\nBrute force on sshd.\n"
    [told] = read(f"{head}X-RT-Originator: bot@reporter.test\n{body}".encode())
    assert (told.reporter, told.source_address) == ("bot@reporter.test", _SOURCE)
    assert [told.reporter for told in read(f"{head}{body}".encode())] == ["abuse@isp.test"]
    [told] = read(f"{HEAD}X-RT-Originator: forged@reporter.test\n{body}".encode())
    assert told.reporter == "desk@reporter.test"


def test_an_automated_reply_to_a_complaint_is_none() -> None:
    mail = f"{HEAD}Subject: Automated reply to the submission of abuse incident\n\nInclude source IP and attack logs.\n"
    assert [(told.kind, told.layout) for told in read(mail.encode())] == [("other", "autoreply")]


def test_a_lone_received_line_is_the_message() -> None:
    line = "by mx.reporter.test with SMTP; Fri, 27 Nov 2026 09:00:00 +0000"
    assert named(f"Received: from [{_SOURCE}] {line}") == [_SOURCE]
    assert named("Received: (qmail 1 invoked by uid 0); Fri, 27 Nov 2026 09:00:00 +0000", "Spam") == []


def test_a_private_address_is_named_only_where_there_is_no_other() -> None:
    assert named("Lines of the log below.", "Abuse report about 10.42.9.42") == ["10.42.9.42"]
    assert named(f"Source IP: {_SOURCE}", "Abuse report about 10.42.9.42") == [_SOURCE]
    assert named("Attack seen on 127.0.0.1, 0.0.0.0 and 10.0.0.9") == []


@pytest.mark.parametrize(
    "text",
    [
        f"The attacker ip address on your network is {_SOURCE}",
        f"The spamming host on your network is {_SOURCE}; the DNS server is 192.0.2.8",
        f"The infected server in your network is {_SOURCE}",
        f"Angriff: der infizierte Server, attacker host auf Ihrem Netz {_SOURCE}",
    ],
)
def test_what_stands_on_your_network_is_not_attacked(text: str) -> None:
    assert named(f"We received spam.\n\n{text}\n") == [_SOURCE]
    assert weight("Attacker host seen on ", "") < weight("The attacker host on your network is ", "") == CLIENT


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
        ("text/csv", f"asn|ip|source time|type\n64500|{_SOURCE}|2026-11-27 08:01:02Z|bot"),
    ],
)
def test_attachments_that_are_text_are_read(kind: str, content: str) -> None:
    assert _enclosing(kind, content) == [_SOURCE]


@pytest.mark.parametrize("kind", ["image/png", "application/pdf", "message/rfc822", "application/pgp-signature"])
def test_what_is_no_text_accuses_nobody(kind: str) -> None:
    assert _SOURCE not in _enclosing(kind, f"Source IP: {_SOURCE}")
    assert _SOURCE not in _enclosing("application/octet-stream", f"\x00\x01Source IP: {_SOURCE}")
