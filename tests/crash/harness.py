# SPDX-License-Identifier: GPL-3.0-or-later
"""Running a scenario through trouble, and what must be the same in the end.

A scenario is a list of steps, each done by a program and each telling afterwards whether its effect
is there. Whoever is in the middle of one when ewsfs dies looks after the restart, and does again
what is not there: as a person would, or a script that is run again. In the end everything is
flushed, and the server and the disk must be as after a run without trouble.
"""
import collections
import concurrent.futures
import contextlib
import os
import random
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'mount'))

# pylint: disable=wrong-import-position
from mounting import PATIENCE, Mount, Server, is_running, run, until  # noqa: E402
from powercut import Disk  # noqa: E402
from writing import (SETTLE_S, count_writes, flush, mailbox, queue,  # noqa: E402
                     shown)

IS_LONG = os.environ.get('EWSFS_CRASH') == 'long'
# How many places of a scenario are tried. In the long form that is all of them, but of the restore,
# where one message after the other has the same.
POINTS = int(os.environ.get('EWSFS_CRASH_POINTS', '100' if IS_LONG else '4'))
SEED = int(os.environ.get('EWSFS_SEED', random.SystemRandom().randrange(10**6)))
AT_ONCE = int(os.environ.get('EWSFS_CRASH_AT_ONCE', '4'))
FIELDS = ('gist', 'read', 'draft', 'categories', 'importance', 'flag', 'class', 'name')
ROUNDS = 6
LETTERS = re.compile(r'\.[0-9a-z]{10}\.(?=eml")')


class Step:
    """`script` runs in the root of the mount; `claim` is a Python expression in which `read(path)`,
    `names(dir)`, `attribute(path, name)` look at it from there, and path names are found by a
    part of them: `find(part, dir)`."""

    def __init__(self, script, claim, *words, data=b'', seconds=60):
        self.script = script
        self.claim = claim
        self.words = words
        self.data = data
        self.seconds = seconds * PATIENCE

    def do(self, there):
        return run('sh', '-c', LIBRARY + self.script, 'sh', *self.words, cwd=there.path,
                   stdin=self.data, status=None, seconds=self.seconds)

    def is_done(self, there):
        out = run(sys.executable, '-c', LOOKING, self.claim, *self.words, cwd=there.path,
                  status=None, seconds=self.seconds)
        return out.status == 0 and out.out.strip() == 'True'


# find PART DIR: the one message whose name has PART in it.
LIBRARY = 'find() { for f in "$2"/*"$1"*; do echo "$f"; done; }\n'
LOOKING = '''
import json, os, sys
waiting = {entry['path'].lstrip('/') for entry in json.load(open('.ewsfs/queue.json'))['queue']
           if entry['state'] in ('open', 'unfinished')}
def read(path):
    if path in waiting or not os.path.exists(path): return None
    with open(path, 'rb') as file: return file.read()
def names(path):
    if not os.path.isdir(path): return None
    return sorted(name for name in os.listdir(path) if not name.startswith('.'))
def find(part, path):
    found = [name for name in names(path) if part in name]
    return os.path.join(path, found[0]) if found else None
def attribute(path, name):
    try: return os.getxattr(path, 'user.ewsfs.' + name).decode()
    except (OSError, TypeError): return None
print(bool(eval(sys.argv[1], dict(globals(), words=sys.argv[2:]))))
'''

Scenario = collections.namedtuple('Scenario', 'name fill steps operations options mails again')


def scenario(name, fill, steps, operations, options=None, mails=0, again=True):
    """`fill(ews, directory)` makes what is there before; `steps(directory)` gives the steps;
    `again`: whether they may all be done a second time and change nothing."""
    return Scenario(name, fill, steps, operations, options or {}, mails, again)


class Outcome(Exception):
    """What went wrong, with what led to it."""


