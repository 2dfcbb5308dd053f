"""Web access logs: Apache's common, combined and vhost_combined, nginx's combined, lighttpd's default; syslog, too.

Apache, nginx and lighttpd escape quotes, backslashes and control characters in what a visitor sends, so the first
bare quote behind ``] `` begins the request and the next bare one ends it.  The user name may hold anything else:
what stands before the request is read up to the last ``[date] "``.  Referer and user agent are not read at all.
Through syslog (nginx ``access_log syslog:``, lighttpd ``accesslog.use-syslog``, Apache by way of ``logger -t``) the
time is the envelope's, when the request ended, and so is the host where the line names none.

What a line proves: that the server answered this request of this address. It cannot prove that mail was sent, nor who
sat behind a proxy; a script that ran is told by its path, an included file is not.
"""

from __future__ import annotations

from whosent.dialects import Dialect, Rule

_IP = rb"(?:\d{1,3}(?:\.\d{1,3}){3}|(?=[^ :\n]*+:)[0-9A-Fa-f:.]++)"
_STAMP = rb"\[(?P<stamp>\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\] "
_USER = rb' (?:[^"\\\n]|\\[^\n])*?'
_STATUS = rb" (?P<http_status>\d{3}) (?:\d++|-)(?: [^\n]*+)?"
_REQUEST = rb'"(?P<method>[A-Za-z]{1,32}+) (?P<path>(?:[^ ?"\\\n]|\\[^\n])*+)(?:[^"\\\n]|\\[^\n])*+"' + _STATUS
_NO_REQUEST = rb'"(?![A-Za-z]++ [^ "])(?:[^"\\\n]|\\[^\n])*+"' + _STATUS  # a timeout, or bytes that are no HTTP

_VHOST = rb"(?P<host>(?!" + _IP + rb" )[^ \n,:]++)(?::\d{1,5}+)? (?P<client_address>" + _IP + rb") [^ \n]++"
_CLIENT = rb"(?P<client_address>[^ \n,]++) "
_LIGHTTPD_HOST = rb"(?P<host>(?!" + _IP + rb" [^ \n]++ [^ \n\[])[^ \n,]++)"  # no second client address

_LINES = (
    Rule("request", _CLIENT + rb"-" + _USER + rb" " + _STAMP + _REQUEST),
    Rule("request", _VHOST + _USER + rb" " + _STAMP + _REQUEST),
    Rule("request", _CLIENT + _LIGHTTPD_HOST + _USER + rb" " + _STAMP + _REQUEST),
    Rule("notice", rb"[^ \n]++ [^ \n]++" + _USER + rb" " + _STAMP + _NO_REQUEST),
)
_BODIES = tuple(Rule(rule.event, rule.pattern.replace(b"(?P<stamp>", b"(?:")) for rule in _LINES)
_ERRORS = (  # what the same program tells of itself: nginx, Apache, lighttpd
    Rule("notice", rb"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[[a-z]++\] [^\n]*+"),
    Rule("notice", rb"\[[^\n]*+"),
    Rule("notice", rb"\([\w-]++\.c\.\d++\) [^\n]*+"),
)

dialect = Dialect(
    name="access",
    title="web access log",
    late=True,
    programs=((rb"(?:nginx|apache2?|httpd|lighttpd)(?:[_-][\w-]*+)?", (*_BODIES, *_ERRORS)),),
    lines=_LINES,
)
