#!/bin/sh
# usage: follow.sh FILE
# Keeps the current list of apiservers in FILE, one address per line. A reader sees the old list or the new one, and
# never a part of a list.
set -eu
file=${1:?"usage: follow.sh FILE"}

# The command prints one line per change. Its log goes to the journal.
rke2-apiserver-resolver --watch --probe readyz ${RESOLVER_FLAGS:-} | while read -r addresses; do
  printf '%s\n' $addresses >"$file.new"
  mv "$file.new" "$file"
done
