#!/usr/bin/perl
use strict;
use CGI;
use MIME::Lite;
my $q = CGI->new;
my $msg = MIME::Lite->new( # hole: recipient_from_request
    From => 'web@corp.test',
    To => scalar $q->param('rcpt'),
    Subject => 'From our site',
    Data => scalar $q->param('body'),
);
$msg->send;
