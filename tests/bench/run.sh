#!/bin/bash
# run.sh [--runs N]: what one login costs, as a table. Not part of the tests: the times are this machine's.
# run.sh oracle [--runs N]: whether the time that a stranger waits tells accounts apart.
# run.sh cache [--runs N]: what a sudo costs that finds a record, and a renewal.
# run.sh map [--runs N]: what a user map of 10, 1 000 and 100 000 lines costs each login.
#
# Duty: build, install in the throw-away copy that tests/rig/enter.sh makes, and run login_cost.py, oracle.py,
# cache_cost.py or map_cost.py there.
#
# Rules: as root; it is built in $OTP_BUILD (build/bench in the checkout if unset), the checkout and the machine stay as
# they are. The packages are those of check.sh.
set -euo pipefail

self=$(realpath -- "${BASH_SOURCE[0]}")
top=$(realpath -- "${self%/*}/../..")
base=$(realpath -m -- "${OTP_BUILD:-$top/build/bench}")
export OTP_BUILD=$base PYTHONDONTWRITEBYTECODE=1
unset MAKEFLAGS MFLAGS CC CFLAGS CPPFLAGS LDFLAGS

# shellcheck source=tests/source-tree.sh
. "$top/tests/source-tree.sh"

build() {
    prepare_source
    configure_build gcc CFLAGS='-O2 -g'
    make -j"$(nproc)"
}

quietly() { # quietly COMMAND...: its words are shown only where it fails
    "$@" > "$base/bench.log" 2>&1 < /dev/null || {
        tail -n 40 "$base/bench.log" >&2
        exit 1
    }
}

if [[ ${1:-} == --inside ]]; then
    shift
    program=login_cost.py
    case ${1:-} in
    oracle) program=oracle.py; shift ;;
    cache) program=cache_cost.py; shift ;;
    map) program=map_cost.py; shift ;;
    esac
    quietly make -C "$base/gcc" install
    exec /usr/bin/python3 "$base/src/tests/bench/$program" "$@"
fi

mkdir -p "$base"
quietly build
exec "$top/tests/rig/enter.sh" "$self" --inside "$@"
