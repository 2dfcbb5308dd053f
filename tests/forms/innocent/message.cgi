#!/usr/bin/python3
import cgi
import smtplib
from email.message import EmailMessage

form = cgi.FieldStorage()
message = EmailMessage()
message["To"] = "office@corp.test"
message["From"] = "web@corp.test"
message["Reply-To"] = form.getfirst("email", "")
message.set_content(form.getfirst("text", ""))
smtplib.SMTP("localhost").send_message(message)
