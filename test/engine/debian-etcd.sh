#!/bin/sh
# usage: debian-etcd.sh SUITE...
# Prints, one a line, the folder that holds the programs `etcd` and `etcdctl` of each Debian suite (bookworm has etcd
# 3.4, trixie 3.5). What is not there yet comes from the mirror this machine's own apt uses. Needs no root: apt works
# in folders of its own and nothing is installed.
set -eu

cache=$(cd "$(dirname "$0")/../.." && pwd)/.cache/etcd
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

fail() {
  echo "debian-etcd.sh: $*" >&2
  exit 1
}

mirror() {
  command -v apt-get >/dev/null || fail 'this is not Debian: there is no apt-get'
  codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
  # Not `apt-get indextargets`: that one is silent until somebody has run `apt-get update`.
  apt-get --print-uris update | sed -n "s#^'\(.*\)/dists/$codename/InRelease' .*#\1#p" | head -n 1
}

download() {
  suite=$1 target=$2
  uri=$(mirror)
  [ -n "$uri" ] || fail "apt on this machine knows no Debian mirror to take $suite from"
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
  # In one step, so that a folder of that name is always whole; where another run was faster, its folder serves as well.
  mv -T "$work/root/usr/bin" "$target" 2>/dev/null || [ -x "$target/etcd" ] || fail "cannot write $target"
  rm -rf "$work"
  trap - EXIT INT TERM
}

for suite; do
  target=$cache/$suite
  [ -x "$target/etcd" ] || download "$suite" "$target"
  echo "$target"
done
