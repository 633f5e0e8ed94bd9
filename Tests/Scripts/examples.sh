#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The swift-urcu authors

# The example programs do what they say, in a short form, and refuse what they should.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
programs=$(swift build --package-path "$root/Examples" --show-bin-path)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

expect_exit() {
  local expected=$1 status=0
  shift
  "$@" >"$folder/output" 2>&1 || status=$?
  if [ "$status" -ne "$expected" ]; then
    echo "examples: $* exited with $status, not $expected:" >&2
    cat "$folder/output" >&2
    exit 1
  fi
}

echo "maps-race: every strategy, in chunks and whole"
for form in "" --whole --no-pin; do
  # shellcheck disable=SC2086
  expect_exit 0 "$programs/maps-race" --seconds 0.5 --runs 1 $form \
    --json "$folder/race.json" --plot "$folder/race.svg"
  for strategy in snapshot speculative locked kernel; do
    grep -qE "^$strategy +[1-9][0-9]* " "$folder/output" ||
      { echo "examples: no row for $strategy" >&2; cat "$folder/output" >&2; exit 1; }
    grep -q "\"strategy\" : \"$strategy\"" "$folder/race.json"
    grep -q ">$strategy</text>" "$folder/race.svg"
  done
done
expect_exit 0 "$programs/maps-race" --seconds 0.2 --runs 1 --no-pause --no-busy \
  --reader-preferring --strategy locked

echo "maps-race: bad arguments"
expect_exit 64 "$programs/maps-race" --runs none
expect_exit 64 "$programs/maps-race" --scanners -1
expect_exit 64 "$programs/maps-race" --seconds 0
expect_exit 64 "$programs/maps-race" --strategy fastest
expect_exit 64 "$programs/maps-race" --no-such-option
expect_exit 66 "$programs/maps-race" --pid 2147483647
expect_exit 73 "$programs/maps-race" --seconds 0.05 --runs 1 --strategy snapshot \
  --json "$folder/none/race.json"

echo "maps-watch: reports, JSON and a drawing of a child"
child=
trap '[ -z "$child" ] || kill "$child" 2>/dev/null || true; rm -rf "$folder"' EXIT
expect_line() {
  grep -qE -- "$1" "$folder/output" ||
    { echo "examples: no line $1" >&2; cat "$folder/output" >&2; exit 1; }
}
expect_plain() {
  ! grep -q "$(printf '\033')" "$folder/output" ||
    { echo "examples: escape codes in plain text" >&2; cat -v "$folder/output" >&2; exit 1; }
}
# Starts a child that sleeps, and waits until it does.
start_child() {
  sleep 1000 &
  child=$!
  until grep -q '(sleep) S' "/proc/$child/stat"; do sleep 0.05; done
}
# Waits in the background until a program has the child's maps open, and ends the child.
end_child_when_watched() {
  (
    until grep -q "/proc/$child/maps" <<<"$(ls -l /proc/[0-9]*/fd 2>/dev/null || true)"; do
      sleep 0.05
    done
    kill "$child"
  ) &
}
start_child
expect_exit 0 "$programs/maps-watch" --once "$child"
expect_line "^process $child  sleep 1000$"
expect_line '^[1-9][0-9,]* mappings of [0-9,]+, [0-9,]+ left, [0-9.]+ [KMG]iB mapped$'
expect_line ' ⋮ hole of [0-9.]+ [KMGTP]iB  ▼ '
expect_line '^ +[0-9a-f]+ .*S'
expect_plain
expect_exit 0 "$programs/maps-watch" --diff 0.2 "$child"
expect_line '^nothing has grown or shrunk$'
expect_exit 0 "$programs/maps-watch" --svg "$folder/watch.svg" "$child"
grep -q '<title>.*\[stack\]' "$folder/watch.svg"
tail -n 1 "$folder/watch.svg" | grep -q '^</svg>$'
expect_exit 0 "$programs/maps-watch" --once --json "$child"
expect_line '^\{.*"event":"state".*"mappings":\[\{.*"name":"\[stack\]".*\}$'
[ "$(wc -l <"$folder/output")" = 1 ]
if command -v python3 >/dev/null; then python3 -m json.tool "$folder/output" >/dev/null; fi
expect_exit 0 "$programs/maps-watch" --diff 0.2 --json "$child"
expect_line '^\{.*"changes":\[\].*"event":"changes".*\}$'

