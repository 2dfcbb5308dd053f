#!/usr/bin/perl
# A form-to-mail script of the old kind: the visitor names the recipient. That is the hole.
use strict;
use warnings;
use CGI;

my $form      = CGI->new;
my $recipient = $form->param('recipient') // 'info@corp.test';
my $email     = $form->param('email')     // 'nobody@corp.test';
my $subject   = $form->param('subject')   // 'WWW Form Submission';
my $message   = $form->param('message')   // q{};

open my $mail, q{|-}, '/usr/sbin/sendmail', '-t', '-i' or die "sendmail: $!";
print {$mail} "To: $recipient\nFrom: $email\nSubject: $subject\n\n$message\n";
close $mail;
print $form->header('text/plain'), "Thank you.\n";
