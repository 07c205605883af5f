#!/bin/sh
# usage: vitest-with-kube-apiserver.sh [VITEST ARGUMENT]...
# Runs the tests, those against a real kube-apiserver included. KUBE_APISERVER, a path or an image, overrides the choice.
# While kube-apiserver is being built, the other tests run. With arguments, nothing is built.
set -u

engine=$(cd "$(dirname "$0")" && pwd)
say() { echo "vitest.sh: $*" >&2; }
run() { vitest run --config test/vitest.config.ts "$@"; }

work=$(mktemp -d)
builder=''
trap '[ -z "$builder" ] || kill -- "-$builder" 2>/dev/null; rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

found=0
[ -n "${KUBE_APISERVER:-}" ] || KUBE_APISERVER=$(sh "$engine/kube-apiserver.sh" --at-once 2>"$work/said") || found=$?
if [ "$found" = 75 ] && [ $# -gt 0 ]; then
  echo '"sh test/engine/kube-apiserver.sh" builds it, which takes minutes.' >"$work/said"
elif [ "$found" = 75 ]; then
  say 'Building kube-apiserver from its Go modules while the other tests run.'
  # In a session of its own, so that all of its processes can be ended.
  command -v setsid >/dev/null && session=setsid || session=''
  $session nice -n 19 sh "$engine/kube-apiserver.sh" >"$work/found" 2>"$work/said" &
  builder=$!
fi

status=0
export KUBE_APISERVER
run "$@" || status=$?
if [ -n "$builder" ]; then
  say 'Waiting for kube-apiserver to be built.'
  wait "$builder"
  found=$?
  builder=''
  if [ "$found" = 0 ]; then
    KUBE_APISERVER=$(cat "$work/found")
    run --project apiserver || status=$?
  fi
fi
if [ "$found" = 0 ]; then
  say "kube-apiserver: $KUBE_APISERVER"
else
  say "Not tested: a real kube-apiserver. $(tail -n 1 "$work/said")"
fi
exit "$status"
