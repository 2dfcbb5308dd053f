#!/bin/bash
# Installs the Debian 12 packages of the lab, by group; safe to repeat; starts no daemon.
#
#   tests/lab/packages.sh                 the groups that the lab itself needs: net mail web dns syslog
#   tests/lab/packages.sh peers browser   named groups only
#   tests/lab/packages.sh record          what recording the samples needs: the lab, a compiler, more web servers, filters
#   tests/lab/packages.sh all             every group
#   tests/lab/packages.sh exim            Exim, unpacked beside Postfix without installing it (they exclude each other)
#   tests/lab/packages.sh sendmail        Sendmail, unpacked likewise
#   tests/lab/packages.sh --list          what each group holds
set -euo pipefail

declare -A GROUPS_OF=(
  [build]="python3-venv python3-dev gcc libc6-dev libpcre2-dev"
  [net]="iproute2 iputils-ping procps util-linux nftables"
  [mail]="postfix postfix-pcre postfix-lmdb dovecot-core dovecot-imapd dovecot-lmtpd dovecot-sieve openssl"
  [web]="lighttpd php-cgi perl libcgi-pm-perl"
  [dns]="dnsmasq-base rbldnsd"
  [clock]="gcc libc6-dev"
  [samples]="apache2-bin nginx-light dovecot-pop3d bsdutils"
  [syslog]="rsyslog systemd"
  [exim]="openssl"
  [sendmail]="m4 openssl sasl2-bin libldap-2.5-0 libnsl2 libwrap0"
  [filters]="rspamd spamassassin spamd spamc amavisd-new opendkim opendkim-tools clamav-daemon clamav-milter altermime"
  [policies]="postgrey postfix-policyd-spf-python dbconfig-no-thanks opendmarc"
  [audit]="squid tinyproxy dante-server microsocks nmap curl"
  [peers]="pflogsumm zstd"
  [browser]="chromium"
  [monitoring]="systemd"
)
DEFAULT="net mail web dns syslog"
ALL="build $DEFAULT clock samples exim sendmail filters policies audit peers browser monitoring"
# Unpacked, never installed: Debian's mail servers push each other out, Prometheus would run.  By group: the packages whose files it needs.
declare -A UNPACKED_OF=(
  [exim]="exim4-base exim4-daemon-light"
  [sendmail]="sendmail-bin sendmail-base sendmail-cf"
  [monitoring]="prometheus"
)
UNPACKED=/opt/whosent-lab

fail() { echo "packages.sh: $*" >&2; exit 1; }

if [ "${1:-}" = --list ]; then
  for group in $ALL; do echo "$group: ${GROUPS_OF[$group]}${UNPACKED_OF[$group]:+ (unpacked: ${UNPACKED_OF[$group]})}"; done
  exit 0
fi
[ "$(id -u)" = 0 ] || fail "must run as root"
command -v apt-get >/dev/null || fail "needs a Debian system (no apt-get here)"

groups="${*:-$DEFAULT}"
[ "$groups" = all ] && groups=$ALL
[ "$groups" = record ] && groups="$DEFAULT clock samples exim sendmail filters policies"
wanted=()
for group in $groups; do
  [ -n "${GROUPS_OF[$group]:-}" ] || fail "no group called '$group'; there are: $ALL"
  read -ra names <<<"${GROUPS_OF[$group]}"
  wanted+=("${names[@]}")
done

unpack() { # GROUP: fetch its packages and unpack them into a folder of its own
  local place=$UNPACKED/$1 fresh
  [ -e "$place" ] && return
  fresh=$(mktemp -d)
  chmod 755 "$fresh"
  read -ra names <<<"${UNPACKED_OF[$1]}"
  (cd "$fresh" && apt-get -q update >/dev/null && apt-get -q -o APT::Sandbox::User=root download "${names[@]}" >/dev/null)
  mkdir -p "$fresh/files"
  for package in "$fresh"/*.deb; do dpkg-deb -x "$package" "$fresh/files"; done
  mkdir -p "$UNPACKED"
  mv "$fresh/files" "$place"
  rm -r "$fresh"
  echo "packages.sh: unpacked ${UNPACKED_OF[$1]} into $place"
}
for group in $groups; do
  [ -z "${UNPACKED_OF[$group]:-}" ] || unpack "$group"
done

missing=()
for package in "${wanted[@]}"; do
  state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$state" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} = 0 ]; then
  echo "packages.sh: nothing to install ($groups)"
  exit 0
fi

# Debian's Postfix pushes other mail servers out: never where one is at work.
pushed=""
[[ " $groups " = *" mail "* ]] && pushed="exim4 sendmail"
for server in $pushed; do
  if pids=$(pidof "$server") && [ "${WHOSENT_REPLACE_MTA:-}" != yes ]; then
    fail "$server is running here (pid $pids) and the lab's packages would remove it. Run the tests on another" \
      "machine, or set WHOSENT_REPLACE_MTA=yes."
  fi
done

# A policy answering 101 keeps the packages' own scripts from starting anything. Ours goes away at the end.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
  printf '#!/bin/sh\nexit 101\n' >$policy
  chmod 755 $policy
  trap 'rm -f $policy' EXIT
fi

export DEBIAN_FRONTEND=noninteractive
apt=(apt-get -q -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0)
"${apt[@]}" update
command -v debconf-set-selections >/dev/null &&
  echo "postfix postfix/main_mailer_type select No configuration" | debconf-set-selections
echo "packages.sh: installing ${missing[*]}"
"${apt[@]}" -y --no-install-recommends install "${missing[@]}"
