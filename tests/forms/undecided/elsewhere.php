<?php
require 'functions.php';
$email = cleanup_input($_POST['email']);
mail('info@corp.test', 'Contact', $_POST['text'], "From: $email");
