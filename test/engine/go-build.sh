#!/bin/sh
# usage: go-build.sh [--built] etcd|kube-apiserver VERSION
# Builds etcd, etcdctl and etcdutl, or kube-apiserver, from their Go modules, and prints the folder with the programs.
# They stay in the user's cache directory, so that each version is built once. With --built, it only looks there.
set -eu

only_look=false
[ "$1" != --built ] || { only_look=true && shift; }
program=$1 version=$2
cache=${XDG_CACHE_HOME:-$HOME/.cache}/rke2-apiserver-resolver/programs
target=$cache/$program-$version
sources=$(cd "$(dirname "$0")/go" && pwd)

say() { echo "go-build.sh: $*" >&2; }

is_built() { [ -x "$target/$program" ] && echo "$target"; }

# Go ignores `replace` in the go.mod of a dependency. That of Kubernetes replaces modules by folders of its repository,
# which are published as version 0.x of the modules.
replacements() {
  sed -n "s#^[[:space:]]*\(k8s.io/[^ ]*\) => ./staging/.*#-replace=\1=\1@v0.${version#1.}#p" \
    "$(go env GOMODCACHE)/cache/download/k8s.io/kubernetes/@v/v$version.mod"
}

# `go install MODULE@VERSION` refuses a module that has `replace` lines, so a module of our own calls its main function.
build() {
  cp -r "$sources" "$1/src" && cd "$1/src" || return
  go mod init local/programs || return
  if [ "$program" = etcd ]; then
    go get "go.etcd.io/etcd/server/v3@v$version" "go.etcd.io/etcd/etcdctl/v3@v$version" \
      "go.etcd.io/etcd/etcdutl/v3@v$version" || return
    set ./etcd ./etcdctl ./etcdutl
  else
    go mod download "k8s.io/kubernetes@v$version" || return
    go mod edit -require="k8s.io/kubernetes@v$version" $(replacements) || return
    set ./kube-apiserver
  fi
  mkdir ../bin && CGO_ENABLED=0 go build -mod=mod -trimpath -ldflags '-s -w' -o ../bin/ "$@"
}

build_once() {
  ! is_built || return 0
  say "Building $program $version from its Go modules. This takes some minutes, and is done once."
  work=$(mktemp -d "$cache/.$program-$version.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  if ! (build "$work") >"$work/log" 2>&1; then
    # Without the lines that report progress or give advice.
    cause=$(grep -v '^go: \(downloading\|added\|creating\|to add\)\|^[[:space:]]' "$work/log" | head -n 1)
    say "$program $version cannot be built: $cause"
    return 1
  fi
  # In one step, so that a folder with this name is always complete.
  [ -d "$target" ] || mv "$work/bin" "$target"
  echo "$target"
}

! is_built || exit 0
! $only_look || exit 1
if ! command -v go >/dev/null; then
  say "$program $version cannot be built: there is no Go."
  exit 1
fi
mkdir -p "$cache"
if command -v flock >/dev/null; then
  # A second run waits for the first one, and then finds its programs.
  (flock 9 && build_once 9>&-) 9>"$target.lock"
else
  build_once
fi
