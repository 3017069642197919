#!/bin/bash
# demo.sh [--auto] [--deny] [--no-service]: a real login with a mailed code, on a machine that has nothing installed.
#
# Duty: install what is missing, build, and let the person at the terminal log in with ssh and use sudo, against the local Cognito; without a terminal, or
# with --auto, it answers by itself and shows the transcript. --deny (pam_deny in place of the module) and --no-service (the local Cognito stopped) show
# that it can fail.
#
# Rules: the checkout and the machine's /etc, PAM and users stay as they are: it is built in $OTP_BUILD (build/demo in the checkout if unset), installed
# and run in the throw-away copy that tests/rig/enter.sh makes. No service is started. The exit status is 0 only if ssh and sudo let the person in.
set -euo pipefail

self=$(realpath -- "${BASH_SOURCE[0]}")
top=${self%/*}
base=$(realpath -m -- "${OTP_BUILD:-$top/build/demo}")
export OTP_BUILD=$base PYTHONDONTWRITEBYTECODE=1
unset MAKEFLAGS MFLAGS CC CFLAGS CPPFLAGS LDFLAGS

# shellcheck source=tests/source-tree.sh
. "$top/tests/source-tree.sh"

build() {
    prepare_source
    configure_build gcc CFLAGS='-O2 -g'
    make -j"$(nproc)"
}

# Its words are shown only where it fails.
quietly() {
    local log=$base/demo.log
    mkdir -p "$base"
    "$@" > "$log" 2>&1 < /dev/null || {
        tail -n 40 "$log" >&2
        echo "demo.sh: $1 failed; the whole log is $log" >&2
        exit 1
    }
}

if [[ ${1:-} == --inside ]]; then
    shift
    make -C "$base/gcc" install > "$base/install.log" 2>&1 || {
        cat "$base/install.log" >&2
        exit 1
    }
    exec /usr/bin/python3 "$base/src/tests/demo/demo.py" "$@"
fi

if ((EUID != 0)); then
    echo "demo.sh: run it as root (sudo ./demo.sh): it makes a throw-away copy of the machine with namespaces" >&2
    exit 1
fi
echo "demo.sh: packages, build (in ${base#"$PWD"/})" >&2
"$top/tests/install-packages.sh" demo
quietly build
exec "$top/tests/rig/enter.sh" "$self" --inside "$@"
