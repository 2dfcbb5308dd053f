<html><body>
<?php
// The contact form most sites had: everything straight from the visitor.
if (isset($_POST['submit'])) {
    $name = htmlspecialchars($_POST['name']);
    $email = trim(strip_tags($_POST['email']));
    $message = $_POST['message'];
    $to = "office@corp.test";
    $headers = "MIME-Version: 1.0\r\n";
    $headers .= "Content-type: text/plain; charset=utf-8\r\n";
    $headers .= "From: $name <$email>\r\n";
    if (mail($to, "Message from the site", $message, $headers)) { // hole: header_injection
        echo "<p>Thank you.</p>";
    }
}
?>
</body></html>
