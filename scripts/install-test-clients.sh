#!/bin/sh
# Installs the real clients, the peers of the bench and the database that tests use, where that is possible: as root, with
# apt. Nothing is started. Says what is missing: a failure under CI=true, a loud skip elsewhere (the tests then skip).
set -eu

missing_packages() {
  has skopeo || echo skopeo
  has podman || echo podman
  has buildah || echo buildah
  has docker || echo docker.io
  has git || echo git
  has go || ls /usr/lib/go-1.*/bin/go >/dev/null 2>&1 || echo golang-go
  has docker-registry || echo docker-registry
  has wrk || echo wrk
  has chromium || has chromium-browser || has google-chrome-stable || echo chromium
  ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || has initdb || echo postgresql
}
has() { command -v "$1" >/dev/null 2>&1; }
one_line() { tr '\n' ' ' | sed 's/ *$//'; }

missing=$(missing_packages)
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ] && has apt-get; then
  echo "tallyman: installing what the tests use: $(printf '%s' "$missing" | one_line)" >&2
  # Packages start their services when installed; a policy of 101 says no. One that is there already is left alone.
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' > "$policy" && chmod +x "$policy"
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
  fi
  export DEBIAN_FRONTEND=noninteractive
  log=$(mktemp)
  # One package at a time only when together they fail: one that this release lacks must not cost the others.
  # shellcheck disable=SC2086
  { apt-get update -q && { apt-get install -q -y --no-install-recommends $missing ||
    for package in $missing; do apt-get install -q -y --no-install-recommends "$package" || true; done; }; } \
    < /dev/null > "$log" 2>&1 || tail -n 20 "$log" >&2
  rm -f "$log"
fi

missing=$(missing_packages | one_line)
[ -n "$missing" ] || exit 0
if [ "${CI:-}" = true ] || [ "${CI:-}" = 1 ]; then
  echo "tallyman: the tests need these, and they could not be installed: $missing" >&2
  exit 1
fi
echo "tallyman: SKIPPING the tests that need: $missing" >&2
