"""Messages that travelled through real Exim hosts, forged lines in front: the culprit, never who was planted."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.lab import exim, victim
from tests.lab.exim import CPANEL, MAIN_LOG, Settings
from tests.lab.lab import Lab
from tests.lab.machine import wait_until
from tests.lab.mail import listens
from tests.lab.network import LAN, MX, PUBLIC, WEB
from tests.lab.player import Act
from tests.lab.possible import require, require_lab
from tests.lab.studio import BOB, CAROL, OUTSIDER, PASSWORDS, STRANGERS, Studio, letter
from tests.lab.victim import EXIM_LINES, MAILBOX, VICTIM, Answer, copy_of, forged_lines, start_victim
from tests.lab.world import DEAD

pytestmark = pytest.mark.lab
FOLDER = "/var/www/html/gallery"
RELAYING = f"127.0.0.1 : {WEB} : {LAN}.102"


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """The lab with Exim in the place of Postfix, and a victim outside."""
    require_lab(exim)
    with Lab(PASSWORDS, (), STRANGERS, mta=exim) as lab:
        exim.configure(lab.host("mx"), Settings(selector=CPANEL, relay=RELAYING))
        exim.configure(lab.host("web"), dataclasses.replace(exim.NULL_CLIENT, selector=CPANEL))
        start_victim(lab)
        yield Studio(lab, tmp_path_factory.mktemp("takes"))


@pytest.fixture(scope="module")
def proxies(studio: Studio) -> None:
    """Two open proxies on the web host, which the world outside can reach."""
    missing = [name for name in ("microsocks", "tinyproxy", "curl") if not shutil.which(name)]
    require(f"open proxies need {', '.join(missing)}: run tests/lab/packages.sh audit" if missing else "")
    web = studio.lab.host("web")
    studio.lab.run("web", ["microsocks", "-p", "1081"])
    web.write("/etc/tinyproxy/tinyproxy.conf", "User nobody\nPort 8888\nTimeout 60\n")
    web.run(["tinyproxy", "-c", "/etc/tinyproxy/tinyproxy.conf"])
    wait_until(lambda: listens(web, 1081) and listens(web, 8888), "the proxies")
    studio.lab.host("out").inside_network(["ip", "route", "add", f"{LAN}.0/24", "via", PUBLIC])


def settled(studio: Studio) -> None:
    for name in ("mx", "web"):
        host = studio.lab.host(name)
        wait_until(partial(exim.queue_is_empty, host), f"an empty queue on {name}")
        studio.hush(name, MAIN_LOG)


def delivered(studio: Studio, subject: str) -> bytes:
    copy = copy_of(studio.lab.host("out"), MAILBOX, subject)
    settled(studio)
    return copy


def traced(studio: Studio, copy: bytes, folder: Path, *, logs: bool) -> Answer:
    both = (studio.lab.host("mx"), MAIN_LOG), (studio.lab.host("web"), MAIN_LOG)
    return victim.traced(copy, folder, both if logs else ())


def forged(sender: str, to: str, subject: str) -> str:
    return forged_lines(EXIM_LINES) + letter(sender, to, subject)


def test_a_stranger_to_one_of_us(studio: Studio, tmp_path: Path) -> None:
    studio.arrive(BOB, text=forged("anna@bigmail.test", BOB, "from a stranger"), helo="mx.corp.test")
    mx = studio.lab.host("mx")
    wait_until(lambda: b"from a stranger" in mx.read(f"/var/mail/{BOB}"), "the copy of bob")
    settled(studio)
    copy = mx.read(f"/var/mail/{BOB}")
    without = traced(studio, copy, tmp_path / "without", logs=False)
    assert (without["boundary"]["hop"], without["boundary"]["address"], without["boundary"]["level"]) == (
        1, OUTSIDER, "attested",
    )  # fmt: skip
    assert without["suspect"] is None
    said = traced(studio, copy, tmp_path / "with", logs=True)
    assert (said["boundary"]["address"], said["boundary"]["level"]) == (OUTSIDER, "observed")
    assert said["suspect"] is None


def test_a_stolen_account_to_a_victim(studio: Studio, tmp_path: Path) -> None:
    studio.submit(VICTIM, text=forged(BOB, VICTIM, "from an account"))
    copy = delivered(studio, "from an account")
    without = traced(studio, copy, tmp_path / "without", logs=False)
    assert (without["boundary"]["address"], without["suspect"]) == (PUBLIC, None)
    said = traced(studio, copy, tmp_path / "with", logs=True)
    assert (said["suspect"]["kind"], said["suspect"]["name"]) == ("account", BOB)
    assert said["boundary"]["address"] == f"{LAN}.101"
    assert {(entry["account"], entry["agrees"]) for entry in said["logged"]} == {(BOB, True)}


def test_a_script_to_a_victim(studio: Studio, tmp_path: Path) -> None:
    """A script on the web host calls sendmail(1), by way of the MX."""
    web = studio.lab.host("web")
    web.run(["mkdir", "-p", FOLDER])
    argv = ["runuser", "-u", "www-data", "--", "env", f"--chdir={FOLDER}", "/usr/sbin/sendmail", "-i", VICTIM]
    web.run(argv, forged("www-data", VICTIM, "from a script").replace("\r\n", "\n"))
    copy = delivered(studio, "from a script")
    without = traced(studio, copy, tmp_path / "without", logs=False)
    assert without["suspect"] is None
    said = traced(studio, copy, tmp_path / "with", logs=True)
    suspect = said["suspect"]
    assert (suspect["kind"], suspect["name"], suspect["host"]) == ("local_user", "www-data", "web.corp.test")
    assert said["strength"] == "likely"
    assert " on ." not in said["sentence"]


def test_an_infected_machine_to_a_victim(studio: Studio, tmp_path: Path) -> None:
    act = Act(
        0, "mail", f"{LAN}.102", MX, 25, helo="web.corp.test", sender="x@isp.test", recipients=(VICTIM,),
        message=forged("x@isp.test", VICTIM, "from a machine"),
    )  # fmt: skip
    studio.play(act)
    copy = delivered(studio, "from a machine")
    said = traced(studio, copy, tmp_path / "with", logs=True)
    assert (said["boundary"]["address"], said["suspect"]) == (f"{LAN}.102", None)  # it may have passed it on
    without = traced(studio, copy, tmp_path / "without", logs=False)
    assert without["suspect"] is None


def test_an_open_relay(studio: Studio, tmp_path: Path) -> None:
    exim.configure(studio.lab.host("mx"), Settings(selector=CPANEL, relay="0.0.0.0/0"))
    try:
        studio.arrive(VICTIM, text=forged("anna@bigmail.test", VICTIM, "through a relay"))
        copy = delivered(studio, "through a relay")
    finally:
        exim.configure(studio.lab.host("mx"), Settings(selector=CPANEL, relay=RELAYING))
    for logs in (False, True):
        said = traced(studio, copy, tmp_path / str(logs), logs=logs)
        assert (said["boundary"]["address"], said["suspect"]) == (OUTSIDER if logs else PUBLIC, None)


def test_a_joe_job(studio: Studio, tmp_path: Path) -> None:
    """A stranger's spam that names our Exim reaches a victim without ever having been here.

    Exim's log names no host, so nobody knows whose it is: that it lacks an id refutes no line, and none is believed.
    """
    studio.submit(VICTIM, text=letter(BOB, VICTIM, "before it"))
    act = Act(
        0, "mail", OUTSIDER, DEAD, 25, helo="mx.corp.test", sender=CAROL, recipients=(VICTIM,),
        message=forged(CAROL, VICTIM, "never here"),
    )  # fmt: skip
    studio.play(act, host="out")
    copy = delivered(studio, "never here")
    studio.submit(VICTIM, text=letter(BOB, VICTIM, "after it"))
    delivered(studio, "after it")
    said = traced(studio, copy, tmp_path / "with", logs=True)
    assert (said["suspect"], said["boundary"]["address"]) == (None, OUTSIDER)
    assert [hop["level"] for hop in said["hops"]] == ["vouched", "claimed", "claimed", "claimed"]
    assert "our_name_from_a_stranger" in {sign["sign"] for sign in said["forgeries"]}


@pytest.mark.parametrize("proxy", [f"socks5://{WEB}:1081", f"http://{WEB}:8888"])
def test_an_open_proxy(studio: Studio, proxies: None, tmp_path: Path, proxy: str) -> None:
    """A stranger reaches a victim through a proxy on our web host: straight, and by way of our own MX."""
    del proxies
    out = studio.lab.host("out")
    for server in (DEAD, MX):
        subject = f"by {proxy[:4]} to {server}"
        out.write("/tmp/proxied.eml", forged("anna@bigmail.test", VICTIM, subject))
        out.run(
            ["curl", "-sS", "--proxytunnel", "-x", proxy, "--interface", OUTSIDER, f"smtp://{server}/mx.corp.test",
             "--mail-from", "anna@bigmail.test", "--mail-rcpt", VICTIM, "-T", "/tmp/proxied.eml"]
        )  # fmt: skip
        copy = delivered(studio, subject)
        without = traced(studio, copy, tmp_path / f"{server} without", logs=False)
        assert (without["boundary"]["address"], without["suspect"]) == (PUBLIC, None)
        said = traced(studio, copy, tmp_path / f"{server} with", logs=True)
        assert (said["boundary"]["address"], said["suspect"]) == (WEB if server == MX else PUBLIC, None)
        assert ("passed it on" in said["sentence"]) == (server == MX)
