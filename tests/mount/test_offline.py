# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that is busy, silent, slow, refuses us or is away: what is here can be read, what is not
fails in time, nobody is stormed with requests, and all comes back by itself.
"""
import contextlib
import signal
import socket
import subprocess
import threading
import time

import pytest

from mounting import AWAY, PATIENCE, TOOL_S, is_mounted, look, message, run, unreadable, until
from writing import put, python

COUNT = 30


@pytest.fixture
def box(serve):
    """A mailbox whose state outlives its server."""
    return serve('--fill', 'Inbox=%d' % COUNT, state=True)


def assert_all_read(there):
    read = there.read_all()
    assert (len(read), unreadable(read)) == (COUNT, {})


# Busy, and refused


@pytest.mark.parametrize('fault', ['busy=3000,count=1', 'http=503,count=1,retry=3'])
def test_a_busy_server_is_left_alone_as_long_as_it_says(box, mount, fault):
    there = mount(box, prefetch='off')
    names = there.paths()
    there.wait_idle()
    box.fault(fault)
    box.mark('busy')
    assert_all_read(there)
    log = box.log('busy')
    refused = next(line for line in log if line['status'] in (500, 503))
    later = [line['time'] for line in log if line['time'] > refused['time']]
    assert min(later) - refused['time'] >= 2.9
    assert names


def test_a_busy_server_without_a_hint_is_not_stormed(box, mount):
    there = mount(box, prefetch='off', timeout=5)
    path = there.paths()[0]
    there.wait_idle()
    box.fault('busy')
    box.mark('busy')
    answer = there.read_one(path)
    assert answer['errno'] in AWAY
    assert len(box.log('busy')) <= 5
    assert there.status()['server']['state'] in ('busy', 'offline')


def test_the_first_refusal_is_the_last(box, mount):
    """A password that went bad: who goes on trying gets the account locked."""
    there = mount(box, prefetch='off')
    names = there.paths()
    there.cat(names[0])
    there.unmount()
    box.fault('http=401')
    box.mark('refused')
    out = there.try_start()
    assert out.status == 5, str(out)
    assert len(box.log('refused')) == 1


def test_refused_while_mounted(box, mount):
    """Under load servers say 401 and do not mean it: asked once more, then never again."""
    there = mount(box, prefetch='off', timeout=15, max_conns=1)
    names = there.paths()
    there.cat(names[0])
    there.wait_idle()
    box.fault('http=401')
    box.mark('refused')
    readers = [there.cat_behind(name) for name in names[5:15]]
    for reader in readers:
        assert reader.result().status == 1
    assert len(box.log('refused')) <= 2
    assert there.status()['server']['state'] == 'sign-in refused'
    # What is here stays readable, the rest says so at once.
    assert there.cat(names[0])
    assert there.read_one(names[20])['errno'] == 'EACCES'
    there.sync(status=1)
    assert len(box.log('refused')) <= 2


# Away


def test_offline(box, mount, way):
    there = mount(box, **way)
    there.fetch()
    before = there.tree()
    data = there.read_all()
    box.kill()
    assert there.tree() == before
    assert there.read_all() == data
    there.sync(status=1)
    assert there.tree() == before
    box.start()
    until(lambda: there.sync(status=None).status == 0, 'the server again', 40)


def test_offline_what_is_not_here_fails_soon(box, mount):
    there = mount(box, prefetch='off', timeout=4)
    names = there.paths()
    there.cat(names[0])
    box.kill()
    out = run('cat', there.at(names[1]), status=1)
    assert out.took < 4 * 2 * PATIENCE
    answers = there.read(names[1:])
    assert {a.get('errno') for a in answers.values()} <= AWAY
    assert len(there.names('Inbox')) == COUNT
    # Known to be away: at once.
    out = run('sh', '-c', 'cat "$1"/Inbox/* >/dev/null 2>&1', 'sh', there.path, status=1)
    assert out.took < 4 * PATIENCE
    assert there.cat(names[0])
    run('ls', '-l', there.at('Inbox'))
    box.start()
    until(lambda: 'errno' not in there.read_one(names[2]), 'the server again', 40)
    assert_all_read(there)


def test_a_silent_server_fails_within_the_timeout(box, mount):
    there = mount(box, prefetch='off', timeout=3)
    names = there.paths()
    there.wait_idle()
    box.latency(600000)
    out = run('cat', there.at(names[0]), status=1)
    assert 2 < out.took < 12 * PATIENCE
    assert there.read_one(names[0])['errno'] in AWAY
    box.latency(0)
    until(lambda: 'errno' not in there.read_one(names[1]), 'the server again', 60)


def test_a_slow_server_is_waited_for(server, somebody, mount):
    """Longer than timeout=, but never silent that long."""
    somebody.create_item('inbox', [message('Mail %d' % n, body='x' * 3000) for n in range(12)])
    server.fault('slow=400,op=GetItem')
    there = mount(server, prefetch='off', timeout=2)
    read = there.read_all(seconds=60 * PATIENCE)
    assert all('errno' not in answer for answer in read.values())


def test_a_server_that_comes_late(box, mount):
    """Nothing is known here and nobody answers: an error in time, and no mount that lies."""
    box.latency(600000)
    there = mount(box, start=False, timeout=2)
    out = there.try_start()
    assert out.status == 3, str(out)
    assert out.err.count('\n') == 1
    assert not is_mounted(there.path)
    box.latency(0)
    there.start()
    assert_all_read(there)


# Signals


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGKILL, signal.SIGHUP])
def test_a_waiting_reader_can_be_ended(box, mount, number):
    there = mount(box, prefetch='off', timeout=300)
    there.wait_idle()
    path = there.paths()[0]
    box.fault('delay=600000,op=GetItem')
    reader = there.cat_behind(path)
    until(lambda: there.status()['waiting'] > 0, 'a waiting open')
    reader.signal(number)
    out = reader.result()
    assert out.status == -number
    until(lambda: there.status()['waiting'] == 0, 'nobody waiting')


def test_a_waiting_listing_can_be_ended(serve, mount):
    server = serve('--fill', 'Inbox/Big=1500')
    server.fault('delay=600000,op=SyncFolderItems,after=2')
    there = mount(server, folder='Inbox', timeout=300)
    process = subprocess.Popen(['ls', there.at('Big')], stdout=subprocess.PIPE)
    until(lambda: there.status()['waiting'] > 0, 'a waiting listing')
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=TOOL_S)
    assert (process.returncode, out) == (-signal.SIGINT, b'')


def test_a_handled_alarm_does_not_fail_a_stat(box, mount):
    """A program with a timer is no impatient one."""
    there = mount(box, prefetch='off', size='exact')
    path = there.paths()[0]
    there.wait_idle()
    box.fault('delay=1500,op=GetItem')
    answer = look('alarm', there.at(path))
    assert 'errno' not in answer, answer
    assert answer['alarms'] >= 1
    assert answer['size'] == there.read_one(path)['length']


# A narrow way


class Narrow:
    """A relay that lets `rate` bytes a second up; with `stop`, that much of a CreateItem."""

    def __init__(self, port, rate=None, stop=None):
        self.target, self.rate, self.stop = port, rate, stop
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        self.listener.bind(('127.0.0.1', 0))
        self.listener.listen()
        self.port = self.listener.getsockname()[1]
        self.is_over = threading.Event()
        threading.Thread(target=self.accept, daemon=True).start()

    def url(self):
        return 'http://127.0.0.1:%d/EWS/Exchange.asmx' % self.port

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                here, _ = self.listener.accept()
                there = socket.create_connection(('127.0.0.1', self.target))
                for one in ((here, there, True), (there, here, False)):
                    threading.Thread(target=self.relay, args=one, daemon=True).start()

    def relay(self, source, sink, is_up):
        passed, is_create = 0, False
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 14):
                is_create = is_create or b'<m:CreateItem ' in data
                passed += len(data)
                if is_up and is_create and self.stop and passed > self.stop:
                    self.is_over.wait()
                    break
                sink.sendall(data)
                if is_up and is_create and self.rate:
                    time.sleep(len(data) / self.rate)
        for sock in (source, sink):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.is_over.set()
        self.listener.close()


def large_mail(size):
    return message('Large', body='\r\n'.join(['0123456789' * 7] * (size // 72)))


def fsync_says(there, path):
    """(what fsync says, after how long)"""
    begin = time.monotonic()
    out = python(there, 'fd = os.open(sys.argv[1], os.O_WRONLY)\n'
                 'try:\n    os.fsync(fd)\n    print("done")\n'
                 'except OSError as error:\n    print(errno.errorcode[error.errno])',
                 path, seconds=60 * PATIENCE).out.strip()
    return out, time.monotonic() - begin


def test_an_upload_that_goes_on_is_waited_for(written, mount):
    """Longer than timeout=, though the server says nothing all the while."""
    way = Narrow(written.port, rate=1 << 20)
    try:
        there = mount(way.url(), timeout=2, prefetch='off')
        there.sync()
        put(there, 'Inbox/large.eml', large_mail(6 << 20))
        said, took = fsync_says(there, 'Inbox/large.eml')
        assert said == 'done'
        assert took > 4
    finally:
        way.close()


def test_an_upload_that_is_stuck_is_not_waited_for(written, mount):
    """Whatever else goes on with the server meanwhile."""
    ews = written.somebody()
    ews.create_item('drafts', [message('Old %d' % n) for n in range(200)])
    way = Narrow(written.port, stop=1 << 20)
    try:
        there = mount(way.url(), timeout=3, prefetch='off')
        there.sync()
        paths = there.paths('Drafts')
        is_over = threading.Event()

        def read_on():
            while paths and not is_over.wait(0.1):
                there.cat(paths.pop())
        reader = threading.Thread(target=read_on)
        reader.start()
        put(there, 'Inbox/large.eml', large_mail(16 << 20))
        said, took = fsync_says(there, 'Inbox/large.eml')
        is_over.set()
        reader.join()
        assert said in AWAY and paths
        assert took < 3 * 3 * PATIENCE
    finally:
        way.close()
        there.abort()
