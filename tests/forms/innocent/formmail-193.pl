#!/usr/bin/perl
# FormMail                      Version 1.93
# In the way of the last version by Matt Wright: recipients are written into the script, line breaks are refused.
$mailprog = '/usr/lib/sendmail -i -t';
@recipients = ('^info@corp\.test$', '^sales@corp\.test$');
read(STDIN, $buffer, $ENV{'CONTENT_LENGTH'});
foreach $pair (split(/&/, $buffer)) {
    ($name, $value) = split(/=/, $pair);
    $value =~ tr/+/ /;
    $value =~ s/%([a-fA-F0-9][a-fA-F0-9])/pack("C", hex($1))/eg;
    $Config{$name} = $value;
}
if ($Config{'email'} =~ /(\n|\r)/m || $Config{'subject'} =~ /(\n|\r)/m || $Config{'recipient'} =~ /(\n|\r)/m) {
    &error('invalid_headers');
}
if (!grep { $Config{'recipient'} =~ /$_/ } @recipients) { &error('no_recipient'); }
open(MAIL, "|$mailprog");
print MAIL "To: $Config{'recipient'}\n";
print MAIL "From: $Config{'email'}\n";
print MAIL "Subject: $Config{'subject'}\n\n";
print MAIL $Config{'text'};
close(MAIL);
sub error { print "Content-type: text/plain\n\n$_[0]"; exit; }
