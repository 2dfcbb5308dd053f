"""Numbers for Prometheus: true, bounded, free of names; and the files that read them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from tests.ports import free_port
from tests.telling.kit import condition, incident, log, wait_until
from whosent.metrics.numbers import Totals, families
from whosent.metrics.prometheus import Exposition, registry
from whosent.model.finding import Suspect
from whosent.model.lifecycle import What
from whosent.model.mistake import Mistake
from whosent.model.settings import Metrics
from whosent.store.alerts import Outbox
from whosent.store.condition import Conditions
from whosent.store.incidents import Incidents
from whosent.store.ledger import NAME, Ledger
from whosent.store.pulses import SOURCE, Pulses
from whosent.store.rates import QueueLength, Rates

DEPLOY = Path(__file__).parents[2] / "deploy"
PROMTOOL = shutil.which("promtool") or "/opt/whosent-lab/monitoring/usr/bin/promtool"
NOW = time.time()
MINUTE = int(NOW // 60)
needs_promtool = pytest.mark.skipif(
    not Path(PROMTOOL).exists() and os.environ.get("CI") != "true",
    reason="promtool is not here: bash tests/lab/packages.sh monitoring",
)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A ledger in which something happened."""
    ledger = Ledger(tmp_path / "state")
    Rates(ledger).add({
        (MINUTE, "mx", "messages"): 40, (MINUTE - 9_000, "mx", "messages"): 2, (MINUTE, "mx", "recipients"): 90,
        (MINUTE, "mx", "sent"): 50, (MINUTE, "mx", "bounced"): 7, (MINUTE, "mx", "unknown_user"): 6,
        (MINUTE, "mx", "failed_logins"): 3, (MINUTE, "mx", "logins"): 1, (MINUTE, "mx", "rejected"): 5,
    })  # fmt: skip
    Rates(ledger).sampled([QueueLength(NOW, "mx", "/var/spool/postfix", "deferred", 1_200, 4_000_000)])
    incidents = Incidents(ledger)
    incidents.tell(incident(suspect=Suspect(kind="account", name='alice"} 1\nevil 2'), sentence="alice@example.org"))
    incidents.tell(incident(id="0" * 12, severity="warning"))
    incidents.move("0" * 12, What.CONTAINED, "carol")
    outbox = Outbox(ledger)
    outbox.took("a", "mail", NOW)
    outbox.failed("webhook", "gone", NOW)
    Conditions(ledger).tell(condition(NOW, log(NOW)))
    Pulses(ledger).beat(SOURCE, {"/var/log/mail.log": NOW - 60})
    ledger.close()
    return tmp_path / "state"


def told(text: str) -> dict[tuple[str, ...], float]:
    """(name, label value ...) -> value."""
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_the_numbers_are_those_of_the_ledger(place: Path) -> None:
    text = generate_latest(registry(place, Metrics())).decode()
    numbers = told(text)
    for key, value in {
        ("whosent_messages_total", "mx"): 42,
        ("whosent_recipients_total", "mx"): 90,
        ("whosent_outcomes_total", "mx", "sent"): 50,
        ("whosent_outcomes_total", "mx", "bounced"): 7,
        ("whosent_refusals_total", "mx", "unknown_user"): 6,
        ("whosent_logins_total", "mx", "failed"): 3,
        ("whosent_logins_total", "mx", "succeeded"): 1,
        ("whosent_rejections_total", "mx"): 5,
        ("whosent_queue_messages", "deferred", "mx", "/var/spool/postfix"): 1_200,
        ("whosent_queue_bytes", "deferred", "mx", "/var/spool/postfix"): 4_000_000,
        ("whosent_incidents", "critical", "open"): 1,
        ("whosent_incidents", "warning", "open"): 0,
        ("whosent_incidents", "warning", "contained"): 1,
        ("whosent_incident_causes", "compromised_account", "open"): 1,
        ("whosent_incident_recipients",): 200,
        ("whosent_alerts_total", "mail"): 1,
        ("whosent_channel_failures_total", "webhook"): 1,
        ("whosent_channel_failing", "webhook"): 1,
        ("whosent_channel_failing", "mail"): 0,
        ("whosent_alerts_waiting",): 0,
        ("whosent_heartbeat_timestamp_seconds",): pytest.approx(NOW),
        ("whosent_source_last_line_timestamp_seconds", "/var/log/mail.log"): pytest.approx(NOW - 60),
        ("whosent_ledger_readable",): 1,
        ("whosent_running",): 1,
        ("whosent_source_behind_bytes", "/var/log/mail.log"): 7,
    }.items():
        assert numbers[key] == value, key
    assert "alice" not in text
    assert "evil" not in text


