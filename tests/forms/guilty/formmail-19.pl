#!/usr/bin/perl
##############################################################################
# FormMail                      Version 1.6                                  #
# Written in the way of the script by Matt Wright that half the web had:     #
# the visitor's fields become the configuration, the Referer is the guard.   #
##############################################################################
$mailprog = '/usr/lib/sendmail';
@referers = ('www.corp.test', '192.0.2.80');

&check_url;
&parse_form;
&check_required;
&send_mail;

sub check_url {
    local($check_referer) = 0;
    if ($ENV{'HTTP_REFERER'}) {
        foreach $referer (@referers) {
            if ($ENV{'HTTP_REFERER'} =~ m|https?://([^/]*)$referer|i) { $check_referer = 1; last; }
        }
    } else { $check_referer = 1; }
    if ($check_referer != 1) { &error('bad_referer') }
}

sub parse_form {
    %Config = ('recipient', '', 'subject', '', 'email', '', 'realname', '', 'required', '');
    if ($ENV{'REQUEST_METHOD'} eq 'GET') { @pairs = split(/&/, $ENV{'QUERY_STRING'}); }
    elsif ($ENV{'REQUEST_METHOD'} eq 'POST') {
        read(STDIN, $buffer, $ENV{'CONTENT_LENGTH'});
        @pairs = split(/&/, $buffer);
    } else { &error('request_method'); }
    foreach $pair (@pairs) {
        local($name, $value) = split(/=/, $pair);
        $name =~ tr/+/ /;
        $name =~ s/%([a-fA-F0-9][a-fA-F0-9])/pack("C", hex($1))/eg;
        $value =~ tr/+/ /;
        $value =~ s/%([a-fA-F0-9][a-fA-F0-9])/pack("C", hex($1))/eg;
        $value =~ s/<!--(.|\n)*-->//g;
        if (defined($Config{$name})) { $Config{$name} = $value; }
        else { push(@Field_Order, $name); $Form{$name} = $value; }
    }
    $Config{'required'} =~ s/(\s+)?\n+(\s+)?//g;
}

sub check_required {
    if (!$Config{'recipient'}) { &error('no_recipient'); }
    if ($Config{'email'} && !&check_email($Config{'email'})) { &error('bad_email'); }
}

sub check_email {
    $email = $_[0];
    if ($email =~ /(@.*@)|(\.\.)|(@\.)|(\.@)|(^\.)/) { return 0; }
    return 1;
}

sub send_mail {
    open(MAIL, "|$mailprog -t");
    print MAIL "To: $Config{'recipient'}\n"; # hole: recipient_from_request header_injection
    print MAIL "From: $Config{'email'} ($Config{'realname'})\n"; # hole: header_injection
    if ($Config{'subject'}) { print MAIL "Subject: $Config{'subject'}\n\n" } # hole: header_injection
    else { print MAIL "Subject: WWW Form Submission\n\n" }
    foreach $field (@Field_Order) { print MAIL "$field: $Form{$field}\n\n"; }
    close(MAIL);
}

sub error { print "Content-type: text/html\n\n<h1>Error: $_[0]</h1>"; exit; }
