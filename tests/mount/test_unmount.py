# SPDX-License-Identifier: GPL-3.0-or-later
"""Unmounting and deciding: every way to end a mount that has something to send, and what ewsfsctl
does about what is left. What is accepted is on the server or kept, and whoever asks is told which.
"""
import os
import signal
import subprocess
import time

import pytest

from mounting import PATIENCE, TOOL_S, is_mounted, message, program, run, until
from writing import SETTLE_S, ctl, flush, put, queue, subjects

HELLO = message('Hello')
NOT_NOW_MS = 600000


def umount(there, *words, status=0):
    return run(program('ewsfsctl'), 'umount', *words, there.path, status=status,
               seconds=30 * PATIENCE)


@pytest.fixture
def patient(written, mount):
    """A mount that would wait for ever, on a server that takes nothing new."""
    there = mount(written, settle=SETTLE_S, flush_timeout=300, timeout=300)
    there.sync()
    written.fault('delay=%d,op=CreateItem' % NOT_NOW_MS)
    return there


@pytest.fixture
def helper(tmp_path):
    """As umount(8) runs it."""
    link = tmp_path / 'umount.fuse.ewsfs'
    link.symlink_to(program('ewsfsctl'))
    return str(link)


def end_behind(there):
    """A signal is in a hurry only when the mount is gone."""
    until(lambda: 'to be sent behind' in there.log(), 'the end of the mount')
    os.kill(there.pid, signal.SIGTERM)
    assert there.wait_end() == 0


def resume(written, somebody, there):
    """The next mount sends what the last one left."""
    written.clear()
    there.start(60)
    flush(there, seconds=60)
    assert subjects(somebody, 'inbox') == ['Hello']


# ewsfsctl umount


def test_umount_refuses_while_something_is_left(written, somebody, patient):
    put(patient, 'Inbox/a.eml', HELLO)
    out = umount(patient, '--timeout=1', status=1)
    assert 'still mounted' in out.err and '1 to be sent' in out.err
    assert is_mounted(patient.path) and len(queue(patient)) == 1
    out = umount(patient, '-f', '--timeout=0')
    assert '1 to be sent' in out.err and not is_mounted(patient.path)
    end_behind(patient)
    resume(written, somebody, patient)


def test_umount_refuses_what_needs_a_decision(written, there):
    written.fault('itemerror=ErrorAccessDenied,op=CreateItem')
    put(there, 'Inbox/a.eml', HELLO)
    flush(there, status=1)
    out = umount(there, status=1)
    assert '1 failed' in out.err and is_mounted(there.path)
    ctl(there, 'discard', '--yes', '--all')
    umount(there)
    assert there.wait_end() == 0


def test_umount_names_scratch_files(there):
    put(there, 'Inbox/.a.eml.swp', b'half')
    out = umount(there)
    assert '/Inbox/.a.eml.swp' in out.err
    assert there.wait_end() == 0 and '/Inbox/.a.eml.swp' in there.log()


def test_umount_of_a_busy_mount(there):
    put(there, 'Inbox/a.eml', HELLO)
    holder = there.hold('Inbox/a.eml')
    assert umount(there, status=1).err and is_mounted(there.path)
    holder.end()
    umount(there)
    assert there.wait_end() == 0


def test_umount_of_what_is_none(there):
    for path in ('/', there.dir, there.at('Inbox')):
        out = run(program('ewsfsctl'), 'umount', path, status=3)
        assert 'no mailbox' in out.err
    run(program('ewsfsctl'), 'umount', status=2)


def test_umount_of_a_dead_mount(there):
    there.kill()
    assert is_mounted(there.path)
    umount(there)
    assert not is_mounted(there.path)


def test_a_read_only_mount_is_not_kept_by_what_an_earlier_one_left(written, somebody, patient):
    put(patient, 'Inbox/a.eml', HELLO)
    umount(patient, '-f', '--timeout=0')
    end_behind(patient)
    written.clear()
    written.mark('read-only')
    patient.options['ro'] = True
    patient.start()
    patient.sync()
    assert len(queue(patient)) == 1
    out = flush(patient, status=1)
    assert 'read-only' in out.err
    umount(patient)
    assert patient.wait_end() == 0
    assert written.count('CreateItem', 'read-only') == 0
    patient.options['ro'] = None
    resume(written, somebody, patient)


