# SPDX-License-Identifier: GPL-3.0-or-later
"""A day of one mount, with the hours as short as one likes: mail comes, is read, written anew,
moved, flagged and deleted, folders are made and removed, here and by somebody else, with push on
and a cache that holds a part of it. One process lives through all of it. The mailbox has as many
messages at the end of each hour as at its beginning, so whatever grows has no reason to: after each
hour all is flushed and quiet, and it is looked what the process holds.
"""
import collections
import itertools
import os
import random
import statistics
import time

import harness  # noqa: F401 pylint: disable=unused-import
from mounting import message, run, until
from model import Worker
from writing import flush, folder_paths, gist, gists, queue, shown

HOURS = 24
OWN = ['Inbox', 'Work', 'Archive']
LISTS = 'Lists'  # where only others write
EACH = 120
COLUMNS = ['RssAnon KiB', 'descriptors', 'threads', 'index KiB', 'WAL KiB', 'cached',
           'cached KiB', 'state files', 'state KiB']
# How much the last quarter of the day may have above the second: a ratio, and what noise adds. The
# cache is not among them: it is filled until it is tidied, some 1 to 6 MB, and has a bound.
# libfuse has a thread for each of up to ten requests at once, with a buffer that is as large as
# the largest write was that came by it; the index has room for what went in the last two minutes.
BOUNDS = {'RssAnon KiB': (1.1, 2048), 'descriptors': (1.1, 4), 'threads': (1, 10),
          'index KiB': (1.1, 512), 'state files': (1, 4), 'state KiB': (1.1, 256)}
# A file that is used again from its beginning; as long as it was once, and never longer than this.
WAL_KIB_MAX = 80 << 10
CACHE_KIB_MAX = 8 << 10


def field(pid, name):
    with open('/proc/%d/status' % pid, encoding='ascii', errors='replace') as file:
        return int(dict(line.split(':', 1) for line in file)[name].split()[0])


def files_of(directory):
    """(name, KiB) of what is below it."""
    return [(name, os.lstat(os.path.join(where, name)).st_size / 1024)
            for where, _, names in os.walk(directory) for name in names]


