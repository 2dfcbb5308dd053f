<?php
// The contact form: trusts its visitor with the recipient and with the text of the From header. That is the hole.
$to = $_POST['to'] ?? 'info@corp.test';
$subject = 'Contact: ' . ($_POST['subject'] ?? 'no subject');
$headers = 'From: ' . ($_POST['email'] ?? 'nobody@corp.test');
$sent = mail($to, $subject, $_POST['message'] ?? '', $headers);
echo $sent ? "Thank you.\n" : "Sorry, that did not work.\n";
