# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks that fill up, an index that breaks, files that go missing: what was accepted is never lost,
and nothing is served that is not whole. Disks are small tmpfs, which only root can mount here."""
import errno
import glob
import os
import shutil
import sqlite3
import subprocess
import tempfile

import pytest

from mounting import message, program, run, sha256, until
from writing import SETTLE_S

MIB = 1 << 20


@pytest.fixture
def disk():
    """Makes small disks: disk(mib) is the directory. Asked for first, it is taken away last."""
    made = []

    def make(mib):
        path = tempfile.mkdtemp(prefix='ewsfs-disk-')
        size = 'size=%dm,mode=700' % mib
        done = subprocess.run(['mount', '-t', 'tmpfs', '-o', size, 'none', path],
                              check=False, capture_output=True)
        if done.returncode != 0:
            os.rmdir(path)
            pytest.skip('no tmpfs can be mounted here')
        made.append(path)
        return path
    yield make
    for path in made:
        subprocess.run(['umount', '-l', path], check=False)
        os.rmdir(path)


class Filler:
    """Takes all the room that a disk has."""

    def __init__(self, path):
        self.path = os.path.join(path, 'filler')
        with open(self.path, 'wb', buffering=0) as file:
            for piece in (MIB, 4096, 1):
                try:
                    while True:
                        file.write(bytes(piece))
                except OSError as error:
                    assert error.errno == errno.ENOSPC

    def remove(self):
        os.unlink(self.path)


def place(mount, state=None, cache=None):
    """On these disks instead."""
    if state:
        mount.state = mount.options['state_dir'] = os.path.join(state, 'state')
    if cache:
        mount.cache = mount.options['cache_dir'] = os.path.join(cache, 'cache')
    return mount


def large(subject, size):
    line = 'The quick brown fox jumps over the lazy dog, again and again and again.\r\n'
    return message(subject, line * (size // len(line)))


def queue_of(mount):
    return mount.status()['queue']


def wait_sent(mount):
    until(lambda: queue_of(mount)['waiting'] == 0, 'all to be sent', 60)


def trial(what, path, text='x'):
    """The name of the errno of a shell's attempt, or 'done'."""
    words = {
        'write': "open(p, 'ab', 0).write(%r)" % message('Never', text),
        'create': "os.close(os.open(p, os.O_CREAT | os.O_EXCL | os.O_WRONLY))",
        'mkdir': "os.mkdir(p)",
        'rename': "os.rename(p, p[:-4] + '-2.eml')",
        'unlink': "os.unlink(p)",
    }[what]
    code = ("import errno, os\np = %r\ntry:\n    %s\n    print('done')\n"
            "except OSError as error:\n    print(errno.errorcode[error.errno])\n" % (path, words))
    return run('python3', '-c', code).out.strip()


# --- the cache's disk ---------------------------------------------------------------------------


def test_small_cache_many_readers(server, somebody, mount):
    """A cache for three messages, and readers of forty at once: all get all bytes."""
    bodies = {}
    for n in range(40):
        bodies['Number %02d' % n] = data = large('Number %02d' % n, 300000)
        somebody.create_item('inbox', data)
    mounted = mount(server, 'ro', cache_size='1M', prefetch='off')
    mounted.sync()
    paths = mounted.paths()
    held = mounted.hold(paths[0])
    first = mounted.read_one(paths[0])
    readers = [mounted.cat_behind(mounted.at(path)) for path in paths * 2]
    for path, reader in zip(paths * 2, readers):
        result = reader.result(120)
        assert result.status == 0, str(result)
        assert len(result.raw) == mounted.stat(path)['size']
    assert held.ask('read')['sha256'] == first['sha256']
    until(lambda: mounted.status()['bytes_here'] <= 2 * MIB, 'the cache to shrink')


def test_cache_disk_full(disk, server, somebody, mount):
    """Messages that are here go for those that are read; one that fits nowhere is an error."""
    small = disk(8)
    for n in range(12):
        somebody.create_item('inbox', large('Number %02d' % n, MIB))
    somebody.create_item('inbox', large('Giant', 12 * MIB))
    mounted = place(mount(server, 'ro', start=False, prefetch='off'), cache=small).start()
    mounted.sync()
    for path in mounted.paths() * 2:
        if 'Giant' in path:
            answer = mounted.read_one(path)
            assert answer.get('errno') == 'ENOSPC' or answer['length'] == answer['size']
            continue
        answer = mounted.read_one(path)
        assert 'errno' not in answer, (path, answer)
        assert answer['length'] == answer['size'] > MIB - 100


