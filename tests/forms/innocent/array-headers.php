<?php
// Header lines as an array: PHP itself refuses line breaks in them.
mail('info@corp.test', $_POST['subject'], $_POST['text'], ['From' => 'web@corp.test', 'Reply-To' => $_POST['email']]);
