#!/bin/sh
# Installs the Debian 12 packages that kamailio.cfg needs. Safe to run again.
set -eu

[ "$(id -u)" = 0 ] || { echo "install.sh: run as root" >&2; exit 1; }

# http_client is in utils; jansson and uuid in extra; tls and postgres serve WITH_TLS and WITH_AUTH
packages="kamailio kamailio-utils-modules kamailio-extra-modules kamailio-tls-modules kamailio-postgres-modules"

missing=""
for package in $packages; do
	dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $package"
done

# Debian starts the packaged service at installation, with its own kamailio.cfg on port 5060 of every
# address: it would take the port from ours and be an open registrar. A policy-rc.d that answers 101
# forbids starts while apt works; one that is already there is put back afterwards.
policy=/usr/sbin/policy-rc.d
restore() {
	[ -n "$missing" ] || return 0
	rm -f "$policy"
	if [ -e "$policy.before-presentia" ]; then mv "$policy.before-presentia" "$policy"; fi
}

if [ -n "$missing" ]; then
	echo "install.sh: installing$missing"
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -q
	trap restore EXIT
	trap 'exit 1' INT TERM
	if [ -e "$policy" ]; then mv "$policy" "$policy.before-presentia"; fi
	printf '#!/bin/sh\nexit 101\n' > "$policy"
	chmod 755 "$policy"
	# shellcheck disable=SC2086
	apt-get install -q -y --no-install-recommends $missing
	restore
	trap - EXIT
else
	echo "install.sh: all packages are installed"
fi

# An older installation may run and come back at boot. The package is left in place: whoever wants
# systemd to run Presentia points CFGFILE in /etc/default/kamailio at our kamailio.cfg and enables it.
# A service that already runs ours is left alone.
if grep -qs '^[[:space:]]*CFGFILE=.*presentia\|^[[:space:]]*PRESENTIA_' /etc/default/kamailio; then
	echo "install.sh: /etc/default/kamailio is set up for Presentia, service left as it is"
elif [ -d /run/systemd/system ]; then
	echo "install.sh: stopping and disabling the packaged kamailio service"
	systemctl disable --now kamailio
else
	echo "install.sh: no systemd here, nothing started, nothing to stop"
fi

kamailio -v | head -n 1
