# SPDX-License-Identifier: GPL-3.0-or-later
"""The end, asked for in every way there is and at the worst moments: soon, well, nothing left."""
import os
import signal
import subprocess

import pytest

from mounting import TOOL_S, is_mounted, program, run, until


@pytest.fixture
def box(serve):
    return serve('--fill', 'Inbox=30')


def load(there, count=6):
    """Readers that go on until the mount is gone."""
    script = 'while ls "$1"/Inbox >/dev/null 2>&1 && cat "$1"/Inbox/* >/dev/null 2>&1; do :; done'
    return [subprocess.Popen(['sh', '-c', script, 'sh', there.path], cwd='/')
            for _ in range(count)]


def assert_ended(there):
    assert there.wait_end() == 0
    assert not is_mounted(there.path)
    assert os.listdir(there.path) == []
    left = [name for where, _, names in os.walk(there.cache) for name in names if 'tmp' in name]
    assert left == []


@pytest.mark.parametrize('how', ['fusermount3', 'umount', 'SIGTERM', 'SIGINT', 'SIGHUP'])
@pytest.mark.parametrize('state', ['idle', 'reading', 'waiting'])
def test_it_ends_well(box, mount, how, state):
    there = mount(box, prefetch='off', timeout=300)
    readers = []
    names = there.paths()
    if state == 'reading':
        readers = load(there)
        until(lambda: box.count('GetItem') > 2, 'reading')
    elif state == 'waiting':
        there.wait_idle()
        box.fault('delay=600000,op=GetItem')
        readers = [there.cat_behind(name).process for name in names[:8]]
        until(lambda: there.status()['waiting'] >= 8, 'waiting readers')
    if how.startswith('SIG'):
        os.kill(there.pid, getattr(signal, how))
    elif state == 'idle':
        run(*([how, '-u'] if how == 'fusermount3' else [how]), there.path)
    else:
        # Busy with open files: only lazily, as the tools say.
        run(*([how, '-u', '-z'] if how == 'fusermount3' else [how, '-l']), there.path)
        if state == 'waiting':
            for reader in readers:
                reader.kill()
    try:
        assert_ended(there)
    finally:
        for reader in readers:
            reader.kill()
            reader.wait(TOOL_S)


def test_it_ends_while_it_syncs(serve, mount):
    server = serve('--fill', 'Inbox=20000')
    there = mount(server)
    until(lambda: server.count('SyncFolderItems') > 5, 'a sync')
    run('fusermount3', '-u', there.path)
    assert_ended(there)


def test_it_ends_while_the_server_is_silent(box, mount):
    there = mount(box, timeout=300)
    there.fetch()
    box.latency(600000)
    process = subprocess.Popen([program('ewsfsctl'), 'sync', '--wait', there.path],
                               stderr=subprocess.DEVNULL)
    until(lambda: there.status()['refreshing'], 'a refresh')
    run('fusermount3', '-u', there.path)
    assert_ended(there)
    assert process.wait(TOOL_S) != 0
