#!/usr/bin/python3
from django.core.mail import send_mail
from django.http import HttpResponse


class Share:
    def post(self, request):
        try:
            target = request.POST.get("to") if request.POST else ""
        except KeyError as error:
            raise ValueError from error
        while not target:
            break
        words = [request.POST.get("text"), "x"]
        body = "{}: {}".format("Somebody", words[0]) + f" {target!r}"
        send_mail("Look", body, "web@corp.test", [target])  # hole: recipient_from_request
        return HttpResponse("sent")
