#!/bin/sh
# Runs one TypeScript program of this repository on the pinned runtime: run.sh <file.ts> [arguments].
set -eu
. "$(dirname "$0")/setup.sh"
if [ ! -f "$1" ]; then fail "$1 is not in this checkout yet, so there is nothing to run"; fi
exec "$NODE" "$@"