# umount.fuse.ewsfs


def test_the_helper_of_umount(written, somebody, patient, helper):
    put(patient, 'Inbox/a.eml', HELLO)
    until(lambda: queue(patient, 'waiting', 'sending'), 'the last close')
    begin = time.monotonic()
    with subprocess.Popen([helper, patient.path, '-n', '-v', '-t', 'fuse.ewsfs'],
                          stderr=subprocess.DEVNULL) as process:
        time.sleep(1)
        assert process.poll() is None and is_mounted(patient.path)
        process.kill()
    run(helper, patient.path, '-l')
    assert not is_mounted(patient.path) and time.monotonic() - begin < 20 * PATIENCE
    end_behind(patient)
    resume(written, somebody, patient)
    run(helper, patient.path)
    assert patient.wait_end() == 0 and not is_mounted(patient.path)
    assert run(helper, patient.path, status=None).status == 32
    assert run(helper, status=None).status == 1


# Signals


@pytest.mark.parametrize('second', ['SIGTERM', 'SIGINT', 'SIGHUP'])
def test_a_second_signal_is_in_a_hurry(written, somebody, patient, second):
    put(patient, 'Inbox/a.eml', HELLO)
    until(lambda: queue(patient, 'waiting', 'sending'), 'the last close')
    os.kill(patient.pid, signal.SIGTERM)
    until(lambda: 'to be sent before' in patient.log(), 'the first signal')
    assert patient.names('Inbox') == ['a.eml']
    os.kill(patient.pid, getattr(signal, second))
    assert patient.wait_end() == 0 and not is_mounted(patient.path)
    assert '1 change waits to be sent' in patient.log()
    resume(written, somebody, patient)


def test_a_signal_hurries_what_is_sent_behind(written, somebody, patient):
    put(patient, 'Inbox/a.eml', HELLO)
    run('fusermount3', '-u', patient.path)
    end_behind(patient)
    resume(written, somebody, patient)


def test_sigterm_gives_up_in_time(written, somebody, mount):
    there = mount(written, settle=SETTLE_S, flush_timeout=1, timeout=300)
    there.sync()
    written.fault('delay=%d,op=CreateItem' % NOT_NOW_MS)
    put(there, 'Inbox/a.eml', HELLO)
    os.kill(there.pid, signal.SIGTERM)
    assert there.wait_end(15) == 0 and not is_mounted(there.path)
    resume(written, somebody, there)


def test_nothing_waits_for_a_server_that_is_away(serve, mount):
    server = serve(state=True)
    server.is_written = True
    there = mount(server, settle=SETTLE_S, flush_timeout=300, timeout=2)
    there.sync()
    server.kill()
    put(there, 'Inbox/a.eml', HELLO)
    until(lambda: there.status()['server']['state'] == 'offline', 'the news', 30)
    out = run(program('ewsfsctl'), 'flush', there.path, status=1)
    assert '1 to be sent' in out.err
    umount(there, status=1)
    assert is_mounted(there.path)
    os.kill(there.pid, signal.SIGTERM)
    assert there.wait_end() == 0
    server.start()
    resume(server, server.somebody(), there)


# The next mount


def test_the_next_mount_does_not_wait_for_ever(written, somebody, patient, mount):
    put(patient, 'Inbox/a.eml', HELLO)
    run('fusermount3', '-u', patient.path)
    next_one = mount(written, start=False, state_dir=patient.state, flush_timeout=1)
    out = next_one.try_start(seconds=TOOL_S)
    assert out.status == 8
    assert 'waiting for the previous ewsfs (process %d) to finish sending 1 change' % (
        patient.pid) in out.err
    assert 'kill %d' % patient.pid in out.err
    end_behind(patient)
    resume(written, somebody, patient)


