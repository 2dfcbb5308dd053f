<?php
// Tries to take line breaks out, but '\n' in single quotes is a backslash and an n.
$email = str_replace(array('\r', '\n'), '', $_REQUEST['email']);
$subject = str_replace('\n', '', $_REQUEST['subject']);
mail('info@corp.test', $subject, $_REQUEST['text'], "From: " . $email); // hole: header_injection
