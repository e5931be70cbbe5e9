# SPDX-License-Identifier: GPL-3.0-or-later
"""One cell of the matrix: an activity while a fault lasts, with a server, a network and a mount of
its own. In the end the server must hold what a run without the fault leaves there, and the mount
must show what a mount that never met a fault shows.
"""
import contextlib
import json
import os
import re
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'mount'))

# pylint: disable=wrong-import-position
from mounting import PATIENCE, TOOL_S, Mount, Server, message, program, run, until  # noqa: E402
from writing import SETTLE_S, mailbox, queue  # noqa: E402
from activities import CLASSES, RECOVERY_S  # noqa: E402
from wire import Wire  # noqa: E402

TIMEOUT_S = 3
# The longest that a call may take: timeout= three times over, since a request that broke is asked
# once more, and a batch that was silent once more in halves.
CALL_S = 3 * TIMEOUT_S
# How long a fault lasts at least: until what was asked for has met it.
LASTS_S = 2
# Requests in a cell, beyond which somebody storms the server.
STORM, STORM_PER_S = 25, 8
FIELDS = ('gist', 'read', 'draft', 'categories', 'importance', 'flag', 'class', 'name')
LETTERS = re.compile(r'\.[0-9a-z]{10}\.(?=eml")')
HOST = 'mail.ewsfs.test'


class Wrong(Exception):
    """What a cell did that it should not."""


def claim(is_true, words):
    if not is_true:
        raise Wrong(words)


class Kit:
    """What all cells share."""

    def __init__(self, directory, certificates, large, nodns=None):
        self.directory = directory
        self.certificates = certificates
        self.large = large
        self.nodns = nodns
        self.lock = threading.Lock()
        self.locks = {}
        self.known = {}

    def expected(self, activity, meanwhile):
        """The mailbox after the same without a fault; found out once."""
        key = (activity, meanwhile)
        with self.lock:
            lock = self.locks.setdefault(key, threading.Lock())
        with lock:
            if key not in self.known:
                cell = Cell(self, None, activity, meanwhile)
                try:
                    cell.perform()
                    self.known[key] = cell.state()
                finally:
                    problems = cell.close()
                claim(not problems, '\n'.join(problems))
            return self.known[key]


