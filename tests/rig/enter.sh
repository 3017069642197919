#!/bin/bash
# enter.sh COMMAND [ARGUMENT...]
#
# Duty: run COMMAND as root in a throw-away copy of this machine, so that tests may install the module, write PAM
# stacks, add users and start servers without touching the machine itself.
#
# Rules:
# - Inside, /etc /usr /var /home /root /opt (and their like) are overlays whose changes are forgotten at the end;
#   /run, /tmp and /dev are new and empty, /dev/log does not exist, /proc shows this copy's processes only, and the
#   network is one loopback interface. Everything else is the real thing.
# - The source tree this script lies in, $OTP_BUILD and the directories in $OTP_KEEP (separated by colons) are the
#   real ones, writable, at the path they have outside.
# - The environment is PATH, TERM, LANG, HOME, CI and what begins with OTP_; nothing else gets in.
# - /run/otp-rig exists inside, and only there.
# - The exit status is COMMAND's. Where namespaces or overlays are not to be had it names the step that failed and
#   exits 77. Every process inside ends with COMMAND. From outside only SIGKILL stops it: timeout -s KILL.
set -euo pipefail

self=$(realpath -- "${BASH_SOURCE[0]}")
top=$(realpath -- "${self%/*}/../..")

overlaid=(/bin /etc /home /lib /lib32 /lib64 /libx32 /opt /root /sbin /srv /usr /var)

cannot() {
    echo "enter.sh: $1" >&2
    exit 77
}

try() {
    local step=$1 words
    shift
    words=$("$@" 2>&1) || cannot "$step failed: ${words:-$*}"
}

# --- outside -------------------------------------------------------------------------------------------------------

passed_environment() {
    local name
    printf '%s\0' "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
        "TERM=${TERM:-dumb}" LANG=C.UTF-8 HOME=/root
    [[ -z ${CI:-} ]] || printf '%s\0' "CI=$CI"
    while read -r name; do
        printf '%s\0' "$name=${!name}"
    done < <(compgen -A export OTP_ || true)
}

outside() {
    local spaces=(--mount --pid --fork --kill-child --net --uts --ipc) environment
    [[ $EUID == 0 ]] || cannot "needs root"
    command -v ip > /dev/null || cannot "needs ip (package iproute2)"
    try "new namespaces (unshare ${spaces[*]})" unshare "${spaces[@]}" true
    mapfile -d '' -t environment < <(passed_environment)
    exec unshare "${spaces[@]}" env -i "${environment[@]}" /bin/bash "$self" --inside "$PWD" "$@"
}

# --- inside --------------------------------------------------------------------------------------------------------

# The scratch tmpfs lies on /run while the copy is built and disappears under the final /run.
scratch=/run

