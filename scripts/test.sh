#!/bin/sh
# `npm test`: set-up, the tools the tests use, then every test this machine can run. Arguments: scripts/run-tests.ts.
set -eu
. "$(dirname "$0")/setup.sh"

# Who runs some tests of the server should not wait for the console, nor be stopped by it.
wants_console() {
  filtered=no
  for argument in "$@"; do
    case $argument in
      -*) ;;
      *console* | *browser* | *scenario*) return 0 ;;
      *) filtered=yes ;;
    esac
  done
  [ "$filtered" = no ]
}

if wants_console "$@"; then build_console; fi
sh scripts/install-test-clients.sh
exec "$NODE" scripts/run-tests.ts "$@"