def test_cache_disk_filled_by_others(disk, server, somebody, mount):
    """No room at all: a clear error, and all is well when there is room again."""
    small = disk(8)
    somebody.create_item('inbox', large('Hello', 400000))
    mounted = place(mount(server, 'ro', start=False, prefetch='off'), cache=small).start()
    mounted.sync()
    filler = Filler(small)
    path, = mounted.paths()
    assert mounted.read_one(path)['errno'] == 'ENOSPC'
    filler.remove()
    answer = mounted.read_one(path)
    assert answer['length'] == answer['size']


# --- the state's disk ---------------------------------------------------------------------------


@pytest.mark.parametrize('where', ['state', 'both'])
def test_state_disk_full(disk, written, mount, somebody, where):
    """What needs room fails with ENOSPC; what was accepted is sent; it goes on with room again."""
    somebody.create_item('inbox', large('Old', 300000))
    small = disk(24)
    mounted = place(mount(written, start=False, settle=SETTLE_S), state=small,
                    cache=small if where == 'both' else None).start()
    mounted.sync()
    written.fault('busy=100,op=CreateItem')
    accepted = []
    for n in range(5):
        path = mounted.at('Inbox', 'accepted-%d.eml' % n)
        run('sh', '-c', 'cat > "$0"', path, stdin=message('Accepted %d' % n))
        accepted.append(path)
    filler = Filler(small)
    errors = set()
    for n in range(200):
        path = mounted.at('Inbox', 'refused-%d.eml' % n)
        errors.add(trial('create', path))
        if 'ENOSPC' in errors:
            break
    assert errors <= {'done', 'ENOSPC'} and 'ENOSPC' in errors
    for what, name in (('mkdir', 'Folder'), ('write', 'more.eml')):
        assert trial(what, mounted.at(name if what == 'mkdir' else 'Inbox/' + name)) == 'ENOSPC'
    assert trial('rename', accepted[0]) in ('ENOSPC', 'done')
    assert len(mounted.names('Inbox')) >= 6
    filler.remove()
    assert trial('mkdir', mounted.at('Folder')) == 'done'
    written.clear()
    run('sh', '-c', 'cat > "$0"', mounted.at('Folder', 'later.eml'), stdin=message('Later'))
    for path in glob.glob(mounted.at('Inbox', 'refused-*.eml')):
        os.unlink(path)
    wait_sent(mounted)
    subjects = sorted(item.subject for item in somebody.get_item(somebody.find_item('inbox')))
    assert subjects == ['Accepted %d' % n for n in range(5)] + ['Old']


# --- the index ----------------------------------------------------------------------------------


def scribble(path, table):
    """Garbage over the first page of a table."""
    base = sqlite3.connect('file:%s?immutable=1' % path, uri=True)
    page, = base.execute('SELECT rootpage FROM sqlite_schema WHERE name = ?', (table,)).fetchone()
    size, = base.execute('PRAGMA page_size').fetchone()
    base.close()
    with open(path, 'r+b') as file:
        file.seek((page - 1) * size)
        file.write(b'G' * size)


@pytest.fixture
def waiting(written, there, old):
    """A mount with a message that cannot be sent yet."""
    there.sync()
    there.fetch()
    written.fault('busy=100,op=CreateItem')
    run('sh', '-c', 'cat > "$0"', there.at('Inbox', 'unsent.eml'), stdin=message('Unsent'))
    return there


