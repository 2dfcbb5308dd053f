<?php
use PHPMailer\PHPMailer\PHPMailer;
$mail = new PHPMailer();
$mail->setFrom('web@corp.test');
$mail->addAddress('office@corp.test');
$mail->addReplyTo($_POST['email'], $_POST['name']);
$mail->Subject = $_POST['subject'];
$mail->Body = $_POST['message'];
$mail->send();
