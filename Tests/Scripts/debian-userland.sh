#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The swift-urcu authors

# Runs the two commands of this project, `make run` and `make test`, in a Debian that isn't this
# machine's: with its C library, its liburcu, its strace, its everything but kernel and Swift.
#
# debian-userland.sh [SUITE] [OPTIONS] [-- COMMAND…]
#   SUITE, --suite SUITE  what debootstrap makes; default: trixie
#   --mirror URL          where from; default: debootstrap's own
#   --keyring FILE        with the keys of that archive; default: debootstrap's own for it
#   --folder FOLDER       make the userland there, or use the one that is there, and keep it
#   --keep                keep the temporary folder that is used otherwise
#   COMMAND…              to be run in the checkout there, instead of the two
#
# What is checked is a clone of this checkout's HEAD: what isn't committed isn't there. The toolchain
# is the one of the `swift` in PATH. Needs root, debootstrap (installed if apt-get can), and some
# gigabytes. Not a part of `make test`.
#
# For example, Ubuntu 24.04; Debian has no package of its keys:
#   debian-userland.sh --suite noble --mirror http://archive.ubuntu.com/ubuntu \
#     --keyring ubuntu-archive-keyring.gpg
set -euo pipefail

# All of it is read before it starts: it runs for long, and may be changed meanwhile.
{

say() { printf '\n### debian-userland: %s\n' "$1"; }

fail() {
  echo "debian-userland: $1" >&2
  exit "${2:-1}"
}

usage() {
  sed -n '/^# debian-userland.sh/,/^# *$/s/^# //p' "$0" >&2
  exit 64
}

suite=trixie
mirror=
keyring=
folder=
keep=false
arguments=("$@")
while [ $# -gt 0 ]; do
  case $1 in
    --suite | --mirror | --keyring | --folder)
      [ -n "${2:-}" ] || usage
      printf -v "${1#--}" %s "$2"
      shift
      ;;
    --keep) keep=true ;;
    --)
      shift
      [ $# -gt 0 ] || usage
      break
      ;;
    -*) usage ;;
    *) suite=$1 ;;
  esac
  shift
done
# What is left is the command.

[ "$(id -u)" -eq 0 ] || fail "not root: only root can make and mount a userland" 77
checkout=$(git -c safe.directory='*' -C "$(dirname "$0")" rev-parse --show-toplevel) ||
  fail "this script is not in a git checkout"
command -v swift >/dev/null || fail "no swift in PATH" 69
command -v unshare >/dev/null || fail "no unshare (util-linux)" 69

# Mounts are seen by this script and what it starts only: they end with it, however it ends, and
# nobody removes the toolchain with the folder.
if [ "${DEBIAN_USERLAND_UNSHARED:-}" != yes ]; then
  unshare --mount --propagation private true ||
    fail "this root may not mount; is it in a container without CAP_SYS_ADMIN?" 77
  DEBIAN_USERLAND_UNSHARED=yes exec unshare --mount --propagation private \
    bash "$0" "${arguments[@]}"
fi

# `swift` itself tells where it is: what is in PATH may be a link, or a program that chooses.
resources=$(swift -print-target-info |
  sed -n 's/.*"runtimeResourcePath" *: *"\(.*\)".*/\1/p')
toolchain=$(readlink -f "${resources%/lib/swift}")
[ -x "$toolchain/bin/swift" ] || fail "no toolchain found by \`swift -print-target-info\`"
case $toolchain in
  /usr | /usr/local | /)
    fail "the toolchain in $toolchain is mixed with this system's own files: unpack one elsewhere"
    ;;
esac

# MARK: What is undone at the end

child=
places=()
# Whether this run, and no other, has the folder; whether it is to be removed.
has_folder=false
removes_folder=false

