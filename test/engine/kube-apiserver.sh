#!/bin/sh
# usage: kube-apiserver.sh [--at-once]
# Prints the path of a kube-apiserver, or the name of its image. A program that was built before comes first, then the
# official image, then a program that is built now, which takes minutes. With --at-once, nothing is built: the exit code
# is 75 where a build would be the next thing to try.
set -eu

version=1.36.3
image=registry.k8s.io/kube-apiserver:v$version
engine=$(cd "$(dirname "$0")" && pwd)

say() { echo "kube-apiserver.sh: $*" >&2; }

if folder=$(sh "$engine/go-build.sh" --built kube-apiserver "$version"); then
  echo "$folder/kube-apiserver"
elif docker image inspect "$image" >/dev/null 2>&1 || docker pull --quiet "$image" >/dev/null 2>&1; then
  echo "$image"
elif ! command -v go >/dev/null; then
  say "There is no kube-apiserver: $image cannot be pulled, and there is no Go to build it with."
  exit 1
elif [ "${1:-}" = --at-once ]; then
  exit 75
else
  folder=$(sh "$engine/go-build.sh" kube-apiserver "$version")
  echo "$folder/kube-apiserver"
fi
