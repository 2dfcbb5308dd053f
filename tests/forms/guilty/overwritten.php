<?php
foreach ($_POST as $key => $value) {
    $$key = stripslashes($value);
}
$text = "Name: $name\nPhone: $phone\n$question";
mail($recipient, $subject, $text, "From: $email"); // hole: recipient_from_request header_injection
