#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Shows ewsfs on a machine where nothing was installed before: installs what is needed (Debian),
# builds, starts the test server with the sample mailbox on the loopback interface, mounts it, and
# runs a few everyday commands on it. Everything the demonstration keeps is in one directory
# ($keep below); its processes are found again by that directory's name on their command line, so
# that --stop needs no memory of its own and can be repeated.
# shellcheck disable=SC2015 # "a && b || c": where it stands here, c is for either failing
set -u

usage()
{
    cat <<'END'
usage: contrib/demo.sh [--no-install] [DIR]    mount the sample mailbox at DIR (default: a new one)
       contrib/demo.sh --stop                  end all that was started
END
}

src=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd) || exit 1
self=$src/contrib/demo.sh
owner=ines@example.org
install=yes
stop=no
mountpoint=
server_url=
where=$PWD

# shellcheck source=contrib/packages.sh
. "$src/contrib/packages.sh"

while [ $# -gt 0 ]; do
    case $1 in
        --stop) stop=yes ;;
        --no-install) install=no ;;
        -h|--help) usage; exit 0 ;;
        --) shift; break ;;
        -*) usage >&2; exit 1 ;;
        *) break ;;
    esac
    shift
done
[ $# -le 1 ] || { usage >&2; exit 1; }
wanted=${1:-}

say()
{
    printf '%s\n' "$*"
}

die()
{
    printf 'demo.sh: %s\n' "$*" >&2
    exit 1
}

runtime=${XDG_RUNTIME_DIR:-/tmp}
[ -d "$runtime" ] && [ -w "$runtime" ] || runtime=/tmp
keep=$runtime/ewsfs-demo-$UID

# A directory of that name in /tmp could be somebody else's.
check_keep()
{
    [ ! -e "$keep" ] && [ ! -L "$keep" ] && return 0
    [ -d "$keep" ] && [ ! -L "$keep" ] && [ -O "$keep" ] ||
        die "$keep is not a directory of yours; remove it first"
}

# ours NAME: the process ids of our server or our mount.
ours()
{
    local dir pid

    for dir in /proc/[0-9]*; do
        pid=${dir#/proc/}
        [ -O "$dir" ] && [ "$(cat "$dir/comm" 2>/dev/null)" = "$1" ] || continue
        { tr '\0' '\n' <"$dir/cmdline"; } 2>/dev/null | grep -qF -- "$keep/" && say "$pid"
    done
    return 0
}

# end NAME: asks those processes to end, and insists after five seconds.
end()
{
    local pid pids try

    mapfile -t pids < <(ours "$1")
    for pid in "${pids[@]}"; do
        kill -TERM "$pid" 2>/dev/null
    done
    for try in {1..50}; do
        [ -n "$(ours "$1")" ] || return 0
        sleep 0.1
    done
    for pid in $(ours "$1"); do
        say "$1 (process $pid) did not end in ${try}00 ms; killing it"
        kill -KILL "$pid" 2>/dev/null
    done
}

is_mounted()
{
    # The mount table writes blanks, tabs, line ends and backslashes as octal numbers.
    local path=${1//\\/\\134}

    path=${path// /\\040}
    path=${path//$'\t'/\\011}
    path=${path//$'\n'/\\012}
    cut -d ' ' -f 2 /proc/self/mounts | grep -qxF -- "$path"
}

unmount()
{
    local try

    is_mounted "$1" || return 0
    for try in {1..20}; do
        fusermount3 -u -- "$1" 2>/dev/null && return 0
        [ "$try" -gt 1 ] || say "$1 is in use; waiting a moment"
        sleep 0.1
    done
    say "$1 is still in use: taken out of the tree; programs in it will see errors"
    fusermount3 -u -z -- "$1"
}

# Ends and removes what there is. Says nothing where there is nothing.
stop_all()
{
    local dir

    if [ -f "$keep/mountpoint" ]; then
        dir=$(cat "$keep/mountpoint"; printf x)
        dir=${dir%x}
        unmount "$dir"
    fi
    end ewsfs
    end ewsd
    if [ -f "$keep/made-mountpoint" ] && [ -n "${dir:-}" ]; then
        rmdir -- "$dir" 2>/dev/null
    fi
    rm -rf -- "$keep"
}

give_up()
{
    local status=$?

    trap - EXIT INT TERM HUP
    if [ -s "$keep/server.log" ]; then
        say "the last words of the server:"
        tail -n 5 "$keep/server.log"
    fi
    stop_all
    say "demo.sh: not running; all that was started is ended"
    [ "$status" -ne 0 ] || status=1
    exit "$status"
}

prepare_machine()
{
    if [ "$install" = yes ]; then
        packages_need "${packages_build[@]}" "${packages_server[@]}" "${packages_demo[@]}" ||
            die "without these packages nothing can be shown"
    fi
    if [ ! -e /dev/fuse ] && [ "$(id -u)" -eq 0 ]; then
        modprobe fuse 2>/dev/null
    fi
    [ -r /dev/fuse ] && [ -w /dev/fuse ] ||
        die "/dev/fuse cannot be opened: load the module (modprobe fuse); in a container, start it
with --device /dev/fuse --cap-add SYS_ADMIN"
}

build_programs()
{
    local output

    build=$src/build-demo
    if [ ! -w "$src" ] || { [ -e "$build" ] && [ ! -w "$build" ]; }; then
        build=${XDG_CACHE_HOME:-$HOME/.cache}/ewsfs-demo-build
    fi
    say "building in $build; that takes a minute or two"
    if [ ! -f "$build/build.ninja" ]; then
        rm -rf -- "$build"
        output=$(meson setup --buildtype=release -Dman=disabled "$build" "$src" 2>&1) || {
            say "$output" | tail -n 30
            die "meson setup failed"
        }
    fi
    output=$(ninja -C "$build" fs/ewsfs fs/ewsfsctl tests/ewsd/ewsd 2>&1) || {
        # What went wrong, without the steps that did not.
        say "$output" | grep -v '^\[[0-9]*/[0-9]*\] ' | head -n 60
        die "the build failed"
    }
}

# One directory for each folder that has messages: a folder below it is another folder's business.
stage_mail()
{
    local box=$src/contrib/sample-mail dir folder number=0 files

    mail=()
    while IFS= read -r -d '' dir; do
        files=("$dir"/*.eml)
        [ -e "${files[0]}" ] || continue
        number=$((number + 1))
        folder=${dir#"$box/"}
        mkdir -p "$keep/mail/$number"
        cp -- "${files[@]}" "$keep/mail/$number/"
        mail+=(--mail "$folder=$keep/mail/$number")
    done < <(find "$box" -mindepth 1 -type d -print0 | sort -z)
}

start_server()
{
    local password try

    password=$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')
    (umask 077; printf '%s\n' "$password" >"$keep/password")
    stage_mail
    "$build/tests/ewsd/ewsd" --port 0 --port-file "$keep/port" --user "$owner:$password" \
        --log "$keep/requests.log" "${mail[@]}" >"$keep/server.log" 2>&1 </dev/null &
    for try in {1..150}; do
        [ -s "$keep/port" ] && break
        kill -0 $! 2>/dev/null || die "the server did not start"
        sleep 0.1
    done
    [ -s "$keep/port" ] || die "the server did not answer within ${try}00 ms"
    disown
    server_url=http://127.0.0.1:$(cat "$keep/port")/EWS/Exchange.asmx
}

choose_mountpoint()
{
    if [ -z "$wanted" ]; then
        mountpoint=$(mktemp -d "${TMPDIR:-/tmp}/ewsfs-demo.XXXXXX") || exit 1
        : >"$keep/made-mountpoint"
    else
        if [ ! -e "$wanted" ]; then
            mkdir -- "$wanted" || exit 1
            : >"$keep/made-mountpoint"
        fi
        mountpoint=$(cd -- "$wanted" && pwd -P) || die "$wanted: not a directory"
        is_mounted "$mountpoint" && die "$mountpoint: something is mounted there already"
        [ -z "$(ls -A -- "$mountpoint")" ] || die "$mountpoint: not empty"
    fi
    printf '%s' "$mountpoint" >"$keep/mountpoint"
}

# run COMMAND...: shows it as one would type it, then does it in $where; at most 14 lines of its
# answer. Only the command itself goes there: this script must not keep the mount point busy.
run()
{
    printf '\n$'
    printf ' %s' "${@@Q}" | sed -E "s/'([A-Za-z0-9_.,:=@%+/-]+)'/\1/g"
    printf '\n'
    (cd -- "$where" && "$@") 2>&1 |
        awk 'NR <= 14 { print } END { if (NR > 14) print "[and " NR - 14 " lines more]" }'
    [ "${PIPESTATUS[0]}" -eq 0 ] || die "that should have worked"
}

tour()
{
    local one

    where=$mountpoint
    printf '\n$ cd %q\n' "$mountpoint"
    run ls
    run ls -l Inbox/Projects
    run grep -ril budget .
    run find . -name '*.eml' -size +3k
    one=$(cd -- "$where" && find Inbox -maxdepth 1 -name '*mast*' | sort | head -n 1)
    run cat "$one"
    run getfattr -d "$one"
    run ewsfsctl sync --wait=60 --fetch .
    run rsync -a --info=stats1 ./ "$keep/copy/"
    say
    say "Once more: nothing has changed, so nothing is copied."
    run rsync -a --itemize-changes ./ "$keep/copy/"
    run diff -r . "$keep/copy"
    run cat .ewsfs/status
    tour_views
    tour_writing
}

# The hidden trees; find and rsync saw nothing of them.
tour_views()
{
    say
    say "The same messages as text whatever they are encoded in, taken apart, and as the server"
    say "finds them."
    run grep -rl Prüfung Inbox .text/Inbox
    run find .parts/Inbox -name '*.pdf'
    run ls .search/'budget NOT from:ines'
}

# Writing, and what it became on the wire.
tour_writing()
{
    local before after

    say
    say "Writing: a new message and thirty copies, moves, a flag, deletes."
    before=$(wc -l <"$keep/requests.log")
    printf 'From: %s\nTo: %s\nSubject: Written by a shell\n\nHello.\n' "$owner" "$owner" \
        >"$keep/note.eml"
    run cp "$keep/note.eml" Inbox/note.eml
    run mkdir Inbox/Kept
    run bash -c 'for i in $(seq 30); do cp Inbox/note.eml Inbox/Kept/note-$i.eml; done'
    run mv Inbox/Kept/note-1.eml Archive/
    run setfattr -n user.ewsfs.flag -v flagged Archive/note-1.eml
    run rm Inbox/note.eml
    run bash -c 'mv Inbox/Projects/*.eml Archive/; rm "Junk Email"/*.eml'
    run cat .ewsfs/queue
    run sync .
    run ls Inbox/Kept
    after=$(wc -l <"$keep/requests.log")
    say
    say "The server was asked for that with these requests:"
    tail -n "+$((before + 1))" "$keep/requests.log" | head -n "$((after - before))" | sed -nE \
        's/.*"op":"((Create|Update|Delete|Move|Copy)[A-Za-z]*)","items":([0-9]+).*/  \1 of \3/p'
}

finished()
{
    cat <<END

The sample mailbox stays mounted at  $mountpoint
Its server's log of requests:        $keep/requests.log
The copy that rsync made:            $keep/copy
Look around with any program that reads files. To end all of it:

    $(printf '%q' "$self") --stop
END
}

check_keep
if [ "$stop" = yes ]; then
    if [ ! -d "$keep" ] && [ -z "$(ours ewsfs)$(ours ewsd)" ]; then
        say "Nothing is running."
        exit 0
    fi
    stop_all
    say "Stopped: nothing of the demonstration is left but what was built."
    exit 0
fi

if [ -f "$keep/mountpoint" ] && [ -n "$(ours ewsfs)" ]; then
    running=$(cat "$keep/mountpoint")
    if is_mounted "$running"; then
        say "Already running, at $running. To end it: $(printf '%q' "$self") --stop"
        exit 0
    fi
fi
# What an interrupted demonstration may have left.
stop_all

prepare_machine
trap give_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
mkdir -m 700 -- "$keep" || exit 1
choose_mountpoint
build_programs
start_server
PATH=$build/fs:$PATH
printf '\n$ PATH=%q:%s\n' "$build/fs" "\$PATH"
run ewsfs \
    -o "user=$owner,password_file=$keep/password,state_dir=$keep/state,cache_dir=$keep/cache" \
    "$server_url" "$mountpoint"
tour
trap - EXIT INT TERM HUP
finished