@needs_promtool
def test_promtool_finds_nothing_to_complain_of(place: Path) -> None:
    text = generate_latest(registry(place, Metrics()))
    checked = subprocess.run([PROMTOOL, "check", "metrics"], input=text, capture_output=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, b""), checked.stderr


def test_a_stranger_who_invents_hosts_makes_no_more_than_one_label(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    rates = Rates(ledger)
    rates.add(
        {(MINUTE, "mx", "messages"): 1_000}
        | {(MINUTE, f"h{number}\x1b[31m{'x' * 300}", "messages"): 1 for number in range(500)}
    )
    rates.sampled(QueueLength(NOW, f"h{number}", "/q", "active", 1) for number in range(50))
    [messages] = [one for one in families(ledger, Totals(), 2, NOW) if one.name == "messages"]
    assert len(messages.samples) == 3
    assert messages.samples["mx",] == 1_000
    assert messages.samples["other",] == 499
    assert all(len(label) <= 80 and label.isprintable() for (label,) in messages.samples)
    [lengths] = [one for one in families(ledger, Totals(), 2, NOW) if one.name == "queue_messages"]
    assert sum(lengths.samples.values()) == 50
    assert len(lengths.samples) == 3


def test_totals_never_fall_and_forget_nothing(tmp_path: Path) -> None:
    rates, totals = Rates(Ledger(tmp_path)), Totals()
    rates.add({(MINUTE - 9_000, "mx", "sent"): 5, (MINUTE, "mx", "sent"): 1})
    assert totals.of(rates, NOW) == {("mx", "sent"): 6}
    rates.forget(NOW - 86_400)
    rates.add({(MINUTE, "mx", "sent"): 1})
    assert totals.of(rates, NOW + 60) == {("mx", "sent"): 7}
    rates.add({(MINUTE - 500, "mx", "sent"): 1})  # a late log
    assert totals.of(rates, NOW + 400) == {("mx", "sent"): 8}


@pytest.fixture
def exposed(place: Path, tmp_path: Path) -> Iterator[Exposition]:
    one = Exposition(place, Metrics(listen="127.0.0.1:0", textfile=str(tmp_path / "whosent.prom"), every=1))
    yield one
    one.stop()


def test_an_address_and_a_file(exposed: Exposition, place: Path, tmp_path: Path) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{exposed.port}/metrics") as answer:
        assert told(answer.read().decode())["whosent_messages_total", "mx"] == 42
    file = tmp_path / "whosent.prom"
    assert told(file.read_text())["whosent_messages_total", "mx"] == 42
    Rates(Ledger(place)).add({(MINUTE, "mx", "messages"): 1})
    wait_until(lambda: told(file.read_text())["whosent_messages_total", "mx"] == 43, "the file is written anew")


def test_a_ledger_that_cannot_be_read_is_a_number(exposed: Exposition, place: Path) -> None:
    for file in place.glob(f"{NAME}*"):
        file.unlink()
    (place / NAME).write_bytes(b"no database, and long enough to be looked at" * 99)
    with urllib.request.urlopen(f"http://127.0.0.1:{exposed.port}/metrics") as answer:
        assert told(answer.read().decode()) == {("whosent_ledger_readable",): 0}


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (Metrics(listen="nonsense"), "not address:port"),
        (Metrics(listen="127.0.0.1:99999"), "not address:port"),
        (Metrics(listen="192.0.2.1:9732"), "Choose another port"),
        (Metrics(textfile="/nowhere/x.prom"), "a folder you may write to"),
    ],
)
def test_what_cannot_be_told_is_said_at_the_start(place: Path, rules: Metrics, said: str) -> None:
    with pytest.raises(Mistake, match=said):
        Exposition(place, rules)


def test_nothing_is_told_where_nobody_asked(place: Path) -> None:
    silent = Exposition(place, Metrics())
    assert silent.port == 0
    silent.stop()


