#!/usr/bin/env python3
import smtplib
from email.message import EmailMessage
from flask import Flask, request

app = Flask(__name__)


@app.route("/share", methods=["POST"])
def share():
    target = request.form["to"]
    message = EmailMessage()
    message["To"] = target  # hole: recipient_from_request
    message["From"] = "web@corp.test"
    message.set_content(request.form["note"])
    smtplib.SMTP("localhost").send_message(message)
    return "sent"
