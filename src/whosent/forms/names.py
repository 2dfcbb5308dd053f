"""Names of functions, methods and variables of PHP, Perl and Python that bring, pass, cut or send a visitor's words."""

from __future__ import annotations

import re
from typing import Final

# Variables that hold what a visitor sent.
GIVEN: Final = frozenset(
    {"_POST", "_GET", "_REQUEST", "_COOKIE", "HTTP_POST_VARS", "HTTP_GET_VARS", "HTTP_RAW_POST_DATA", "STDIN"}
)
GIVEN_MEMBER: Final = re.compile(
    r"(?:^|\.)request\.(?:POST|GET|form|args|values|json|data|body|params|query|cookies|request|all)(?:\.|$)"
)
ENVIRONMENT: Final = frozenset({"_SERVER", "ENV", "HTTP_SERVER_VARS", "os.environ", "environ"})
# Of the environment, what a visitor decides; header lines of a request cannot hold line breaks, a query string can.
GIVEN_KEY: Final = re.compile(r"QUERY_STRING|REQUEST_URI|PATH_INFO|PHP_SELF|HTTP_\w+")
REFERER: Final = re.compile("HTTP_REFERER|[Rr]eferr?er")
GIVEN_CALLS: Final = frozenset(
    {"param", "vars", "url_param", "body_parameters", "fieldstorage", "parse_qs", "parse_qsl", "readparse",
     "getpost", "getvar", "getparam", "getparsedbody", "getjson", "get_json", "filter_input", "filter_input_array",
     "raw_input", "getrawinput"}
)  # fmt: skip
REQUEST_METHODS: Final = frozenset({"input", "post", "query", "get", "all", "getvalue", "getfirst", "getlist", "only"})
REQUEST_HOLDER: Final = re.compile(r"(?:^|\.)(?:request|input|req)$", re.IGNORECASE)

