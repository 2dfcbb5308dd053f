#!/usr/bin/python
import cgi, os
form = cgi.FieldStorage()
p = os.popen("/usr/sbin/sendmail -t", "w")
p.write("To: %s\n" % form["to"].value) # hole: recipient_from_request header_injection
p.write("Subject: greetings\n\n")
p.write(form["text"].value)
print "Content-type: text/plain\n"
print "sent"
