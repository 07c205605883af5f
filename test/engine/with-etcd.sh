#!/bin/sh
# usage: with-etcd.sh COMMAND [ARGUMENT]...
# Runs a command with all that tests against etcd need: a container engine, the images of the etcd versions to test
# (ETCD_IMAGE overrides the choice), and nothing left behind. Without an engine, it ends with exit code 69.
set -eu

engine=$(cd "$(dirname "$0")" && pwd)
# What RKE2 ships; where no registry can be reached, the two versions Debian has.
official='gcr.io/etcd-development/etcd:v3.5.26 gcr.io/etcd-development/etcd:v3.6.14'
debian='bookworm trixie'
label=rke2-apiserver-resolver.test

say() { echo "with-etcd.sh: $*" >&2; }

engine_answers() { docker info >/dev/null 2>&1; }

# Where all of an engine was killed at once, its containers' ends of docker0 outlive it for minutes, as long as the kernel
# keeps their sockets, and answer for addresses that the next engine gives to others. It makes docker0 anew. A pid in its
# files may be another process's by now, which the next engine would take for itself.
forget_engine() {
  rm -f /run/docker.pid /run/docker-ssd.pid /run/docker/containerd/*.pid
  [ ! -d /sys/class/net/docker0 ] || ip link delete docker0 || true
}

# Only where it can be done in full: as root, on Debian, and DOCKER_HOST names no other engine.
start_engine() {
  [ "$(id -u)" = 0 ] && [ -z "${DOCKER_HOST:-}" ] && grep -qs '^ID=debian$' /etc/os-release || return 1
  if ! command -v dockerd >/dev/null || ! command -v docker >/dev/null; then
    say 'No container engine answers. Installing the one of Debian (docker.io, without recommended packages).'
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq update || return 1
    # A package of its own since trixie.
    client=$(apt-cache search --names-only '^docker-cli$' | cut -d ' ' -f 1)
    apt-get -qq install --yes --no-install-recommends docker.io $client iproute2 procps </dev/null >/dev/null || return 1
  fi
  say 'Starting dockerd; "service docker stop" or "systemctl stop docker" ends it.'
  if [ -d /run/systemd/system ]; then
    systemctl start docker
  else
    pgrep --runstates R,S,D 'dockerd|contain' >/dev/null || forget_engine
    # Not "service docker start": its ulimit fails where root lacks CAP_SYS_RESOURCE.
    start-stop-daemon --start --oknodo --background --make-pidfile --pidfile /run/docker-ssd.pid \
      --output /var/log/docker.log --exec /usr/sbin/dockerd -- -p /run/docker.pid
  fi
  for _ in $(seq 150); do
    engine_answers && return
    sleep 0.2
  done
  say 'dockerd does not answer; the end of /var/log/docker.log:'
  tail -n 5 /var/log/docker.log >&2
  return 1
}

# Another user's process cannot be signalled, but it is there.
alive() { kill -0 "$1" 2>/dev/null || [ -d "/proc/$1" ]; }

# Removes what belongs to runs on this machine that are over, however they ended. The fixture labels it with their pid.
sweep() {
  filter="label=$label.host=$(uname -n)"
  docker ps --all --filter "$filter" --format "{{.ID}} {{.Label \"$label.pid\"}}" | while read -r id pid; do
    alive "$pid" || docker rm --force --volumes "$id" >/dev/null || true
  done
  docker network ls --filter "$filter" --format "{{.ID}} {{.Label \"$label.pid\"}}" | while read -r id pid; do
    alive "$pid" || docker network rm "$id" >/dev/null || true
  done
  for folder in "${TMPDIR:-/tmp}/$label".*; do
    pid=${folder#"${TMPDIR:-/tmp}/$label."}
    alive "${pid%%.*}" || rm -rf "$folder"
  done
}

official_images() {
  for image in $official; do
    docker image inspect "$image" >/dev/null 2>&1 || docker pull --quiet "$image" >/dev/null 2>&1 || return 1
  done
  echo "$official"
}

# Debian's programs and the few libraries they load.
debian_images() {
  folders=$("$engine/debian-etcd.sh" $debian) || return 1
  for folder in $folders; do
    image=debian-etcd:$("$folder/etcd" --version | awk 'NR == 1 { print $3 }')
    if ! docker image inspect "$image" >/dev/null 2>&1; then
      say "Making $image of Debian's etcd"
      (
        cd "$folder"
        libraries=$(ldd etcd* | grep -o '/[^ ]*\.so[^ ]*' | sort -u)
        tar --create --dereference --absolute-names --transform 's#^etcd#usr/local/bin/etcd#' etcd* $libraries
      ) | docker import - "$image" >/dev/null || return 1
    fi
    echo "$image"
  done
}

if ! engine_answers && ! start_engine; then
  say 'A container engine is needed, and "docker info" finds none.'
  exit 69
fi

trap sweep EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
sweep
if [ -z "${ETCD_IMAGE:-}" ] && ! ETCD_IMAGE=$(official_images || debian_images); then
  say 'There is no etcd to test with: its images cannot be pulled, and Debian does not give one either.'
  exit 1
fi
# What is left of a run is swept here, and not by a container that would have to be pulled.
export ETCD_IMAGE TESTCONTAINERS_RYUK_DISABLED=true
say Testing with $ETCD_IMAGE
"$@"
