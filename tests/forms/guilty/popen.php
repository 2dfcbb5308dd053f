<?php
$fd = popen("/usr/sbin/sendmail -t", "w");
fputs($fd, "To: webmaster@corp.test\n");
fputs($fd, "From: " . $_GET['from'] . "\n"); // hole: header_injection
fputs($fd, "Subject: x\n\n" . $_GET['text']);
pclose($fd);
