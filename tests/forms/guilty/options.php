<?php
$sender = $_POST['sender'];
$text = wordwrap($_POST['text'], 70);
mail('info@corp.test', 'Hello', $text, 'From: web@corp.test', '-f' . $sender); // hole: option_injection
