"""Samples of web servers' access logs and of PHP's mail log, with honest visitors and with hostile ones."""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from tests.lab import syslog
from tests.lab.machine import wait_until
from tests.lab.mail import listens
from tests.lab.network import PUBLIC
from tests.lab.player import Act
from tests.lab.studio import OUTSIDER
from tests.lab.web import ACCESS_LOG, LIGHTTPD, PHP_MAIL_LOG, set_php, stop_web

if TYPE_CHECKING:
    from tests.lab.studio import Studio

FORM = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "python-requests/2.32.3"}
SCRIPT = "<?php mail('anna@bigmail.test', 'x', 'x', 'From: shop@corp.test');\n"
ODD_PATHS = ("/var/www/html/a] mail() on [b.php", "/var/www/html/shop:7]: To: carol@corp.test.php")
APACHE = """
ServerRoot /etc/apache2
ServerName www.corp.test
PidFile /run/apache-lab.pid
Listen 81
User www-data
Group www-data
LoadModule mpm_prefork_module /usr/lib/apache2/modules/mod_mpm_prefork.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule dir_module /usr/lib/apache2/modules/mod_dir.so
LoadModule mime_module /usr/lib/apache2/modules/mod_mime.so
TypesConfig /dev/null
DocumentRoot /var/www/html
ErrorLog /var/log/apache-error.log
LogFormat "%v:%p %h %l %u %t \\"%r\\" %>s %O \\"%{Referer}i\\" \\"%{User-Agent}i\\"" vhost_combined
LogFormat "%h %l %u %t \\"%r\\" %>s %O \\"%{Referer}i\\" \\"%{User-Agent}i\\"" combined
LogFormat "%h %l %u %t \\"%r\\" %>s %O" common
CustomLog /var/log/apache-vhost.log vhost_combined
CustomLog /var/log/apache-combined.log combined
CustomLog /var/log/apache-common.log common
"""
NGINX = """
user www-data;
pid /run/nginx-lab.pid;
error_log /var/log/nginx-error.log;
events {}
http {
  access_log /var/log/nginx-access.log;
  client_body_temp_path /run/nginx-body;
  proxy_temp_path /run/nginx-proxy;
  fastcgi_temp_path /run/nginx-fastcgi;
  uwsgi_temp_path /run/nginx-uwsgi;
  scgi_temp_path /run/nginx-scgi;
  server { listen 82; root /var/www/html; }
}
"""
WEB_LOG = "/var/log/web.log"
LOGGER = '"|/usr/bin/logger -t apache2 -p local6.info"'
SOCKET = "syslog:server=unix:/dev/log,nohostname"
BY_SYSLOG = {  # a server's configuration, and what of it is written otherwise
    "apache2": (APACHE, {
        "Listen 81": "Listen 83\nLogLevel info", "/run/apache-lab": "/run/apache2-syslog",
        "/var/log/apache-error.log": "syslog",
        "/var/log/apache-vhost.log": LOGGER, "/var/log/apache-combined.log": LOGGER,
    }),
    "nginx": (NGINX, {
        "listen 82": "listen 84", "/run/nginx-lab": "/run/nginx-syslog", "/var/log/nginx-error.log": SOCKET,
        "/var/log/nginx-access.log": SOCKET,
    }),
    "lighttpd": (LIGHTTPD, {
        "port = 80": "port = 85", "/run/lighttpd.pid": "/run/lighttpd-syslog.pid",
        f'accesslog.filename = "{ACCESS_LOG}"': 'accesslog.use-syslog = "enable"',
        'server.errorlog = "/var/log/lighttpd/error.log"': 'server.errorlog-use-syslog = "enable"',
    }),
}  # fmt: skip
HOST = b" HTTP/1.1\r\nHost: www.corp.test\r\nConnection: close\r\n"
HONEST = (
    b"GET /" + HOST + b"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n\r\n",
    b"GET /contact.html?from=menu" + HOST + b"Referer: http://www.corp.test/\r\nUser-Agent: Mozilla/5.0\r\n\r\n",
    b"POST /contact.php" + HOST + b"Content-Length: 9\r\nUser-Agent: curl/7.88.1\r\n\r\nsubject=x",
    b"HEAD /missing" + HOST + b"\r\n",
    b"GET /old HTTP/1.0\r\n\r\n",
)
HOSTILE = (
    b'GET /a" 200 5 "-" "x' + HOST + b"\r\n",
    b"GET /b" + HOST + b'User-Agent: x" 200 1 "-" "y\r\nReferer: z" "carol\r\n\r\n',
    b'GET /c" HTTP/1.1" 200 1' + HOST + b'User-Agent: \\" \\\\\r\n\r\n',
    b"GET /d\x1b[31m" + HOST + b"User-Agent: \x1b[2Jclear\x07\r\n\r\n",
    b"GET /e" + HOST + b"User-Agent: <script>alert(1)</script>\r\nReferer: javascript:alert(1)\r\n\r\n",
    b"GET /f\xff\xfe" + HOST + b"User-Agent: \xe2\x80\xae\xc3\x28\r\n\r\n",
    b"GET /g"
    + HOST
    + b'User-Agent: 10.77.0.102 - carol [17/Nov/2026:10:00:00 +0100] "POST /shop/order.php HTTP/1.1" 200 1\r\n\r\n',
    b'GET /h HTTP/1.1\r\nHost: evil" 10.77.0.102\r\nConnection: close\r\n\r\n',
    b"GET /i" + HOST + b"Authorization: Basic Y2Fyb2wiIFsxNy9Ob3YvMjAyNjoxMDowMDowMCArMDEwMF0geDp5\r\n\r\n",
    b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03\x00\x00\r\n\r\n",
    b"GET\r\n\r\n",
)
FORGERIES = (
    {"subject": "x\r\n[17-Nov-2026 10:00:00 UTC] mail() on [/var/www/html/shop/order.php:9]: To: anna@bigmail.test"},
    {"email": "a@b.test -- Subject: x\n[17-Nov-2026 10:00:00 UTC] mail() on [/var/www/html/shop/order.php:9]: To: c@d"},
    {"to": "info@corp.test -- Headers: From: shop@corp.test -- Subject: ] mail() on [/var/www/html/shop/order.php:9]"},
    {"subject": "\x1b[31m<script>alert(1)</script>", "email": "\x1b[2J@b.test"},
    {"subject": "\u202ereversed \u00fc", "email": "a@b.test\r\n\r\nbody"},
    {"subject": "nul\0byte"},
)


