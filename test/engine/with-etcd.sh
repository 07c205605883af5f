#!/bin/sh
# usage: with-etcd.sh COMMAND [ARGUMENT]...
# Runs a command with a container engine and the images of the etcd versions to test, and removes the containers that
# the command has left. Without an engine, it ends with exit code 69. ETCD_IMAGE has the images for all tests, and
# ETCD_IMAGE_PART those for the tests that depend on the version. If ETCD_IMAGE is set, nothing is chosen.
set -eu

engine=$(cd "$(dirname "$0")" && pwd)
label=rke2-apiserver-resolver.test

say() { echo "with-etcd.sh: $*" >&2; }

engine_answers() { docker info >/dev/null 2>&1; }

# When an engine and its containers were killed together, the kernel keeps the sockets of the containers for minutes,
# and with them their interfaces on docker0. These respond for addresses that the next engine gives to other containers,
# so docker0 is deleted; the engine creates it again. The pid files are deleted because a pid in them may belong to
# another process by now, and the next engine would not start.
forget_engine() {
  rm -f /run/docker.pid /run/docker-ssd.pid /run/docker/containerd/*.pid
  [ ! -d /sys/class/net/docker0 ] || ip link delete docker0 || true
}

# Only as root, on Debian, and if DOCKER_HOST does not name another engine.
start_engine() {
  [ "$(id -u)" = 0 ] && [ -z "${DOCKER_HOST:-}" ] && grep -qs '^ID=debian$' /etc/os-release || return 1
  if ! command -v dockerd >/dev/null || ! command -v docker >/dev/null; then
    say 'No container engine answers. Installing the one of Debian (docker.io, without recommended packages).'
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq update || return 1
    # A separate package since trixie.
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
  say 'dockerd does not answer. The last lines of /var/log/docker.log:'
  tail -n 5 /var/log/docker.log >&2
  return 1
}

# A process of another user cannot be signalled, but /proc has it.
alive() { kill -0 "$1" 2>/dev/null || [ -d "/proc/$1" ]; }

# Removes the containers, networks and folders of runs on this machine that have ended. Their label or name has the pid.
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

# All tests run on the newest version that RKE2 has. The other versions have the tests whose outcome depends on etcd. All
# tests on all versions would take four times as long.
choose_images() {
  all='' part='' missing=''
  while read -r version image reason; do
    case $version:$image in
      *:-) missing="$missing  etcd $version: $reason
" ;;
      3.6:*) all=$image ;;
      *) part="$part $image" ;;
    esac
  done <<END
$(sh "$engine/etcd-images.sh")
END
  # Without 3.6, the oldest of the others takes its place.
  if [ -z "$all" ]; then
    set -- $part
    all=${1:-} part=''
    [ $# -eq 0 ] || { shift && part=$*; }
  fi
  ETCD_IMAGE=$all ETCD_IMAGE_PART=${part# }
}

report() {
  say "All tests: ${ETCD_IMAGE}. Tests that depend on etcd's version: ${ETCD_IMAGE_PART:-none}."
  [ -z "$missing" ] || printf 'Not tested:\n%s' "$missing" >&2
}

if ! engine_answers && ! start_engine; then
  say 'A container engine is needed, and "docker info" finds none.'
  exit 69
fi

trap sweep EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
sweep
missing=''
[ -n "${ETCD_IMAGE:-}" ] || choose_images
if [ -z "$ETCD_IMAGE" ]; then
  say "There is no etcd to test with:
$missing"
  exit 1
fi
# This script removes what a run has left. Testcontainers would use a container for this, whose image must be pulled.
export ETCD_IMAGE ETCD_IMAGE_PART="${ETCD_IMAGE_PART:-}" TESTCONTAINERS_RYUK_DISABLED=true
report
status=0
"$@" || status=$?
# Again, because the output of the tests is long.
report
exit "$status"