echo "maps-watch: until the process ends"
end_child_when_watched
expect_exit 0 "$programs/maps-watch" --interval 20 "$child"
expect_line "^process $child has exited, after "
expect_plain
start_child
end_child_when_watched
expect_exit 0 "$programs/maps-watch" --interval 20 --json "$child"
expect_line '"event":"end".*"reason":"exited"'
start_child
end_child_when_watched
expect_exit 1 "$programs/maps-watch" --diff 1000 --interval 20 "$child"
expect_line "^maps-watch: process $child has exited, before "
# A program that takes the place of another is followed.
rm "$folder/output"
bash -c 'until [ -s "$1" ]; do sleep 0.05; done; exec sleep 1000' - "$folder/output" &
child=$!
until grep -q '(bash)' "/proc/$child/stat"; do sleep 0.05; done
(
  until grep -q '\[stack\]$' "$folder/output" 2>/dev/null; do sleep 0.05; done
  kill "$child"
) &
expect_exit 0 "$programs/maps-watch" --interval 20 "$child"
expect_line "^[0-9:]+ - .*/bash$"
expect_line "^[0-9:]+ \+ .*\[stack\]$"

echo "maps-watch: bad arguments"
# A child that has ended, and whose parent doesn't wait for it any more.
bash -c '(until grep -q sleep "/proc/$$/comm"; do sleep 0.05; done) & echo $!; exec sleep 1000' \
  >"$folder/zombie" &
child=$!
until zombie=$(cat "$folder/zombie") && [ -n "$zombie" ] && grep -q ') Z' "/proc/$zombie/stat"; do
  sleep 0.05
done
expect_exit 1 "$programs/maps-watch" --once "$zombie"
expect_line "^maps-watch: process $zombie is a zombie"
[ "$(wc -l <"$folder/output")" = 1 ]
expect_exit 1 "$programs/maps-watch" 2147483647
expect_line "^maps-watch: there is no process 2147483647$"
if grep -q '^Kthread:.1' /proc/2/status 2>/dev/null; then
  expect_exit 1 "$programs/maps-watch" 2
  expect_line "^maps-watch: process 2 is a thread of the kernel"
fi
expect_exit 1 "$programs/maps-watch" --svg "$folder/none/watch.svg" $$
expect_line "^maps-watch: cannot write "
expect_exit 1 bash -c "'$programs/maps-watch' --once $$ >/dev/full"
expect_line "^maps-watch: cannot write "
expect_exit 64 "$programs/maps-watch"
expect_exit 64 "$programs/maps-watch" self
expect_exit 64 "$programs/maps-watch" 0
expect_exit 64 "$programs/maps-watch" 99999999999
expect_exit 64 "$programs/maps-watch" --json --svg "$folder/watch.svg" $$
expect_exit 64 "$programs/maps-watch" --once --diff 1 $$
expect_exit 64 "$programs/maps-watch" --diff 0 $$
expect_exit 64 "$programs/maps-watch" --diff nan $$
expect_exit 64 "$programs/maps-watch" --interval 0 $$
expect_exit 64 "$programs/maps-watch" --once --interval 10 $$
kill "$child"
child=

echo "rcu-hello, config-reload, signal-profiler"
expect_exit 0 "$programs/rcu-hello"
grep -q "hello, RCU" "$folder/output"
expect_exit 0 "$programs/config-reload"
grep -q "^ok: all are closed" "$folder/output"
expect_exit 0 "$programs/signal-profiler"
grep -qE "^ +[1-9][0-9]* +[0-9.]+% .*/signal-profiler$" "$folder/output"

echo "rcu-torture: every flavor and load"
expect_exit 0 "$programs/rcu-torture" --seconds 1.2
for flavor in bp memb mb qsbr; do
  grep -qE "^$flavor +[0-9.]+ +[1-9][0-9]* +[1-9][0-9]* .* 0$" "$folder/output" ||
    { echo "examples: no row for $flavor" >&2; cat "$folder/output" >&2; exit 1; }
done
expect_exit 0 "$programs/rcu-torture" --seconds 0.2 --readers 1 --updaters 1 --flavor memb \
  --no-stalls --no-floods --no-churn --no-forks --no-nesting --no-signals

echo "rcu-torture: every mutant is caught"
for mutant in no-section no-grace-period late-words no-registration; do
  expect_exit 1 "$programs/rcu-torture" --seconds 20 --mutant "$mutant"
  for flavor in bp memb mb qsbr; do
    [ "$flavor $mutant" = "bp no-registration" ] && continue
    grep -q "^error ($flavor): " "$folder/output" ||
      { echo "examples: $mutant is not caught with $flavor" >&2; cat "$folder/output" >&2; exit 1; }
  done
done
for mutant in no-stall-monitor no-limits; do
  expect_exit 0 "$programs/rcu-torture" --seconds 20 --flavor memb --mutant "$mutant" --expect-error
done
expect_exit 1 "$programs/rcu-torture" --seconds 0.2 --flavor mb --expect-error

echo "rcu-torture: bad arguments"
expect_exit 64 "$programs/rcu-torture" --flavor fastest
expect_exit 64 "$programs/rcu-torture" --readers 0
expect_exit 64 "$programs/rcu-torture" --seconds 0
expect_exit 64 "$programs/rcu-torture" --mutant no-such-mutant
expect_exit 64 "$programs/rcu-torture" --flavor bp --mutant no-registration
