#!/bin/sh
# usage: follow.sh FILE
# Keeps FILE at the current apiservers, one a line. A reader sees the old list or the new one, and never half of it.
set -eu
file=${1:?"usage: follow.sh FILE"}

# One line per change. What it waits for is in the journal.
rke2-apiserver-resolver --watch --probe readyz ${RESOLVER_FLAGS:-} | while read -r addresses; do
  printf '%s\n' $addresses >"$file.new"
  mv "$file.new" "$file"
done
