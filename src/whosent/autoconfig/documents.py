"""The files and records that tell mail programs, and travellers, to use authenticated submission."""

from __future__ import annotations

import plistlib
import uuid
from collections.abc import Sequence
from typing import Any, Final
from xml.sax.saxutils import escape

from whosent.autoconfig.offers import Offer, Security
from whosent.autoconfig.published import SERVICES

_MOZILLA: Final[dict[Security, str]] = {"tls": "SSL", "starttls": "STARTTLS", "plain": "plain"}
_MICROSOFT: Final[dict[Security, str]] = {"tls": "SSL", "starttls": "TLS", "plain": "None"}
_NAMESPACE: Final = uuid.UUID("a3d0f5b2-6c1e-5d1b-9d5e-3a0c1f1f2b7a")
_LOGIN: Final = "%EMAILADDRESS%"


def files(domain: str, name: str, offers: Sequence[Offer]) -> dict[str, str]:
    """What to put on the web, by path; ``name`` is shown to people."""
    config = autoconfig(domain, name, offers)
    return {
        f"autoconfig.{domain}/mail/config-v1.1.xml": config,
        f"{domain}/.well-known/autoconfig/mail/config-v1.1.xml": config,
        f"autodiscover.{domain}/autodiscover/autodiscover.xml": autodiscover(offers),
        f"{domain}/mail.mobileconfig": mobileconfig(domain, name, offers),
        "records.zone": "".join(f"{one}\n" for one in records(domain, offers)),
        "nginx.conf": nginx(domain),
    }


def autoconfig(domain: str, name: str, offers: Sequence[Offer]) -> str:
    """Mozilla's format: Thunderbird, K-9, Evolution and others."""
    servers = "".join(_server(one) for one in sorted(offers, key=lambda one: one.protocol == "smtp"))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<clientConfig version="1.1">\n'
        f'  <emailProvider id="{escape(domain)}">\n    <domain>{escape(domain)}</domain>\n'
        f"    <displayName>{escape(name)}</displayName>\n{servers}  </emailProvider>\n</clientConfig>\n"
    )


def _server(one: Offer) -> str:
    kind = "outgoingServer" if one.protocol == "smtp" else "incomingServer"
    return (
        f'    <{kind} type="{one.protocol}">\n      <hostname>{escape(one.host)}</hostname>\n'
        f"      <port>{one.port}</port>\n      <socketType>{_MOZILLA[one.security]}</socketType>\n"
        f"      <username>{_LOGIN}</username>\n      <authentication>password-cleartext</authentication>\n"
        f"    </{kind}>\n"
    )


def autodiscover(offers: Sequence[Offer]) -> str:
    """Microsoft's plain format: Outlook asks for it with POST, so the web server must answer that with the file."""
    blocks = "".join(
        f"      <Protocol>\n        <Type>{one.protocol.upper()}</Type>\n        <Server>{escape(one.host)}</Server>\n"
        f"        <Port>{one.port}</Port>\n        <DomainRequired>off</DomainRequired>\n        <SPA>off</SPA>\n"
        f"        <SSL>{'on' if one.security == 'tls' else 'off'}</SSL>\n"
        f"        <Encryption>{_MICROSOFT[one.security]}</Encryption>\n        <AuthRequired>on</AuthRequired>\n"
        "      </Protocol>\n"
        for one in sorted(offers, key=lambda one: one.protocol == "smtp")
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006">\n'
        '  <Response xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a">\n'
        "    <Account>\n      <AccountType>email</AccountType>\n      <Action>settings</Action>\n"
        f"{blocks}    </Account>\n  </Response>\n</Autodiscover>\n"
    )


def mobileconfig(domain: str, name: str, offers: Sequence[Offer]) -> str:
    """Apple's profile; the device asks for address and password."""
    incoming = next((one for one in offers if one.protocol == "imap"), None)
    incoming = incoming or next((one for one in offers if one.protocol == "pop3"), None)
    outgoing = next((one for one in offers if one.protocol == "smtp"), None)
    mail: dict[str, Any] = {
        "PayloadType": "com.apple.mail.managed", "PayloadVersion": 1, "PayloadIdentifier": f"{domain}.mail.account",
        "PayloadUUID": str(uuid.uuid5(_NAMESPACE, f"{domain} account")).upper(), "PayloadDisplayName": name,
        "EmailAccountDescription": name,
    }  # fmt: skip
    if incoming is not None:
        mail |= {
            "EmailAccountType": "EmailTypeIMAP" if incoming.protocol == "imap" else "EmailTypePOP",
            "IncomingMailServerAuthentication": "EmailAuthPassword", "IncomingMailServerHostName": incoming.host,
            "IncomingMailServerPortNumber": incoming.port, "IncomingMailServerUseSSL": incoming.security != "plain",
        }  # fmt: skip
    if outgoing is not None:
        mail |= {
            "OutgoingMailServerAuthentication": "EmailAuthPassword", "OutgoingMailServerHostName": outgoing.host,
            "OutgoingMailServerPortNumber": outgoing.port, "OutgoingMailServerUseSSL": outgoing.security != "plain",
            "OutgoingPasswordSameAsIncomingPassword": True,
        }  # fmt: skip
    profile = {
        "PayloadType": "Configuration", "PayloadVersion": 1, "PayloadIdentifier": f"{domain}.mail",
        "PayloadUUID": str(uuid.uuid5(_NAMESPACE, domain)).upper(), "PayloadDisplayName": f"Mail of {name}",
        "PayloadContent": [mail],
    }  # fmt: skip
    return plistlib.dumps(profile).decode()


def records(domain: str, offers: Sequence[Offer]) -> list[str]:
    """SRV records, preferred first, and "not offered" for the rest (RFC 6186 section 3.4); names for the web files."""
    told = []
    for service, (protocol, security) in SERVICES.items():
        one = next((offer for offer in offers if (offer.protocol, offer.security) == (protocol, security)), None)
        if one is not None:
            told.append(f"{service}.{domain}. 3600 IN SRV {0 if security == 'tls' else 10} 1 {one.port} {one.host}.")
        else:
            told.append(f"{service}.{domain}. 3600 IN SRV 0 0 0 .")
    return [
        *told,
        f"_autodiscover._tcp.{domain}. 3600 IN SRV 0 1 443 autodiscover.{domain}.",
        f"autoconfig.{domain}. 3600 IN CNAME {domain}.",
        f"autodiscover.{domain}. 3600 IN CNAME {domain}.",
    ]


def nginx(domain: str) -> str:
    """How a web server hands them out; below FOLDER stand the folders written here."""
    return (
        f"server {{\n    listen 443 ssl;\n    server_name autoconfig.{domain} autodiscover.{domain};\n"
        "    root FOLDER/$host;\n    default_type application/xml;\n"
        "    location = /autodiscover/autodiscover.xml { error_page 405 =200 $uri; }\n"
        "    location = /Autodiscover/Autodiscover.xml { rewrite ^ /autodiscover/autodiscover.xml last; }\n}\n"
    )
