# A Postfix with SASL logins in namespaces of its own; reads steps from stdin, nothing of it outlives the script.
# usage: unshare -m -n -p -f --mount-proc --kill-child bash stage.sh SCRATCH STEPS
set -eu
scratch=$1 steps=$2
ip link set lo up
for folder in /etc/postfix /etc/dovecot /var/spool/postfix /var/lib/postfix /var/log; do
  mkdir -p "$scratch$folder"; cp -a "$folder/." "$scratch$folder/" 2>/dev/null || true
  chown --reference="$folder" "$scratch$folder"; chmod --reference="$folder" "$scratch$folder"
  mount --bind "$scratch$folder" "$folder"
done
mount -t tmpfs -o mode=755 tmpfs /run
hostname mx.example.org 2>/dev/null || true
mkdir -p "$scratch/home"; export HOME="$scratch/home"

cat > /etc/postfix/main.cf <<'EOF'
compatibility_level = 3.6
myhostname = mx.example.org
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
maillog_file = /var/log/mail.log
alias_maps =
alias_database =
defer_transports = smtp
header_checks = regexp:/etc/postfix/others.headers
EOF
echo '/^X-Nobody: never$/ REJECT' > /etc/postfix/others.headers
postconf -F '*/*/chroot=n'
postconf -M submission/inet='submission inet n - n - - smtpd'
postconf -P submission/inet/smtpd_sasl_auth_enable=yes submission/inet/smtpd_sasl_type=dovecot \
  submission/inet/smtpd_sasl_path=private/auth \
  submission/inet/smtpd_recipient_restrictions=permit_sasl_authenticated,reject
cat > /etc/dovecot/dovecot.conf <<'EOF'
protocols =
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain
log_path = /var/log/dovecot.log
passdb {
  driver = passwd-file
  args = scheme=PLAIN username_format=%u /etc/dovecot/users
}
service auth {
  unix_listener /var/spool/postfix/private/auth {
    mode = 0660
    user = postfix
    group = postfix
  }
}
EOF
printf '%s\n' 'alice@example.org:secret' 'bob@example.org:secret' > /etc/dovecot/users
dovecot
postfix start >/dev/null 2>&1
for _ in $(seq 2400); do (exec 3<>/dev/tcp/127.0.0.1/587) 2>/dev/null && break; sleep 0.05; done
python3 "$steps"
