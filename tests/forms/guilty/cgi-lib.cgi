#!/usr/local/bin/perl
require "cgi-lib.pl";
&ReadParse(*in);
%in = param();
$to = $in{'to'};
$from = $in{'from'};
open(MAIL, "|/usr/sbin/sendmail -t -oi") || die "no sendmail";
print MAIL <<END_OF_MAIL; # hole: recipient_from_request header_injection
To: $to
From: $from
Subject: A card for you

$in{'text'}
END_OF_MAIL
close(MAIL);
