#!/bin/sh
# usage: debian-etcd.sh SUITE...
# Prints a line for each Debian suite: the folder with its programs `etcd` and `etcdctl`. Bookworm has etcd 3.4, trixie
# has 3.5. Missing programs are downloaded from the mirror that apt uses on this machine. This needs no root, because
# apt uses separate folders and installs nothing.
set -eu

cache=$(cd "$(dirname "$0")/../.." && pwd)/.cache/etcd
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

fail() {
  echo "debian-etcd.sh: $*" >&2
  exit 1
}

mirror() {
  command -v apt-get >/dev/null || fail 'there is no apt-get: this is not Debian'
  codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
  # Not `apt-get indextargets`, which prints nothing until `apt-get update` has run.
  apt-get --print-uris update | sed -n "s#^'\(.*\)/dists/$codename/InRelease' .*#\1#p" | head -n 1
}

download() {
  suite=$1 target=$2
  uri=$(mirror)
  [ -n "$uri" ] || fail "apt on this machine has no Debian mirror for $suite"
  echo "Downloading etcd of Debian $suite" >&2

  mkdir -p "$cache"
  work=$(mktemp -d "$cache/.$suite.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  mkdir -p "$work/lists/partial" "$work/archives/partial" "$work/debs" "$work/root"
  : >"$work/status"
  echo "deb [signed-by=$keyring] $uri $suite main" >"$work/sources.list"

  apt() {
    apt-get -qq -o Dir::State::Lists="$work/lists" -o Dir::State::status="$work/status" \
      -o Dir::Cache="$work" -o Dir::Cache::archives="$work/archives" \
      -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
      -o APT::Default-Release= -o APT::Sandbox::User="$(id -un)" -o APT::Update::Error-Mode=any \
      -o Acquire::Languages=none -o Acquire::Retries=3 "$@" >&2
  }
  apt update
  (cd "$work/debs" && apt download etcd-server etcd-client)
  for deb in "$work/debs"/*.deb; do
    dpkg-deb -x "$deb" "$work/root"
  done
  "$work/root/usr/bin/etcd" --version | head -n 1 >&2
  [ -x "$work/root/usr/bin/etcdctl" ] || fail "etcd-client of $suite has no etcdctl"
  # In one step, so that a folder with this name is always complete. If another run was faster, its folder is used.
  mv -T "$work/root/usr/bin" "$target" 2>/dev/null || [ -x "$target/etcd" ] || fail "cannot write $target"
  rm -rf "$work"
  trap - EXIT INT TERM
}

for suite; do
  target=$cache/$suite
  [ -x "$target/etcd" ] || download "$suite" "$target"
  echo "$target"
done
