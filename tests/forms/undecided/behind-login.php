<?php
session_start();
if (!isset($_SESSION['user'])) {
    header('Location: login.php');
    exit;
}
mail($_POST['to'], $_POST['subject'], $_POST['text'], 'From: web@corp.test');
