<?php
// Confirms an order to the customer: one checked address, none of the visitor's text but digits.
$customer = filter_var($_POST['customer'] ?? '', FILTER_VALIDATE_EMAIL);
if (!$customer) {
    http_response_code(400);
    exit("A valid address, please.\n");
}
$number = preg_replace('/\D/', '', $_POST['number'] ?? '0');
mail($customer, "Your order $number", "Thank you for your order $number.\n", 'From: shop@corp.test');
