#!/bin/sh
# usage: vitest-with-kube-apiserver.sh [VITEST ARGUMENT]...
# Runs the tests, those against a real kube-apiserver included (KUBE_APISERVER overrides the choice: a path or an image).
# While kube-apiserver is being built, the other tests run. With arguments, nothing is built.
set -u

engine=$(cd "$(dirname "$0")" && pwd)
say() { echo "vitest.sh: $*" >&2; }
run() { vitest run --config test/vitest.config.ts "$@"; }

found=0
[ -n "${KUBE_APISERVER:-}" ] || KUBE_APISERVER=$(sh "$engine/kube-apiserver.sh" --at-once) || found=$?
export KUBE_APISERVER

if [ "$found" != 75 ] || [ $# -gt 0 ]; then
  status=0
  run "$@" || status=$?
  case $found in
    0) say "Tested with $KUBE_APISERVER." ;;
    75) say 'Not tested with a real kube-apiserver: "sh test/engine/kube-apiserver.sh" builds one, which takes minutes.' ;;
    *) say 'Not tested with a real kube-apiserver: there is none for this machine (see the first lines).' ;;
  esac
  exit "$status"
fi

work=$(mktemp -d)
# In a session of its own, so that all of its processes can be ended.
command -v setsid >/dev/null && session=setsid || session=''
$session nice -n 19 sh "$engine/kube-apiserver.sh" >"$work/found" &
builder=$!
trap 'kill -- "-$builder" 2>/dev/null; rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

status=0
run || status=$?
say 'Waiting for kube-apiserver.'
if wait "$builder"; then
  KUBE_APISERVER=$(cat "$work/found")
  run --project kube-apiserver || status=$?
  say "Tested with $KUBE_APISERVER."
else
  say 'Not tested with a real kube-apiserver: it cannot be built (see above).'
fi
exit "$status"
