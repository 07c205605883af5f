#!/bin/sh
# usage: sbom.sh [PACKAGE]...
# Prints what is installed with the package and what is bundled into it, as CycloneDX, from the lock file alone. Not by
# "npm sbom --omit dev" in the checkout: of what the package and its development both need, that leaves out a half. With
# the name of a development dependency, that is listed too: the executable contains "node".
set -eu
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
mkdir "$folder/rke2-apiserver-resolver"
cp package.json package-lock.json "$folder/rke2-apiserver-resolver"
cd "$folder/rke2-apiserver-resolver"
for bundled in etcd3 p-retry pino zod "$@"; do
  npm pkg set "dependencies.$bundled=$(npm pkg get "devDependencies.$bundled" | tr -d '"')"
done
npm pkg delete devDependencies workspaces
npm install --package-lock-only --ignore-scripts --offline >&2
npm sbom --package-lock-only --sbom-format cyclonedx
