#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The swift-urcu authors

# debian-packages.sh FOLDER SUITE ARCHITECTURE PACKAGE…
# Unpacks these packages of Debian into FOLDER, without those that they depend on, and installs
# nothing. FOLDER is this script's own: it holds what the last call asked for, and a call that asks
# for the same again has nothing to do. Status 3, with one line that says why: they can't be had.
set -euo pipefail

if [ $# -lt 4 ]; then
  echo "usage: debian-packages.sh FOLDER SUITE ARCHITECTURE PACKAGE…" >&2
  exit 64
fi
folder=$1 suite=$2 architecture=$3
shift 3
wanted="$suite $architecture $*"
stamp=$folder/.debian-packages

fail() {
  echo "debian-packages: no $* of Debian $suite for $architecture: $reason" >&2
  exit 3
}

if [ -f "$stamp" ]; then
  if [ "$(cat "$stamp")" = "$wanted" ]; then exit 0; fi
elif [ -n "$(ls -A "$folder" 2>/dev/null)" ]; then
  echo "debian-packages: $folder isn't empty, and not made by this script" >&2
  exit 64
fi

reason="there is no apt-get or no dpkg-deb"
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || fail "$@"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
reason="there is no $keyring, which the archive's signatures are checked with"
[ -r "$keyring" ] || fail "$@"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{debs,cache/archives/partial,state/lists/partial,none}
: >"$work/state/status"

# The system's way to Debian, if it has one: the mirror, and how it is reached.
archive=$(apt-get update --print-uris 2>/dev/null |
  sed -n "s,^'\([^']*/debian\)/dists/[^/']*/InRelease' .*,\1,p" | sed -n 1p || true)
archive=${archive:-http://deb.debian.org/debian}
echo "deb [signed-by=$keyring] $archive $suite main" >"$work/sources"
{
  apt-config dump | grep -E '^Acquire::(https?|ftp)::' || true
  cat <<CONFIGURATION
Acquire::Languages "none";
Acquire::Retries "2";
Acquire::http::Timeout "20";
Acquire::https::Timeout "20";
APT::Architecture "$architecture";
APT::Architectures { "$architecture"; };
APT::Sandbox::User "root";
APT::Update::Error-Mode "any";
Dir::Cache "$work/cache";
Dir::State "$work/state";
Dir::State::status "$work/state/status";
Dir::Etc::main "/dev/null";
Dir::Etc::parts "$work/none";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "$work/none";
Dir::Etc::sourcelist "$work/sources";
Dir::Etc::sourceparts "$work/none";
CONFIGURATION
} >"$work/configuration"

# Within the folder where packages go; the last error is the reason.
apt() {
  (cd "$work/debs" && APT_CONFIG=$work/configuration LC_ALL=C apt-get -q -y "$@") \
    >"$work/log" 2>&1 && return
  reason=$(grep -E '^(E|W): ' "$work/log" | sed 's/^[EW]: //' | sed -n 1p)
  reason="apt-get $1: ${reason:-$(tail -n 1 "$work/log")}"
  return 1
}

apt update || fail "$@"
apt download "$@" || fail "$@"

rm -rf "$folder"
mkdir -p "$folder"
for package in "$work"/debs/*.deb; do
  reason="$(basename "$package") can't be unpacked in $folder"
  dpkg-deb -x "$package" "$folder" 2>"$work/log" || fail "$@"
done
echo "$wanted" >"$stamp"
