"""The page in a real browser: no script runs, no request leaves, nothing is wider than a phone."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.report import reports
from tests.report.harden import poison
from whosent.report.page import page

FRAME = """<!doctype html><body style="margin:0">
<iframe id="f" src="/report.html" width="{width}" height="900"></iframe>
<script>window.onload = () => {{
  const inside = document.getElementById("f").contentDocument;
  for (const each of inside.querySelectorAll("details")) each.open = true;
  document.title = [inside.documentElement.scrollWidth, inside.defaultView.innerWidth, inside.title,
    [...inside.querySelectorAll("pre")].filter(each => each.scrollWidth > each.clientWidth + 1).length].join("|");
}}</script>"""


@pytest.fixture(scope="module")
def chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found:
        return found
    sentence = "needs Chromium: apt-get install chromium"
    if os.environ.get("CI") == "true":
        pytest.fail(sentence)
    pytest.skip(sentence)


@contextmanager
def serving(pages: dict[str, str]) -> Iterator[tuple[str, list[str]]]:
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = pages.get(self.path, "").encode()
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def browse(chromium: str, url: str, profile: Path) -> str:
    quiet = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    command = [chromium, *quiet, f"--user-data-dir={profile}", "--window-size=1280,1000", "--dump-dom", url]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


def traps(base: str) -> str:
    return (
        f'</pre></style></script></title><script>fetch("{base}/ran")</script><img src="{base}/image">'
        f'<svg onload="fetch(`{base}/svg`)"></svg><link rel=stylesheet href="{base}/style">'
        f'<iframe src="{base}/frame"></iframe><style>body{{background:url({base}/css)}}</style>' + "W" * 200
    )


@pytest.mark.browser
def test_the_traps_catch_a_careless_page(chromium: str, tmp_path: Path) -> None:
    pages: dict[str, str] = {}
    with serving(pages) as (base, asked):
        pages["/report.html"] = f"<!doctype html><title>t</title><pre>{traps(base)}</pre>"
        browse(chromium, f"{base}/report.html", tmp_path)
    assert {"/ran", "/image", "/svg", "/style", "/frame", "/css"} <= set(asked)


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1000])
@pytest.mark.parametrize("kind", ["guilty", "hostile"])
def test_no_script_no_request_no_overflow(chromium: str, tmp_path: Path, kind: str, width: int) -> None:
    pages: dict[str, str] = {"/": FRAME.format(width=width)}
    with serving(pages) as (base, asked):
        report = reports.guilty()
        pages["/report.html"] = page(poison(report, traps(base)) if kind == "hostile" else report)
        dom = browse(chromium, f"{base}/", tmp_path)
    assert set(asked) - {"/favicon.ico"} == {"/", "/report.html"}
    title = re.search(r"<title>([^<]*)</title>", dom)
    assert title, dom[:500]
    inside, window, name, wide = title[1].split("|")
    assert int(inside) <= int(window) <= width
    assert name == "Whosent: Critical"
    assert wide == "0"
