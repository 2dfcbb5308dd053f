<?php
foreach ($_POST as $field) {
    if (preg_match('/[\r\n]/', $field)) {
        exit('No line breaks, please.');
    }
}
mail('info@corp.test', 'Contact', $_POST['text'], 'From: ' . $_POST['email']);
