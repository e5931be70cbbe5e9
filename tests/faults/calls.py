#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a program does in a mount, as JSON lines: the call, its errno or "done", and how long it
took. A process of its own, as whatever touches a mount. Standard input holds a list of
[name, argument…]; the calls are done one after the other."""
import errno
import hashlib
import json
import os
import sys
import time


def read(path):
    with open(path, 'rb', buffering=0) as file:
        while file.read(1 << 20):
            pass


def write(path, text):
    with open(path, 'wb', buffering=0) as file:
        file.write(text.encode())


def fsync(path):
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def walk(top):
    """As ls -lR: every directory, every entry's attributes. One that somebody else removes
    meanwhile is passed over, if it is gone as a whole."""
    for entry in list(os.scandir(top)):
        if not entry.is_dir(follow_symlinks=False):
            os.lstat(entry.path)
            continue
        try:
            walk(entry.path)
        except FileNotFoundError:
            if os.path.lexists(entry.path):
                raise


def set_attribute(path, name, value):
    os.setxattr(path, 'user.ewsfs.' + name, value.encode())


def picture(top):
    """{path: what a person sees of it}; a directory is an empty list."""
    found = {}
    for where, folders, files in os.walk(top, onerror=fail):
        for name in folders:
            found[os.path.relpath(os.path.join(where, name), top)] = []
        for name in files:
            path = os.path.join(where, name)
            with open(path, 'rb', buffering=0) as file:
                data = file.readall()
            shown = [os.getxattr(path, 'user.ewsfs.' + key).decode()
                     for key in ('is_read', 'importance', 'flag')]
            try:
                shown.append(os.getxattr(path, 'user.ewsfs.categories').decode())
            except OSError:
                shown.append('')
            found[os.path.relpath(path, top)] = shown + [
                len(data), os.stat(path).st_size, hashlib.sha256(data).hexdigest()[:16]]
    return found


def fail(error):
    raise error


def search(path, count):
    """Some of what is found, as if it were all, is worse than an error."""
    found = os.listdir(path)
    if len(found) != count:
        raise OSError(errno.ENODATA, '%d found' % len(found))


CALLS = {'read': read, 'search': search, 'write': write, 'fsync': fsync, 'walk': walk,
         'mkdir': os.mkdir, 'rmdir': os.rmdir, 'rename': os.rename, 'unlink': os.unlink,
         'set': set_attribute, 'list': os.listdir, 'stat': os.lstat}


def main():
    if sys.argv[1:2] == ['picture']:
        print(json.dumps(picture(sys.argv[2])))
        return
    for name, *words in json.load(sys.stdin):
        begin = time.monotonic()
        try:
            CALLS[name](*words)
            what = 'done'
        except OSError as error:
            what = errno.errorcode[error.errno]
        print(json.dumps([name, what, time.monotonic() - begin]), flush=True)


main()
