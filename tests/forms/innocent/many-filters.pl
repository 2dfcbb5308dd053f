#!/usr/bin/perl
my $raw = <STDIN>;
sysread(STDIN, my $rest, 10);
my $from = $raw;
$from =~ s/\n//;
$from =~ tr/a-zA-Z0-9@.//cd;
my $to = shift || 'info@corp.test';
open(MAIL, '|/usr/sbin/sendmail -t') or die;
printf MAIL ("To: info\@corp.test\nFrom: %s\n\n", $from);
print MAIL $raw . $rest;
close MAIL;
