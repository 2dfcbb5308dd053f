"""Calls to web addresses that the operator wrote down: one request, bounded in time and size, never redirected."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Mapping
from email.message import Message
from typing import IO, Final
from urllib.parse import urlsplit

from whosent.model.mistake import Mistake

_READ: Final = 1 << 12  # bytes of an answer


class _Here(urllib.request.HTTPRedirectHandler):
    def redirect_request(  # noqa: PLR0913, PLR0917  # as the base class has it
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> urllib.request.Request | None:
        """Nowhere: what was signed for one address is for no other."""
        del req, fp, code, msg, headers, newurl
        return None  # what the base class takes for no


def is_web_address(url: str) -> bool:
    """Whether it can be called."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def call(url: str, *, timeout: float, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> int:
    """POST the body, or GET without one; the status of the answer.  A proxy of the environment is used."""
    if not is_web_address(url):
        raise Mistake(f"{url!r} is no web address. Write https://host/path.")
    request = urllib.request.Request(url, data=body, headers={"User-Agent": "whosent", **(headers or {})})  # noqa: S310  # looked at above
    opener = urllib.request.build_opener(_Here())
    try:
        with opener.open(request, timeout=timeout) as answer:
            answer.read(_READ)
            status: int = answer.status
            return status
    except urllib.error.HTTPError as error:
        with error:
            return error.code
