"""Whom a report accuses, by its ways of writing; the attacked, the reporter, their servers and networks never are."""

from __future__ import annotations

import base64
import io
import zipfile

import pytest

from tests.complaints.kit import HEAD, named
from whosent.complaints.reading import read


@pytest.mark.parametrize(
    ("text", "accused"),
    [
        ("About the malicious system:\nIP: 192.0.2.7\n\nAbout the attacked resource:\nIP: 198.51.100.9", "192.0.2.7"),
        ("Victim:\nIP: 198.51.100.9\n\nOffender:\nIP: 192.0.2.7", "192.0.2.7"),
        ("Our logs show attacks. Our log has source IP: 192.0.2.7, target IP: 198.51.100.9", "192.0.2.7"),
        ("Spam came to our server from 192.0.2.7, our server is 198.51.100.9", "192.0.2.7"),
        ("Attack seen:\n10:00 192.0.2.7:4444 -> 198.51.100.9:25\n10:01 192.0.2.7:4445 -> 198.51.100.8:25", "192.0.2.7"),
        ("Attack seen:\n10:00 192.0.2.7 => 198.51.100.9:25 TCP", "192.0.2.7"),
        ("inetnum: 192.0.2.0 - 192.0.2.255\nSPAM, queue=q1, recvfrom=192.0.2.7, to=`a@b.test'", "192.0.2.7"),
        ("brute force: pam_unix(sshd:auth): authentication failure; rhost=192.0.2.7 user=root", "192.0.2.7"),
        ("A phishing page is hosted at\n http://192.0.2.7/~x/page.html\nPlease remove it.", "192.0.2.7"),
        ("Attack seen:\n2026-11-27 13:37:05 - 192.0.2.7:4444 -> 198.51.100.9:25 - 13:37:09", "192.0.2.7"),
        ("Phishing, see hxxps://192 (.) 0 (.) 2 [dot] 7/login, remove it.", "192.0.2.7"),
        (
            "The bot talks to a control server (198.51.100[.]9:443).\n\nAffected IP in your net:\n192.0.2[.]7",
            "192.0.2.7",
        ),
        ("Sie wurden gehackt. Die betroffene IP-Adresse in Ihrem Netz ist:\n\n  192.0.2.7\n", "192.0.2.7"),
        ("We see spam.\n\nSource network has the host 192.0.2.7\nrange: 192.0.2.0 - 192.0.2.255", "192.0.2.7"),
    ],
)
def test_the_words_before_an_address_say_whose_it_is(text: str, accused: str) -> None:
    assert named(text) == [accused]


@pytest.mark.parametrize(
    "text",
    [
        "We see spam from your network.\n\nAbout the attacked resource:\nIP: 198.51.100.9",
        "Somebody attacks us. Target IP: 198.51.100.9",
        "We get spam. Our server: 198.51.100.9",
        "Abuse of your network:\ninetnum: 192.0.2.0 - 192.0.2.255\nnserver: ns1.isp.test 192.0.2.53",
        "Abuse of your network 192.0.2.0 - 192.0.2.255, see whois.",
        "Abuse of your network 192.0.2.0-192.0.2.255 and of 192.0.2.0/24.",
        "Abuse, see https://rdap.example/ip/192.0.2.0 for the owner.",
        "Spam again. Seen near 192.0.2.7, and near 192.0.2.8 as well.",
        "We get spam.\nName server: 192.0.2.53",
        "Hosts of your network attack. Target IPs: 198.51.100.9\n198.51.100.8",
        "Your customers attack. The affected hosts of the victim are these:\n198.51.100.9",
        "Abuse of 192.0.2.0 - 192.0.2.255 and of 2001:db8::1 - 2001:db8::ffff",
    ],
)
def test_the_attacked_a_network_and_a_name_server_are_not_accused(text: str) -> None:
    assert named(text) == []


def test_the_reporters_own_address_is_not_accused() -> None:
    way = "Received: from mail.reporter.test (mail.reporter.test [198.51.100.9]) by mx.isp.test with ESMTP id A1\n"
    assert named("Stop the spam.\n-- \nDesk, 198.51.100.9", more=way) == []
    assert named("Stop the spam of 192.0.2.7.\n-- \nDesk, 198.51.100.9", more=way) == ["192.0.2.7"]


_BARS = """\
| Source       | Destination  | Time_UTC            |
+--------------+--------------+---------------------+
| 192.0.2.7    | 198.51.100.9 | 2026-11-27 08:46:52 |
| 192.0.2.8    | 198.51.100.8 | 2026-11-27 08:50:05 |
| 10.0.0.8     | 198.51.100.8 | 2026-11-27 08:50:06 |
"""


