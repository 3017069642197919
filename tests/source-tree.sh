# shellcheck shell=bash
# source-tree.sh: read by demo.sh and check.sh, which set $top (the checkout) and $base (where everything is built).
#
# Duty: keep a copy of the source in $base/src and configured builds beside it, so that the checkout stays clean.
#
# Rules: a file is copied only if it differs, so that a second run builds only what has changed; what is gone from the checkout goes from the copy.

# shellcheck disable=SC2154  # the reader sets them
source_copy=$base/src

# shellcheck disable=SC2154
list_source() {
    cd "$top" || return
    if [[ -e .git ]] && command -v git > /dev/null; then
        git ls-files -co --exclude-standard
    else
        find . -type f -not -path './build/*' -not -path './.git/*' -printf '%P\n'
    fi | awk -v own="${base#"$top"/}/" 'index($0, "build/") != 1 && index($0, own) != 1' | LC_ALL=C sort -u
}

# Copies what differs, removes what is gone, prints the names of both.
copy_source() {
    local file list=$base/src.list
    list_source > "$list.new"
    [[ ! -e $list ]] || LC_ALL=C comm -23 "$list" "$list.new" | while IFS= read -r file; do
        rm -f "$source_copy/$file"
        echo "$file"
    done
    while IFS= read -r file; do
        [[ -f $top/$file ]] || continue
        if ! cmp -s "$top/$file" "$source_copy/$file"; then
            mkdir -p "$(dirname -- "$source_copy/$file")"
            cp -- "$top/$file" "$source_copy/$file"
            echo "$file"
        fi
        [[ ! -x $top/$file || -x $source_copy/$file ]] || chmod +x "$source_copy/$file"
    done < "$list.new"
    mv "$list.new" "$list"
}

# The copy, and its configure script made anew where something that it is made of has changed.
prepare_source() {
    local changed autotools='(^|/)(configure\.ac|Makefile\.am|[^/]*\.(m4|mk|in))$'
    mkdir -p "$source_copy"
    changed=$(copy_source)
    printf '%s\n' "$changed"
    if [[ ! -x $source_copy/configure ]] || grep -Eq "$autotools" <<< "$changed"; then
        rm -f "$base"/*/config.status
        (cd "$source_copy" && autoreconf -fi)
    fi
}

configure_build() { # configure_build DIRECTORY ARGUMENT...: leaves the shell in $base/DIRECTORY
    local dir=$base/$1
    shift
    mkdir -p "$dir"
    cd "$dir" || return
    [[ -e config.status ]] ||
        "$source_copy/configure" -q --prefix=/usr --sysconfdir=/etc --localstatedir=/var "$@"
}
