# SPDX-License-Identifier: GPL-3.0-or-later
"""SIGKILL at every step, and every fault of the test server: the end is the same."""
import functools
import tempfile

import pytest

import harness
import scenarios
from mounting import LIKE_REAL, message, until
from writing import LATE_MS, SETTLE_S, flush, gists, put, queue

FAULTS = {
    'lose': 'lose,op=%s,count=2',
    'late': 'late=%d,op=%%s,count=1' % LATE_MS,
    'cut': 'cut=200,op=%s,count=2',
    'busy': 'busy=100,op=%s,count=2',
    'stopbatch': 'stopbatch=1,op=%s,count=2',
    'itemerror': 'itemerror=ErrorInternalServerTransientError,op=%s,count=2',
    'slow': 'slow=150,op=%s,count=5',
}


@functools.lru_cache(None)
def plain(name):
    """What a run without trouble leaves, and its steps."""
    with tempfile.TemporaryDirectory() as directory:
        return harness.undisturbed(scenarios.ALL[name], directory)


def check(name, directory, troubles):
    expected, _ = plain(name)
    return harness.try_all(scenarios.ALL[name], str(directory), expected, troubles)


@pytest.mark.parametrize('name', list(scenarios.ALL))
def test_undisturbed(name):
    state, steps = plain(name)
    assert {'commit', 'send', 'answer'} <= set(steps)
    assert state['queue'] == [] and state['sent'] == scenarios.ALL[name].mails


@pytest.mark.parametrize('name', [name for name in scenarios.ALL if name != 'send'])
def test_killed_at_each_step(name, tmp_path):
    _, steps = plain(name)
    points = harness.chosen(steps)
    deaths = check(name, tmp_path, [{'kill': 'any:%d' % point} for point in points])
    # How much is in one commit varies; the first step is always there.
    assert deaths[0] == 1 and sum(deaths) >= len(points) // 2


def test_faults(tmp_path):
    """Each of them, in all scenarios but sending."""
    attempts = []
    for fault, words in FAULTS.items():
        for name, what in scenarios.ALL.items():
            if name != 'send' and (harness.IS_LONG or name in SHORT[fault]):
                attempts.append((what, str(tmp_path / fault / name), plain(name)[0],
                                 {'faults': [words % op for op in what.operations]}))
    harness.try_each(attempts)


# In the short form not each fault meets each scenario.
SHORT = {
    'lose': ('create', 'move', 'mkdir-and-fill'),
    'late': ('create', 'overwrite', 'restore'),
    'cut': ('delete', 'mkdir-and-fill'),
    'busy': ('flag', 'restore'),
    'stopbatch': ('create', 'restore', 'delete'),
    'itemerror': ('move', 'create'),
    'slow': ('restore',),
}


@pytest.mark.parametrize('fault', ['lose', 'late', 'cut'])
def test_killed_in_doubt(fault, tmp_path):
    """The answer is lost, and then ewsfs dies while it looks for what became of it."""
    name = 'create'
    _, steps = plain(name)
    points = harness.chosen(steps + ['commit'] * 4)[1:]
    check(name, tmp_path, [{'kill': 'any:%d' % point, 'faults': [FAULTS[fault] % 'CreateItem']}
                           for point in points])


def sends(directory, **trouble):
    """What became of one mail: (sent, whether a person is asked)."""
    the_attempt = harness.Attempt(scenarios.ALL['send'], directory, **trouble)
    try:
        the_attempt.start(is_first=True)
        for fault in the_attempt.faults:
            the_attempt.server.fault(fault)
        the_attempt.perform()
        for _ in range(harness.ROUNDS):
            flush(the_attempt.there, status=None, seconds=30)
            if the_attempt.look():
                break
        left = queue(the_attempt.there, 'maybe-sent', 'failed')
        return the_attempt.server.stats()['sent'], len(left)
    finally:
        problems = the_attempt.close()
        assert problems == [], problems


@pytest.mark.parametrize('trouble', ['kill', *FAULTS])
def test_sending_is_at_most_once(trouble, tmp_path):
    _, steps = plain('send')
    if trouble == 'kill':
        troubles = [{'kill': 'any:%d' % point} for point in harness.chosen(steps)]
    else:
        troubles = [{'faults': [FAULTS[trouble] % op]} for op in ('MoveItem', 'SendItem')]
    for number, what in enumerate(troubles):
        sent, asked = sends(str(tmp_path / str(number)), **what)
        assert sent <= 1, what
        # Not sent, and nobody told, would be a lost mail.
        assert sent == 1 or asked == 1, what


def test_too_short_a_wait_doubles_and_is_mended(written, somebody, mount):
    """Why settle= is long: a server that works on for longer makes a message twice. The twins are
    seen, and one goes."""
    there = mount(written, settle=1)
    written.fault('late=4000,op=CreateItem,count=1')
    most = 0
    put(there, 'Inbox/a.eml', message('Twin'))

    def is_late():
        nonlocal most
        most = max(most, len(gists(somebody, 'inbox')))
        return most == 2
    until(is_late, 'the double', 30)
    until(lambda: there.sync(status=None).status == 0 and len(gists(somebody, 'inbox')) == 1,
          'the end of the double', 30)
    flush(there)
    assert len(there.names('Inbox')) == 1
    assert gists(somebody, 'deleteditems') == [] or LIKE_REAL


def test_long_enough_a_wait_does_not(written, somebody, mount):
    there = mount(written, settle=SETTLE_S + 2)
    written.fault('late=%d,op=CreateItem,count=1' % LATE_MS)
    written.mark('late')
    put(there, 'Inbox/a.eml', message('Single'))
    flush(there, seconds=60)
    assert len(gists(somebody, 'inbox')) == 1
    assert written.count('CreateItem', 'late') == 1