class Cell:
    def __init__(self, kit, row, activity, meanwhile=None):
        self.kit = kit
        self.row = row
        self.name = '%s × %s' % (row.name if row else 'no fault', activity)
        self.meanwhile = row.meanwhile if row else meanwhile
        self.how = row.how if row else ''
        self.deadline = CALL_S * PATIENCE + 2
        self.begun = 0
        self.met = 0
        self.slowest = 0
        self.requests = 0
        self.says = []
        self.server = Server()
        self.server.is_written = True
        self.activity = CLASSES[activity](self)
        self.server.mails = self.activity.mails
        self.ews = self.server.somebody()
        self.fill(activity)
        is_tls = self.how in ('wire:no-tls', 'wire:expired')
        self.wire = Wire(self.server.port, kit.certificates if is_tls else None)
        self.there = self.new_mount(is_tls)

    def new_mount(self, is_tls):
        scheme = 'https' if is_tls else 'http'
        options = {'cacert': self.kit.certificates.authority} if is_tls else {}
        host = '127.0.0.1'
        if self.how == 'dns':
            host = HOST
            options['insecure_http'] = True
        there = Mount('%s://%s:%d/EWS/Exchange.asmx' % (scheme, host, self.wire.port), **dict(
            {'timeout': TIMEOUT_S, 'settle': SETTLE_S, 'prefetch': 'off', 'refresh': 600,
             'flush_timeout': CALL_S}, **options, **self.activity.options))
        self.unknown = os.path.join(there.dir, 'nodns')
        if self.how == 'dns':
            there.env = {'LD_PRELOAD': self.kit.nodns, 'EWSFS_TEST_NODNS': self.unknown}
        return there

    def fill(self, activity):
        ews = self.ews
        inbox = ews.get_folder('inbox')
        self.folders = {name: ews.create_folder(inbox, name) for name in ('Sub', 'Empty', 'Doomed')}
        subjects = ['Mail %d' % number for number in range(8)] + ['Spare']
        made = ews.create_item(inbox, [message(subject) for subject in subjects],
                               received='2026-01-02T03:04:05Z')
        self.items = dict(zip(subjects, made))
        ews.create_item(self.folders['Sub'], message('Below'))
        ews.create_item(self.folders['Doomed'], message('Lost'))
        ews.create_item('drafts', message('Draft'), draft=True)
        if activity == 'read large':
            with open(self.kit.large, 'rb') as file:
                ews.create_item(inbox, file.read())

    # The course

    def run(self):
        """Raises Wrong; returns how often the fault was met."""
        expected = self.kit.expected(type_name(self.activity), self.meanwhile)
        self.perform()
        state = self.state()
        claim(state == expected, 'the server ends with\n%s\ninstead of\n%s' % (
            only_in(state, expected), only_in(expected, state)))
        return self.met

    def perform(self):
        self.activity.prepare()
        if self.there.pid:
            self.names = self.known_names()
        self.activity.before()
        self.somebody_meanwhile()
        self.begin()
        try:
            self.activity.act()
            left = self.begun + LASTS_S - time.monotonic()
            if self.row and left > 0:
                time.sleep(left)
            self.check_alive()
        finally:
            self.end()
        self.check_storm()
        self.activity.afterwards()
        self.somebody_afterwards()
        self.recover()
        self.check_same()
        self.check_end()

    def known_names(self):
        """{subject: path}; without a stat, which would fetch what is to be read later."""
        found = {'Draft': self.there.paths('Drafts')[0]}
        for path in self.there.paths('Inbox'):
            for subject in list(self.items) + ['Large']:
                if '_%s.' % subject.replace(' ', '-') in path:
                    found[subject] = path
        return found

    def somebody_meanwhile(self):
        if self.meanwhile == 'delete folder':
            self.ews.delete_folder(self.folders['Doomed'])
        elif self.meanwhile == 'flip read flags':
            for subject in ('Mail 0', 'Mail 3', 'Mail 7'):
                self.ews.update_item(self.items[subject].id, read=False)

    def somebody_afterwards(self):
        if self.meanwhile == 'mend':
            # What could not be had is asked for again when it changed.
            # Of what is overwritten both would be kept.
            folders = ['inbox', self.folders['Sub'], self.folders['Doomed']]
            if type_name(self.activity) != 'overwrite':
                folders.append('drafts')
            for folder in folders:
                for item in self.ews.find_item(folder):
                    # It may be on its way elsewhere, and is another item then.
                    self.ews.update_item(item.id, importance='High', check=False)

    # The fault

    def begin(self):
        self.server.mark('fault')
        self.accepted = self.wire.accepted
        self.begun = time.monotonic()
        how, _, what = self.how.partition(':')
        if how == 'wire':
            self.wire.trouble(what)
        elif how == 'dns':
            with open(self.unknown, 'w', encoding='ascii'):
                pass
            self.wire.break_all()
        elif how == 'admin':
            self.met += self.streams()
            self.server.admin('POST', what, 'on')
        else:
            for spec in self.how.split(' & ') if self.how else ():
                self.server.fault(spec)

    def end(self):
        how, _, what = self.how.partition(':')
        self.lasted = time.monotonic() - self.begun
        self.met += self.wire.met + (self.how in ('wire:refuse', 'dns'))
        if self.meanwhile and how not in ('wire', 'dns', 'admin') and self.there.pid:
            self.there.sync(status=None)
        if how == 'wire':
            self.wire.mend()
        elif how == 'dns':
            with contextlib.suppress(OSError):
                os.unlink(self.unknown)
        elif how == 'admin':
            if what == 'silence':
                self.server.admin('POST', what, 'off')
        else:
            self.met += json.loads(self.server.admin('DELETE', 'fault'))['fired']

    def streams(self):
        return json.loads(self.server.admin('GET', 'stats'))['streams']

    # What is demanded

    def call(self, *calls, waits=None):
        """Does calls in the mount; each must end in time, with an errno that it may have."""
        may_wait = self.activity.waits if waits is None else waits
        out = run(sys.executable, os.path.join(HERE, 'calls.py'), cwd=self.there.path,
                  stdin=json.dumps(calls).encode(), seconds=TOOL_S + len(calls) * self.deadline)
        for line in out.out.splitlines():
            name, said, took = json.loads(line)
            self.slowest = max(self.slowest, took)
            self.says.append((name, said, round(took, 1)))
            claim(took < self.deadline, '%s took %.1f s' % (name, took))
            is_allowed = said == 'done' or (
                self.row and name in may_wait and said in (*self.row.reads, *self.activity.says))
            claim(is_allowed, '%s says %s' % (name, said))

    def check_alive(self):
        """What is known is shown at once, whatever the server does."""
        if not self.there.pid or self.there.process.poll() is not None:
            return
        begin = time.monotonic()
        self.there.status()
        self.there.names()
        claim(time.monotonic() - begin < 2 * PATIENCE, 'what is known is not shown at once')

    def check_storm(self):
        asked = len(self.server.log('fault'))
        self.requests = max(asked, self.wire.accepted - self.accepted)
        limit = STORM + STORM_PER_S * self.lasted + self.activity.requests
        claim(not self.row or self.requests <= limit,
              '%d requests in %.1f s' % (self.requests, self.lasted))

    def ctl(self, *words, seconds=RECOVERY_S, status=0):
        return run(program('ewsfsctl'), words[0], *words[1:], self.there.path, status=status,
                   seconds=seconds * PATIENCE + 5)

    def drain(self):
        if self.meanwhile == 'make room':
            for path in self.there.paths('Inbox'):
                if '_Spare.' in path:
                    run('rm', '-f', self.there.at(path))
        if self.row and self.row.change == 'refused' and queue(self.there, 'failed'):
            run(program('ewsfsctl'), 'retry', '--all', cwd=self.there.path, status=None)
        out = self.ctl('flush', '--timeout=%d' % (RECOVERY_S * PATIENCE), status=None)
        if out.status != 0 and self.activity.decide():
            out = self.ctl('flush', '--timeout=%d' % (RECOVERY_S * PATIENCE), status=None)
        claim(out.status == 0, 'does not drain: %s\n%s' % (queue(self.there), out))

    def recover(self):
        if self.there.process is None or self.there.process.poll() is not None:
            self.there.start()
        self.drain()
        until(lambda: self.there.sync(status=None, seconds=RECOVERY_S).status == 0, 'a refresh')
        if self.meanwhile == 'mend':
            self.somebody_afterwards()
            self.there.sync()
        if self.row and self.row.change == 'refused':
            self.activity.again()
            self.drain()
            self.there.sync()
        if self.row is None:
            self.activity.again()
            self.drain()
        if self.meanwhile == 'flip read flags':
            # Counts are compared by the refresh after the one that listed.
            self.there.sync()
        claim(not self.waiting(), 'left in the queue: %s' % queue(self.there))

    def waiting(self):
        return [entry for entry in queue(self.there) if entry['state'] != 'scratch']

    def picture(self, there):
        return json.loads(run(sys.executable, os.path.join(HERE, 'calls.py'), 'picture', there.path,
                              seconds=TOOL_S + RECOVERY_S).out)

    def check_same(self):
        """Names, bytes, flags, folders: as a mount has them that starts from nothing."""
        ours = self.picture(self.there)
        other = Mount(self.server.url, 'secret', timeout=30, prefetch='off', ro=True)
        try:
            other.start()
            theirs = self.picture(other)
        finally:
            problems = other.finish()
            other.remove()
        claim(not problems, 'the other mount: %s' % problems)
        claim(ours == theirs, 'the tree is not the server\'s: %s' % {
            path: (ours.get(path), theirs.get(path)) for path in sorted(set(ours) | set(theirs))
            if ours.get(path) != theirs.get(path)})

    def check_end(self):
        claim(self.there.status()['waiting'] == 0, 'somebody still waits')
        self.there.unmount()

    def state(self):
        # What is mended gets another importance, and when that is depends on the fault.
        found = mailbox(self.ews, *[name for name in FIELDS
                                    if self.meanwhile != 'mend' or name != 'importance'])
        return {path: sorted(LETTERS.sub('.letters.', item) for item in items)
                for path, items in found.items()}

    def close(self):
        problems = self.there.finish()
        self.wire.close()
        problems += self.server.finish()
        self.there.remove()
        self.server.remove()
        return problems

    def story(self):
        return '%s\n%s\n%s' % (self.says, '\n'.join(self.there.log().splitlines()[-80:]),
                               self.server.story(40))


def type_name(activity):
    return next(name for name, kind in CLASSES.items() if isinstance(activity, kind)
                and kind is type(activity))


def only_in(one, other):
    return {path: [item for item in items if items.count(item) > other.get(path, []).count(item)]
            for path, items in one.items() if items != other.get(path)}


def try_cell(kit, row, activity):
    """(what was wrong or None, the Cell)"""
    cell = Cell(kit, row, activity)
    wrong = None
    try:
        cell.run()
    except Exception as error:  # pylint: disable=broad-exception-caught
        wrong = '%s: %s: %s\n%s' % (cell.name, type(error).__name__, error, cell.story())
        with contextlib.suppress(Exception):
            cell.end()
        with contextlib.suppress(Exception):
            cell.there.abort()
        with contextlib.suppress(Exception):
            cell.close()
        return wrong, cell
    problems = cell.close()
    if problems:
        wrong = '%s: %s' % (cell.name, '\n'.join(problems))
    return wrong, cell
