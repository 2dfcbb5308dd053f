"""How every page is made: templates with one gate for strangers' text, styles, and a policy that admits no others."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from whosent.report import words

if TYPE_CHECKING:
    from whosent.model.finding import Suspect

_LONGEST: Final = 2000  # characters of one excerpt; the evidence folder has the whole line


def document(template: str, *, styles: tuple[str, ...] = ("page.css",), **values: Any) -> str:  # noqa: ANN401 - of a template
    """A whole self-contained HTML document from this template with these values."""
    environment = _environment()
    style = "".join(environment.get_template(name).render() for name in styles)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return environment.get_template(template).render(
        style=Markup(style),  # noqa: S704 - our own files, no value in them
        policy=f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'",
        words=words,
        longest=_LONGEST,
        **values,
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("whosent.report"),
        autoescape=True,
        finalize=_finalized,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["when"] = words.when
    environment.filters["number"] = _number
    environment.filters["name"] = _name
    environment.filters["cut"] = lambda text, limit: words.shortened(words.visible(text), limit)
    return environment


def _finalized(value: Any) -> Any:  # noqa: ANN401 - whatever a template prints
    """The one gate to the page: text is made visible here and escaped right after."""
    return words.visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.3g}"


def _name(suspect: Suspect) -> str:
    told = words.suspect_words(suspect)
    return told[:1].upper() + told[1:]
