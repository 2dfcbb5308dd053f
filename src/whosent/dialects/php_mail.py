"""PHP's ``mail.log``: one line for each call of mail(), in a file of its own or through syslog.

From ext/standard/mail.c.  The script's path and line come from the interpreter; recipient, headers and subject
are whatever the script was made to send, so only the text up to the first ``-- Headers:`` is read.

What a line proves: that this file called mail(). It cannot prove that a message left, nor which visitor was the cause:
a shared library is named instead of the page that used it.
"""

from __future__ import annotations

from whosent.dialects import Dialect, Rule

_STAMP = rb"\[(?P<stamp>\d\d-[A-Z][a-z]{2}-\d{4} \d\d:\d\d:\d\d [^\]\n]{1,64}+)\] "
_CALL = (
    rb"mail\(\) on \[(?P<script>[^\n]*?):(?P<script_line>\d++)\]: "
    rb"To: (?P<recipient>(?:(?! -- Headers:)[^\n])*+)(?: -- Headers:[^\n]*+)?"
)
_call = Rule("call", _CALL)

dialect = Dialect(
    name="php_mail",
    title="PHP mail.log",
    programs=((rb"php[\w.-]*+|httpd|apache2|lsphp", (_call,)),),
    lines=(Rule("call", _STAMP + _CALL),),
)
