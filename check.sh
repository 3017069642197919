#!/bin/bash
# check.sh: the one test command of the project.
#
# Duty: install what the tests need, build in every way that must work, run all tests, and say how it went.
#
# Rules:
# - The checkout stays clean: everything happens in $OTP_BUILD (build/check in the checkout if unset), on a copy of
#   the source; a second run builds only what has changed. Logs are in its logs/.
# - As root everything runs; the tests that need root run in the throw-away copy of tests/rig/enter.sh. Without root the
#   rest runs, and what was left out is named.
# - Every step has a time limit. Steps that do not depend on each other run side by side.
# - The folders of tests/ that hold test_*.py are found by themselves: rig and system run in the rig, others outside.
#   tests/system waits more than it works: 2 to 4 rigs run it at once, and each takes the next tests that no other has
#   taken (tests/conftest.py). Each has a log and a junit file of its own; all of them have written to taken-system.
#   Tests find the source copy in $OTP_SOURCE, the build directory in $OTP_OBJECTS, room for downloads that are worth
#   keeping in $OTP_CACHE.
# - The last line is "N passed, N failed, N skipped"; the exit status is 0 only if nothing failed.
set -euo pipefail

self=$(realpath -- "${BASH_SOURCE[0]}")
top=${self%/*}
base=$(realpath -m -- "${OTP_BUILD:-$top/build/check}")
logs=$base/logs
results=$base/results
running=$base/running
in_rig=(rig system)
in_shares=(system)
jobs=$(nproc)
shares=$((jobs < 2 ? 2 : 4)) # these tests mostly wait

export OTP_BUILD=$base OTP_SOURCE=$base/src OTP_OBJECTS=$base/gcc OTP_CACHE=$base/cache
export PYTHONDONTWRITEBYTECODE=1 LC_ALL=C.UTF-8
# What a machine may export to make its own programs trust or reach something is not what a login sees.
unset SSL_CERT_FILE SSL_CERT_DIR CURL_CA_BUNDLE REQUESTS_CA_BUNDLE AWS_CA_BUNDLE OPENSSL_CONF SSLKEYLOGFILE \
    AWS_PROFILE AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN MAKEFLAGS MFLAGS CC CFLAGS CPPFLAGS LDFLAGS

# shellcheck source=tests/source-tree.sh
. "$top/tests/source-tree.sh"

# --- builds --------------------------------------------------------------------------------------------------------

step_source() {
    mkdir -p "$OTP_CACHE"
    prepare_source
}

step_build() {
    configure_build gcc CC=gcc CFLAGS='-O2 -g'
    make -j"$jobs" CFLAGS='-O2 -g -Werror'
}

step_unit() {
    local status=0
    cd "$base/gcc"
    find . -name '*.trs' -not -path '*/_build/*' -delete
    make -j"$jobs" check CFLAGS='-O2 -g -Werror' VERBOSE=1 || status=$?
    /usr/bin/python3 "$OTP_SOURCE/tests/rig/tally.py" automake . > "$results/unit"
    return "$status"
}

step_distcheck() {
    cd "$base/gcc"
    make -j"$jobs" distcheck
}

step_clang() {
    configure_build clang CC=clang CFLAGS='-O2 -g'
    make -j"$jobs" CFLAGS='-O2 -g -Werror'
    make -j"$jobs" check TESTS= CFLAGS='-O2 -g -Werror'
}

step_asan() {
    local flags='-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined'
    configure_build asan CC=gcc CFLAGS="$flags" LDFLAGS='-fsanitize=address,undefined'
    make -j"$jobs"
    # malloc may fail, as it may in life: tests ask for more than there is
    ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1:allocator_may_return_null=1 \
        UBSAN_OPTIONS=print_stacktrace=1 make -j"$jobs" check VERBOSE=1
}

# --- lint ----------------------------------------------------------------------------------------------------------

source_files() { # source_files SUFFIX INTERPRETER: files of the copy with this suffix or interpreter
    local file first
    while IFS= read -r file; do
        [[ -f $OTP_SOURCE/$file ]] || continue
        first=
        [[ $file == *"$1" ]] || IFS= read -r first < <(head -c 100 "$OTP_SOURCE/$file" | tr -d '\0') || true
        [[ $file != *"$1" && ! $first =~ ^\#!.*[/\ ]($2)([\ ]|$) ]] || echo "$file"
    done < "$base/src.list"
}

step_shell() {
    local files
    cd "$OTP_SOURCE"
    mapfile -t files < <(source_files .sh 'sh|bash|dash')
    files+=(completions/*) # read by a shell, and so without a first line that names one
    shellcheck "${files[@]}"
    echo "${#files[@]} files"
}

step_python() {
    local files module=$OTP_CACHE/ruff/node_modules/@astral-sh/ruff-wasm-nodejs version=0.17.3
    cd "$OTP_SOURCE"
    mapfile -t files < <(source_files .py 'python3?')
    mkdir -p "$OTP_CACHE/ruff"
    [[ -d $module ]] ||
        npm install --silent --no-audit --no-fund --ignore-scripts --fetch-retries=1 --prefix "$OTP_CACHE/ruff" \
            "@astral-sh/ruff-wasm-nodejs@$version" || true
    if [[ -d $module ]]; then
        node tests/rig/ruff.js "$module" "${files[@]}"
    else
        echo "ruff is not to be had here; pyflakes and pycodestyle instead"
        pyflakes3 "${files[@]}"
        pycodestyle --max-line-length=120 --ignore=E203,E226,W503,W504 "${files[@]}"
    fi
}

step_manual() {
    local page words failed=0
    cd "$OTP_SOURCE/man"
    for page in *.[1-9]; do
        words=$(man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>&1 > /dev/null)$(mandoc -T lint -W error "$page" || true)
        [[ -z $words ]] || failed=1
        echo "$page: ${words:-clean}"
    done
    return "$failed"
}

# --- Python tests --------------------------------------------------------------------------------------------------

test_folders() {
    cd "$OTP_SOURCE/tests"
    find . -mindepth 2 -name 'test_*.py' -printf '%P\n' | cut -d/ -f1 | sort -u
}

needs_rig() {
    [[ " ${in_rig[*]} " == *" $1 "* ]]
}

needs_shares() {
    [[ " ${in_shares[*]} " == *" $1 "* ]]
}

# A share's name is FOLDER-NUMBER, as in tests-system-2.log and junit-system-2.xml.
run_pytest() { # run_pytest FOLDER [SHARE]
    local options=(--junit-xml="$base/junit-$1${2:+-$2}.xml")
    [[ -z ${2:-} ]] || options+=(--taken "$base/taken-$1")
    cd "$OTP_SOURCE"
    PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$OTP_SOURCE/tests exec /usr/bin/python3 -m pytest -p no:cacheprovider \
        -o faulthandler_timeout=120 --durations=10 "${options[@]}" "tests/$1"
}

step_pytest() { # step_pytest FOLDER [SHARE]
    local status=0 name=$1${2:+-$2}
    rm -f "$base/junit-$name.xml"
    if needs_rig "$1"; then
        "$OTP_SOURCE/tests/rig/enter.sh" "$OTP_SOURCE/check.sh" --in-rig "$@" || status=$?
    else
        (run_pytest "$@") || status=$?
    fi
    [[ ! -s $base/junit-$name.xml ]] ||
        /usr/bin/python3 "$OTP_SOURCE/tests/rig/tally.py" junit "$base/junit-$name.xml" > "$results/tests-$name"
    return "$status"
}

in_rig() { # in_rig FOLDER [SHARE]: runs inside enter.sh; what it installs is this rig's alone
    local log=$logs/install-$1${2:+-$2}.log
    make -C "$OTP_OBJECTS" install > "$log" 2>&1 || {
        cat "$log"
        return 1
    }
    run_pytest "$@"
}

# --- running steps -------------------------------------------------------------------------------------------------

words_of() { # words_of NAME: the counts and reasons of a finished step, in words
    awk '$1 == "passed" {p += $2} $1 == "failed" {f += $2} $1 == "skipped" {s++}
        END {printf "%d passed, %d failed, %d skipped", p, f, s}' "$results/$1"
}

report() { # report NAME VERDICT SECONDS TITLE
    local tail_of_log=
    [[ $2 != FAILED ]] || tail_of_log=$(tail -n 40 "$logs/$1.log" | sed 's/^/    | /')$'\n'
    printf '%-7s %6.1f s  %s (%s)\n%s' "$2" "$3" "$4" "$(words_of "$1")" "$tail_of_log"
}

skip() { # skip NAME TITLE REASON
    echo "skipped $2: $3" > "$results/$1"
    printf '%-7s %6s    %s: %s\n' skipped "" "$2" "$3"
}

step() { # step NAME LIMIT TITLE COMMAND...: runs the step function in a process of its own
    local name=$1 limit=$2 title=$3 status=0 start=${EPOCHREALTIME/./} verdict=ok
    shift 3
    rm -f "$results/$name"
    # env: what runs in the background of a script would begin with SIGINT ignored
    timeout -k 10 "$limit" env --default-signal "$self" --step "$@" > "$logs/$name.log" 2>&1 < /dev/null 9>&- &
    echo $! > "$running/$name"
    wait $! || status=$?
    rm -f "$running/$name"
    ((status != 124 && status != 137)) || echo "stopped after its time limit of $limit s" >> "$logs/$name.log"
    touch "$results/$name"
    if ((status == 77)); then
        verdict=skipped
        echo "skipped $title: $(tail -n 1 "$logs/$name.log")" > "$results/$name"
    elif ((status != 0)); then
        verdict=FAILED
        grep -q '^failed [1-9]' "$results/$name" || echo "failed 1" >> "$results/$name"
    elif grep -q '^failed [1-9]' "$results/$name"; then
        verdict=FAILED
    else
        [[ -s $results/$name ]] || echo "passed 1" > "$results/$name"
    fi
    report "$name" "$verdict" "$(awk -v t="$((${EPOCHREALTIME/./} - start))" 'BEGIN {print t / 1e6}')" "$title"
    [[ $verdict != FAILED ]]
}

# Where no rig is to be had one step is enough to say so.
rig_works() {
    timeout -s KILL 60 "$OTP_SOURCE/tests/rig/enter.sh" true < /dev/null > /dev/null 2>&1 9>&-
}

python_tests() { # python_tests FOLDER
    if ! needs_rig "$1"; then
        step "tests-$1" 900 "tests/$1" pytest "$1" || true
    elif ((EUID != 0)); then
        skip "tests-$1" "tests/$1" "needs root"
    elif needs_shares "$1" && rig_works; then
        shared_tests "$1"
    else
        step "tests-$1" 2700 "tests/$1 in the rig" pytest "$1" || true
    fi
}

shared_tests() { # shared_tests FOLDER
    local share lanes=()
    # nothing of a run before, which may have had more shares
    rm -f "$base/taken-$1" "$base/junit-$1.xml" "$base/junit-$1-"*.xml "$logs/tests-$1.log" "$logs/tests-$1-"*.log
    for ((share = 1; share <= shares; share++)); do
        step "tests-$1-$share" 2700 "tests/$1 in rig $share of $shares, logs/tests-$1-$share.log" \
            pytest "$1" "$share" || true &
        lanes+=($!)
    done
    wait "${lanes[@]}"
}

lint() {
    step shell 120 "shell lint" shell || true
    step python 120 "Python lint" python || true
    if compgen -G "$OTP_SOURCE/man/*.[1-9]" > /dev/null; then
        step manual 120 "manual lint" manual || true
    fi
}

other_builds() {
    step distcheck 1800 "make distcheck" distcheck || true
    step clang 1200 "clang, warnings are errors" clang || true
    step asan 1800 "unit tests under ASan and UBSan" asan || true
}

outside_tests() {
    local folder
    for folder in "${folders[@]}"; do
        needs_rig "$folder" || python_tests "$folder"
    done
}

rig_tests() {
    local folder
    for folder in "${folders[@]}"; do
        ! needs_rig "$folder" || python_tests "$folder"
    done
}

steps() {
    local folders
    step packages 900 "packages" packages || return 0
    step source 120 "source copy, autoreconf" source || return 0
    mapfile -t folders < <(test_folders)
    lint &
    if step build 1200 "build with gcc, warnings are errors" build; then
        step unit 1200 "unit tests" unit || true
        wait
        other_builds &
        outside_tests
        wait # what the rig's programs do in time is measured: nothing else runs then
        rig_tests
    else
        skip rest "everything after the build" "the build failed"
    fi
    wait
}

total() {
    local passed failed skipped
    skipped=$(cat "$results"/* | sed -n 's/^skipped //p')
    if [[ -n $skipped ]]; then
        echo "Skipped:"
        printf '  %s\n' "${skipped//$'\n'/$'\n  '}"
    fi
    read -r passed failed skipped < <(cat "$results"/* | awk '$1 == "passed" {p += $2} $1 == "failed" {f += $2}
        $1 == "skipped" {s++} END {print p + 0, f + 0, s + 0}')
    echo "$passed passed, $failed failed, $skipped skipped"
    ((failed == 0))
}

# timeout(1) leads a process group of its own for each step.
stop() {
    local file lanes
    trap '' INT TERM HUP
    mapfile -t lanes < <(jobs -p)
    kill "${lanes[@]}" 2> /dev/null || true
    for file in "$running"/*; do
        [[ ! -f $file ]] || kill -KILL -- "-$(< "$file")" 2> /dev/null || true
    done
    echo "check.sh: interrupted" >&2
    exit 130
}

main() {
    mkdir -p "$base" "$logs"
    exec 9> "$base/lock"
    flock -n 9 || {
        echo "check.sh: another run uses $base" >&2
        exit 2
    }
    rm -rf "$results" "$running"
    mkdir -p "$results" "$running"
    trap stop INT TERM HUP
    steps
    total
}

case ${1:-} in
--step)
    shift
    if [[ $1 == packages ]]; then
        exec "$top/tests/install-packages.sh" check
    fi
    "step_$1" "${@:2}"
    ;;
--in-rig)
    in_rig "${@:2}"
    ;;
"")
    main
    ;;
*)
    echo "usage: check.sh" >&2
    exit 2
    ;;
esac
