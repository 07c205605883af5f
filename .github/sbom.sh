#!/bin/sh
# Prints what is installed with the package, as CycloneDX, from the lock file alone. Not by "npm sbom --omit dev" in the
# checkout: of what the package and its development both need, that leaves out a half.
set -eu
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
mkdir "$folder/rke2-apiserver-resolver"
cp package.json package-lock.json "$folder/rke2-apiserver-resolver"
cd "$folder/rke2-apiserver-resolver"
npm pkg delete devDependencies workspaces
npm install --package-lock-only --ignore-scripts --offline >&2
npm sbom --package-lock-only --sbom-format cyclonedx
