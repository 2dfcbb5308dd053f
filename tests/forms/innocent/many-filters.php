<?php
import_request_variables('gp');
$fields = $request->all();
$mail = sanitize_email($_POST['mail']);
$name = preg_replace(['/\r/', '/\n/'], '', $_POST['name']);
$phone = ereg_replace('[^0-9]', '', $_POST['phone']);
$site = filter_var($_POST['site'], FILTER_SANITIZE_URL);
$age = sprintf('%03d years, %s', $_POST['age'], base64_encode($_POST['note']));
$short = strtok($_POST['short'], "\n");
$plain = filter_input(INPUT_POST, 'plain', FILTER_SANITIZE_SPECIAL_CHARS);
parse_str('a=b');
$body = file_get_contents('template.txt') . $_POST['text'] . $fields['x'];
mail('info@corp.test', $age, $body, "From: $name <$mail>\r\nX-Phone: $phone\r\nX-Site: $site\r\nX-Note: $age $short $plain");
