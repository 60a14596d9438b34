# shellcheck shell=bash
# What scripts/up, down and test share. Sourced by them after `set -Eeuo pipefail`.
#
# Every part begins with `step WHAT ADVICE`; the first command that fails ends the script with one sentence: what was
# being done, and what to do about it.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit
me=scripts/$(basename "$0")
bin=$root/build/release/bin

# The daemon loads no plugin whose file or folder others than its owner can write.
umask 022

# Objects compiled in another clone serve here, too: paths below the root are told apart by nothing else.
export CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1
current="starting"
advice="see the message above"

step() {
  current=$1
  advice=$2
  printf '\n==> %s\n' "$current"
}

note() { printf '    %s\n' "$*"; }

die() {
  trap - ERR
  printf '\n%s: %s\n' "$me" "$*" >&2
  exit 1
}

failed() {
  local code=$1
  die "\"$current\" failed (exit code $code): $advice."
}
# Only the main shell speaks: a failure inside $(...) comes up to it.
trap 'code=$?; if [ "$BASH_SUBSHELL" -eq 0 ]; then failed "$code"; fi' ERR

need_root() {
  [ "$(id -u)" -eq 0 ] || die "it needs root; run \"sudo $me\"."
}

# The packages of packages.txt that this machine does not have, one a line.
missing_packages() {
  local package state
  sed 's/#.*//' "$root/scripts/packages.txt" | while read -r package; do
    [ -n "$package" ] || continue
    state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || echo "$package"
  done
  # Any kubectl serves; Debian's only where there is none.
  command -v kubectl >/dev/null || echo kubernetes-client
}

install_packages() {
  step "Packages" "check the network and apt's sources, then run \"sudo $me\" again"
  command -v apt-get >/dev/null || die "this needs Debian 12 or its like: there is no apt-get here."
  local missing
  missing=$(missing_packages)
  if [ -z "$missing" ]; then
    note "nothing is missing"
    return
  fi
  # shellcheck disable=SC2086 # a list
  note "installing:" $missing
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q
  # shellcheck disable=SC2086 # a list
  apt-get install -q -y --no-install-recommends $missing
}

# build PRESET [TARGET...]
build() {
  local preset=$1
  shift
  step "Configuring ($preset)" "read the message of cmake above; \"rm -r build/$preset\" starts afresh"
  cmake --preset "$preset" --log-level=WARNING
  step "Building ($preset)" "read the first error above; if the compiler was killed, the machine has too little memory: stop other programs"
  cmake --build --preset "$preset" ${1:+--target "$@"}
}

# begin_build PRESET [TARGET...]: builds beside what is done until end_build, and after it: tests mostly wait, and what
# they leave of the processors is a build's. One at a time. The messages are those of the build that $messages_of names.
building=
messages_of=
begin_build() {
  local preset=$1
  shift
  step "Configuring ($preset)" "read the message of cmake above; \"rm -r build/$preset\" starts afresh"
  cmake --preset "$preset" --log-level=WARNING -DGANTRY_MESSAGES_OF="$messages_of"
  (exec nice -n 19 ninja -C "build/$preset" "$@") >"build/$preset.log" 2>&1 &
  building=$!
  trap 'kill "$building" 2>/dev/null || true' EXIT
}
# end_build PRESET
end_build() {
  step "Building ($1)" "read the first error above; if the compiler was killed, the machine has too little memory: stop other programs"
  local code=0
  wait "$building" || code=$?
  trap - EXIT
  if [ "$code" -eq 0 ]; then tail -n 1 "build/$1.log"; else cat "build/$1.log"; fi
  return "$code"
}

ctl() { "$bin/gantryctl" "$@"; }

# The process id of the daemon that runs with the default configuration; nothing when none does.
daemon_pid() {
  ctl status -o json 2>/dev/null | sed -n 's/.*"pid":\([0-9]*\).*/\1/p' || true
}
daemon_ready() {
  local status
  status=$(ctl status -o json 2>/dev/null || true)
  [[ $status == *'"ready":true'* ]]
}

# Has this process ended? One that nobody waits for stays as a zombie: the first process of many containers never does.
process_gone() { ! grep -q '^State:[[:space:]]*[^ZX]' "/proc/$1/status" 2>/dev/null; }

# wait_for SECONDS COMMAND...: asks five times a second.
wait_for() {
  local tries=$(($1 * 5))
  shift
  until "$@"; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || return 1
    sleep 0.2
  done
}