# shellcheck disable=SC2317 # The trap calls it.
cleanup() {
  local status=$? place round found
  trap - EXIT
  trap '' HUP INT TERM
  set +e
  if [ -n "$child" ]; then
    kill -KILL -- "-$child"
    wait "$child"
  fi 2>/dev/null
  if $has_folder; then
    # Whatever still runs in there.
    for ((round = 0; round < 50; round++)); do
      mapfile -t found < <(
        find /proc/[0-9]*/root -maxdepth 0 -lname "$folder" -printf '%h\n' 2>/dev/null)
      [ ${#found[@]} -gt 0 ] || break
      kill -KILL "${found[@]#/proc/}" 2>/dev/null
      sleep 0.1
    done
    for ((place = ${#places[@]} - 1; place >= 0; place--)); do
      if mountpoint -q "${places[place]}"; then umount --recursive --lazy "${places[place]}"; fi
    done
    if grep -qF " $folder/" /proc/self/mountinfo; then
      echo "debian-userland: $folder has mounts still; it is kept" >&2
    elif $removes_folder; then
      rm -rf --one-file-system "$folder"
    else
      say "the userland is in $folder"
    fi
  fi
  exit "$status"
}
trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# Runs a command so that a signal ends this script at once, not when the command has ended. In a
# session of its own, to be ended with all that it has started.
await() {
  local status=0
  setsid "$@" </dev/null &
  child=$!
  wait "$child" || status=$?
  child=
  return "$status"
}

# bind PATH [ro]: has PATH of this machine in the userland too.
bind() {
  local place=$folder$1
  mkdir -p "$place"
  places+=("$place")
  mount --rbind "$1" "$place"
  [ "${2:-}" != ro ] || mount -o remount,bind,ro "$place"
}

# MARK: The userland

if [ -n "$folder" ]; then
  keep=true
  mkdir -p "$folder"
else
  # Not in /tmp, which may be memory.
  folder=$(mktemp -d -p "${TMPDIR:-/var/tmp}" "swift-urcu-$suite-XXXXXX")
  # apt's own user reads in there.
  chmod 755 "$folder"
fi
folder=$(readlink -f "$folder")
case $folder in
  *[[:space:]\\*?[]*) fail "debootstrap can't work in a folder with such a name: $folder" ;;
esac
exec 9<"$folder"
flock -n 9 || fail "$folder is being used by another run of this script" 75

# In the userland: the suite that it was made as, once it is complete.
mark=$folder/etc/swift-urcu-userland
if [ -e "$mark" ]; then
  [ "$(cat "$mark")" = "$suite" ] || fail "in $folder is $(cat "$mark"), not $suite"
elif [ -n "$(ls -A "$folder")" ]; then
  fail "$folder is not empty, and no userland of this script"
fi
has_folder=true
$keep || removes_folder=true

if [ ! -e "$mark" ]; then
  # Half a userland is of no use to anyone.
  removes_folder=true
  say "debootstrap $suite"
  # install_here PACKAGE: whether it could be.
  install_here() {
    command -v apt-get >/dev/null && apt-get update -qq &&
      DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$1"
  }
  command -v debootstrap >/dev/null || install_here debootstrap ||
    fail "no debootstrap, and it can't be installed" 69
  # A suite that is newer than this debootstrap is made as its distribution's others.
  scripts=/usr/share/debootstrap/scripts
  script=$scripts/$suite
  if [ ! -e "$script" ]; then
    case $mirror in
      *ubuntu*) script=$scripts/gutsy ;;
      *) script=$scripts/sid ;;
    esac
  fi
  components=main
  own_keyring=$(sed -n 's/^[[:space:]]*keyring[[:space:]]*//p' "$script" | head -n 1)
  case $own_keyring in
    *ubuntu*) components=main,universe ;;
  esac
  if [ -z "$keyring" ]; then
    keyring=$own_keyring
    # Packages have the names of these files, in the end.
    [ -e "$keyring" ] || install_here "$(basename "$keyring" .gpg)" ||
      fail "no $keyring, and it can't be installed: give a --keyring" 69
  fi
  places+=("$folder/proc" "$folder/sys")
  await debootstrap --variant=minbase --components="$components" --keyring="$keyring" \
    --force-check-gpg "$suite" "$folder" "$mirror" "$script" || fail "debootstrap failed"
  echo "$suite" >"$mark"
  ! $keep || removes_folder=false
fi

for place in /proc /sys /dev; do bind "$place"; done
bind "$toolchain" ro
cp -L /etc/resolv.conf "$folder/etc/resolv.conf"

# Where git takes packages from elsewhere, it shall there too. Nothing else of its configuration.
configuration=$folder/etc/gitconfig
rm -f "$configuration"
git config --file "$configuration" safe.directory '*'
while IFS= read -r -d '' entry; do
  key=${entry%%$'\n'*}
  from=${key#url.}
  from=${from%.insteadof}
  git config --file "$configuration" --add "url.$from.insteadOf" "${entry#*$'\n'}"
  from=${from#file://}
  case $from in
    /*)
      from=${from%/}
      if [ -d "$from" ] && ! mountpoint -q "$folder$from"; then bind "$from" ro; fi
      ;;
  esac
done < <(git -C / config --null --get-regexp '^url\..*\.insteadof$' || true)

variables=(
  HOME=/root LANG=C.UTF-8 TERM="${TERM:-dumb}" DEBIAN_FRONTEND=noninteractive
  PATH="$toolchain/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
)
for name in $(compgen -e); do
  case $name in
    SWIFT_URCU_* | http_proxy | https_proxy | no_proxy) variables+=("$name=${!name}") ;;
  esac
done
# inside COMMAND…: runs it there, in the checkout.
inside() {
  # shellcheck disable=SC2016
  await env -i "${variables[@]}" \
    chroot "$folder" /bin/bash -c 'cd /srv/swift-urcu && exec "$@"' bash "$@"
}

say "what the toolchain needs, and strace and Python for tests that use them"
mkdir -p "$folder/srv/swift-urcu"
# Neither liburcu-dev nor pkg-config: `make` installs these.
packages=(
  ca-certificates g++ gcc git libc6-dev libcurl4 libedit2 libncurses6 libsqlite3-0 libuuid1 libxml2
  make python3 strace tzdata zlib1g
)
if ! inside dpkg --status "${packages[@]}" >/dev/null 2>&1; then
  inside apt-get update -qq || fail "apt-get update failed in the userland"
  inside apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null ||
    fail "apt-get install failed in the userland"
fi
programs=()
for name in swift-driver swift-frontend swift-package swift-format clang lld; do
  [ ! -e "$toolchain/bin/$name" ] || programs+=("$toolchain/bin/$name")
done
missing=$(inside ldd "${programs[@]}" | grep -F "not found" | sort -u || true)
[ -z "$missing" ] || fail "this toolchain can't run in $suite: $missing" 69

say "the checkout: $(git -c safe.directory='*' -C "$checkout" log -1 --format='%h %s')"
if [ -n "$(git -c safe.directory='*' -C "$checkout" status --porcelain)" ]; then
  echo "(what isn't committed isn't there)"
fi
# As the userland's git would, which takes what belongs to other users.
export GIT_CONFIG_GLOBAL=$configuration
if [ ! -e "$folder/srv/swift-urcu/.git" ]; then git init -q "$folder/srv/swift-urcu"; fi
git -C "$folder/srv/swift-urcu" fetch -q "$checkout" HEAD
git -C "$folder/srv/swift-urcu" checkout -q --force --detach FETCH_HEAD
git -C "$folder/srv/swift-urcu" clean -q -d --force
unset GIT_CONFIG_GLOBAL

say "the machine"
# shellcheck disable=SC2016
inside bash -c '
  . /etc/os-release
  echo "$PRETTY_NAME, Linux $(uname -r), $(nproc) processors"
  ldd --version | sed -n 1p
  gcc --version | sed -n 1p
  strace --version | sed -n 1p
  swift --version 2>&1 | sed -n 1p
  dpkg-query --show liburcu-dev pkg-config pkgconf 2>/dev/null || true'

# MARK: The commands

outcomes=()
result=0
run() {
  local status=0
  say "$*"
  inside "$@" || status=$?
  outcomes+=("$* exited with $status")
  [ "$result" -ne 0 ] || result=$status
}

if [ $# -gt 0 ]; then
  run "$@"
else
  run make run ARGS="--seconds 0.5 --runs 1"
  run make test
fi

say "$suite"
printf '%s\n' "${outcomes[@]}"
exit "$result"

}
