#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a program sees of a tree, as JSON. A process of its own, so that a test whose mount hangs is
ended by a timeout and never hangs itself.

  tree DIR        every entry below DIR with its attributes, in the order of readdir
  stat PATH...    attributes, or the errno
  read            for each path on stdin: length, SHA-256 and fstat size, or the errno
  hold PATH       opens, then obeys lines on stdin: "read", "stat", "close"
  alarm PATH      stat while a handled SIGALRM comes again and again
  try WHAT PATH   one system call that changes things, and its errno
  xattr PATH      names and values of extended attributes
"""
import errno
import hashlib
import json
import os
import signal
import sys

BLOCK = 1 << 20


def attributes(info):
    return {'ino': info.st_ino, 'mode': info.st_mode, 'nlink': info.st_nlink,
            'size': info.st_size, 'blocks': info.st_blocks, 'uid': info.st_uid,
            'gid': info.st_gid, 'mtime': info.st_mtime_ns, 'ctime': info.st_ctime_ns}


def name_of(error):
    # One number, two names.
    return 'EOPNOTSUPP' if error.errno == errno.EOPNOTSUPP else errno.errorcode[error.errno]


def failed(error):
    return {'errno': name_of(error)}


def say(value):
    print(json.dumps(value), flush=True)


def entries(top, relative):
    with os.scandir(os.path.join(top, relative)) as found:
        listed = [(entry.name, entry.inode()) for entry in found]
    for name, inode in listed:
        path = os.path.join(relative, name)
        info = os.lstat(os.path.join(top, path))
        yield dict(attributes(info), path=path, d_ino=inode)
        if info.st_mode & 0o170000 == 0o040000:
            yield from entries(top, path)


def tree(top):
    say([dict(attributes(os.lstat(top)), path='', d_ino=None)] + list(entries(top, '')))


def stat(paths):
    answers = []
    for path in paths:
        try:
            answers.append(attributes(os.lstat(path)))
        except OSError as error:
            answers.append(failed(error))
    say(answers)


def content(fd):
    digest = hashlib.sha256()
    length = 0
    while True:
        data = os.pread(fd, BLOCK, length)
        if not data:
            return {'length': length, 'sha256': digest.hexdigest(), 'size': os.fstat(fd).st_size}
        length += len(data)
        digest.update(data)


def read_one(path):
    try:
        fd = os.open(path, os.O_RDONLY)
    except OSError as error:
        return dict(failed(error), call='open')
    try:
        return content(fd)
    except OSError as error:
        return dict(failed(error), call='read')
    finally:
        os.close(fd)


def read():
    say([read_one(path) for path in json.load(sys.stdin)])


def hold(path):
    fd = os.open(path, os.O_RDONLY)
    say('open')
    for line in sys.stdin:
        word = line.strip()
        try:
            if word == 'read':
                say(content(fd))
            elif word == 'stat':
                say(attributes(os.fstat(fd)))
            else:
                os.close(fd)
                say('closed')
                return
        except OSError as error:
            say(failed(error))


def alarm(path):
    count = 0

    def ring(*_):
        nonlocal count
        count += 1

    signal.signal(signal.SIGALRM, ring)
    signal.siginterrupt(signal.SIGALRM, True)
    signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)
    try:
        answer = attributes(os.lstat(path))
    except OSError as error:
        answer = failed(error)
    signal.setitimer(signal.ITIMER_REAL, 0)
    say(dict(answer, alarms=count))


def write_to(path):
    os.close(os.open(path, os.O_WRONLY))


CHANGES = {
    'create': lambda path: os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)),
    'write': write_to,
    'append': lambda path: os.close(os.open(path, os.O_RDWR | os.O_APPEND)),
    'truncate': lambda path: os.truncate(path, 0),
    'unlink': os.unlink,
    'mkdir': os.mkdir,
    'rmdir': os.rmdir,
    'rename': lambda path: os.rename(path, path + '.other'),
    'link': lambda path: os.link(path, path + '.link'),
    'symlink': lambda path: os.symlink('x', path),
    'mkfifo': os.mkfifo,
    'utime': lambda path: os.utime(path, (1, 1)),
    'chmod': lambda path: os.chmod(path, 0o444),
    'chown': lambda path: os.chown(path, 12345, 12345),
    'setxattr': lambda path: os.setxattr(path, 'user.ewsfs.subject', b'x'),
    'setother': lambda path: os.setxattr(path, 'user.other', b'x'),
    'removexattr': lambda path: os.removexattr(path, 'user.ewsfs.subject'),
    'getother': lambda path: os.getxattr(path, 'user.other'),
    'getunknown': lambda path: os.getxattr(path, 'user.ewsfs.unknown'),
    'getforeign': lambda path: os.getxattr(path, 'trusted.other'),
    'getsecurity': lambda path: os.getxattr(path, 'security.capability'),
    'list': os.listdir,
}


def attempt(words):
    answers = []
    for what, path in zip(words[::2], words[1::2]):
        try:
            CHANGES[what](path)
            answers.append('done')
        except OSError as error:
            answers.append(name_of(error))
    say(answers)


def xattr(path):
    say({name: os.getxattr(path, name).decode('utf-8', 'replace') for name in os.listxattr(path)})


def main(what, *words):
    if what == 'tree':
        tree(words[0])
    elif what == 'stat':
        stat(words)
    elif what == 'read':
        read()
    elif what == 'hold':
        hold(words[0])
    elif what == 'alarm':
        alarm(words[0])
    elif what == 'try':
        attempt(words)
    elif what == 'xattr':
        xattr(words[0])


if __name__ == '__main__':
    main(*sys.argv[1:])