@pytest.mark.parametrize('how', ['table', 'garbage', 'torn', 'empty'])
def test_broken_index(written, waiting, how):
    """Rebuilt from the server; what was unsent is beside it until a person removes it."""
    before = {name: entry for name, entry in waiting.tree('Inbox').items() if 'unsent' not in name}
    waiting.kill()
    waiting.detach()
    index = os.path.join(waiting.state, 'index.db')
    if how in ('table', 'torn'):
        # What is in the log would be read instead.
        base = sqlite3.connect(index)
        base.execute('PRAGMA wal_checkpoint(TRUNCATE)').fetchall()
        base.close()
    if how == 'table':
        scribble(index, 'folder')
    elif how == 'torn':
        os.truncate(index, os.path.getsize(index) // 2)
    else:
        for path in glob.glob(index + '-*'):
            os.unlink(path)
        with open(index, 'wb') as file:
            file.write(b'G' * 50000 if how == 'garbage' else b'')
    written.clear()
    result = waiting.try_start()
    assert result.status == 0, str(result)
    waiting.process, waiting.was_killed = None, False
    waiting.pid = waiting.status()['pid']
    assert 'rescued-' in result.err
    waiting.sync()
    after = waiting.tree('Inbox')
    assert {n: e['ino'] for n, e in after.items()} == {n: e['ino'] for n, e in before.items()}
    rescued, = waiting.status()['rescued']
    assert rescued in run('cat', waiting.at('.ewsfs', 'status')).out
    assert rescued in run(program('ewsfsctl'), 'status', waiting.path).out
    saved = [os.path.join(top, name) for top, _, names in os.walk(os.path.join(rescued, 'files'))
             for name in names]
    assert [sha256(open(path, 'rb').read()) for path in saved] == [sha256(message('Unsent'))]
    if how == 'table':
        assert saved[0].endswith('/Inbox/unsent.eml')
    assert glob.glob(index + '.broken-*')
    shutil.rmtree(rescued)
    assert waiting.status()['rescued'] == []


def test_broken_while_mounted(there, old):
    """Changes get EIO, reading goes on, and the next mount rebuilds."""
    there.sync()
    there.fetch()
    name, = there.names('Inbox')
    there.remount()
    index = os.path.join(there.state, 'index.db')
    until(lambda: not there.status()['refreshing'], 'rest')
    there.remount()
    scribble(index, 'item')
    result = run('setfattr', '-n', 'user.ewsfs.is_read', '-v', '1', there.at('Inbox', name),
                 status=None)
    assert result.status != 0 and 'Input/output error' in result.err, str(result)
    assert trial('mkdir', there.at('Folder')) == 'EIO'
    assert there.names('Inbox') == [name]
    assert 'Hello' in there.cat(os.path.join('Inbox', name)).decode()
    assert 'the index is broken' in there.log()
    there.remount()
    there.sync()
    assert there.names('Inbox') == [name]
    assert trial('mkdir', there.at('Folder')) == 'done'
    wait_sent(there)


# --- files that go missing ----------------------------------------------------------------------


@pytest.mark.parametrize('how', ['gone', 'short'])
def test_blob_lost(there, old, how):
    """It is fetched again."""
    there.sync()
    there.fetch()
    path, = there.paths()
    whole = there.cat(path)
    there.unmount()
    blob, = [p for p in glob.glob(os.path.join(there.cache, 'blobs', '*', '*'))]
    if how == 'gone':
        os.unlink(blob)
    else:
        os.truncate(blob, 10)
    there.start()
    there.sync()
    assert len(there.cat(path)) == there.stat(path)['size']
    assert b'Hello' in whole and b'Hello' in there.cat(path)


@pytest.mark.parametrize('how', ['gone', 'short'])
def test_unsent_bytes_lost(written, waiting, somebody, how):
    """Not sent as something else, and said: nobody has these bytes any more."""
    waiting.kill()
    waiting.detach()
    path, = glob.glob(os.path.join(waiting.state, 'files', '*'))
    if how == 'gone':
        os.unlink(path)
    else:
        os.truncate(path, 20)
    written.clear()
    waiting.start()
    waiting.sync()
    until(lambda: queue_of(waiting)['failed'] == 1, 'the loss to be told')
    assert 'unsent.eml' in run(program('ewsfsctl'), 'queue', waiting.path).out
    subjects = [item.subject for item in somebody.get_item(somebody.find_item('inbox'))]
    assert subjects == ['Old']
    run(program('ewsfsctl'), 'discard', '--yes', 'Inbox/unsent.eml', cwd=waiting.path)
