"""A real web server on a lab host: lighttpd, PHP and Perl, with a shop and two forms that can be abused."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab.machine import LabError, wait_until
from tests.lab.mail import listens

if TYPE_CHECKING:
    from tests.lab.machine import Machine

SITE = Path(__file__).with_name("site")
ACCESS_LOG = "/var/log/lighttpd/access.log"
PHP_MAIL_LOG = "/var/log/php-mail.log"
PLACES = {
    "index.html": "/var/www/html/index.html",
    "contact.html": "/var/www/html/contact.html",
    "contact.php": "/var/www/html/contact.php",
    "order.php": "/var/www/html/shop/order.php",
    "formmail.pl": "/var/www/html/cgi-bin/formmail.pl",
}
LIGHTTPD = f"""
server.modules = ("mod_accesslog", "mod_cgi")
server.document-root = "/var/www/html"
server.port = 80
server.username = "www-data"
server.groupname = "www-data"
server.pid-file = "/run/lighttpd.pid"
server.errorlog = "/var/log/lighttpd/error.log"
accesslog.filename = "{ACCESS_LOG}"
index-file.names = ("index.html")
mimetype.assign = (".html" => "text/html")
cgi.assign = (".php" => "/usr/bin/php-cgi", ".pl" => "/usr/bin/perl")
"""
CONFIG = "/etc/lighttpd/lab.conf"
CGI = '".php" => "/usr/bin/php-cgi", '
FASTCGI = """
server.modules += ("mod_fastcgi")
fastcgi.server = (".php" => ((
  "bin-path" => "/usr/bin/php-cgi", "socket" => "/run/lighttpd/php.socket", "max-procs" => 1,
  "bin-environment" => ("PHP_FCGI_CHILDREN" => "8", "PHP_FCGI_MAX_REQUESTS" => "100000")
)))
"""


def start_web(machine: Machine, timezone: str) -> None:
    """Start the web server; PHP logs every mail() and stamps the script's name into the message."""
    for name, place in PLACES.items():
        machine.write(place, (SITE / name).read_text(encoding="utf-8"), mode=0o755)
    set_php(machine, timezone)
    machine.write(PHP_MAIL_LOG, "", mode=0o666)
    machine.run(
        ["sh", "-c", "mkdir -p /var/log/lighttpd /run/lighttpd; chown www-data: /var/log/lighttpd /run/lighttpd"]
    )
    _start(machine, LIGHTTPD)


def keep_php(machine: Machine) -> None:
    """Let PHP's processes stay, as where many visitors come: four times the requests a second."""
    stop_web(machine)
    _start(machine, LIGHTTPD.replace(CGI, "") + FASTCGI)


def _start(machine: Machine, config: str) -> None:
    machine.write(CONFIG, config)
    machine.run(["lighttpd", "-f", CONFIG])
    wait_until(lambda: listens(machine, 80), "the web server's port")


def set_php(machine: Machine, timezone: str, log: str = PHP_MAIL_LOG) -> None:
    """Let PHP log every mail() with the time of this zone, or to ``syslog``, and stamp the script into the message."""
    php = f"mail.log = {log}\nmail.add_x_header = On\ndate.timezone = {timezone}\nlog_errors = Off\n"
    machine.write(_php_settings(machine), php)


def stop_web(machine: Machine) -> None:
    """End the web server, so that it writes the rest of its access log."""
    machine.run(["sh", "-c", "kill -INT $(cat /run/lighttpd.pid)"])
    wait_until(lambda: not listens(machine, 80), "the web server's end")


def _php_settings(machine: Machine) -> str:
    folders = sorted(machine.path("/etc/php").glob("*/cgi/conf.d"))
    if not folders:
        raise LabError("PHP's CGI program is not installed: run tests/lab/packages.sh")
    return f"/etc/php/{folders[-1].parts[-3]}/cgi/conf.d/99-lab.ini"
