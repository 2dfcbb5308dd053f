<?php
namespace Site;
use Illuminate\Support\Facades\Mail;
parse_str(file_get_contents('php://input'), $sent);
$subject = filter_input(INPUT_POST, 'subject');
$who = filter_input(INPUT_POST, 'who', FILTER_SANITIZE_EMAIL);
$id = filter_var($_GET['id'], FILTER_VALIDATE_INT);
const TEAM = 'team@corp.test';
for ($i = 0, $line = ''; $i < 3; $i++) { $line .= "$i {$id}\n"; }
while ($i-- > 0): $line .= <<<'RAW'
raw
RAW;
endwhile;
do { $i++; } while ($i < 2);
try { $found = match (true) { $id > 1 => 'a', default => 'b' }; } catch (\Exception $e) { throw $e; } finally { unset($e); }
$list = array_map(fn ($x) => trim($x), explode(',', $line));
[$first, $second] = $list;
$text = "Hello ${subject} and {$list[0]} " . ($first ?: 'nobody') . ($second ? 'x' : 'y') . (string) $line . urlencode($subject);
mail(to: $_POST['to'], subject: $subject, message: $text); // hole: recipient_from_request
$o?->note($text);
A::$b = A::C;
if (!$id) return;
`mail -s x $_GET[address]`; // hole: command_injection