# ------------------------------------------------------------------ what reads them


def expressions(node: Any) -> Iterator[str]:  # noqa: ANN401  # JSON
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "expr":
                yield value
            yield from expressions(value)
    elif isinstance(node, list):
        for value in node:
            yield from expressions(value)


def dashboard() -> list[str]:
    return list(expressions(json.loads((DEPLOY / "grafana/whosent.json").read_text())))


def test_rules_and_dashboard_ask_for_numbers_there_are(place: Path) -> None:
    there = {key[0] for key in told(generate_latest(registry(place, Metrics())).decode())}
    asked = set(
        re.findall(r"whosent_\w+", "\n".join([*dashboard(), (DEPLOY / "prometheus/whosent.rules.yml").read_text()]))
    )
    assert asked <= there
    assert len(asked) > 12


@needs_promtool
def test_a_real_prometheus_answers_every_panel(exposed: Exposition, tmp_path: Path) -> None:
    """It scrapes us, loads the rules, and no question of the dashboard comes back empty."""
    port = free_port()
    jobs = [{"job_name": "whosent", "static_configs": [{"targets": [f"127.0.0.1:{exposed.port}"]}]}]
    (tmp_path / "prometheus.yml").write_text(json.dumps({
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"}, "scrape_configs": jobs,
        "rule_files": [str(DEPLOY / "prometheus/whosent.rules.yml")],
    }))  # fmt: skip
    command = [str(Path(PROMTOOL).with_name("prometheus")), f"--config.file={tmp_path / 'prometheus.yml'}",
               f"--storage.tsdb.path={tmp_path / 'base'}", f"--web.listen-address=127.0.0.1:{port}"]  # fmt: skip
    with (tmp_path / "said").open("wb") as said:
        prometheus = subprocess.Popen(command, stderr=said, stdout=said)

    def ask(what: str) -> Any:  # noqa: ANN401  # JSON
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/{what}") as answer:
                return json.load(answer)["data"]
        except urllib.error.URLError:
            return None

    def empty() -> list[str]:
        known = {"$instance": ".*", "$__rate_interval": "1m"}
        asked = [re.sub(r"\$\w+", lambda name: known[name[0]], one.removesuffix(" > 0")) for one in dashboard()]
        return [one for one in asked if not (ask(f"query?query={quote(one)}") or {}).get("result")]

    try:
        wait_until(lambda: empty() == [], "an answer for every panel")
        names = {rule["name"] for group in ask("rules")["groups"] for rule in group["rules"] if rule["health"] == "ok"}
    except AssertionError:
        raise AssertionError(empty(), (tmp_path / "said").read_text()[-2000:]) from None
    finally:
        prometheus.terminate()
        prometheus.wait(180)
    assert {"WhosentSpamLeaves", "WhosentQueueGrows", "WhosentFellSilent"} <= names


@needs_promtool
def test_promtool_takes_the_rules_and_what_they_say(tmp_path: Path) -> None:
    for what, file in (("check", "whosent.rules.yml"), ("test", "whosent.rules.test.yml")):
        done = subprocess.run(
            [PROMTOOL, what, "rules", file], cwd=DEPLOY / "prometheus", capture_output=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    told_by_grafana = {"$instance": "mx", "$__rate_interval": "5m"}
    rules = [
        {"record": f"panel:{number}", "expr": re.sub(r"\$\w+", lambda name: told_by_grafana[name[0]], expression)}
        for number, expression in enumerate(dashboard())
    ]
    (tmp_path / "panels.yml").write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    done = subprocess.run([PROMTOOL, "check", "rules", tmp_path / "panels.yml"], capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    for file in [*(DEPLOY / "systemd").glob("*.service"), *(DEPLOY / "systemd").glob("*.timer")]:
        (tmp_path / file.name).write_text(file.read_text().replace("/usr/local/bin/whosent", "/bin/true"))
    units = sorted(tmp_path.iterdir())
    assert len(units) == 3
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", *units], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    judged = subprocess.run(
        ["systemd-analyze", "--offline=yes", "security", "--threshold=25", tmp_path / "whosent.service"],
        capture_output=True, check=False,
    )  # fmt: skip
    assert judged.returncode == 0, judged.stdout[-500:]