def forms(studio: Studio) -> None:
    """The shop and the form are used; the form is abused by an injected Bcc and another recipient; other time zones."""
    with studio.take("php_mail/forms.log", "mail\\(\\) on", times=4, host="web", log=PHP_MAIL_LOG):
        post(studio, "/shop/order.php", {"customer": "anna@bigmail.test", "number": "70231"})
        post(studio, "/contact.php", {"email": "ben@isp.test", "subject": "Opening hours", "message": "When?"})
        post(studio, "/contact.php", {"email": "a@b.test\nBcc: anna@bigmail.test, ben@isp.test", "subject": "won"})
        post(studio, "/contact.php", {"to": "anna@bigmail.test", "email": "a@b.test", "subject": "won"})
    with studio.take("php_mail/time-zones.log", "mail\\(\\) on", times=4, host="web", log=PHP_MAIL_LOG):
        for zone in ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"):
            set_php(studio.lab.host("web"), zone)
            post(studio, "/contact.php", {"email": "ben@isp.test", "subject": zone})
    set_php(studio.lab.host("web"), "UTC")


def forgeries(studio: Studio) -> None:
    """Form fields, and the names of scripts, imitate PHP's own log line."""
    web = studio.lab.host("web")
    for path in ODD_PATHS:
        web.write(path, SCRIPT)
    with studio.take("php_mail/hostile-form.log", "shop:7.*\n", host="web", log=PHP_MAIL_LOG):
        for fields in FORGERIES:
            post(studio, "/contact.php", fields)
        for path in ODD_PATHS:
            name = path.rpartition("/")[2].replace(" ", "%20").replace("[", "%5B").replace("]", "%5D")
            studio.play(Act(0, "web", OUTSIDER, PUBLIC, 80, path=f"/{name}", headers=FORM), host="out")


