<?php
// No visitor: run by cron.  Mentions mail() and $_GET only here.
$rows = file('/var/lib/report.txt');
mail('admin@corp.test', 'Report', implode("\n", $rows), 'From: cron@corp.test');
if (isset($_GET['page'])) { echo intval($_GET['page']); }
