# SPDX-License-Identifier: GPL-3.0-or-later
"""Without a network, in earnest: a cable between two network namespaces that is pulled, or swallows
what is sent. What is here goes on at full speed, what is not fails in time, what is written
waits, and all of it is sent by itself, once, when the cable is back. Needs root.
"""
import os
import signal
import time

import pytest

import netns
from mounting import AWAY, PATIENCE, message, run, until
from writing import SETTLE_S, flush, gists, put, queue, shell, subjects

COUNT = 30
TIMEOUT_S = 3
pytestmark = pytest.mark.skipif(bool(netns.why_not()), reason=str(netns.why_not()))


@pytest.fixture
def far(serve, stage):
    """Mounted over a cable; all messages are here but the `unseen`."""
    server = serve('--fill', 'Inbox=%d' % COUNT)
    server.is_written = True
    cable = netns.Cable()
    there, wire = netns.mount_on(cable, server, timeout=TIMEOUT_S, settle=SETTLE_S, prefetch='off')
    stage.mounts.append(there)
    there.server = server
    there.start()
    there.sync()
    there.read_all()
    there.here = there.paths()
    server.somebody().create_item('inbox', [message('Unseen %d' % n) for n in range(3)])
    there.sync()
    there.unseen = [there.find('Unseen-%d' % n) for n in range(3)]
    there.wait_idle()
    yield there
    if there.pid:
        there.unmount()
    wire.close()
    cable.close()


def off(there, how):
    getattr(there.cable, how)()


def on(there, how):
    getattr(there.cable, {'pull': 'plug', 'swallow': 'spare'}[how])()


def speed(there):
    """Seconds for a walk and the reading of what is here."""
    begin = time.monotonic()
    for _ in range(5):
        run('ls', '-f', there.at('Inbox'))
        run('cat', *[there.at(path) for path in there.here])
    return time.monotonic() - begin


@pytest.mark.parametrize('how', ['pull', 'swallow'])
def test_what_is_here_goes_on(far, how):
    names = far.paths()
    online = min(speed(far) for _ in range(2))
    off(far, how)
    # One finds out, within the time that is allowed.
    out = run('cat', far.at(far.unseen[0]), status=1)
    assert out.took < 3 * TIMEOUT_S * PATIENCE
    assert far.read_one(far.unseen[0])['errno'] in AWAY
    assert min(speed(far) for _ in range(2)) < 3 * online + 0.2
    run('ls', '-l', far.at('Inbox'))
    assert far.paths() == names
    on(far, how)
    until(lambda: 'errno' not in far.read_one(far.unseen[1]), 'the network again', 60)


@pytest.mark.parametrize('how', ['pull', 'swallow'])
def test_writes_wait_and_go_by_themselves_once(far, how):
    ews = far.server.somebody()
    far.sync()
    off(far, how)
    far.server.mark('off')
    for number in range(5):
        put(far, 'Inbox/new-%d.eml' % number, message('New %d' % number))
    shell(far, 'mkdir Inbox/Box; mv Inbox/new-4.eml Inbox/Box/; rm "$1"', far.here[0])
    # It may be found out only now that nobody is there.
    out = run('sync', far.at('Inbox/new-0.eml'), status=1)
    assert out.took < 3 * TIMEOUT_S * PATIENCE
    assert len(queue(far)) >= 6
    on(far, how)
    until(lambda: not queue(far), 'all is sent', 60)
    flush(far)
    assert sorted(s for s in subjects(ews, 'inbox') if s.startswith('New')) == [
        'New %d' % number for number in range(4)]
    assert [what[0] for what in gists(ews, 'Inbox/Box')] == ['New 4']
    assert len(ews.find_item('inbox')) == COUNT + 3 - 1 + 4
    # What the network delivers just when we gave it up is asked again, and said to be done.
    done = [line['op'] for line in far.server.log('off') if line['codes'] == ['NoError']]
    assert done.count('CreateFolder') == 1 and done.count('DeleteItem') == 1


def test_ctrl_c_ends_a_reader_that_waits_for_nobody(far):
    off(far, 'swallow')
    reader = far.cat_behind(far.unseen[0])
    time.sleep(0.3)
    if reader.is_waiting():
        reader.signal(signal.SIGINT)
    out = reader.result()
    assert out.status in (-signal.SIGINT, 1) and out.took < TIMEOUT_S * PATIENCE
    on(far, 'swallow')


@pytest.mark.parametrize('flags', [{}, {'ro': True}], ids=['writable', 'ro'])
def test_mounting_without_a_network(far, flags):
    before = far.names('Inbox')
    data = far.cat(far.here[0])
    far.unmount()
    off(far, 'pull')
    far.options.update(flags)
    begin = time.monotonic()
    far.start()
    assert time.monotonic() - begin < 5 * PATIENCE
    assert far.names('Inbox') == before
    assert far.cat(far.here[0]) == data
    assert far.log().count('mounted from what is known here') == 1
    if not flags:
        put(far, 'Inbox/new.eml', message('New'))
    on(far, 'pull')
    until(lambda: far.sync(status=None).status == 0, 'the network again', 60)
    if not flags:
        until(lambda: not queue(far), 'it is sent', 60)
        assert 'New' in subjects(far.server.somebody(), 'inbox')


def test_suspend_and_resume(far):
    """Stopped for longer than any time limit, while the network goes away and comes back."""
    os.kill(far.pid, signal.SIGSTOP)
    reader = far.cat_behind(far.unseen[0])
    off(far, 'pull')
    time.sleep(TIMEOUT_S + 1)
    on(far, 'pull')
    os.kill(far.pid, signal.SIGCONT)
    assert reader.result().status in (0, 1)
    until(lambda: 'errno' not in far.read_one(far.unseen[1]), 'the network again', 60)
    far.sync(seconds=60)
    put(far, 'Inbox/new.eml', message('New'))
    flush(far)
