# SPDX-License-Identifier: GPL-3.0-or-later
"""The power goes: what was not fsynced is lost, the server keeps what it has. What was asked for
again is there once, what is on the server is not asked for twice.
"""
import os
import random

import pytest

import harness
import scenarios
from mounting import message, run
from powercut import Disk, self_test
from test_crash import plain
from writing import SETTLE_S, flush, gists, python, put, queue

LIBRARY = os.environ.get('EWSFS_POWERCUT', '')
pytestmark = pytest.mark.skipif(not LIBRARY, reason='EWSFS_POWERCUT is not set')


def test_the_shim_itself():
    self_test(LIBRARY)


@pytest.mark.parametrize('is_mixed', [False, True], ids=['all-lost', 'some-lost'])
@pytest.mark.parametrize('name', [name for name in scenarios.ALL if name != 'send'])
def test_power_cut_at_each_step(name, is_mixed, tmp_path):
    if is_mixed and not harness.IS_LONG and name not in ('create', 'overwrite'):
        pytest.skip('in the long form')
    expected, steps = plain(name)
    points = harness.chosen(steps)
    troubles = [{'kill': 'any:%d' % point, 'powercut': LIBRARY,
                 'rng': random.Random(harness.SEED + point) if is_mixed else None}
                for point in (points if harness.IS_LONG else points[1::2])]
    harness.try_all(scenarios.ALL[name], str(tmp_path), expected, troubles)


@pytest.fixture
def cut(written, mount):
    """A mount, and what takes its power."""
    there = mount(written, start=False, settle=SETTLE_S)
    path = os.path.join(there.dir, 'disk')
    for name in ('state', 'cache'):
        os.makedirs(os.path.join(path, name), mode=0o700)
        there.options[name + '_dir'] = os.path.join(path, name)
    disk = Disk(path, LIBRARY)
    there.env.update(disk.env())
    there.start()

    def pull():
        there.kill()
        there.detach()
        disk.cut()
        there.start()
    return there, pull


def test_what_nobody_made_safe_is_lost_whole(somebody, cut):
    """And the shim takes something away at all. What is half there is said to be, and not sent."""
    there, pull = cut
    whole = 0
    for number in range(4):
        path = 'Inbox/%d.eml' % number
        put(there, path, message('Number %d' % number))
        pull()
        if os.path.basename(path) not in there.names('Inbox'):
            continue
        if there.cat(path) == message('Number %d' % number):
            whole += 1
        else:
            assert '/' + path in [entry['path'] for entry in queue(there, 'unfinished')]
    assert whole < 4
    flush(there, status=None)
    assert len(gists(somebody, 'inbox')) == whole


def test_what_fsync_promised_is_there(somebody, cut):
    there, pull = cut
    python(there, 'fd = os.open("Inbox/a.eml", os.O_CREAT | os.O_WRONLY)\n'
                  'os.write(fd, b"Subject: a\\n\\nbody")\nos.fsync(fd)')
    pull()
    assert there.names('Inbox') == ['a.eml']
    flush(there)
    assert len(gists(somebody, 'inbox')) == 1


def test_what_waits_longer_than_a_second_is_there(written, somebody, cut):
    """A timer makes safe what waits."""
    there, pull = cut
    written.fault('busy=60000,op=CreateItem,count=1')
    put(there, 'Inbox/a.eml', message('Waiting'))
    run('sleep', '3')
    pull()
    assert there.names('Inbox') == ['a.eml']
    assert there.cat('Inbox/a.eml') == message('Waiting')
    written.clear()
    flush(there, seconds=90)
    assert len(gists(somebody, 'inbox')) == 1


def test_a_local_fsync_is_kept(written, somebody, mount):
    there = mount(written, start=False, settle=SETTLE_S, fsync='local')
    path = os.path.join(there.dir, 'disk')
    for name in ('state', 'cache'):
        os.makedirs(os.path.join(path, name), mode=0o700)
        there.options[name + '_dir'] = os.path.join(path, name)
    disk = Disk(path, LIBRARY)
    there.env.update(disk.env())
    there.start()
    written.fault('delay=5000,op=CreateItem,count=1')
    python(there, 'fd = os.open("Inbox/a.eml", os.O_CREAT | os.O_WRONLY)\n'
                  'os.write(fd, b"Subject: a\\n\\nbody")\nos.fsync(fd)')
    there.kill()
    there.detach()
    disk.cut()
    there.start()
    assert there.cat('Inbox/a.eml') == b'Subject: a\n\nbody'
    flush(there, seconds=60)
    assert len(gists(somebody, 'inbox')) == 1
