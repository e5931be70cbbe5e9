#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person does in a mount all day, call by call, for so many seconds. A process of its own,
as whatever touches a mount. Prints as JSON how many calls there were, the slowest ones, every
name that was listed, and the errors.

    person.py DIRECTORY SECONDS SEED
"""
import json
import os
import random
import sys
import time

MESSAGE = b'From: a@example.org\nSubject: new\nDate: Sun, 22 Nov 2026 10:00:00 +0000\n\nText.\n'
SLOWEST = 5
QUERIES = ['Subject', 'from:a@example.org', 'a OR NOT b', 'received:2026-11', 'hasattachment:true']
SHOWN_MAX = 20 # of what a view lists


class Person:
    def __init__(self, top, seconds, seed):
        self.top = top
        self.end = time.monotonic() + seconds
        self.rng = random.Random(seed)
        self.count = 0
        self.slow = []
        self.names = set()
        self.folders = [top]
        self.files = []
        self.errors = {}

    def is_over(self):
        return time.monotonic() > self.end

    def call(self, function, *words):
        """Any outcome is good, as long as there is one; None after an error."""
        begin = time.monotonic()
        try:
            return function(*words)
        except OSError as error:
            name = os.strerror(error.errno) if error.errno else str(error)
            self.errors[name] = self.errors.get(name, 0) + 1
            return None
        finally:
            self.count += 1
            self.slow.append((time.monotonic() - begin, function.__name__,
                              str(words[0])[:200] if words else ''))
            self.slow = sorted(self.slow, reverse=True)[:SLOWEST]

    # The calls

    def open_all(self, path):
        with open(path, 'rb', buffering=0) as file:
            for _ in range(200):
                if not file.read(1 << 20):
                    break

    def make(self, path):
        with open(path, 'wb', buffering=0) as file:
            file.write(MESSAGE)

    def sync(self, path):
        fd = os.open(path, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    # The day

    def walk(self):
        """Every directory, and the attributes of every entry."""
        found, self.files = [self.top], []
        while found and not self.is_over():
            folder = found.pop()
            for name in self.call(os.listdir, folder) or ():
                self.names.add(name)
                path = os.path.join(folder, name)
                attributes = self.call(os.lstat, path)
                if self.is_over():
                    return
                if attributes is None:
                    continue
                is_folder = attributes.st_mode & 0o170000 == 0o040000
                (found if is_folder else self.files).append(path)
                if is_folder and len(self.folders) < 1000:
                    self.folders.append(path)

    def work(self):
        rng = self.rng
        if self.files:
            path = rng.choice(self.files)
            self.call(self.open_all, path)
            self.call(os.listxattr, path)
            self.call(os.setxattr, rng.choice(self.files), 'user.ewsfs.is_read', b'1')
            self.call(os.rename, rng.choice(self.files),
                      os.path.join(rng.choice(self.folders), 'moved%d.eml' % self.count))
            self.call(os.unlink, rng.choice(self.files))
        folder = rng.choice(self.folders)
        self.call(self.make, os.path.join(folder, 'new%d.eml' % self.count))
        self.call(os.mkdir, os.path.join(folder, 'folder%d' % self.count))
        self.call(self.sync, folder)
        self.call(os.statvfs, self.top)
        self.call(self.open_all, os.path.join(self.top, '.ewsfs', 'status'))

    def search(self):
        top = os.path.join(self.top, '.search', self.rng.choice(QUERIES))
        names = self.call(os.listdir, top) or []
        self.names.update(names)
        for name in names[:SHOWN_MAX]:
            self.call(os.readlink, os.path.join(top, name))
            self.call(os.stat, os.path.join(top, name))

    def look_into(self):
        """A message as text, and its parts."""
        if not self.files:
            return
        path = os.path.relpath(self.rng.choice(self.files), self.top).removesuffix('.eml')
        self.call(self.open_all, os.path.join(self.top, '.text', path + '.txt'))
        found = [os.path.join(self.top, '.parts', path)]
        for _ in range(SHOWN_MAX):
            if not found or self.is_over():
                return
            top = found.pop()
            names = self.call(os.listdir, top) or []
            self.names.update(names)
            for name in names[:SHOWN_MAX]:
                part = os.path.join(top, name)
                attributes = self.call(os.lstat, part)
                if attributes is not None and attributes.st_mode & 0o170000 == 0o040000:
                    found.append(part)
                elif attributes is not None:
                    self.call(self.open_all, part)

    def live(self):
        while not self.is_over():
            self.walk()
            for _ in range(3):
                self.work()
                self.search()
                self.look_into()


def main():
    person = Person(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]))
    person.live()
    print(json.dumps({'calls': person.count, 'slow': person.slow, 'names': sorted(person.names),
                      'errors': person.errors}, ensure_ascii=True))


if __name__ == '__main__':
    main()
