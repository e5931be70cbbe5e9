#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Installs what is needed (Debian), builds ewsfs in every way that matters and runs all tests:
#
#   gcc     gcc, warnings are errors: every suite
#   asan    clang with the address and undefined-behaviour sanitizers: every suite, but for
#           mount-real (the mount suite once more on a server that does what real ones do) and
#           tools (what other people's programs do on a mount)
#   tsan    clang with the thread sanitizer: unit, wire, and the mount tests that cross threads
#   lint    layers, sizes, text, layout, commit messages (once, from the first build)
#
# A build that fails counts as one failed test and does not keep the next one from being tried. The
# last line is "N passed, N failed, N skipped" over all of it; the exit status is 0 only if
# nothing failed.
# shellcheck disable=SC2317 # the trap calls what looks unreachable
set -u

usage()
{
    cat <<'END'
usage: contrib/check.sh [--quick] [--no-install] [--build-root DIR]

  --quick           only the gcc build and lint
  --no-install      leave apt alone; use what is here
  --build-root DIR  put the build-check-* directories below DIR (default: the source tree)
END
}

src=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd) || exit 1
build_root=$src
quick=no
install=yes
passed=0
failed=0
skipped=0
unit_tmp= # where the unit suite has its files just now

# shellcheck source=contrib/packages.sh
. "$src/contrib/packages.sh"

while [ $# -gt 0 ]; do
    case $1 in
        --quick) quick=yes ;;
        --no-install) install=no ;;
        --build-root)
            [ $# -ge 2 ] || { usage >&2; exit 1; }
            mkdir -p "$2" && build_root=$(cd "$2" && pwd) || exit 1
            shift ;;
        -h|--help) usage; exit 0 ;;
        *) usage >&2; exit 1 ;;
    esac
    shift
done

finish()
{
    [ -z "$unit_tmp" ] || rm -rf "$unit_tmp"
    printf '\n%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
    [ "$failed" -eq 0 ]
    exit
}

interrupted()
{
    trap - INT TERM HUP
    printf '\nstopped before the end\n'
    failed=$((failed + 1))
    finish
}
trap interrupted INT TERM HUP

title()
{
    printf '\n=== %s\n' "$*"
}

fail()
{
    printf 'FAILED: %s\n' "$*"
    failed=$((failed + 1))
}

# The thread sanitizer of clang 14 cannot start where the kernel spreads addresses more widely than
# it knows, so its run is done without the spreading, where that is allowed.
steady=()
find_steady()
{
    if setarch "$(uname -m)" -R true 2>/dev/null; then
        steady=(setarch "$(uname -m)" -R)
    fi
}

# Our own suppressions for a sanitizer, as an option for its environment variable, if there are any.
suppressions()
{
    local file=$src/contrib/$1.supp

    [ -f "$file" ] && printf ":suppressions='%s'" "$file"
}

export_sanitizer_options()
{
    # GSlice is a pool of its own that hides who leaked what.
    export G_SLICE=always-malloc
    # What the caller has set comes last and counts (fast_unwind_on_malloc=0 shows whose leak).
    ASAN_OPTIONS="detect_stack_use_after_return=1:strict_string_checks=1:${ASAN_OPTIONS:-}"
    UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1:${UBSAN_OPTIONS:-}"
    TSAN_OPTIONS="halt_on_error=1:second_deadlock_stack=1$(suppressions tsan):${TSAN_OPTIONS:-}"
    LSAN_OPTIONS="print_suppressions=0$(suppressions lsan):${LSAN_OPTIONS:-}"
    export ASAN_OPTIONS UBSAN_OPTIONS TSAN_OPTIONS LSAN_OPTIONS
}

# configure DIR MESON-OPTION...: afresh, or again where a build of an earlier run can be used.
configure()
{
    local dir=$1 output

    shift
    if [ -f "$dir/build.ninja" ]; then
        meson setup --reconfigure "$@" "$dir" "$src" >/dev/null 2>&1 && return 0
    fi
    rm -rf "$dir"
    output=$(meson setup "$@" "$dir" "$src" 2>&1) || {
        printf '%s\n' "$output" | tail -n 60
        return 1
    }
}

# build NAME MESON-OPTION...: sets $dir and leaves a built tree there.
build()
{
    local name=$1 output

    shift
    dir=$build_root/build-check-$name
    configure "$dir" "$@" || { fail "$name: meson setup"; return 1; }
    printf 'building in %s\n' "$dir"
    output=$(ninja -C "$dir" 2>&1) || {
        # What went wrong, without the hundreds of steps that did not.
        printf '%s\n' "$output" | grep -v '^\[[0-9]*/[0-9]*\] ' | head -n 200
        fail "$name: ninja"
        return 1
    }
}

# What one run of "meson test" left in its log ($1): the whole output of tests that failed, the
# names of those that were skipped, and on the last line the three counts. The names of those that
# failed go to the file $2.
read_testlog()
{
    python3 - "$1" "$2" <<'END'
import json, sys

GOOD = {'OK', 'EXPECTEDFAIL'}
LINES = 300
count = {'passed': 0, 'failed': 0, 'skipped': 0}

def show(test):
    print(f"\n--- {test['name']}: {test['result']}, {test.get('duration', 0):.1f} s")
    for stream in ('stdout', 'stderr'):
        lines = (test.get(stream) or '').splitlines()
        if len(lines) > LINES:
            print(f'[{len(lines) - LINES} lines of {stream} before these]')
        for line in lines[-LINES:]:
            print(line)

try:
    with open(sys.argv[1], encoding='utf-8', errors='replace') as log:
        tests = [json.loads(line) for line in log if line.strip()]
except FileNotFoundError:
    tests = []
bad = [test['name'] for test in tests if test['result'] not in GOOD | {'SKIP'}]
with open(sys.argv[2], 'w', encoding='utf-8') as names:
    names.writelines(name.split(' / ')[-1] + '\n' for name in bad)
for test in tests:
    if test['result'] in GOOD:
        count['passed'] += 1
    elif test['result'] == 'SKIP':
        count['skipped'] += 1
        print(f"skipped: {test['name']}")
    else:
        count['failed'] += 1
        show(test)
print(count['passed'], count['failed'], count['skipped'])
END
}

