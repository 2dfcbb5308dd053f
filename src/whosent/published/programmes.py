"""Feedback loops and dashboards of large receivers: who offers them, what they tell, and the sign of being enrolled."""

from __future__ import annotations

from typing import Final, NamedTuple


class Programme(NamedTuple):
    """One offer to senders."""

    name: str
    tells: str
    where: str
    needs: str  # what it is bound to
    sign: str = ""  # how a TXT record of an enrolled domain begins


ALL: Final = (
    Programme("Google Postmaster Tools", "spam rate, reputation and authentication of a domain at Gmail",
              "https://postmaster.google.com/", "a domain with DKIM or SPF", "google-site-verification="),
    Programme("Microsoft SNDS", "volume, complaint rate and trap hits of an address at Outlook.com",
              "https://sendersupport.olc.protection.outlook.com/snds/", "addresses registered to us"),
    Programme("Microsoft JMRP", "a copy of each message that an Outlook.com user calls junk",
              "https://sendersupport.olc.protection.outlook.com/snds/JMRP.aspx", "addresses in SNDS"),
    Programme("Yahoo Complaint Feedback Loop", "a report of each message that a Yahoo or AOL user calls spam",
              "https://senders.yahooinc.com/complaint-feedback-loop/", "a domain with DKIM", "yahoo-verification-key="),
    Programme("Validity Universal Feedback Loop", "reports of a dozen receivers, Comcast and others",
              "https://fbl.validity.com/", "addresses"),
    Programme("Mail.ru Postmaster", "spam rate and complaints at Mail.ru", "https://postmaster.mail.ru/",
              "a domain with DKIM", "mailru-verification:"),
    Programme("Yandex Postmaster", "spam rate and complaints at Yandex", "https://postmaster.yandex.ru/", "a domain",
              "yandex-verification:"),
    Programme("dnswl.org", "others trust listed servers more", "https://www.dnswl.org/", "addresses with a name"),
)  # fmt: skip
