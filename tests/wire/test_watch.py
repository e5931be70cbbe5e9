# SPDX-License-Identifier: GPL-3.0-or-later
"""A session that watches (tests/wire/watch.c) ewsd: it hears what happens, and goes on hearing it
whatever the server does, without asking more than it should."""
import os
import pathlib
import queue
import subprocess
import sys
import threading
import time

import pytest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / 'tests' / 'ewsd'))
import ewsclient  # noqa: E402

WATCH = os.environ.get('WIRE_WATCH')
STREAM, PULL, NONE = '0', '1', '2'
PATIENCE = float(os.environ.get('EWSFS_PATIENCE', '1'))
LONG_S = 20 * PATIENCE

pytestmark = pytest.mark.skipif(not WATCH, reason='no tool')


class Watch:
    def __init__(self, server, *options):
        self.process = subprocess.Popen([WATCH, *options, server.url, 'me', 'secret'],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.lines = queue.Queue()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line.strip())

    def tell(self, word):
        self.process.stdin.write(word + '\n')
        self.process.stdin.flush()

    def wait(self, wanted, seconds=LONG_S):
        """The lines up to one that begins so."""
        until = time.monotonic() + seconds
        seen = []
        while True:
            try:
                seen.append(self.lines.get(timeout=max(until - time.monotonic(), 0.01)))
            except queue.Empty:
                raise AssertionError(f'no "{wanted}" among {seen}') from None
            if seen[-1].startswith(wanted):
                return seen

    def ask(self):
        self.tell('ask')
        return self.wait('asked')[-1]

    def status(self):
        self.tell('status')
        return self.wait('status')[-1].split()[1:]

    def start(self):
        assert self.ask() == 'asked ok'
        return self.wait('listening')

    def end(self):
        """How long it took, in milliseconds."""
        self.tell('end')
        took = int(self.wait('ended')[-1].split()[1])
        assert self.process.wait(LONG_S) == 0
        return took


@pytest.fixture(name='serve')
def fixture_serve():
    running = []

    def start(*faults):
        options = [word for fault in faults for word in ('--fault', fault)]
        running.append(ewsclient.Ewsd(*options, user='me', password='secret', state=True))
        return running[-1]
    yield start
    for server in running:
        assert not server.schema_errors()
        server.remove()


@pytest.fixture(name='watch')
def fixture_watch():
    running = []

    def start(server, *options):
        running.append(Watch(server, *options))
        return running[-1]
    yield start
    for one in running:
        if one.process.poll() is None:
            one.process.kill()
        one.process.wait()
        one.process.stdin.close()


def count(server, op):
    return sum(entry.get('op') == op for entry in server.log())


MAIL = b'Subject: hello\r\n\r\nworld\r\n'


def test_hears_everything(serve, watch):
    """New, changed, moved, copied, deleted; each tells the folders it happened in."""
    server = serve()
    me = watch(server)
    assert me.start() == ['found 0', 'listening']
    assert me.status()[1:3] == [STREAM, '1']
    ews = server.client()
    inbox, drafts = ews.get_folder('inbox').id, ews.get_folder('drafts').id
    item = ews.create_item(inbox, MAIL, read=False)
    me.wait('hint ' + inbox, 2 * PATIENCE)
    moved = ews.move_item(item, drafts)
    hints = me.wait('hint ' + drafts, 2 * PATIENCE)
    ews.delete_item(moved)
    hints += me.wait('hint ' + drafts, 2 * PATIENCE)
    assert 'hint ' + inbox in hints
    folder = ews.create_folder(inbox, 'new')
    me.wait('hint ' + folder, 2 * PATIENCE)
    assert me.end() < 500 * PATIENCE
    assert [count(server, op) for op in
            ('Subscribe', 'GetStreamingEvents', 'Unsubscribe')] == [1, 1, 1]


def test_asks_nothing_by_itself(serve, watch):
    """Before anything else was answered, and while it listens."""
    server = serve()
    me = watch(server)
    time.sleep(0.5)
    assert not server.log()
    me.start()
    time.sleep(6)  # a keep-alive in between
    assert len(server.log()) == 3
    assert me.ask() == 'asked ok'
    assert me.status()[:3] == ['1', STREAM, '1']


@pytest.mark.parametrize('how', ['drop-subscriptions', 'close-streams'])
def test_goes_on(serve, watch, how):
    server = serve()
    me = watch(server)
    me.start()
    inbox = server.client().get_folder('inbox').id
    for _ in range(2):
        server.admin('POST', how)
        me.wait('deaf')
        me.wait('listening')
    server.client().create_item(inbox, MAIL)
    me.wait('hint ' + inbox)
    assert count(server, 'Subscribe') == 3
    assert count(server, 'Unsubscribe') == (0 if how.startswith('drop') else 2)


