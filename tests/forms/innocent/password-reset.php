<?php
require 'db.php';
$user = find_user($_POST['login']);
$token = bin2hex(random_bytes(16));
mail($user->email, 'Your password', "Go to https://corp.test/reset?token=$token\n", "From: web@corp.test");
