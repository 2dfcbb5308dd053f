<?php
// The department is chosen safely, the sender is not.
switch ($_POST['department']) {
    case 'sales': $to = 'sales@corp.test'; break;
    case 'support': $to = 'support@corp.test'; break;
    default: $to = 'info@corp.test';
}
$headers = sprintf("From: %s <%s>\r\nReply-To: %s", $_POST['name'], $_POST['mail'], $_POST['mail']);
function notify($whom, $what, $head) { return mail($whom, 'Enquiry', $what, $head); } // hole: header_injection
notify($to, $_POST['what'], $headers);