def test_silence_is_found_out(serve, watch):
    server = serve()
    me = watch(server, '--timeout', '1')
    me.start()
    server.admin('POST', 'silence', 'on')
    start = time.monotonic()
    me.wait('deaf')
    assert 3 < time.monotonic() - start
    me.wait('listening')
    assert me.ask() == 'asked ok'


def test_other_requests_keep_their_connections(serve, watch):
    """A stream is beside max_conns."""
    server = serve()
    me = watch(server, '--conns', '1')
    me.start()
    for _ in range(5):
        assert me.ask() == 'asked ok'
    until = time.monotonic() + LONG_S
    while me.status()[3] != '0':
        assert time.monotonic() < until


@pytest.mark.parametrize('fault', ['fault=ErrorInvalidRequest', 'http=405',
                                   'fault=ErrorSubscriptionDelegateAccessNotSupported'])
def test_without_streams(serve, watch, fault):
    """What the server cannot do is asked for once (and once more in an hour)."""
    server = serve(fault + ',op=GetStreamingEvents')
    me = watch(server, '--pull', '1')
    assert me.start() == ['found 1', 'listening']
    assert me.status()[1] == PULL
    inbox = server.client().get_folder('inbox').id
    server.client().create_item(inbox, MAIL)
    me.wait('hint ' + inbox)
    me.end()
    assert [count(server, op) for op in
            ('Subscribe', 'GetStreamingEvents', 'Unsubscribe')] == [2, 1, 2]


def test_without_anything(serve, watch):
    server = serve('fault=ErrorInvalidRequest,op=Subscribe')
    me = watch(server)
    assert me.ask() == 'asked ok'
    assert me.wait('found') == ['found 2']
    assert me.status()[1:3] == [NONE, '0']
    time.sleep(2)
    assert count(server, 'Subscribe') == 2
    assert me.end() < 500 * PATIENCE


@pytest.mark.parametrize('first', [PULL, NONE])
def test_remembered(serve, watch, first):
    """What is remembered is not found out again."""
    server = serve()
    me = watch(server, '--first', first, '--pull', '1')
    assert me.ask() == 'asked ok'
    if first == PULL:
        me.wait('listening')
        server.admin('POST', 'drop-subscriptions')
        me.wait('deaf')
        me.wait('listening')
    else:
        time.sleep(1)
        assert count(server, 'Subscribe') == 0
    assert count(server, 'GetStreamingEvents') == 0


def test_held_back_on_the_way(serve, watch):
    """Streams that say nothing although the server is there."""
    server = serve('delay=30000,op=GetStreamingEvents')
    me = watch(server, '--timeout', '1', '--pull', '1')
    assert me.start() == ['found 1', 'listening']
    assert count(server, 'Subscribe') == 3


def test_streams_that_never_hold(serve, watch):
    """Cut again and again, ever later asked for; in the end without."""
    server = serve('cut=1500,op=GetStreamingEvents')
    me = watch(server, '--pull', '1')
    assert me.ask() == 'asked ok'
    assert 'found 1' in me.wait('found 1', 60 * PATIENCE)
    assert count(server, 'GetStreamingEvents') == 5


@pytest.mark.parametrize('fault', ['busy=1500', 'http=503,retry=1', 'http=401'])
def test_busy_is_for_all(serve, watch, fault):
    """What a stream is told of the server holds for the session, which comes back."""
    server = serve(fault + ',op=GetStreamingEvents,count=1')
    me = watch(server)
    assert me.ask() == 'asked ok'
    me.wait('listening')
    assert me.status()[:3] == ['1', STREAM, '1']
    assert count(server, 'GetStreamingEvents') == 2


def test_waits_for_the_server(serve, watch):
    """It never asks a server that is away, and is back at once with it."""
    server = serve()
    me = watch(server)
    me.start()
    server.kill()
    me.wait('deaf')
    for _ in range(3):
        me.tell('ask')
        assert me.wait('asked')[-1] != 'asked ok'
    time.sleep(2)
    assert me.status()[0] == '3'
    server.start()
    until = time.monotonic() + LONG_S
    while me.ask() != 'asked ok':
        assert time.monotonic() < until
        time.sleep(0.2)
    me.wait('listening', 2 * PATIENCE)
