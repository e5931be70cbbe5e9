# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that lies about everything: ewsfs stays within its memory and its deadlines, shows only
names that a file can have, writes nowhere but into its directories, and ends when it is told to.

EWSFS_SEED= chooses the lies (a failure prints it), EWSFS_HOSTILE= says how many mounts are told all
kinds; "long" takes ten, and each lie by itself, of which the short form takes some.
"""
import contextlib
import json
import os
import random
import re
import shutil
import sys
import threading
import unicodedata
import urllib.parse

import pytest

from liar import LIES_IN_BYTES, LIES_IN_XML, Liar
from mounting import PATIENCE, SAMPLE_MAIL, program, run

HERE = os.path.dirname(os.path.abspath(__file__))
TIMEOUT_S = 3
# A call may be asked once more after it broke, and once more in halves.
CALL_S = 4 * TIMEOUT_S * PATIENCE
# A search finds out how the server searches, asks it, and looks for what it did not know.
SEARCH_S = 3 * CALL_S
# fsync waits for what waits before it too, as long as the server gets on with something.
FSYNC_S = 20 * TIMEOUT_S * PATIENCE
DAY_S = 3
# Of memory that is the program's own (design: one message of 150 MB, a million in the index).
RSS_KIB = 64 << 10
SEED = int(os.environ.get('EWSFS_SEED', '1'))
HOW = os.environ.get('EWSFS_HOSTILE', '3')
COUNT = 10 if HOW == 'long' else int(HOW)
LIES = LIES_IN_XML + LIES_IN_BYTES
SINGLE = LIES if HOW == 'long' else sorted(random.Random(SEED).sample(LIES, 9))
# Sanitizers keep what was freed, and write reports.
IS_SANITIZED = PATIENCE >= 4
# What an answer may hold of a name's text, that a terminal or a tool would take for something else.
BAD_CATEGORIES = {'Cc', 'Cf', 'Cs', 'Co', 'Cn', 'Zl', 'Zp'}


class Gauge:
    """Looks at a process from time to time, for the most that it ever had."""

    def __init__(self, pid):
        self.pid = pid
        self.most = 0
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def watch(self):
        while not self.is_over.wait(0.05):
            with contextlib.suppress(OSError), \
                    open('/proc/%d/status' % self.pid, encoding='ascii') as file:
                found = re.search(r'RssAnon:\s+(\d+)', file.read())
                self.most = max(self.most, int(found[1]) if found else 0)

    def end(self):
        self.is_over.set()
        self.thread.join()
        return self.most


def here(serve):
    """A mailbox with some of everything."""
    return serve('--mail', 'Inbox=' + os.path.join(SAMPLE_MAIL, 'Inbox'), '--fill',
                  'Archive/2026=40', '--fill', 'Drafts=3')


def outside(mounted):
    """What is in the directories around those of the mount, and must stay as it is."""
    kept = {mounted.state, mounted.cache, mounted.path}
    found = []
    for top, names, files in os.walk(mounted.dir):
        names[:] = [name for name in names if os.path.join(top, name) not in kept]
        found += [os.path.join(top, name) for name in names + files]
    return sorted(name for name in found if not name.startswith(os.path.join(mounted.dir, 'log')))


def live(mounted, seed):
    """A person's day, of which each call has to end."""
    return json.loads(run(sys.executable, os.path.join(HERE, 'person.py'), mounted.path,
                          str(DAY_S), str(seed), seconds=DAY_S + 3 * FSYNC_S).out)


def limit_of(call, path):
    if call == 'sync':
        return FSYNC_S
    return SEARCH_S if '/.search/' in path else CALL_S


def check_names(names):
    """What is listed can be shown, and typed."""
    for name in names:
        assert name not in ('', '.', '..') and '/' not in name, name
        assert len(os.fsencode(name)) <= 255, name
        bad = [char for char in name if unicodedata.category(char) in BAD_CATEGORIES]
        assert not bad, 'a name with %r: %r' % (bad, name)


