<?php
function is_injected($text) {
    return preg_match("/(\r|\n|%0a|%0d)/i", $text);
}
$email = $_POST['email'];
if (is_injected($email)) {
    header('Location: error.html');
    exit;
}
if (!preg_match('/^[\w.+-]+@[\w.-]+\.[a-z]{2,}$/i', $_POST['reply'])) { die('bad'); }
mail('info@corp.test', 'Contact', $_POST['message'], "From: $email\r\nReply-To: {$_POST['reply']}");
