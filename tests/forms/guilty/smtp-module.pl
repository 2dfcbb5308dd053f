#!/usr/bin/perl
use Net::SMTP; use CGI;
sub deliver {
    my ($address, $words) = @_;
    my $subject = shift;
    $smtp = Net::SMTP->new('localhost');
    $smtp->mail('web@corp.test');
    $smtp->to($address); # hole: recipient_from_request
    $smtp->data();
    $smtp->datasend("To: $address\n"); # hole: header_injection recipient_from_request
    $smtp->datasend("\n");
    $smtp->datasend($words);
    return $smtp->quit ? 1 : 0;
}
my $q = new CGI;
my $r = $q->param('to') // 'x@corp.test';
deliver($r, $q->param('text'));
