#!/usr/bin/python3
import cgi, smtplib, sys
form = cgi.FieldStorage()
sender = form.getvalue("email", "")
if "\n" in sender or "\r" in sender:
    sys.exit("no")
smtplib.SMTP("localhost").sendmail("web@corp.test", ["office@corp.test"], "From: %s\n\n%s" % (sender, form.getvalue("text")))
