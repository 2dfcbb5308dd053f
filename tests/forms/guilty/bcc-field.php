<?php
extract($_POST);
$extra = "From: web@corp.test\n";
if (!empty($copy)) {
    $extra .= "Bcc: $copy\n";
}
mail("board@corp.test", "Form", $body, $extra); // hole: recipient_from_request header_injection