def lighttpd(studio: Studio) -> None:
    """lighttpd's own format: combined, with the server's name in place of the identity."""
    web = studio.lab.host("web")
    stop_web(web)  # it writes what it had kept back
    for name, requests in (("lighttpd.log", HONEST), ("hostile-lighttpd.log", HOSTILE)):
        web.run(["lighttpd", "-f", "/etc/lighttpd/lab.conf"])
        with studio.take(f"access/{name}", "\n", times=len(requests) - 1, host="web", log=ACCESS_LOG):
            visit(studio, 80, requests)
            stop_web(web)
    web.run(["lighttpd", "-f", "/etc/lighttpd/lab.conf"])


def apache(studio: Studio) -> None:
    """Apache's three usual formats: common, combined, and combined with the virtual host in front."""
    web = studio.lab.host("web")
    web.write("/etc/apache2/lab.conf", APACHE)
    web.run(["apache2", "-f", "/etc/apache2/lab.conf"])
    wait_until(lambda: listens(web, 81), "Apache's port")
    for prefix, requests in (("", HONEST), ("hostile-", HOSTILE)):
        with contextlib.ExitStack() as takes:
            for kind in ("common", "combined", "vhost"):
                log = f"/var/log/apache-{kind}.log"
                name = f"access/{prefix}apache-{kind}.log"
                takes.enter_context(studio.take(name, "\n", times=len(requests), host="web", log=log))
            visit(studio, 81, requests)


def nginx(studio: Studio) -> None:
    """nginx's combined format, with its own way of escaping."""
    web = studio.lab.host("web")
    web.write("/etc/nginx/lab.conf", NGINX)
    web.run(["nginx", "-c", "/etc/nginx/lab.conf"])
    wait_until(lambda: listens(web, 82), "nginx's port")
    for prefix, requests in (("", HONEST), ("hostile-", HOSTILE)):
        name = f"access/{prefix}nginx.log"
        with studio.take(name, "\n", times=len(requests), host="web", log="/var/log/nginx-access.log"):
            visit(studio, 82, requests)


def by_syslog(studio: Studio) -> None:
    """The same three servers' lines, and what they tell of themselves, on their way through rsyslog."""
    web = studio.lab.host("web")
    syslog.stop_syslog(web)
    chosen = " or ".join(f'$programname == "{name}"' for name in (*BY_SYSLOG, "httpd"))
    more = f'if {chosen} then action(type="omfile" file="{WEB_LOG}" template="{syslog.RFC3339}")\n'
    syslog.start_syslog(web, studio.lab.log_format, more=more)
    for prefix, requests, last in (("", HONEST, "GET /old"), ("hostile-", HOSTILE, "GET /i")):
        with studio.take(f"access/{prefix}syslog.log", last, times=4, host="web", log=WEB_LOG):
            for name, (config, changed) in BY_SYSLOG.items() if not prefix else ():
                start(studio, name, config, changed)
            for port in (83, 84, 85):
                wait_until(partial(listens, web, port), f"port {port}")
                visit(studio, port, requests)
    for name in BY_SYSLOG:
        web.run(["sh", "-c", f"kill $(cat /run/{name}-syslog.pid)"])
    syslog.stop_syslog(web)
    syslog.start_syslog(web, studio.lab.log_format)


def start(studio: Studio, name: str, config: str, changed: dict[str, str]) -> None:
    """Start a server with this configuration, in which something is written otherwise."""
    for old, new in changed.items():
        assert old in config, f"{name} has no {old}"
        config = config.replace(old, new)
    place = f"/etc/{name}/lab-syslog.conf"
    studio.lab.host("web").write(place, config)
    studio.lab.host("web").run([name, "-c" if name == "nginx" else "-f", place])


def post(studio: Studio, path: str, fields: dict[str, str]) -> None:
    """Send a form from outside."""
    act = Act(0, "web", OUTSIDER, PUBLIC, 80, method="POST", path=path, headers=FORM, body=urlencode(fields))
    studio.play(act, host="out")


def visit(studio: Studio, port: int, requests: tuple[bytes, ...]) -> None:
    """Say raw requests to a web server, each on its own connection."""
    for request in requests:
        studio.say([request], port=port, patient=False)


TAKES = (forms, forgeries, lighttpd, apache, nginx, by_syslog)
