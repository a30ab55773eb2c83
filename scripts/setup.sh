# Sourced by start.sh, test.sh and run.sh: brings a fresh clone to the point where the pinned runtime can run TypeScript.
# Plain sh and npm only, because before this has run there is nothing else, and the machine's own Node may be older.
# Sets NODE to the runtime. Safe to run again: it does nothing when nothing changed.

cd "$(dirname "$0")/.." || exit 1
stamps=node_modules/.cache/tallyman

say() { printf '%s\n' "tallyman: $*" >&2; }
fail() { say "$*"; exit 1; }

# npm itself must run on the machine's Node: the one in node_modules may be what is being replaced.
outer_npm() {
  PATH=$(printf '%s' "$PATH" | tr ':' '\n' | grep -v '/node_modules/\.bin$' | paste -sd : -) npm "$@"
}

install_dependencies() {
  if [ ! -f node_modules/.package-lock.json ]; then
    say 'installing dependencies (once)'
  elif [ package-lock.json -nt node_modules/.package-lock.json ] && [ package-lock.json -nt "$stamps/installed" ]; then
    say 'the lock file changed: updating dependencies'
  else
    return 0
  fi
  # Not `npm ci`: it refuses a lock file in which a registry lacked some other platform's optional package, and it pulls
  # node_modules away under whatever else runs from this checkout. This installs what is locked and changes no file.
  outer_npm install --no-save --no-fund --no-audit >&2 || fail 'npm install failed; see above'
  mkdir -p "$stamps" && : > "$stamps/installed"
}

runs_typescript() {
  major=$("$1" -p 'process.versions.node.split(".")[0]' 2>/dev/null) && [ "$major" -ge 26 ]
}

# The pinned runtime is an optional package, so that an unsupported platform can still bring its own.
choose_node() {
  for candidate in node_modules/.bin/node $(printf '%s' "$PATH" | tr ':' '\n' | sed 's|$|/node|'); do
    if [ -x "$candidate" ] && runs_typescript "$candidate"; then
      NODE=$candidate
      return 0
    fi
  done
  fail "Node.js 26 or newer is needed. npm installs it with the other dependencies on Linux and macOS (x64, arm64);
on this machine ($(uname -s) $(uname -m)) that did not work, and no newer node is in PATH. Install Node.js 26 and try again."
}

# The console is the only part with a build. Its stamp is older than its sources when one of them changed since.
build_console() {
  grep -q '"build"[[:space:]]*:' console/package.json 2>/dev/null || return 0
  if [ -f console/dist/index.html ] && [ -f "$stamps/console" ]; then
    changed=$(find console contract/src verifier/src package-lock.json \
      \( -name node_modules -o -path console/dist -o -name '*.test.*' \) -prune -o -type f -newer "$stamps/console" -print | head -n 1)
    [ -n "$changed" ] || return 0
  fi
  say 'building the console'
  mkdir -p "$stamps" && : > "$stamps/console.started"
  npm run build --workspace console --silent >&2 || fail 'the console could not be built; see above'
  # Taken before the build, so that a file changed during it counts as changed.
  mv "$stamps/console.started" "$stamps/console"
}

install_dependencies
choose_node
