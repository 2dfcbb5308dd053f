<?php
$people = array('ann' => 'ann@corp.test', 'ben' => 'ben@corp.test');
$to = isset($people[$_POST['who']]) ? $people[$_POST['who']] : 'info@corp.test';
$lists = ['news@corp.test', 'press@corp.test'];
if (!in_array($_POST['list'], $lists, true)) {
    exit('no');
}
mail($to, 'A question', $_POST['text'], 'From: web@corp.test');
mail($_POST['list'], 'A question', $_POST['text'], 'From: web@corp.test');
