<?php
$errors = 0;
if (preg_match("/[\r\n]/", $_POST['email'])) {
    $errors++;
}
if (!$errors) {
    mail('info@corp.test', 'Contact', $_POST['text'], 'From: ' . $_POST['email']);
}
