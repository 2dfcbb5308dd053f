"""What a reporter takes back, or suffers, accuses nobody; what stands beside it still is accused."""

from __future__ import annotations

import pytest

from tests.complaints.kit import named

_IT, _US = "192.0.2.7", "198.51.100.9"


@pytest.mark.parametrize(
    "text",
    [
        "The attack did not come from {us}. We do not know whose it was.",
        "Der Angriff kam nicht von {us}.",
        "El ataque no proviene de {us}.",
        "L'attaque ne vient pas de {us}.",
        "L'attacco non proviene da {us}.",
        "No abuse was seen from {us}.",
        "We checked {us} and found it clean. The attacks came from an address we do not know.",
        "Contrary to our earlier report, {us} is not the source of the attack.",
        "CORRECTION: the IP address {us} in our abuse report was wrong. Please disregard.",
        "Your address {us} was spoofed in an attack on us.",
        "The spammer forged your server {us} in a Received line.",
        "Thank you for removing {us} from your blocklist. The spam stopped.",
        "Please stop blocking {us}. It is our mail server and never sent spam.",
        "Your blocklist lists {us}, our mail server. Please remove it; we do not spam.",
        "Stop scanning {us}! It belongs to us.",
        "Your users attack {us}, please stop it.",
        "Someone from your network scans {us}, our server.",
        "Your IP {us} is under DDoS attack. We have null-routed it.",
        "Your mail server {us} rejected our abuse complaint with 550 spam detected.",
        "The following hosts in your network are under attack by a botnet:\n{us}\n198.51.100.10\n198.51.100.11",
        "Your hosts below are no longer infected:\n{us}\n198.51.100.10\n198.51.100.11",
    ],
)
def test_what_is_denied_or_suffered_accuses_nobody(text: str) -> None:
    assert named(text.format(us=_US)) == []


@pytest.mark.parametrize(
    "text",
    [
        "The attack came not from {us} but from {it}.",
        "Spam came not only from a host of yours: it came from {it}.",
        "Your customer {it} has not stopped attacking us.",
        "Your customer {it} is not only sending spam, but attacks us.",
        "Network attack {it} at noon.",
        "{it} of your block attacks us and is not permitted to send mail for us.",
        "{it} attacks us: it does not obey robots.txt.",
        "{it} attacked us. Your server {us} is fine.",
        "{it} attacked us. {us}, which belongs to your network, was not involved.",
        "{it} attacked us. Do not confuse it with {us}, which belongs to your network as well.",
        "{it} attacked us. Your mail server {us} rejected our first complaint.",
        "The message was relayed by {us} but originated at {it}.",
        "We have seen an attack from {it}.\n\n-- \nNOC Team\nOur mail relay: {us}",
        "Blocked hosts:\n{it}\n\nAllowed hosts:\n{us}\n198.51.100.10",
        "Source IP: {it}\nOther IPs in your network that are clean:\n{us}\n198.51.100.10\n198.51.100.11\n198.51.100.12",
        "There was an attack on our server from IP {it} at noon.",
        "Su servidor {us} fue atacado por {it}.",
        "Votre serveur {us} a \u00e9t\u00e9 attaqu\u00e9 par {it}.",
        "Ihr Server {us} wurde von {it} angegriffen.",
        "Still ongoing, now from {it}.\n\nOn Mon, Nov 16 2026, abuse@isp.test wrote:\n> We blocked the source IP {us}.",
    ],
)  # fmt: skip
def test_beside_what_is_denied_the_other_is_named(text: str) -> None:
    assert named(text.format(it=_IT, us=_US)) == [_IT]
