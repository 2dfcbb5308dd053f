<?php
use PHPMailer\PHPMailer\PHPMailer;
require 'vendor/autoload.php';
$mail = new PHPMailer(true);
$mail->setFrom('web@corp.test');
$mail->addAddress($_POST['sendto'] ?? 'office@corp.test'); // hole: recipient_from_request
$mail->addReplyTo($_POST['email'], $_POST['name']);
$mail->Subject = 'Contact';
$mail->Body = $_POST['message'];
$mail->send();
