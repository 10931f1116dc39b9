#!/usr/bin/env bash
# Installs what Paddock is tested against on a clean Debian machine: the real ZooKeeper, the real clients, and the
# stores that the fencing adapters guard. Safe to run again: what is there already is left alone, and then it takes
# about a second. Usage: .ci/peers.sh [debian] [zookeeper] [curator] [kazoo] [s3]   (no argument: all of them)
#
# Java archives and kazoo go to $PADDOCK_PEERS, or else to the user's cache folder (~/.cache/paddock); the Debian
# packages need root. Outside CI a part that cannot be installed is reported and passed over, and the tests that need
# it skip loudly; with CI=true the script fails instead.
set -euo pipefail
cd "$(dirname "$0")"

cache=${PADDOCK_PEERS:-${XDG_CACHE_HOME:-$HOME/.cache}/paddock}
mkdir -p "$cache"

say() { printf 'peers: %s\n' "$*"; }

# once more after a pause: package mirrors have bad moments
retry() {
  local log
  log=$(mktemp)
  if "$@" >"$log" 2>&1; then rm -f "$log"; return 0; fi
  say "failed, trying once more: $*"
  sleep 5
  if "$@" >"$log" 2>&1; then rm -f "$log"; return 0; fi
  tail -n 20 "$log" >&2
  rm -f "$log"
  return 1
}

missing_debian() {
  local package
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || printf '%s\n' "$package"
  done
}

debian() {
  local missing
  # a JDK of any kind will do; Debian's own is asked for only if there is none
  local wanted=(gcc libc6-dev libzookeeper-mt-dev postgresql redis-server nftables iproute2 maven python3-venv python3-pip)
  command -v javac >/dev/null 2>&1 || wanted+=(default-jdk-headless)
  missing=$(missing_debian "${wanted[@]}")
  [ -z "$missing" ] && return 0
  [ "$(id -u)" = 0 ] || { say "not root, cannot install: ${missing//$'\n'/ }"; return 1; }
  say "installing ${missing//$'\n'/ }"
  retry apt-get update -qq || return 1
  # no service is started: tests run their own on free ports
  local policy=/usr/sbin/policy-rc.d made=
  if [ ! -e "$policy" ]; then printf '#!/bin/sh\nexit 101\n' >"$policy"; chmod +x "$policy"; made=1; fi
  local status=0
  # shellcheck disable=SC2086 # a list of words
  retry env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing || status=$?
  [ -z "$made" ] || rm -f "$policy"
  return "$status"
}

# jars POM FOLDER: all that the POM names, in one folder. The POM's copy inside marks a complete folder.
jars() {
  local pom=$1 folder=$2 fresh
  cmp -s "$pom" "$folder/pom.xml" && return 0
  command -v mvn >/dev/null 2>&1 || { say "no mvn: run .ci/peers.sh debian first"; return 1; }
  say "fetching $(basename "$folder")"
  fresh=$(mktemp -d "$cache/fetch.XXXXXX")
  retry mvn -B -q -f "$PWD/$pom" org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$fresh" || { rm -rf "$fresh"; return 1; }
  cp "$pom" "$fresh/pom.xml"
  chmod 755 "$fresh"
  rm -rf "$folder"
  mv "$fresh" "$folder"
}

zookeeper() { jars peers/zookeeper.xml "$cache/zookeeper-3.9.5"; }
curator() { jars peers/curator.xml "$cache/curator"; }

# a real S3-compatible server, from the Go module proxy
s3() {
  [ -x "$cache/bin/versitygw" ] && return 0
  say "building versitygw"
  retry env GOBIN="$cache/bin" GOFLAGS= go install github.com/versity/versitygw/cmd/versitygw@v1.8.0
}

kazoo() {
  local folder=$cache/kazoo version=2.11.0 fresh
  [ -e "$folder/installed-$version" ] && return 0
  say "fetching kazoo"
  fresh=$(mktemp -d "$cache/fetch.XXXXXX")
  retry python3 -m pip install -q --disable-pip-version-check --no-warn-script-location --target "$fresh" "kazoo==$version" ||
    { rm -rf "$fresh"; return 1; }
  touch "$fresh/installed-$version"
  chmod 755 "$fresh"
  rm -rf "$folder"
  mv "$fresh" "$folder"
}

[ $# -gt 0 ] || set -- debian zookeeper curator kazoo s3
failed=()
for part in "$@"; do
  case $part in
  debian | zookeeper | curator | kazoo | s3) "$part" || failed+=("$part") ;;
  *) say "unknown part $part"; exit 2 ;;
  esac
done
if [ ${#failed[@]} -gt 0 ]; then
  say "could not install: ${failed[*]}"
  [ "${CI:-}" = true ] && exit 1
fi
exit 0
