#!/bin/sh
# usage: etcd-images.sh
# Prints a line for each etcd version to test: the version, and its image. Where no image can be had, a "-" and the
# reason follow the version. An image is the official one, or made of the programs of Debian or of the Go modules.
set -u

engine=$(cd "$(dirname "$0")" && pwd)
# RKE2 and K3s had 3.4 and 3.5, and have 3.6 since Kubernetes 1.34. CI tests the same versions.
versions='
3.4 3.4.45 debian-etcd bookworm
3.5 3.5.26 debian-etcd trixie
3.6 3.6.14 go-etcd 3.6.14
3.7 3.7.3 go-etcd 3.7.3
'

say() { echo "etcd-images.sh: $*" >&2; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The first image that cannot be pulled ends the use of the registry, because each failure may take a while.
official_image() {
  image=gcr.io/etcd-development/etcd:v$1
  if ! docker image inspect "$image" >/dev/null 2>&1; then
    [ ! -e "$work/no-registry" ] || return 1
    if ! docker pull --quiet "$image" >/dev/null 2>"$work/pull"; then
      touch "$work/no-registry"
      say "$image cannot be pulled: $(tail -n 1 "$work/pull")"
      return 1
    fi
  fi
  echo "$image"
}

# The programs of a folder, and the libraries that these load, become an image.
image_of() {
  name=$1 folder=$2
  image=$name:$("$folder/etcd" --version | awk 'NR == 1 { print $3 }')
  if ! docker image inspect "$image" >/dev/null 2>&1; then
    say "Creating $image"
    (
      cd "$folder"
      libraries=$(ldd etcd* 2>/dev/null | grep -o '/[^ ]*\.so[^ ]*' | sort -u)
      tar --create --dereference --absolute-names --transform 's#^etcd#usr/local/bin/etcd#' etcd* $libraries
    ) | docker import - "$image" >/dev/null || return 1
  fi
  echo "$image"
}

# A program that prints the folder; what it says is shown, and its last line is kept as the reason of a failure.
folder_from() {
  case $1 in
    debian-etcd) sh "$engine/debian-etcd.sh" "$2" ;;
    go-etcd) sh "$engine/go-build.sh" etcd "$2" ;;
  esac 2>&1 >"$work/folder" | tee "$work/said" >&2
  [ -s "$work/folder" ]
}

echo "$versions" | while read -r minor official name origin; do
  [ -n "$minor" ] || continue
  if image=$(official_image "$official"); then
    echo "$minor $image"
  elif folder_from "$name" "$origin" </dev/null && image=$(image_of "$name" "$(cat "$work/folder")" </dev/null); then
    echo "$minor $image"
  else
    echo "$minor - $(tail -n 1 "$work/said")"
  fi
done