# What they give holds no words of what they are given.
CONSTANT: Final = frozenset(
    {"count", "strlen", "in_array", "isset", "empty", "time", "date", "gmdate", "uniqid", "md5", "sha1", "crc32",
     "hash", "rand", "mt_rand", "random_int", "random_bytes", "intval", "floatval", "doubleval", "is_numeric",
     "is_array", "is_string", "preg_match", "preg_match_all", "ereg", "eregi", "strpos", "stripos", "strcmp",
     "strcasecmp", "file_exists", "is_file", "defined", "define", "exists", "function_exists", "array_key_exists",
     "array_search", "checkdnsrr", "getmxrr", "session_start", "header", "printf", "error_log", "length", "index",
     "int", "len", "float", "bool", "isinstance", "substr_count", "password_hash", "bin2hex",
     "gettimeofday", "microtime", "localtime", "gmtime", "strftime", "number_format", "round", "abs", "hexdigest",
     "getenv", "gethostbyaddr", "php_uname", "phpversion", "dirname", "setlocale", "=~", "grep", "in",
     "curl_exec", "verify", "checktoken", "wp_verify_nonce", "is_email_configured", "startswith", "endswith",
     "isdigit", "isalpha", "isalnum", "search", "match", "fullmatch", "find", "new_session", "ord", "chr"}
)  # fmt: skip
# What they give may hold all words of what they are given, line breaks too.
PASSING: Final = frozenset(
    {"addslashes", "array", "array_filter", "array_keys", "array_map", "array_merge", "array_push", "array_unique",
     "array_values", "base64_decode", "capitalize", "chomp", "chop", "chunk_split", "current", "decode", "defined",
     "each", "encode", "end", "esc_attr", "esc_html", "escape", "escapehtml", "explode", "fetch", "format", "get",
     "getfirst", "getlist", "getvalue", "html_entity_decode", "htmlentities", "htmlspecialchars",
     "htmlspecialchars_decode", "iconv", "implode", "items", "join", "keys", "lc", "lcfirst", "list", "lower",
     "lstrip", "ltrim", "map", "mb_convert_encoding", "mb_encode_mimeheader", "mb_strtolower", "mb_strtoupper",
     "mb_substr", "mysql_real_escape_string", "mysqli_real_escape_string", "next", "nl2br", "pack", "pop",
     "preg_split", "print_r", "push", "qq", "quoted_printable_encode", "rawurldecode", "reset", "reverse", "rtrim",
     "sanitize_textarea_field", "scalar", "serialize", "shift", "sort", "splice", "split", "sprintf", "str",
     "str_pad", "strip", "strip_tags", "stripcslashes", "stripslashes", "strrev", "strtolower", "strtoupper",
     "strval", "substr", "title", "trim", "uc", "ucfirst", "ucwords", "unescape", "unicode", "unpack", "unquote",
     "unquote_plus", "unshift", "upper", "uri_unescape", "urldecode", "utf8_decode", "utf8_encode", "value",
     "values", "var_export", "vsprintf", "wordwrap", "wp_kses_post", "wp_unslash"}
)  # fmt: skip
# What they give holds no line break.
ONE_LINE: Final = frozenset(
    {"urlencode", "rawurlencode", "base64_encode", "json_encode", "sanitize_text_field", "escapeshellarg",
     "sanitize_file_name", "sanitize_title", "sanitize_key", "uri_escape", "encode_base64", "quote_plus",
     "splitlines", "b64encode", "basename", "escapeshellcmd", "strtok"}
)  # fmt: skip
AN_ADDRESS: Final = frozenset({"sanitize_email", "is_email"})
CHOOSING: Final = frozenset({"in_array", "array_key_exists", "array_search", "exists", "grep", "in", "isset"})
SEARCHING: Final = frozenset(
    {"strpos", "stripos", "strstr", "stristr", "strrpos", "substr_count", "mb_strpos", "index", "str_contains",
     "strpbrk"}
)  # fmt: skip
MATCHING: Final = frozenset({"preg_match", "preg_match_all", "ereg", "eregi", "=~", "search", "match", "fullmatch"})
LOOKS_LIKE_A_TEST: Final = re.compile(
    r"valid|is_?e?mail|sanit|clean|spam|inject|filter|secure|check|verif|bad_|allowed|legal|test", re.IGNORECASE
)
LOGIN: Final = re.compile(
    r"_SESSION|REMOTE_USER|PHP_AUTH|is_user_logged_in|current_user_can|is_admin|require_login|checklogin|"
    r"isloggedin|is_authenticated|login_required",
    re.IGNORECASE,
)

# Sending.
MAILING: Final = frozenset({"mail", "mb_send_mail", "wp_mail"})  # to, subject, text, header lines, options
ADDING: Final = frozenset(
    {"addaddress", "addanaddress", "addcc", "addbcc", "setto", "addto", "setcc", "setbcc", "addrecipient",
     "addrecipients", "add_to", "add_recipient"}
)  # fmt: skip
ADDRESSING: Final = frozenset({"to", "cc", "bcc", "recipient"})  # on a mail only
MAIL_HOLDER: Final = re.compile(r"mail|smtp|message|msg", re.IGNORECASE)
WRITING_TEXT: Final = frozenset(
    {"setbody", "msghtml", "body", "html", "text", "message", "settxtbody", "sethtmlbody", "addpart", "datasend",
     "data", "set_content", "attach", "set_payload"}
)  # fmt: skip
TEXT_MEMBER: Final = re.compile(r"(?:^|\.)(?:Body|AltBody|MsgHTML|message|body|text|html)$")
TEXT_ONLY: Final = re.compile(r"(?:^|[|/\s])mailx?\b(?!\S)")  # its standard input is text, not a message
PROGRAM: Final = re.compile(
    r"sendmail|qmail-inject|mailprog|mailprogram|mail_prog|/exim|\|\s*\S*mailx?\b|(?:^|/)mailx?\s"
)
SHELL: Final = frozenset({"`", "system", "exec", "passthru", "shell_exec", "popen", "proc_open", "open", "call", "run"})
WRITES: Final = frozenset({"fputs", "fwrite", "write", "communicate", "writelines"})
