#!/bin/bash
# install-packages.sh build|demo|check
#
# Duty: install the Debian or Ubuntu packages that are missing for building the module (build), for the local
# demonstration (demo, includes build) or for the whole test run (check, includes demo).
#
# Rules:
# - Nothing is asked, nothing that is already here is changed, and where nothing is missing no package list is fetched.
# - No service is started: during the installation policy-rc.d forbids it, unless the machine has a policy of its own. A
#   newly installed ssh server or cron is disabled again on a machine that runs systemd.
# - Without root it prints what is missing and ends with status 0: the caller decides what can be done without.
# - An entry is PACKAGE, or COMMAND=PACKAGE: then the command is enough, whoever brought it.
set -euo pipefail

build=(gcc make autoconf automake libtool pkg-config libc6-dev libpam0g-dev libcurl4-openssl-dev libssl-dev
    libjson-c-dev ca-certificates)
demo=(openssh-server openssh-client sudo=sudo python3 python3-cryptography python3-pexpect iproute2 util-linux login
    passwd libpam-modules openssl=openssl)
check=(clang=clang llvm-symbolizer=llvm libcmocka-dev python3-pytest python3-boto3 pyflakes3=pyflakes3
    pycodestyle=pycodestyle valgrind strace=strace shellcheck=shellcheck nft=nftables faketime=faketime libfaketime
    man=man-db groff=groff mandoc=mandoc node=nodejs npm=npm git=git xz=xz-utils rsync=rsync cron=cron
    tmux=tmux)

policy=/usr/sbin/policy-rc.d
policy_is_ours=no

declare -A is_installed=()

read_installed() {
    local name status
    is_installed=()
    while read -r name status; do
        [[ $status != installed ]] || is_installed[$name]=yes
    done < <(dpkg-query -W -f='${Package} ${db:Status-Status}\n')
}

satisfied() { # satisfied ENTRY
    if [[ $1 == *=* ]] && command -v "${1%%=*}" > /dev/null; then
        return 0
    fi
    [[ -n ${is_installed[${1#*=}]:-} ]]
}

# clang's sanitizer and fuzzer runtime is a package of its own where the distribution split it off; its name carries
# clang's version.
missing_clang_runtime() {
    local version package offer
    version=$(clang -dumpversion 2> /dev/null || true)
    if [[ -z $version ]]; then
        version=$(apt-cache depends clang 2> /dev/null | sed -n 's/^ *Depends: clang-\([0-9]*\)$/\1/p' | head -n 1)
    fi
    [[ -n $version ]] || return 0
    package=libclang-rt-${version%%.*}-dev
    [[ -z ${is_installed[$package]:-} ]] || return 0
    offer=$(apt-cache policy "$package" 2> /dev/null)
    [[ ! $offer =~ Candidate:\ [^\(] ]] || echo "$package"
}

forbid_services() {
    trap allow_services EXIT
    [[ ! -e $policy ]] || return 0
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod 0755 "$policy"
    policy_is_ours=yes
}

allow_services() {
    [[ $policy_is_ours == no ]] || rm -f "$policy"
    policy_is_ours=no
}

disable_new_service() { # disable_new_service PACKAGE UNIT... -- INSTALLED...: where PACKAGE is among those just installed
    local package=$1 unit units=()
    shift
    while [[ $1 != -- ]]; do
        units+=("$1")
        shift
    done
    [[ -z ${is_installed[$package]:-} && " $* " == *" $package "* && -d /run/systemd/system ]] || return 0
    for unit in "${units[@]}"; do
        systemctl disable --quiet "$unit" 2> /dev/null || true
    done
    echo "install-packages.sh: $package is new here; its units are installed but disabled and not started"
}

wanted_entries() {
    case $1 in
    build) printf '%s\n' "${build[@]}" ;;
    demo) printf '%s\n' "${build[@]}" "${demo[@]}" ;;
    check) printf '%s\n' "${build[@]}" "${demo[@]}" "${check[@]}" ;;
    *) return 1 ;;
    esac
}

missing_entries() {
    local entry
    while read -r entry; do
        satisfied "$entry" || echo "$entry"
    done < <(wanted_entries "$1")
}

missing_runtime() {
    [[ $1 != check ]] || missing_clang_runtime
}

quietly() { # quietly COMMAND...: its words are shown only where it fails
    local words
    words=$("$@" 2>&1) || {
        printf '%s\n' "$words" >&2
        return 1
    }
}

install_missing() { # install_missing LIST ENTRY...
    local list=$1 packages
    shift
    packages=("${@#*=}")
    quietly apt-get update -qq
    mapfile -t -O "${#packages[@]}" packages < <(missing_runtime "$list")
    echo "install-packages.sh: installing ${packages[*]}"
    forbid_services
    DEBIAN_FRONTEND=noninteractive quietly apt-get install -y --no-install-recommends \
        -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold "${packages[@]}"
    allow_services
    disable_new_service openssh-server ssh.service ssh.socket -- "${packages[@]}"
    disable_new_service cron cron.service -- "${packages[@]}"
}

main() {
    local list=${1:-} missing
    if ! wanted_entries "$list" > /dev/null; then
        echo "usage: install-packages.sh build|demo|check" >&2
        exit 2
    fi
    if ! command -v dpkg-query > /dev/null; then
        echo "install-packages.sh: no Debian package manager here; needed for $list are:"
        wanted_entries "$list" | sed 's/^.*=//'
        exit 0
    fi
    read_installed
    mapfile -t missing < <(missing_entries "$list")
    if ((${#missing[@]} == 0)); then
        mapfile -t missing < <(missing_runtime "$list")
    fi
    ((${#missing[@]} > 0)) || exit 0
    if [[ $EUID != 0 ]]; then
        echo "install-packages.sh: not root; missing for $list: ${missing[*]#*=}"
        exit 0
    fi
    install_missing "$list" "${missing[@]}"
}

main "$@"
