"""JSON posted to a web address, signed as Standard Webhooks has it, tried again while the other side is busy."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import http.client
import time
from typing import Final

import msgspec

from whosent.channels import Channel, Means, Unsent, secret
from whosent.model.alert import Alert
from whosent.posting import call, is_web_address

_AGAIN_AFTER: Final = (0.5, 2.0)  # seconds
_PREFIX: Final = "whsec_"
_BUSY: Final = frozenset({408, 425, 429, 500, 502, 503, 504})


def lacks(means: Means) -> str:
    """Needs the address."""
    if not means.rules.webhook_url:
        return "alerts.webhook_url is not set"
    return (
        ""
        if is_web_address(means.rules.webhook_url)
        else "alerts.webhook_url is no web address: write https://host/path"
    )


def send(alert: Alert, means: Means) -> str:
    """Post it; an answer of 2xx means that it was taken."""
    body = msgspec.json.encode(alert)
    headers = {"Content-Type": "application/json", "webhook-id": alert.id}
    key = _key(secret("alerts.webhook_secret", means.rules.webhook_secret))
    deadline = time.monotonic() + means.rules.timeout
    problem = ""
    for wait in (0.0, *_AGAIN_AFTER):
        left = deadline - time.monotonic() - wait
        if left <= 0:
            break
        time.sleep(wait)
        try:
            status = call(
                means.rules.webhook_url, timeout=left, body=body, headers={**headers, **_signed(key, alert.id, body)}
            )
        except (OSError, http.client.HTTPException, ValueError) as error:
            problem = str(getattr(error, "reason", "") or error) or type(error).__name__
            continue
        if 200 <= status < 300:  # noqa: PLR2004  # RFC 9110
            return ""
        problem = f"it answered {status}"
        if status not in _BUSY:
            break
    raise Unsent(problem or "no answer in time")


def _key(written: str) -> bytes:
    """The bytes of the key: base64 after ``whsec_``, else as it is written."""
    if not written.startswith(_PREFIX):
        return written.encode()
    try:
        return base64.b64decode(written.removeprefix(_PREFIX), validate=True)
    except binascii.Error as error:
        raise Unsent("alerts.webhook_secret: what follows whsec_ is not base64") from error


def _signed(key: bytes, name: str, body: bytes) -> dict[str, str]:
    stamp = str(int(time.time()))
    if not key:
        return {"webhook-timestamp": stamp}
    digest = hmac.digest(key, b".".join([name.encode(), stamp.encode(), body]), hashlib.sha256)
    return {"webhook-timestamp": stamp, "webhook-signature": f"v1,{base64.b64encode(digest).decode()}"}


channel = Channel("webhook", "JSON to a web address, signed", lacks, send)
