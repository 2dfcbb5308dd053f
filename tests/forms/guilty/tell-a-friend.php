<?php
session_start();
class Recommend {
    private $to;
    function __construct() { $this->to = $_POST['friend_email']; }
    function run() {
        $text = "Your friend {$_POST['your_name']} says:\n\n" . stripslashes($_POST['comment']);
        if (!filter_var($this->to, FILTER_VALIDATE_EMAIL)) {
            die('No address.');
        }
        return $this->deliver($this->to, 'Look at this page', $text);
    }
    function deliver($address, $subject, $text) {
        return mail($address, $subject, $text, 'From: noreply@corp.test'); // hole: recipient_from_request
    }
}
(new Recommend())->run();
