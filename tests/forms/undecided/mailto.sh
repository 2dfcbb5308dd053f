#!/bin/sh
read -r body
mail -s "$QUERY_STRING" office@corp.test <<END
$body
END
