#!/bin/sh
# `npm test`: set-up, the tools the tests use, then every test this machine can run. Arguments: scripts/run-tests.ts.
set -eu
. "$(dirname "$0")/setup.sh"
build_console
sh scripts/install-test-clients.sh
exec "$NODE" scripts/run-tests.ts "$@"
