# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2034
#
# What the scripts beside this one need from Debian, and how it gets there. Sourced, not run.
#
# Nothing is touched when everything is there already: no apt-get update, no sudo, so that a second
# run is quick and works offline. On a system without dpkg the names below cannot be checked; the
# caller goes on and meson says what is missing.

# What the program is built from.
packages_build=(
    meson ninja-build pkg-config gcc libc6-dev libfuse3-dev fuse3 libcurl4-openssl-dev libssl-dev
    libxml2-dev libglib2.0-dev libsqlite3-dev libjson-glib-dev libgmime-3.0-dev scdoc python3
)

# What the keyring takes; without it there is none.
packages_keyring=(libsecret-1-dev)

# What the test server adds.
packages_server=(libsoup-3.0-dev)

# What the demonstration shows.
packages_demo=(rsync attr)

# What the tests add.
packages_tests=(
    clang libclang-rt-14-dev clang-format libxml2-utils python3-pytest rsync attr openssl git procps
    util-linux-extra
)

# Programs that some tests drive where they are there. Without them those tests are skipped.
packages_extra=(
    notmuch mutt neomutt maildir-utils mblaze isync dovecot-core davmail-server strace llvm vim-tiny
    emacs-nox restic borgbackup git-email
    khal khard vdirsyncer python3-icalendar python3-vobject
    gnome-keyring libsecret-tools dbus-daemon
    krb5-kdc krb5-admin-server krb5-user apache2-bin libapache2-mod-auth-gssapi curl
)

packages_say()
{
    printf '%s: %s\n' "${0##*/}" "$*"
}

# packages_missing NAME...: prints those that are not installed, one a line.
packages_missing()
{
    local name

    for name; do
        case $(dpkg-query -W -f '${db:Status-Abbrev}' "$name" 2>/dev/null) in
            ii*|hi*) ;;
            *) printf '%s\n' "$name" ;;
        esac
    done
}

# packages_apt ARGUMENT...: apt-get as root, without questions, waiting for another apt to finish.
packages_apt()
{
    local as_root=()

    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null; then
            packages_say "not root and no sudo here: cannot run apt-get $*" >&2
            return 1
        fi
        as_root=(sudo)
    fi
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" </dev/null
}

# packages_need NAME...: installs what is missing; fails with the names that did not come.
packages_need()
{
    local missing

    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        packages_say "no apt-get here; the equivalents of these are needed: $*"
        return 0
    fi
    mapfile -t missing < <(packages_missing "$@")
    [ ${#missing[@]} -gt 0 ] || return 0
    packages_say "installing: ${missing[*]}"
    if ! packages_apt update || ! packages_apt install --no-install-recommends "${missing[@]}"; then
        packages_say "could not install: $(packages_missing "$@" | tr '\n' ' ')" >&2
        return 1
    fi
}

# packages_want NAME...: as packages_need, one by one, and what does not come is only reported.
packages_want()
{
    local missing name

    command -v dpkg-query >/dev/null && command -v apt-get >/dev/null || return 0
    mapfile -t missing < <(packages_missing "$@")
    for name in "${missing[@]}"; do
        packages_say "installing, if it can be had: $name"
        packages_apt install --no-install-recommends "$name" ||
            packages_say "no $name: the tests that use it will be skipped"
    done
}