below() {
    [[ $1 == "$2" || $1 == "$2"/* ]]
}

kept_directories() {
    local entries=() entry
    IFS=: read -r -a entries <<< "$top:${OTP_BUILD:-}:${OTP_KEEP:-}"
    for entry in "${entries[@]}"; do
        [[ -z $entry || ! -d $entry ]] || realpath -- "$entry"
    done | sort -u
}

# Mount points below the overlaid directories; an overlay does not see what is mounted on its lower directory.
# Containers keep /etc/hosts and its like this way.
mounted_below() {
    local dir=$1 point
    while read -r _ _ _ _ point _; do
        point=${point//\\040/ }
        [[ $point == "$dir" ]] || ! below "$point" "$dir" || echo "$point"
    done < /proc/self/mountinfo | sort -u
}

hold() { # hold DIR NAME: keeps DIR reachable as $scratch/NAME once something is mounted over it
    mkdir -p "$scratch/$2"
    try "bind of $1" mount --bind "$1" "$scratch/$2"
}

overlay() { # overlay NAME TARGET: mounts the held directory NAME on TARGET with a fresh upper
    mkdir -p "$scratch/upper/$1" "$scratch/workdir/$1"
    chmod --reference="$scratch/$1" "$scratch/upper/$1"
    chown --reference="$scratch/$1" "$scratch/upper/$1"
    mount -t overlay overlay \
        -o "lowerdir=$scratch/$1,upperdir=$scratch/upper/$1,workdir=$scratch/workdir/$1" "$2"
}

overlay_directories() {
    local dir point number=0 targets=() files=()
    for dir in "${overlaid[@]}"; do
        [[ -d $dir && ! -L $dir ]] || continue
        targets+=("$dir")
        while read -r point; do
            if [[ -d $point ]]; then
                targets+=("$point")
            else
                files+=("$point")
            fi
        done < <(mounted_below "$dir")
    done
    for point in "${files[@]}"; do
        mkdir -p "$scratch/files${point%/*}"
        cp -p "$point" "$scratch/files$point" 2> /dev/null || true
    done
    for dir in "${targets[@]}"; do
        hold "$dir" "lower$((number++))"
    done
    number=0
    for dir in "${targets[@]}"; do
        try "overlay on $dir" overlay "lower$((number++))" "$dir"
    done
    for point in "${files[@]}"; do
        [[ ! -f $scratch/files$point ]] || cp -p "$scratch/files$point" "$point"
    done
}

device() { # device NAME MAJOR MINOR
    if ! mknod -m 0666 "$scratch/dev/$1" c "$2" "$3" 2> /dev/null || ! : 2> /dev/null < "$scratch/dev/$1"; then
        rm -f "$scratch/dev/$1"
        : > "$scratch/dev/$1"
        try "bind of /dev/$1" mount --bind "/dev/$1" "$scratch/dev/$1"
    fi
}

make_devices() {
    local dev=$scratch/dev
    mkdir -p "$dev"
    try "tmpfs for /dev" mount -t tmpfs -o mode=0755 dev "$dev"
    device null 1 3
    device zero 1 5
    device full 1 7
    device random 1 8
    device urandom 1 9
    # opening it needs a controlling terminal, so the trial of device() does not fit
    mknod -m 0666 "$dev/tty" c 5 0 2> /dev/null || { : > "$dev/tty"; mount --bind /dev/tty "$dev/tty"; }
    chgrp tty "$dev/tty" 2> /dev/null || true
    mkdir "$dev/pts" "$dev/shm"
    try "devpts" mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts "$dev/pts"
    try "tmpfs for /dev/shm" mount -t tmpfs -o mode=1777,nosuid,nodev shm "$dev/shm"
    ln -s pts/ptmx "$dev/ptmx"
    ln -s /proc/self/fd "$dev/fd"
    ln -s fd/0 "$dev/stdin"
    ln -s fd/1 "$dev/stdout"
    ln -s fd/2 "$dev/stderr"
    try "new /dev" mount --rbind "$dev" /dev
}

return_kept() { # binds the kept directories back where something was mounted over them
    local number=0 dir
    for dir in "$@"; do
        if [[ ! $dir -ef $scratch/kept$number ]]; then
            mkdir -p "$dir"
            try "return of $dir" mount --bind "$scratch/kept$number" "$dir"
        fi
        number=$((number + 1))
    done
}

name_machine() {
    hostname otp-rig
    rm -f /etc/hostname /etc/hosts /etc/resolv.conf
    echo otp-rig > /etc/hostname
    printf '%s\n' "127.0.0.1 localhost otp-rig" "::1 localhost" > /etc/hosts
    echo "nameserver 127.0.0.1" > /etc/resolv.conf
}

fill_run() {
    mkdir -m 0755 /run/sshd
    mkdir -m 1777 /run/lock
    install -m 0664 /dev/null /run/utmp
    chgrp utmp /run/utmp 2> /dev/null || true
    : > /run/otp-rig
}

build_copy() {
    local kept dir number=0
    umask 022
    try "private mounts" mount --make-rprivate /
    mapfile -t kept < <(kept_directories)
    for dir in "${kept[@]}"; do
        ! below "$dir" /run || cannot "$dir must not lie in /run"
    done
    try "tmpfs" mount -t tmpfs -o mode=0755 scratch "$scratch"
    for dir in "${kept[@]}"; do
        hold "$dir" "kept$((number++))"
    done
    overlay_directories
    make_devices
    try "tmpfs on /tmp" mount -t tmpfs -o mode=1777,nosuid,nodev tmp /tmp
    return_kept "${kept[@]}"
    try "tmpfs on /run" mount -t tmpfs -o mode=0755,nosuid,nodev run /run
    try "proc" mount -t proc -o nosuid,nodev,noexec proc /proc
    try "loopback interface" ip link set lo up
    name_machine
    fill_run
}

inside() {
    local directory=$1
    shift
    build_copy
    cd "$directory" 2> /dev/null || cd /
    # bash stays as process 1: it reaps orphans, and COMMAND keeps the ordinary meaning of signals
    local status=0
    "$@" || status=$?
    exit "$status"
}

case ${1:-} in
"" | -h | --help)
    sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$self" >&2
    exit 2
    ;;
--inside)
    shift
    inside "$@"
    ;;
*)
    outside "$@"
    ;;
esac
