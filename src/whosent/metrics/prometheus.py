"""The numbers as Prometheus reads them: an HTTP endpoint of `watch`, and a file for node_exporter."""

from __future__ import annotations

import sqlite3
import sys
import threading
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from whosent.metrics.numbers import Family, Totals, families
from whosent.model.mistake import Mistake
from whosent.model.settings import Metrics
from whosent.store.ledger import Ledger

if TYPE_CHECKING:
    from wsgiref.simple_server import WSGIServer

    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric

_PREFIX: Final = "whosent_"


class Collected:
    """A collector in the sense of prometheus_client: the ledger, read anew at each look."""

    def __init__(self, place: Path, rules: Metrics) -> None:
        self._place = place
        self._rules = rules
        self._totals = Totals()
        self._lock = threading.Lock()

    def collect(self) -> Iterator[Metric]:
        """Every number; a ledger that can not be read is a number too."""
        found: list[Family] = []
        with self._lock:
            try:
                ledger = Ledger(self._place)
                try:
                    found = families(ledger, self._totals, self._rules.hosts, time.time())
                finally:
                    ledger.close()
            except (Mistake, sqlite3.Error) as error:
                sys.stderr.write(f"whosent: no numbers for Prometheus: {error}\n")
        readable = Family("ledger_readable", "gauge", "0: the ledger can not be read, no other number is told.", (),
                          {(): bool(found)})  # fmt: skip
        return map(_metric, [readable, *found])


def registry(place: Path, rules: Metrics) -> CollectorRegistry:
    """Our numbers alone, without those of the process that tells them."""
    if find_spec("prometheus_client") is None:
        raise Mistake("metrics need the library prometheus-client: pip install 'whosent[metrics]'.")
    from prometheus_client import CollectorRegistry  # noqa: PLC0415  # an extra

    ours = CollectorRegistry()
    ours.register(Collected(place, rules))
    return ours


class Exposition:
    """Both ways as they are configured; ``stop`` ends them."""

    def __init__(self, place: Path, rules: Metrics) -> None:
        self._rules = rules
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []
        self._server: WSGIServer | None = None
        self.port = 0
        if not (rules.listen or rules.textfile):
            return
        ours = registry(place, rules)
        if rules.listen:
            self._listen(ours)
        if rules.textfile:
            write(ours, rules.textfile)  # what cannot be written is said before anything runs
            thread = threading.Thread(target=self._write, args=(ours,), name="whosent-textfile", daemon=True)
            thread.start()
            self._threads.append(thread)

    def _listen(self, ours: CollectorRegistry) -> None:
        from prometheus_client import start_http_server  # noqa: PLC0415  # an extra

        host, port = _address(self._rules.listen)
        try:
            self._server, thread = start_http_server(port, host, ours)
        except OSError as error:
            raise Mistake(
                f"metrics.listen: {self._rules.listen}: {error.strerror or error}. Choose another port, or empty."
            ) from error
        self.port = self._server.server_port
        self._threads.append(thread)

    def _write(self, ours: CollectorRegistry) -> None:
        said = ""
        while not self._stopped.wait(self._rules.every):
            try:
                write(ours, self._rules.textfile)
                said = ""
            except Mistake as error:
                if str(error) != said:
                    sys.stderr.write(f"whosent: {error}\n")
                said = str(error)

    def stop(self) -> None:
        """End both."""
        self._stopped.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
        for thread in self._threads:
            thread.join()


def write(ours: CollectorRegistry, path: str) -> None:
    """Write the file anew: whole or not at all."""
    from prometheus_client import write_to_textfile  # noqa: PLC0415  # an extra

    try:
        write_to_textfile(path, ours)
    except OSError as error:
        raise Mistake(
            f"metrics.textfile: {path}: {error.strerror}. Name a file in a folder you may write to."
        ) from error


def _address(written: str) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{written}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or port is None:
        raise Mistake(f"metrics.listen: {written!r} is not address:port. Write 127.0.0.1:9732 or [::1]:9732.")
    return host, port


def _metric(family: Family) -> Metric:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily  # noqa: PLC0415  # an extra

    kind = CounterMetricFamily if family.kind == "counter" else GaugeMetricFamily
    made = kind(_PREFIX + family.name, family.meaning, labels=family.labels)
    for labels, value in sorted(family.samples.items()):
        made.add_metric(labels, value)
    return made
