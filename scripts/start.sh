#!/bin/sh
# `npm start`: from a fresh clone to a running server. Further arguments go to `tallyman serve`.
set -eu
. "$(dirname "$0")/setup.sh"
build_console
# exec: the server takes this process's place, so that signals reach it and it can end cleanly.
exec "$NODE" server/src/cli/main.ts serve "$@"