def test_a_mount_that_goes_on_is_not_waited_for(written, there, mount):
    second = mount(written, start=False, state_dir=there.state, flush_timeout=300)
    begin = time.monotonic()
    out = second.try_start()
    assert out.status == 8 and 'process %d' % there.pid in out.err
    assert time.monotonic() - begin < 10 * PATIENCE


# Deciding


def test_a_decision_by_path(written, somebody, there):
    written.fault('itemerror=ErrorAccessDenied,op=CreateItem')
    for name in ('a', 'b', 'c'):
        put(there, 'Inbox/%s.eml' % name, message(name))
    flush(there, status=1)
    assert len(queue(there, 'failed')) == 3
    lines = ctl(there, 'queue').out.splitlines()
    assert [line.split()[0] for line in lines] == ['failed'] * 3
    assert all('ErrorAccessDenied' in line for line in lines)
    ctl(there, 'discard', '--yes', 'Inbox/a.eml')
    out = ctl(there, 'discard', '--yes', 'Inbox/a.eml', status=None)
    assert out.status == 1 and 'nothing to discard' in out.err
    assert ctl(there, 'discard', '--yes', status=None).status == 2
    assert ctl(there, 'discard', status=None).status == 2
    written.clear()
    failed = there.names('.ewsfs/failed')
    assert len(failed) == 4
    ctl(there, 'retry', '.ewsfs/failed/' + [name for name in failed if 'b.eml' in name][0])
    until(lambda: subjects(somebody, 'inbox') == ['b'], 'the one that was sent again')
    assert [entry['path'] for entry in queue(there)] == ['/Inbox/c.eml']
    ctl(there, 'retry', 'Inbox')
    flush(there)
    assert subjects(somebody, 'inbox') == ['b', 'c'] and there.names('.ewsfs/failed') == []


def test_the_story_of_what_failed(written, there):
    written.fault('itemerror=ErrorAccessDenied,op=CreateItem')
    put(there, 'Inbox/a.eml', HELLO)
    flush(there, status=1)
    entry, = queue(there, 'failed')
    name = '%d-a.eml' % entry['id']
    assert there.names('.ewsfs/failed') == [name, name + '.txt']
    assert there.cat('.ewsfs/failed/' + name) == HELLO
    story = there.cat('.ewsfs/failed/%s.txt' % name).decode()
    for word in ('/Inbox/a.eml', 'ErrorAccessDenied', 'ewsfsctl retry %d' % entry['id']):
        assert word in story
    status = there.cat('.ewsfs/status').decode()
    assert '1 failed' in status and 'ewsfsctl queue' in status
    ctl(there, 'discard', '--yes', str(entry['id']))


# Sending: what the sender is told


def test_exit_codes_of_send(written, mount, tmp_path):
    there = mount(written)
    letter = message('Letter')
    assert ctl(there, 'send', '-t', stdin=letter, status=None).status == 69
    assert ctl(there, 'send', '-bs', stdin=letter, status=None).status == 64
    assert run(program('ewsfsctl'), 'send', '-t', '--mount', str(tmp_path), stdin=letter,
               status=None).status == 75
    there.unmount()
    there.options.update(send=True, ro=True)
    there.start()
    assert ctl(there, 'send', '-t', stdin=letter, status=None).status == 69


def test_send_waits_when_asked(written, somebody, mount):
    written.mails = 1
    there = mount(written, 'send', settle=SETTLE_S)
    out = ctl(there, 'send', '--wait', 'user@example.org', 'bob@example.com',
              stdin=message('Letter'), seconds=30 * PATIENCE)
    assert out.err == '' and written.stats()['sent'] == 1
    assert subjects(somebody, 'sentitems') == ['Letter'] and queue(there) == []


def test_send_does_not_send_to_others(written, somebody, mount):
    there = mount(written, 'send', settle=SETTLE_S)
    out = ctl(there, 'send', 'bob@example.com', stdin=message('Letter'), status=None)
    assert out.status == 65 and 'user@example.org' in out.err
    flush(there)
    assert queue(there) == [] and subjects(somebody, 'sentitems') == []
