#!/usr/bin/python3
import re
import sys
from django.core.mail import send_mail

TEAMS = {"sales": "sales@corp.test", "help": "help@corp.test"}


def valid(text):
    return re.fullmatch(r"[\w.]+@[\w.]+", text)


def post(request):
    team = request.POST.get("team")
    if team not in TEAMS:
        sys.exit(1)
    elif not valid(request.POST.get("email", "")):
        return None
    else:
        pass
    for key in TEAMS:
        if key == team:
            with open("/dev/null") as log:
                log.read()
    body = "%(a)s" % {"a": request.POST.get("text")}
    send_mail("Question", body, "web@corp.test", [TEAMS[team]])
    return re.sub(r"[\r\n]", "", team)
