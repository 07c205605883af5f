#!/bin/sh
# usage: image.sh [FOLDER [TAG]]
# Builds the image of the executable in FOLDER (release), and prints its tag. The base is IMAGE_BASE, or else the
# published one, or else, where that cannot be pulled, the libraries of this machine that the executable loads.
set -eu

build=$(cd "$(dirname "$0")" && pwd)
version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' "$build/../package.json")
folder=${1:-$build/../release}
tag=${2:-rke2-apiserver-resolver:$version}

say() { echo "image.sh: $*" >&2; }

case $(uname -m) in
  x86_64) arch=amd64 ;;
  aarch64) arch=arm64 ;;
  *) say "There is no executable for $(uname -m)." && exit 1 ;;
esac
program=$folder/rke2-apiserver-resolver-linux-$arch
[ -x "$program" ] || { say "There is no $program. \"npm run build:executable\" makes it." && exit 1; }

# Copies the licence of the Debian package that a library belongs to. ldd leaves out the /usr of some paths.
copy_license() {
  owner=$(dpkg -S "$1" 2>/dev/null || dpkg -S "/usr$1" 2>/dev/null) || return 0
  cp -L --parents "/usr/share/doc/${owner%%:*}/copyright" "$2"
}

local_base() (
  root=$(mktemp -d)
  trap 'rm -rf "$root"' EXIT
  for library in $(ldd "$program" | grep -o '/[^ ]*\.so[^ ]*' | sort -u); do
    cp -L --parents "$library" "$root"
    copy_license "$library" "$root"
  done
  mkdir "$root/etc"
  echo 'root:x:0:0:root:/root:/sbin/nologin
nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin' >"$root/etc/passwd"
  echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
  tar --create --directory "$root" . | docker import - "rke2-apiserver-resolver-base:$$" >/dev/null
  echo "rke2-apiserver-resolver-base:$$"
)

published=$(sed -n 's/^ARG BASE=//p' "$build/Dockerfile")
if [ -n "${IMAGE_BASE:-}" ]; then
  base=$IMAGE_BASE
elif docker image inspect "$published" >/dev/null 2>&1 || docker pull --quiet "$published" >/dev/null 2>&1; then
  base=$published
else
  say "$published cannot be pulled: using the libraries of this machine."
  base=$(local_base)
  # The image keeps the layers of its base.
  trap 'docker image rm "$base" >/dev/null' EXIT
fi

name=$base
[ "${base%%:*}" != rke2-apiserver-resolver-base ] || name='libraries of a build machine'
docker build --quiet --file "$build/Dockerfile" --tag "$tag" --build-arg "BASE=$base" --build-arg "TARGETARCH=$arch" \
  --label "org.opencontainers.image.version=$version" \
  --label "org.opencontainers.image.base.name=$name" "$folder" >/dev/null
echo "$tag"
