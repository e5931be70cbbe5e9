# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds a directory anew as a power cut would leave it, from the picture that powercut.c kept.

Run as a program it tries itself on a small database: `powercut.py LIBRARY`.
"""
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import uuid


class Disk:
    """A directory whose unsynced writes can be taken away."""

    def __init__(self, path, library):
        self.path = os.path.realpath(path)
        self.shadow = self.path + '.shadow'
        self.boot_id = self.path + '.boot-id'
        self.library = library
        self.boot()

    def boot(self):
        with open(self.boot_id, 'w', encoding='ascii') as file:
            file.write(str(uuid.uuid4()) + '\n')

    def env(self):
        """For the program that is to lose power."""
        return {'LD_PRELOAD': self.library, 'EWSFS_TEST_DISK': self.path,
                'EWSFS_TEST_SHADOW': self.shadow, 'EWSFS_TEST_BOOT_ID': self.boot_id}

    def durable(self):
        """{path below the disk: file with its bytes, or None for an empty one}"""
        names = os.path.join(self.shadow, 'names')
        found = {}
        for flat in os.listdir(names) if os.path.isdir(names) else ():
            if flat == '.temp':
                continue
            data = os.path.join(self.shadow, 'data', os.readlink(os.path.join(names, flat)))
            found[flat.replace('%', '/')] = data if os.path.exists(data) else None
        return found

    def live(self):
        return {os.path.relpath(os.path.join(where, name), self.path): os.path.join(where, name)
                for where, _, names in os.walk(self.path) for name in names}

    def cut(self, rng=None):
        """After the program was killed. With `rng`, each file may also be as it was last written:
        a disk writes when it likes."""
        after = tempfile.mkdtemp(dir=os.path.dirname(self.path))
        durable, live = self.durable(), self.live()
        for path in sorted(set(durable) | set(live)):
            is_lucky = rng is not None and rng.random() < 0.5
            source = live.get(path) if is_lucky else durable.get(path)
            # What memory shares is made anew; sockets and locks hold nothing.
            if path.endswith('-shm') or not (path in durable or is_lucky):
                continue
            if source is None and is_lucky:
                continue
            target = os.path.join(after, path)
            os.makedirs(os.path.dirname(target), mode=0o700, exist_ok=True)
            if source is None:
                with open(target, 'wb'):
                    pass
            elif os.path.isfile(source):
                shutil.copyfile(source, target)
        for where, names, _ in os.walk(self.path):
            for name in names:
                os.makedirs(os.path.join(after, os.path.relpath(where, self.path), name),
                            mode=0o700, exist_ok=True)
        shutil.rmtree(self.path)
        shutil.rmtree(self.shadow, ignore_errors=True)
        os.rename(after, self.path)
        self.settle()
        self.boot()

    def settle(self):
        """After the cut all that is there is on the disk: it is the next picture's beginning."""
        subprocess.run([sys.executable, __file__, '--sync', self.path], check=True,
                       env=dict(os.environ, **self.env()))


def sync_all(top):
    for where, _, names in os.walk(top):
        for path in [os.path.join(where, name) for name in names] + [where]:
            if os.path.isfile(path) or os.path.isdir(path):
                fd = os.open(path, os.O_RDONLY)
                os.fsync(fd)
                os.close(fd)


SELF_TEST = '''
import os, sqlite3, sys, signal
top = sys.argv[1]
db = sqlite3.connect(top + "/a.db", isolation_level=None)
db.execute("PRAGMA journal_mode=WAL")
db.execute("PRAGMA synchronous=FULL")
db.execute("CREATE TABLE t (n)")
db.execute("INSERT INTO t VALUES (1)")
db.execute("PRAGMA synchronous=NORMAL")
db.execute("INSERT INTO t VALUES (2)")
for name, is_safe in (("safe", True), ("lost", False), ("gone", True)):
    fd = os.open(top + "/" + name, os.O_WRONLY | os.O_CREAT, 0o600)
    os.write(fd, b"bytes")
    if is_safe: os.fsync(fd)
    os.write(fd, b"more")
os.unlink(top + "/gone")
print(open("/proc/sys/kernel/random/boot_id").read() == open(sys.argv[2]).read(), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
'''


def self_test(library):
    with tempfile.TemporaryDirectory() as top:
        path = os.path.join(top, 'disk')
        os.mkdir(path)
        disk = Disk(path, os.path.realpath(library))
        out = subprocess.run([sys.executable, '-c', SELF_TEST, path, disk.boot_id], check=False,
                             env=dict(os.environ, **disk.env()), capture_output=True)
        assert out.returncode == -9, out
        disk.cut()
        assert sorted(os.listdir(path)) == ['a.db', 'a.db-wal', 'gone', 'safe'], os.listdir(path)
        with open(os.path.join(path, 'safe'), 'rb') as file:
            assert file.read() == b'bytes'
        rows = sqlite3.connect(os.path.join(path, 'a.db')).execute('SELECT n FROM t').fetchall()
        assert rows == [(1,)], rows
        disk.cut(random.Random(1))
        assert 'safe' in os.listdir(path)


if __name__ == '__main__':
    if sys.argv[1] == '--sync':
        sync_all(sys.argv[2])
    else:
        self_test(sys.argv[1])
