"""Stories of a web server that is asked to be a proxy."""

from __future__ import annotations

from tests.stories.kit import HOUR, START, Script
from whosent.model.rows import Request, Row

_STRANGERS = ("185.220.1.9", "91.240.118.5", "45.9.148.7")


def _asked(script: Script, status: int, *, port: str = "25", address: str = "") -> None:
    for number in range(60):
        script.add(
            Request,
            START + 9 * HOUR + 40 * number,
            host="www.corp.example",
            address=address or _STRANGERS[number % len(_STRANGERS)],
            method="CONNECT",
            path=f"198.51.100.{number % 20}:{port}",
            status=status,
        )


def open_proxy() -> list[Row]:
    """Strangers are let through to port 25 of twenty mail servers."""
    script = Script()
    _asked(script, 200)
    return script.rows()


def refusing_proxy() -> list[Row]:
    """Strangers ask and are refused; our own people use the proxy for the web and one for submission."""
    script = Script()
    _asked(script, 405)
    _asked(script, 200, port="443")
    _asked(script, 200, port="587", address="10.0.0.7")
    return script.rows()
