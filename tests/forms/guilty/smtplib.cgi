#!/usr/bin/python3
import cgi
import smtplib

form = cgi.FieldStorage()
sender = form.getvalue("email", "")
text = form.getvalue("text", "")
message = "From: %s\nTo: office@corp.test\nSubject: Form\n\n%s" % (sender, text)
with smtplib.SMTP("localhost") as server:
    server.sendmail("web@corp.test", ["office@corp.test"], message)  # hole: header_injection