# run_tests NAME DIR MESON-TEST-ARGUMENT...: runs and reports. Sets $status, $ok, $bad, $none, and
# $names, a file with the names of those that failed.
run_tests()
{
    local name=$1 dir=$2 report

    shift 2
    names=$dir/meson-logs/failed-$name
    rm -f "$dir/meson-logs/testlog-$name.json"
    "${runner[@]}" meson test -C "$dir" --no-rebuild --logbase "testlog-$name" \
        --num-processes "$at_once" "$@" </dev/null
    status=$?
    report=$(read_testlog "$dir/meson-logs/testlog-$name.json" "$names" | tr -d '\000')
    read -r ok bad none <<<"${report##*$'\n'}"
    [ "$report" = "${report%$'\n'*}" ] || printf '%s\n' "${report%$'\n'*}"
}

# tests NAME DIR MESON-TEST-ARGUMENT...: runs, reports, counts. A test that failed gets a second
# try, alone: on a machine that others keep busy a time limit may strike. What passes only then is
# said so; what fails twice has failed.
tests()
{
    local name=$1 dir=$2 first_ok first_none status ok bad none names

    shift 2
    run_tests "$name" "$dir" "$@"
    if [ "$bad" -gt 0 ] && [ "$bad" -le "$again_max" ]; then
        local -a again
        mapfile -t again <"$names"
        printf '%s: once more, alone: %s\n' "$name" "${again[*]}"
        first_ok=$ok first_none=$none
        # Once more the suites too: names are those of one suite.
        run_tests "$name-again" "$dir" "$@" --num-processes 1 --timeout-multiplier 6 \
            "${again[@]}"
        printf '%s: %d passed only at the second try: %s\n' "$name" "$ok" "${again[*]}"
        ok=$((first_ok + ok))
        none=$((first_none + none))
    fi
    passed=$((passed + ok))
    failed=$((failed + bad))
    skipped=$((skipped + none))
    if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then
        fail "$name: meson test ended with status $status"
    fi
    printf '%s: %d passed, %d failed, %d skipped\n' "$name" "$ok" "$bad" "$none"
}

# unit_tests NAME DIR MESON-TEST-ARGUMENT...: the unit suite, in memory where there is room for it:
# what it waits for on a disk is the index's fsync, and it proves nothing about that.
memory=/dev/shm
memory_min=$((2 * 1024 * 1024)) # KiB
unit_tests()
{
    local -a with=("${runner[@]}")
    local free

    free=$(df -k --output=avail "$memory" 2>/dev/null | tail -n 1)
    if [ "${free:-0}" -ge "$memory_min" ] &&
        unit_tmp=$(mktemp -d "$memory/ewsfs-check.XXXXXX"); then
        runner+=(env "TMPDIR=$unit_tmp")
    fi
    tests "$@" --suite unit
    runner=("${with[@]}")
    [ -z "$unit_tmp" ] || rm -rf "$unit_tmp"
    unit_tmp=
}

# More failures than this are no accident: no second try.
again_max=8

# The longer tests mostly wait: for a settle time, a timeout, a fault to pass.
at_once=$((2 * $(nproc)))

if [ "$install" = yes ]; then
    packages_need "${packages_build[@]}" "${packages_keyring[@]}" "${packages_server[@]}" \
        "${packages_tests[@]}" || {
        fail "packages"
        finish
    }
    packages_want "${packages_extra[@]}"
fi
if [ ! -r /dev/fuse ] || [ ! -w /dev/fuse ]; then
    printf 'Note: /dev/fuse cannot be opened here: the tests that mount will be skipped.\n'
fi
export_sanitizer_options
find_steady
runner=()

title "gcc, warnings are errors: every suite"
if CC=gcc build gcc -Dwerror=true; then
    gcc_dir=$dir
    unit_tests gcc-unit "$gcc_dir"
    tests gcc "$gcc_dir" --no-suite lint --no-suite unit
fi

if [ "$quick" = no ]; then
    title "clang, address and undefined-behaviour sanitizers: what is ours, once"
    if CC=clang build asan -Dwerror=true -Db_sanitize=address,undefined -Db_lundef=false; then
        unit_tests asan-unit "$dir" --timeout-multiplier 3
        tests asan "$dir" --no-suite lint --no-suite mount-real --no-suite tools --no-suite unit \
            --timeout-multiplier 3
    fi

    title "clang, thread sanitizer: unit, wire, mounts that cross threads"
    if CC=clang build tsan -Dwerror=true -Db_sanitize=thread -Db_lundef=false; then
        runner=("${steady[@]}")
        unit_tests tsan-unit "$dir" --timeout-multiplier 3
        tests tsan "$dir" --suite wire --suite threads --timeout-multiplier 3
        runner=()
    fi
fi

if [ -n "${gcc_dir:-}" ]; then
    title "lint"
    tests lint "$gcc_dir" --suite lint
fi
finish
