from __future__ import annotations

import base64
import hashlib
import re
import sys
from html.parser import HTMLParser

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.report import reports
from tests.report.harden import poison
from whosent.model.report import Report
from whosent.report.page import page

ALLOWED = {
    *("html", "head", "meta", "title", "style", "body", "main", "header", "footer", "section", "article", "figure"),
    *("figcaption", "h1", "h2", "h3", "h4", "p", "br", "a", "bdi", "em", "strong", "span", "ol", "ul", "li", "dl"),
    *("dt", "dd", "div", "details", "summary", "table", "caption", "thead", "tbody", "tr", "th", "td", "pre"),
    *("svg", "g", "path", "rect", "line", "text", "defs", "pattern"),
}
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80),
    st.sampled_from(
        [
            reports.HOSTILE,
            "</style><script>alert(1)</script>",
            "</title><base href=//evil.example>",
            '" onmouseover="alert(1)',
            "' autofocus onfocus='alert(1)",
            "{% raw %}{{ config }}{% endraw %}",
            "]]><!--",
            "javascript:alert(1)",
            "&#60;img src=x&#62;",
        ]
    ),
)


class Structure(HTMLParser):
    """Elements with their attributes, in order, and all text between them."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, tuple[tuple[str, str | None], ...]]] = []
        self.texts: list[str] = []
        self.others: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        self.others.append(data)

    def handle_pi(self, data: str) -> None:
        self.others.append(data)

    def unknown_decl(self, data: str) -> None:
        self.others.append(data)


def read(html: str) -> Structure:
    parser = Structure()
    parser.feed(html)
    parser.close()
    return parser


def shape(html: str) -> list[tuple[str, tuple[tuple[str, str | None], ...]]]:
    return [(tag, attrs) for tag, attrs in read(html).elements if ("name", "generator") not in attrs]


def test_every_claim_of_the_report_is_on_the_page() -> None:
    text = " ".join(" ".join(read(page(reports.guilty())).texts).split())
    for expected in (
        "Yes: one stolen account",
        "still going on when the log ended",
        "/var/log/mail.log:10234",
        "offset 1,340,654",
        hashlib.sha256(reports.ALICE_LINES[0][2].encode()).hexdigest(),
        "31 against 2 networks",
        "Where it came from: 11 networks",
        "unknown user",
        "The same in numbers",
        "truncated gzip",
        "Header From and Subject are not logged",
    ):
        assert expected in text


def test_every_link_leads_to_an_element_of_the_page() -> None:
    elements = read(page(reports.guilty())).elements
    known = {value for _, attrs in elements for name, value in attrs if name == "id"}
    links = [value or "" for _, attrs in elements for name, value in attrs if name == "href"]
    assert len(known) == len([1 for _, attrs in elements for name, _ in attrs if name == "id"])
    assert links
    assert all(link.startswith("#") and link[1:] in known for link in links)


@pytest.mark.parametrize("make", [reports.guilty, reports.clean, reports.unknown])
def test_the_policy_allows_our_style_sheet_and_nothing_else(make: object) -> None:
    html = page(make())  # type: ignore[operator]
    style = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    assert len(style) == 1
    digest = base64.b64encode(hashlib.sha256(style[0].encode()).digest()).decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)
    assert policy
    assert policy[1].replace("&#39;", "'") == (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    elements = read(html).elements
    assert {tag for tag, _ in elements} <= ALLOWED
    names = {name for _, attrs in elements for name, _ in attrs}
    assert not {name for name in names if name.startswith("on") or name in {"style", "src", "srcset", "action"}}
    assert "http://" not in style[0]
    assert "@import" not in style[0]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TEXTS)
def test_a_strangers_text_stays_text_wherever_it_stands(text: str) -> None:
    hostile = page(poison(reports.guilty(), text))
    assert shape(hostile) == SHAPE
    assert read(hostile).others == []
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", hostile)


def test_the_hostile_text_is_readable_on_the_page() -> None:
    texts = "".join(read(page(poison(reports.guilty(), "</script><svg onload=x>\u202e"))).texts)
    assert "</script><svg onload=x>\\u202e" in texts


def test_without_the_renderer_a_table_of_bars_stands_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    html = page(reports.guilty())
    assert "whosent[charts]" in html
    assert "<details open>" in html
    assert 'class="chart' not in html
    assert shape(page(poison(reports.guilty(), reports.HOSTILE))) == shape(html)


def test_a_clean_report_says_what_was_looked_at() -> None:
    text = " ".join("".join(read(page(reports.clean())).texts).split())
    assert "No: nobody here sent spam" in text
    assert "Looked at 6,912,345 lines" in text
    assert "What to do now" not in text


def test_an_empty_report_is_a_page_too() -> None:
    assert "Nothing here could be read" in page(reports.unknown())


def test_contrast_of_text_is_at_least_aa() -> None:
    css = re.findall(r"<style>(.*?)</style>", page(reports.unknown()), re.DOTALL)[0]
    for theme in re.findall(r":root \{(.*?)\}", css, re.DOTALL):
        colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{3,6})", theme))
        for name in ("ink", "quiet", "culprit", "calm", "warn", "link"):
            for ground in ("ground", "raised"):
                assert contrast(colours[name], colours[ground]) >= 4.5, (name, ground, colours)
        assert contrast(colours["others"], colours["ground"]) >= 3
        assert contrast(colours["refused"], colours["sent"]) >= 3


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def plain(report: Report) -> Report:
    return poison(report, "x")


SHAPE = shape(page(plain(reports.guilty())))