class Day:
    """`there` is a fresh mount of `server`, where all folders but the Inbox are missing yet."""

    def __init__(self, server, there, seed):
        self.there = there
        self.rng = random.Random(seed)
        self.server = server
        self.ews = server.somebody()
        self.numbers = itertools.count()
        self.counts = collections.Counter()
        self.samples = []
        # What there is, by folder: gists.
        self.mail = {name: collections.Counter() for name in OWN + [LISTS]}
        self.theirs = collections.deque()
        self.folders = {'Inbox': 'inbox'}
        for name in (*OWN[1:], LISTS):
            self.folders[name] = self.ews.create_folder('msgfolderroot', name)
        for name in self.mail:
            self.arrive(name, EACH)
        there.sync(seconds=60)
        self.worker = Worker(there.path)

    def end(self):
        self.worker.end()

    # Steps

    def text(self):
        number = next(self.numbers)
        size = min(int(self.rng.lognormvariate(8.5, 1.2)), 200000)
        return message('Mail %d' % number, 'word %d\r\n' % number * (size // 10), number=number)

    def arrive(self, name, count):
        for _ in range(0, count, 20):
            data = [self.text() for _ in range(min(count, 20))]
            items = self.ews.create_item(self.folders[name], data)
            self.mail[name].update(map(gist, data))
            if name == LISTS:
                self.theirs.extend(zip(items, map(gist, data)))
            self.counts['arrivals'] += len(data)

    def do(self, *words):
        answer, = self.worker.do([words])
        assert answer == 'done', '%s: %s' % (words[:2], answer)
        self.counts[words[0]] += 1

    def pick(self, name):
        """A message that is read, so that it is known what becomes of it: its path, its gist."""
        path = os.path.join(name, self.rng.choice(self.there.names(name)))
        out = run('cat', self.there.at(path), status=None)
        if 'Stale file handle' in out.err:
            # It changed between the kernel's questions, twice; counted, and bound in the end.
            self.counts['stale'] += 1
            out = run('cat', self.there.at(path))
        assert out.status == 0, str(out)
        what = gist(out.raw)
        assert self.mail[name][what] == 1, '%s in %s' % (what, name)
        self.counts['reads'] += 1
        return path, what

    def move(self, name, to):
        path, what = self.pick(name)
        self.do('rename', path, os.path.join(to, os.path.basename(path)))
        self.mail[name] -= collections.Counter([what])
        self.mail[to][what] += 1

    def delete(self, name):
        path, what = self.pick(name)
        self.do('unlink', path)
        self.mail[name] -= collections.Counter([what])

    def rewrite(self, name):
        path, what = self.pick(name)
        text = self.text().decode()
        self.do(self.rng.choice(['write', 'replace']), path, text)
        self.mail[name] -= collections.Counter([what])
        self.mail[name][gist(text.encode())] += 1

    def exchange(self, name):
        """One more, one less."""
        data = self.text()
        path = 'mine-%d.eml' % next(self.numbers)
        self.do('write', os.path.join(name, path), data.decode())
        self.mail[name][gist(data)] += 1
        self.delete(name)

    def describe(self, name):
        path, _ = self.pick(name)
        self.do('categories', path, self.rng.choice(['Red', 'Blue, Green']))
        path, _ = self.pick(name)
        self.do('touch', path, self.rng.randrange(10**9, 1700000000))

    def project(self):
        """A directory comes and goes, with something in it in between."""
        path = 'Work/Project %d' % next(self.numbers)
        self.do('mkdir', path)
        self.do('write', path + '/plan.eml', self.text().decode())
        if self.rng.random() < 0.5:
            self.do('rename_dir', path, path + ' (old)')
            path += ' (old)'
        self.do('unlink', path + '/plan.eml')
        flush(self.there)
        self.do('rmdir', path)

    def others(self):
        """Somebody else: a message comes and one goes, a folder comes and goes."""
        self.arrive(LISTS, 1)
        item, what = self.theirs.popleft()
        self.ews.delete_item(item)
        self.mail[LISTS] -= collections.Counter([what])
        folder = self.ews.create_folder('inbox', 'Passing %d' % next(self.numbers))
        self.ews.create_item(folder, self.text())
        self.ews.delete_folder(folder)
        self.counts['changes by others'] += 5

    def scan(self, name):
        run('grep', '-rc', 'no such word', self.there.at(name), status=None)
        self.counts['greps'] += 1

    def refresh(self):
        """Somebody may delete a folder between two questions; the next refresh knows."""
        def is_well():
            out = self.there.sync(seconds=60, status=None)
            assert out.status == 0 or 'the folder is gone' in out.err, str(out)
            self.counts['refreshes'] += 1
            return out.status == 0
        until(is_well, 'all to be up to date')

    def reconnect(self):
        self.server.admin('POST', self.rng.choice(['close-streams', 'drop-subscriptions']))
        self.counts['streams ended'] += 1

    def bustle(self):
        """As many messages afterwards as before, in each folder."""
        self.arrive('Inbox', 1)
        self.move('Inbox', 'Work')
        self.move('Work', 'Archive')
        self.delete('Archive')
        name = self.rng.choice(OWN)
        step = self.rng.choice([
            self.rewrite, self.rewrite, self.exchange, self.describe, self.scan])
        step(name)
        rare = self.rng.choice([self.project, self.others, self.others, self.refresh,
                                self.reconnect, lambda: self.scan(LISTS), lambda: None])
        rare()

    def empty_trash(self):
        run('sh', '-c', 'rm -rf "$1"/*', 'sh', self.there.at('Deleted Items'))

    # Hours

    def sample(self):
        pid, there = self.there.pid, self.there
        index, wal = (sum(kib for name, kib in files_of(there.state) if name == wanted)
                      for wanted in ('index.db', 'index.db-wal'))
        cached = [kib for _, kib in files_of(there.cache)]
        rest = [kib for name, kib in files_of(there.state) if not name.startswith('index.db')]
        return dict(zip(COLUMNS, (
            field(pid, 'RssAnon'), len(os.listdir('/proc/%d/fd' % pid)), field(pid, 'Threads'),
            index, wal, len(cached), sum(cached), len(rest), sum(rest))))

    def hour(self, seconds):
        end = time.monotonic() + seconds
        while True:
            self.bustle()
            if time.monotonic() >= end:
                break
        flush(self.there, seconds=60)
        self.empty_trash()
        flush(self.there, seconds=60)
        self.refresh()
        self.there.wait_idle()
        self.samples.append(self.sample())

    def table(self):
        lines = ['hour ' + ' '.join('%12s' % name for name in COLUMNS)]
        lines += ['%4d ' % hour + ' '.join('%12d' % row[name] for name in COLUMNS)
                  for hour, row in enumerate(self.samples)]
        if len(self.samples) < 4:
            return '\n'.join(lines)
        second, last = self.quarters()
        lines += ['%s ' % name + ' '.join('%12d' % row[column] for column in COLUMNS)
                  for name, row in ((' 2/4', second), (' 4/4', last))]
        return '\n'.join(lines + ['%8d %s' % (count, what)
                                  for what, count in sorted(self.counts.items())])

    def quarters(self):
        """Medians of the second quarter, and of the last one."""
        quarter = len(self.samples) // 4
        return [{name: statistics.median(row[name] for row in rows) for name in COLUMNS}
                for rows in (self.samples[quarter:2 * quarter], self.samples[-quarter:])]

    def grown(self, ignored=()):
        """{what: (before, after)} of what is beyond its bound."""
        second, last = self.quarters()
        found = {name: (second[name], last[name]) for name, (ratio, noise) in BOUNDS.items()
                 if name not in ignored and last[name] > second[name] * ratio + noise}
        if self.counts['stale'] > 1 + self.counts['reads'] // 500:
            found['stale'] = (self.counts['reads'], self.counts['stale'])
        for name, most in (('WAL KiB', WAL_KIB_MAX), ('cached KiB', CACHE_KIB_MAX)):
            if max(row[name] for row in self.samples) > most:
                found[name] = (most, max(row[name] for row in self.samples))
        return found

    def check_content(self):
        """Nothing waits; mount and server have what there should be."""
        assert [entry for entry in queue(self.there) if entry['state'] != 'scratch'] == []
        for name, wanted in self.mail.items():
            assert gists(self.ews, name if name != 'Inbox' else 'inbox') == sorted(
                wanted.elements()), name
            assert sorted(shown(self.there, name).values()) == sorted(wanted.elements()), name
        folders = {path for path in folder_paths(self.ews) if not path.startswith('Deleted')}
        until(lambda: self.directories() == folders, 'the same folders')

    def directories(self):
        found = run('find', '.', '-mindepth', '1', '-type', 'd', '!', '-path', './.ewsfs*',
                    '!', '-path', './Deleted*', cwd=self.there.path)
        return {path[2:] for path in found.out.splitlines()}
