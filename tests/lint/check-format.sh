#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Where clang-format 14 would lay the C of this tree out in another way. A note, not a verdict:
# tables and comments that were aligned by hand for a reason stay. With --fix it rewrites the files
# named after it. Without clang-format 14 (each version has its own opinions): status 77, skipped.
set -u

tool=$(command -v clang-format-14) || {
    echo "no clang-format-14 here"
    exit 77
}

# violations STYLE-FILE FILE...: one line for each place.
violations()
{
    local style=$1

    shift
    "$tool" --style="file:$style" --dry-run "$@" 2>&1 | grep 'clang-format-violations'
}

# Does the check see anything, and is the style the one of the house: tabs, and the brace of a
# function on its own line?
self_test()
{
    local style=$1 dir wrong=0

    dir=$(mktemp -d) || return 1
    printf 'int f(int a)\n{\n\tif (a)\n\t\treturn 1;\n\treturn 0;\n}\n' >"$dir/good.c"
    printf 'int f(int a) {\n    if (a) return 1;\n    return 0;\n}\n' >"$dir/bad.c"
    if violations "$style" "$dir/good.c"; then
        echo "the good file is not good"
        wrong=1
    fi
    if ! violations "$style" "$dir/bad.c" >/dev/null; then
        echo "the bad file was not seen"
        wrong=1
    fi
    rm -r "$dir"
    return "$wrong"
}

case ${1:-} in
    --fix)
        shift
        exec "$tool" --style=file -i "$@" ;;
    --self-test)
        self_test "$2/.clang-format"
        exit ;;
    ''|-*)
        echo "usage: ${0##*/} ROOT | --self-test ROOT | --fix FILE..." >&2
        exit 1 ;;
esac

cd "$1" || exit 1
mapfile -t files < <(find ews cache fs view tests -name '*.[ch]')
[ ${#files[@]} -gt 0 ] || exit 0
found=$(violations "$PWD/.clang-format" "${files[@]}")
if [ -n "$found" ]; then
    printf '%s\n' "$found" | cut -d: -f1 | sort | uniq -c | sort -rn
    echo "places that clang-format would change (tests/lint/check-format.sh --fix FILE)"
fi
exit 0
