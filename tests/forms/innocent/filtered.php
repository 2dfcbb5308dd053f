<?php
$email = str_replace(["\r", "\n"], '', $_POST['email']);
$name = preg_replace("/[\r\n]+/", ' ', $_POST['name']);
mail('info@corp.test', 'Contact', $_POST['message'], "From: $name <$email>");
