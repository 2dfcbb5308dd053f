"""The forms of a web page: where each goes, and its fields."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Final, NamedTuple
from urllib.parse import urljoin, urlsplit

_MOST: Final = 200  # fields of a page
_LONGEST: Final = 500


class Form(NamedTuple):
    """One form, as its page has it."""

    action: str  # absolute
    method: str
    fields: tuple[tuple[str, str, str], ...]  # name, kind (text, hidden, textarea ...), value
    guarded: bool  # a captcha stands on the page


def forms(url: str, page: str) -> list[Form]:
    """All forms of the page, those that look as if they sent mail first."""
    reader = _Reader(url)
    reader.feed(page)
    reader.close()
    guarded = any(word in page.lower() for word in ("recaptcha", "hcaptcha", "h-captcha", "turnstile"))
    found = [Form(action, method, tuple(fields), guarded) for action, method, fields in reader.found]
    return sorted(found, key=_unlike_mail)


def _unlike_mail(form: Form) -> int:
    names = " ".join(name.lower() for name, _, _ in form.fields)
    kinds = {kind for _, kind, _ in form.fields}
    return -(2 * ("textarea" in kinds) + ("mail" in names) + 2 * ("recipient" in names) - 2 * ("password" in kinds))


class _Reader(HTMLParser):
    def __init__(self, url: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, str, list[tuple[str, str, str]]]] = []
        self._url = url
        self._fields = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A form begins, or one of its fields stands here."""
        has = {name: (value or "")[:_LONGEST] for name, value in attrs}
        if tag == "form":
            action = urljoin(self._url, has.get("action", ""))
            same = urlsplit(action)[:2] == urlsplit(self._url)[:2]
            if same and len(self.found) < _MOST:
                self.found.append((action, has.get("method", "get").upper(), []))
        elif tag in {"input", "textarea", "select"} and self.found and has.get("name") and self._fields < _MOST:
            self._fields += 1
            kind = tag if tag != "input" else has.get("type", "text").lower()
            self.found[-1][2].append((has["name"], kind, has.get("value", "")))
