#!/usr/bin/perl -T
use strict;
use CGI;
my $q = CGI->new;
my %people = (ann => 'ann@corp.test', ben => 'ben@corp.test');
my $to = $people{ $q->param('who') } || 'info@corp.test';
my $email = $q->param('email');
$email =~ s/[\r\n]+/ /g;
my $subject = $q->param('subject');
$subject =~ tr/\r\n//d;
open(my $mail, '|-', '/usr/sbin/sendmail', '-t', '-i') or die;
print {$mail} "To: $to\nFrom: $email\nSubject: $subject\n\n";
print {$mail} $q->param('text');
close $mail;
