#!/bin/sh
# usage: vitest.sh [VITEST ARGUMENT]...
# Runs the tests. Without a container engine, it runs the tests that need none, and then fails.
set -eu

engine=$(cd "$(dirname "$0")" && pwd)
status=0
sh "$engine/with-etcd.sh" sh "$engine/vitest-with-kube-apiserver.sh" "$@" || status=$?
if [ "$status" = 69 ]; then
  vitest run --config test/vitest.config.ts --project unit "$@" || true
  echo 'vitest.sh: The integration tests did not run: they need a container engine, and "docker info" finds none.' >&2
  exit 1
fi
exit "$status"