def misuse(stage, liar, seed=SEED):
    """One mount that is lied to from the beginning to the end."""
    mounted = stage.mount('http://127.0.0.1:%d/EWS/Exchange.asmx' % liar.port, start=False,
                          timeout=TIMEOUT_S, refresh=30, push='pull', settle=2, flush_timeout=2,
                          cache_size='64M', log_level='info')
    before = outside(mounted)
    # It is told the truth until it is mounted: who lies at once is only refused.
    rate, liar.rate = liar.rate, 0
    mounted.start()
    liar.rate = rate
    gauge = Gauge(mounted.pid)
    try:
        day = live(mounted, seed)
    finally:
        most = gauge.end()
        liar.end_lies()
    check_names(day['names'])
    for seconds, call, path in day['slow']:
        assert seconds <= limit_of(call, path), '%s: %.1f s' % (path, seconds)
    # A bare umount: it must end, whatever is left to be sent.
    mounted.unmount()
    assert outside(mounted) == before
    assert not os.path.exists('/tmp/ewsfs-was-here')
    if not IS_SANITIZED:
        assert most <= RSS_KIB, 'RssAnon %d KiB' % most
    return 'RssAnon %d KiB, %d calls, slowest %.1f s (%s)' % (
        most, day['calls'], day['slow'][0][0], day['slow'][0][1])


# What makes, changes or removes a file, with the path that it names first.
WRITES = re.compile(r'\b(?:openat\([^,]+, "([^"]*)", [^)]*O_(?:WRONLY|RDWR|CREAT)|'
                    r'(?:mkdir|rmdir|unlink|truncate|chmod|mknod)\("([^"]*)"|'
                    r'(?:mkdirat|unlinkat|mknodat)\([^,]+, "([^"]*)"|'
                    r'(?:link|rename|symlink)\("[^"]*", "([^"]*)"|'
                    r'(?:linkat|renameat2?|symlinkat)\([^"]*"[^"]*", [^"]*"([^"]*)")')
CALLS = ('openat,mkdir,rmdir,unlink,truncate,chmod,mknod,mkdirat,unlinkat,mknodat,link,rename,'
         'symlink,linkat,renameat,renameat2,symlinkat')


def is_own(mounted, path):
    """A path that ewsfs may write to. One without a directory is in a directory that it opened."""
    if path.startswith(('/dev/', '/proc/self/')):
        return True
    whole = os.path.normpath(os.path.join(mounted.state, path))
    return '/../' not in path and whole.startswith((mounted.state, mounted.cache, mounted.log_path))


@pytest.fixture
def lie(stage):
    liars = []

    def begin(seed, **more):
        server = here(stage.serve)
        server.is_written = True
        # What it is asked for is what it made ewsfs believe.
        liar = Liar(urllib.parse.urlsplit(server.url).port, seed, **more)
        liars.append(liar)
        return liar

    yield begin
    for liar in liars:
        liar.close()


@pytest.mark.parametrize('seed', range(SEED, SEED + COUNT))
def test_lies_about_everything(stage, lie, seed):
    liar = lie(seed)
    story = misuse(stage, liar, seed)
    print('\nseed %d: %s; %s' % (seed, story, dict(liar.told)))
    assert sum(liar.told.values()) > 5


@pytest.mark.parametrize('name', SINGLE)
def test_one_lie(stage, lie, name):
    """Always the same one, two times out of three."""
    liar = lie(SEED, rate=0.66, only=[name])
    story = misuse(stage, liar)
    print('\n%s, %d times: %s' % (name, liar.told[name], story))
    assert liar.told[name] > 0


@pytest.mark.skipif(not shutil.which('strace'), reason='there is no strace')
@pytest.mark.skipif(IS_SANITIZED, reason='a sanitizer writes its reports')
def test_writes_nowhere_else(stage, lie):
    """Each call that could make a file, while it is told names that lead elsewhere."""
    liar = lie(SEED, rate=0.8, only=['names', 'ids', 'classes', 'messages'])
    mounted = stage.mount('http://127.0.0.1:%d/EWS/Exchange.asmx' % liar.port, start=False,
                          timeout=TIMEOUT_S, push='off', settle=2, flush_timeout=2)
    trace = os.path.join(mounted.dir, 'log-of-calls')
    words = ['strace', '-f', '-qq', '-s', '4096', '-o', trace, '-e', 'trace=' + CALLS]
    command = mounted.command
    mounted.command = lambda **more: words + command(**more)
    rate, liar.rate = liar.rate, 0
    mounted.start()
    liar.rate = rate
    live(mounted, SEED)
    liar.end_lies()
    mounted.unmount()
    with open(trace, encoding='utf-8', errors='replace') as lines:
        paths = {next(filter(None, match.groups()), '')
                 for match in map(WRITES.search, lines) if match}
    assert any(path.startswith(mounted.cache) for path in paths), paths
    assert not [path for path in paths if not is_own(mounted, path)]