def test_a_table_drawn_with_bars_accuses_its_sources() -> None:
    assert named(f"DDoS from your IPs:\n\n{_BARS}") == ["192.0.2.7", "192.0.2.8"]
    assert named(f"DDoS:\n\n{_BARS.replace('Source', 'Sensor')}") == []


_SPREAD = """\
>    DateTime          Rule     SourceIP\u00a0 Src Port  Hostname Involved       Dest IP  Action
> 0  2026-11-27 08:46  2492    192.0.2.7  44980        198.51.100.9  198.51.100.9  GET /x
> 1  2026-11-27 08:47  2492    192.0.2.7  44980 www.corp.test
<http://www.corp.test>   198.51.100.8  GET /x
> 2  2026-11-27 08:47  2492    192.0.2.8  44981        198.51.100.8  198.51.100.8  GET /x

198.51.100.1 and 198.51.100.2 wrote this.
"""


def test_a_table_that_blanks_part_accuses_its_sources_where_a_row_is_whole() -> None:
    assert named(f"Attacks from your IPs:\n\n{_SPREAD}") == ["192.0.2.7", "192.0.2.8"]
    turned = _SPREAD.replace("SourceIP", "Target IP").replace("Dest IP", "Source IP")
    assert named(f"Attacks:\n\n{turned}") == ["198.51.100.9", "198.51.100.8"]


@pytest.mark.parametrize("text", ["Received:" + " \n" * 60_000, "spam" + " " * 60_000, "> \t" * 20_000])
def test_blanks_without_end_take_no_time(text: str) -> None:
    assert named(f"{text}\nSpam of 192.0.2.7") == (["192.0.2.7"] if len(text) < 64 << 10 else [])


def test_a_list_goes_on_from_line_to_line() -> None:
    assert named("Malware.\n\nIPs: 192.0.2.7\n2001:db8::7\n\nDesk, at\n198.51.100.9") == ["192.0.2.7", "2001:db8::7"]
    links = "".join(f"http://{one}.test/x\n(192.0.2.{one})\n" for one in range(1, 4))
    assert named(f"Malware at these links:\n\n{links}") == ["192.0.2.1", "192.0.2.2", "192.0.2.3"]


def _enclosing(content: bytes, kind: str, words: str = "Please see the list of infected hosts.") -> list[str]:
    mail = (
        f"{HEAD}Subject: Report\nContent-Type: multipart/mixed; boundary=b\n\n"
        f"--b\nContent-Type: text/plain\n\n{words}\n"
        f"--b\nContent-Type: {kind}\nContent-Transfer-Encoding: base64\n\n{base64.b64encode(content).decode()}\n--b--\n"
    )
    return [told.source_address for told in read(mail.encode()) if told.source_address]


