#!/usr/bin/perl -w
use CGI qw(:standard);
my $to = param('to');
my $subject = param('subject') || 'none';
open(MAIL, "|/usr/bin/mail -s '$subject' $to") or die; # hole: command_injection
print MAIL param('text');
close MAIL;
