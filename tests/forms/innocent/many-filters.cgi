#!/usr/bin/python
import re, smtplib, sys, urlparse
form = urlparse.parse_qs(sys.stdin.read())
sender = form["email"][0].replace("\n", "").replace("\r", "")
first = form["name"][0].splitlines()[0]
other = re.sub(r"[^\w ]", "", form["other"][0])
message = "From: %s\nSubject: %s %s\n\n%s" % (sender, first, other, form["text"][0])
smtplib.SMTP("localhost").sendmail("web@corp.test", ["office@corp.test"], message)