def _zipped(text: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("events.csv", text)
    return packed.getvalue()


_LIST = 'time,ip,class,raw\n2026-11-27,192.0.2.7,bot,"several\nlines, 198.51.100.9"\n2026-11-27,192.0.2.8,bot,x\n'


def test_an_attached_list_accuses_its_sources_packed_or_not() -> None:
    assert _enclosing(_zipped(_LIST), "application/zip") == ["192.0.2.7", "192.0.2.8"]
    assert _enclosing(_LIST.encode(), "text/csv") == ["192.0.2.7", "192.0.2.8"]
    assert _enclosing(_LIST.encode(), 'application/octet-stream; name="events.csv"') == ["192.0.2.7", "192.0.2.8"]
    dotted = b"time;source.ip;source.local_ip;destination.ip\n1;192.0.2.7;10.0.0.1;198.51.100.9\n"
    assert _enclosing(dotted, "text/csv") == ["192.0.2.7"]
    both = b"dst_ip;ip;src_ip\n198.51.100.9;198.51.100.8;192.0.2.7\n"
    assert _enclosing(both, "text/csv") == ["192.0.2.7"]


@pytest.mark.parametrize(
    "content",
    [
        b"time,dst_ip,target\n2026-11-27,198.51.100.9,x\n",
        b"time,ip\n2026-11-27,10.0.0.9\n2026-11-27\n",
        b'time,ip\n"' + b"x" * 200_000 + b",198.51.100.9",
        b"",
    ],
)
def test_a_list_of_others_and_a_broken_one_accuse_nobody(content: bytes) -> None:
    assert _enclosing(content, "text/csv") == []
    assert _enclosing(_zipped(content.decode())[:-9], "application/zip") == []


def test_what_the_words_call_the_source_counts_more_than_a_list() -> None:
    assert _enclosing(_LIST.encode(), "text/csv", "Infected. Source IP: 192.0.2.9") == ["192.0.2.9"]


_WRAPPED = """\
This is spam.

Delivered-To: ann@corp.test
Received: by 2001:db8::9 with SMTP id ot18csp1;
        Thu, 26 Nov 2026 07:56:46 -0700 (PDT)
X-Relay-Source:
AGHT+IGvKR3AdtDToElIxWlolE3d
Authentication-Results: mx.corp.test; spf=pass (domain of
bounce+1-ann=corp.test@lists.test
designates 192.0.2.7 as permitted sender)
Received: from out.lists.test (out.lists.test. [192.0.2.7])
        by mx.corp.test with ESMTP id
a23-20020ac25e77000000b00515c12541df
        for <ann@corp.test>;
        Thu, 26 Nov 2026 07:56:46 -0700 (PDT)
Received: from desk (desk [203.0.113.5]) by out.lists.test with ESMTPSA id B2
Message-ID: <1@lists.test>
From: news@lists.test
"""


def test_a_pasted_header_that_was_wrapped_is_read_as_one() -> None:
    assert named(_WRAPPED) == ["192.0.2.7"]


def test_a_pasted_header_with_empty_lines_between_is_read_as_one() -> None:
    lines = [
        "Return-Path: <news@lists.test>",
        "Received: from out.lists.test ([192.0.2.7])",
        "          by mx.corp.test with esmtps (Exim 4.97)",
        "          for ann@corp.test; Thu, 26 Nov 2026 07:56:46 +0000",
        "Received: from [203.0.113.5] (helo=desk)",
        "          by out.lists.test with esmtpsa (Exim 4.97); Thu, 26 Nov 2026 07:56:40 +0000",
        "Message-ID: <1@lists.test>",
        "From: news@lists.test",
    ]
    assert named("This is spam.\n\n \n\n" + "\n\n".join(lines)) == ["192.0.2.7"]


_OF_ONE_HOUSE = """\
Received: from a1.prod.mail.test (2001:db8:1::18) by b1.prod.mail.test with
HTTPS; Thu, 26 Nov 2026 20:33:44 +0000
Received: from out.lists.test (192.0.2.7) by
a1.prod.mail.test (10.13.179.53) with Microsoft SMTP Server;
Thu, 26 Nov 2026 20:33:42 +0000
Message-ID: <1@lists.test>
From: news@lists.test
"""


def test_a_hop_inside_the_recipients_provider_is_not_accused() -> None:
    assert named(f"I am getting spam from your client at 192.0.2.7\n\n{_OF_ONE_HOUSE}") == ["192.0.2.7"]
    assert "2001:db8:1::18" not in named(f"This is spam.\n\n{_OF_ONE_HOUSE}")


@pytest.mark.parametrize(
    ("client", "by", "accused"),
    [
        ("out.isp.test (198.51.100.9)", "hub11.corp.local", []),  # an inner host took it from the site's own relay
        ("hub11 ([198.51.100.9])", "store2.corp.test", []),  # the same, by the name of the client
        ("out.isp.test (198.51.100.9)", "mx.corp.test", ["198.51.100.9"]),
        ("desktop ([198.51.100.9])", "mx.other.test", ["198.51.100.9"]),
    ],
)
def test_a_hop_between_hosts_whose_names_only_their_site_knows_is_not_accused(
    client: str, by: str, accused: list[str]
) -> None:
    below = client.split(maxsplit=1)[0]
    way = (
        f"Received: from {client} by {by} with ESMTP id A1 for <ann@corp.test>; Thu, 26 Nov 2026 07:56:46 +0000\n"
        f"Received: from bot.test ([192.0.2.7]) by {below} with ESMTP id B1; Thu, 26 Nov 2026 07:56:45 +0000\n"
        "Message-ID: <1@bot.test>\nFrom: x@bot.test\n"
    )
    assert named(f"This is spam.\n\n{way}") == accused


def test_a_hop_before_which_a_server_without_a_domain_had_it_is_not_accused() -> None:
    way = (
        "Received: from in1.isp.test ([198.51.100.9]) by store2.isp.test with ESMTP id A1;\n"
        " Thu, 26 Nov 2026 07:56:46 +0000\n"
        "Received: from bot.test ([192.0.2.7]) by cmsmtp with ESMTP id B1; Thu, 26 Nov 2026 07:56:45 +0000\n"
        "Message-ID: <1@bot.test>\nFrom: x@bot.test\n"
    )
    assert named(f"This is spam.\n\n{way}") == []


def test_a_head_that_a_mail_program_broke_up_is_one() -> None:
    way = (
        "Return-Path: <x@bot.test>\nReceived: from bot.test ([192.0.2.7]) by mx.corp.test with ESMTP id A1;\n"
        " Thu, 26 Nov 2026 07:56:46 +0000\nARC-Seal: i=1; d=bot.test; \ncv=none;\n  \nb=e0V3wg==\n"
        "Received: from inner.bot.test ([198.51.100.9]) by bot.test with ESMTP id B1; Thu, 26 Nov 2026 07:56:45 +0000\n"
        "Message-ID: <1@bot.test>\nFrom: x@bot.test\nTo: ann@corp.test\nSubject: offer\nX-Mailer: y\n"
    )
    assert named(f"This is spam.\n\n{way}") == ["192.0.2.7"]


def test_a_report_passed_on_below_the_words_of_a_gateway_is_read() -> None:
    head = f"{HEAD}Subject: Scans\n"
    mail = (
        f"{head}Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nFrom outside!\n--b\n"
        f"Content-Type: message/rfc822\n\nReceived: from x.test ([198.51.100.9]) by mx.isp.test with ESMTP\n{head}\n"
        "Your host scans: (attacker's IP)=192.0.2.7 (IP being scanned)=198.51.100.8\n--b--\n"
    )
    assert [told.source_address for told in read(mail.encode())] == ["192.0.2.7"]
    spam = mail.replace(f"ESMTP\n{head}", "ESMTP\nFrom: Desk <desk@reporter.test>\nTo: ann@corp.test\nSubject: Scans\n")
    assert [told.source_address for told in read(spam.encode())] == ["198.51.100.9"]


def test_a_bot_that_takes_the_recipients_name_is_accused() -> None:
    way = _OF_ONE_HOUSE.replace("a1.prod.mail.test (10.13.179.53)", "mx.corp.test").replace(
        "2001:db8:1::18", "192.0.2.9"
    )
    assert named(f"This is spam.\n\n{way}") == ["192.0.2.9"]


@pytest.mark.parametrize("subject", ["Re: Lose weight", "[External] Re: Lose weight"])
def test_an_answer_to_the_spammer_with_desks_in_copy_is_a_complaint(subject: str) -> None:
    head = (
        "From: ann@corp.test\nTo: news@lists.test\nCc: abuse@isp.test, abuse@other.test\nIn-Reply-To: <1@lists.test>\n"
    )
    mail = f"{head}Subject: {subject}\n\n{_WRAPPED}"
    assert [(told.kind, told.source_address) for told in read(mail.encode())] == [("complaint", "192.0.2.7")]
    plain = f"{head}Subject: {subject}\n\nPlease take me off the list. I sit at 192.0.2.7.\n"
    assert [told.source_address for told in read(plain.encode())] == [None]


def _relayed(client: str, by: str) -> str:
    return (
        "This is spam.\n\n"
        f"Received: from helo.test ({client}) by in.corp.test with ESMTP id A1 for <ann@corp.test>;"
        " Thu, 26 Nov 2026 07:56:46 +0000\n"
        f"Received: from bot.test (bot.test [192.0.2.7]) by {by} with ESMTP id B1; Thu, 26 Nov 2026 07:56:45 +0000\n"
        "Message-ID: <1@lists.test>\nFrom: news@lists.test\nTo: ann@corp.test\n"
    )


def test_a_relay_of_the_recipient_is_passed_by_where_its_name_is_the_recipients() -> None:
    assert named(_relayed("mx.corp.test [198.51.100.9]", "mx.corp.test")) == ["192.0.2.7"]


def test_a_line_that_anybody_can_write_does_not_shift_the_blame() -> None:
    assert named(_relayed("spammer.test [203.0.113.66]", "out.lists.test")) == ["203.0.113.66"]
    assert "198.51.100.9" not in named(_relayed("vps.test [198.51.100.9]", "vps.corp.test"))


def test_a_ticket_that_says_auto_replied_is_a_complaint_but_an_answer_is_none() -> None:
    text, automatic = "Spam comes from your host.", "Auto-Submitted: auto-replied\n"
    assert named(text, "[Ticket 7] SPAM from 192.0.2.7", automatic) == ["192.0.2.7"]
    answer = f"{automatic}In-Reply-To: <1@isp.test>\n"
    assert named("We have received your report.", "[Ticket 7] SPAM from 192.0.2.7", answer) == []
    assert named("We have received your report.", "Re: SPAM from 192.0.2.7", automatic) == []
