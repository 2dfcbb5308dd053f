<?php
add_action('wp_ajax_nopriv_ask', function () {});
function ask_handler() {
    $who = $_POST['email'];
    $head = array();
    $line = 'From: ' . $who . "\r\n";
    wp_mail(get_option('admin_email'), 'Question', $_POST['question'], $line); // hole: header_injection
    wp_die();
}