class Attempt:
    """One run of a scenario."""

    def __init__(self, what, directory, *, kill=None, faults=(), powercut=None, rng=None,
                 count=None):
        self.what = what
        self.kill = kill
        self.faults = faults
        self.rng = rng
        self.deaths = 0
        self.begun = 0
        os.makedirs(directory, exist_ok=True)
        self.server = Server()
        self.server.is_written = True
        self.server.mails = what.mails
        self.ews = self.server.somebody()
        what.fill(self.ews, directory)
        self.steps = what.steps(directory)
        self.there = Mount(self.server.url, settle=SETTLE_S, timeout=5, **what.options)
        self.disk = None
        if powercut:
            disk = os.path.join(self.there.dir, 'disk')
            for name in ('state', 'cache'):
                path = os.path.join(disk, name)
                os.makedirs(path, mode=0o700)
                self.there.options[name + '_dir'] = path
            self.disk = Disk(disk, powercut)
        if count:
            self.there.env['EWSFS_TEST_KILL'] = 'count:' + count

    # Starting again and again

    def start(self, is_first=False):
        env = self.there.env
        if self.disk:
            env.update(self.disk.env())
        if self.kill:
            env.pop('EWSFS_TEST_KILL', None)
            if is_first:
                env['EWSFS_TEST_KILL'] = self.kill
        self.there.launch()
        until(lambda: self.is_dead() or self.there.answers(), 'the mount', 30)
        if self.is_dead():
            self.bury()

    def is_dead(self):
        return not is_running(self.there.pid)

    def bury(self):
        """It died; the next one takes over."""
        status = self.there.wait_end()
        if status != -9:
            raise Outcome('ewsfs ended with %s' % status)
        self.deaths += 1
        self.there.was_killed = True
        self.there.detach()
        if self.disk:
            self.disk.cut(self.rng)
        self.start()

    def look(self):
        """Whether it is still there, without a restart in between."""
        if not self.is_dead():
            return True
        self.bury()
        return False

    # The run

    def perform(self):
        """Until each step's effect is there."""
        for _ in range(ROUNDS):
            is_whole = True
            for number, step in enumerate(self.steps):
                if number < self.begun and step.is_done(self.there):
                    continue
                self.begun = max(self.begun, number + 1)
                step.do(self.there)
                is_whole = self.look() and is_whole
            if is_whole and all(step.is_done(self.there) for step in self.steps):
                return
            is_whole = self.look() and is_whole
        raise Outcome('the steps are not done after %d rounds: %s' % (
            ROUNDS, [step.claim for step in self.steps if not step.is_done(self.there)]))

    def drain(self):
        """Everything that was asked for, to the server."""
        for _ in range(ROUNDS):
            self.perform()
            out = flush(self.there, status=None, seconds=60)
            if self.look() and out.status == 0:
                return
        raise Outcome('does not drain: %s' % queue(self.there))

    def settle(self):
        """Nothing more comes by itself: what is late has come, and was seen."""
        self.there.sync(status=None)
        if not self.look():
            self.drain()

    def state(self):
        """What must be the same in the end. A name that was made here has letters of the item's
        own, which is another in each run."""
        return {
            'server': {path: sorted(LETTERS.sub('.letters.', item) for item in items)
                       for path, items in mailbox(self.ews, *FIELDS).items()},
            'disk': sorted((os.path.dirname(path), what) for path, what
                           in shown(self.there).items()),
            'queue': [entry for entry in queue(self.there) if entry['state'] != 'scratch'],
            'sent': self.server.stats()['sent'],
        }

    def check_again(self, state):
        """Replay: another start, and nothing is done."""
        self.server.clear()
        self.there.env.pop('EWSFS_TEST_KILL', None)
        self.server.mark('again')
        self.there.unmount()
        if self.disk:
            self.disk.cut(self.rng)
        self.start()
        flush(self.there)
        self.there.sync()
        again = self.state()
        if again != state or count_writes(self.server, 'again'):
            raise Outcome('another start changes something: %s' % difference(state, again))

    def run(self):
        self.start(is_first=True)
        for fault in self.faults:
            self.server.fault(fault)
        self.drain()
        self.settle()
        state = self.state()
        self.check_again(state)
        return state

    def close(self):
        problems = self.there.finish() + self.server.finish()
        self.there.remove()
        self.server.remove()
        return problems

    def story(self):
        return '\n'.join(self.there.log().splitlines()[-60:]) + '\n' + self.server.story(30)


def difference(one, other):
    """What is only in one of two states."""
    def flat(state):
        found = [('server', path, item) for path, items in state['server'].items()
                 for item in items + ['a folder']]
        found += [(key, item) for key in ('disk', 'queue') for item in state[key]]
        return collections.Counter(map(str, found + [('sent', state['sent'])]))
    one, other = flat(one), flat(other)
    return 'missing: %s; too much: %s' % (list((one - other).elements()),
                                          list((other - one).elements()))


def attempt(what, directory, **trouble):
    """The state in the end, and how often ewsfs died; what is wrong is raised."""
    the_attempt = Attempt(what, directory, **trouble)
    try:
        state = the_attempt.run()
    except BaseException as error:
        words = '%s %s: %s\n%s' % (what.name, trouble, error, the_attempt.story())
        the_attempt.there.abort()
        with contextlib.suppress(Exception):
            the_attempt.close()
        raise Outcome(words) from error
    problems = the_attempt.close()
    if problems:
        raise Outcome('%s %s: %s' % (what.name, trouble, problems))
    return state, the_attempt.deaths


def undisturbed(what, directory):
    """The state that all runs must end in, and the steps that may be killed."""
    path = os.path.join(directory, 'steps')
    state, _ = attempt(what, os.path.join(directory, 'plain'), count=path)
    with open(path, encoding='ascii') as file:
        return state, file.read().split()


def chosen(steps):
    """Places to kill at: all, or the first, the last and some between."""
    numbers = list(range(1, len(steps) + 1))
    if len(numbers) <= POINTS:
        return numbers
    between = random.Random(SEED).sample(numbers[1:-1], max(POINTS - 2, 0))
    return sorted({numbers[0], numbers[-1], *between})


def try_all(what, directory, expected, troubles):
    """Each of `troubles` (keywords of Attempt) must end as expected; returns the deaths."""
    return try_each([(what, os.path.join(directory, str(number)), expected, trouble)
                     for number, trouble in enumerate(troubles)])


def try_each(attempts):
    """The same for some of several scenarios: (scenario, directory, expected, trouble)."""
    def one(what, directory, expected, trouble):
        state, deaths = attempt(what, directory, **trouble)
        if state != expected:
            raise Outcome('%s %s ends otherwise: %s' % (
                what.name, trouble, difference(expected, state)))
        return deaths
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        jobs = [pool.submit(one, *words) for words in attempts]
        try:
            concurrent.futures.wait(jobs)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        failures = [str(job.exception()) for job in jobs if job.exception()]
    assert not failures, 'EWSFS_SEED=%d: %d of %d\n%s' % (
        SEED, len(failures), len(jobs), '\n\n'.join(failures[:3]))
    return [job.result() for job in jobs]
