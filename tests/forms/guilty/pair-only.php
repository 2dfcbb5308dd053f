<?php
// Takes out the pair of CR and LF only: a bare line feed still begins a header line.
$from = str_replace("\r\n", "", $_POST["from"]);
$ok = @mail("sales@corp.test", "Order", $_POST["order"], "From: $from\r\nX-Mailer: shop"); // hole: header_injection
header("Location: thanks.html");
