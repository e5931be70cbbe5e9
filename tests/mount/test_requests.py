# SPDX-License-Identifier: GPL-3.0-or-later
"""How many requests things cost, the mode for backups, and ewsfsctl."""
import json
import os

import pytest

from mounting import PATIENCE, message, program, run, until


def calls(server, since=None):
    return sum(server.ops(since).values())


# Counts


def test_reading_one_is_one_request_for_one_item(serve, mount, way):
    server = serve('--fill', 'Inbox=500')
    there = mount(server, prefetch='off', **way)
    paths = there.paths()
    there.wait_idle()
    server.mark('cat')
    run('cat', there.at(paths[123]))
    asked = server.log('cat')
    assert [(line['op'], line['items']) for line in asked] == [('GetItem', 1)]
    run('cat', there.at(paths[123]))
    assert calls(server, 'cat') == 1


@pytest.mark.parametrize('command', [
    'grep -rc no-such-word Inbox', 'tar -cf - Inbox | cat', 'cat Inbox/* | cat',
    'for i in $(ls -r Inbox); do cat Inbox/$i; done | cat'])
def test_a_scan_is_batched(serve, mount, way, command):
    server = serve('--fill', 'Inbox=1000', '--latency', '5')
    there = mount(server, prefetch='off', **way)
    there.names('Inbox')
    there.wait_idle()
    server.mark('scan')
    run('sh', '-c', command, cwd=there.path, status=None)
    there.wait_idle()
    asked = server.asked('GetItem', 'scan')
    assert sum(line['items'] for line in asked) == 1000
    assert len(asked) <= 60
    assert max(line['items'] for line in asked) <= 100
    assert asked[0]['items'] == 1


def test_many_readers_share_their_requests(serve, mount):
    server = serve('--fill', 'Inbox=400')
    there = mount(server, prefetch='off')
    there.wait_idle()
    # Long enough for all of them to come in while the first is on its way.
    server.latency(200)
    server.mark('many')
    run('sh', '-c', 'printf "%s\\0" Inbox/* | xargs -0 -n 20 -P 16 cat | cat', cwd=there.path)
    asked = server.asked('GetItem', 'many')
    assert sum(line['items'] for line in asked) == 400
    assert len(asked) <= 60


def test_prefetch_is_batched(serve, mount):
    server = serve('--fill', 'Inbox=1500')
    there = mount(server)
    there.fetch()
    asked = server.asked('GetItem')
    assert sum(line['items'] for line in asked) == 1500
    assert len(asked) <= 40


def test_a_first_listing(serve, mount):
    server = serve('--fill', 'Inbox=5000')
    there = mount(server, prefetch='off')
    assert len(there.names('Inbox')) == 5000
    there.sync()
    with_items = [line for line in server.asked('SyncFolderItems') if line['items']]
    assert sum(line['items'] for line in with_items) == 5000
    assert len(with_items) == 10
    assert server.count('FindItem') == server.count('GetItem') == 0


def test_an_idle_refresh_is_three_requests_at_most(serve, mount):
    server = serve('--fill', 'Inbox=100', *[
        word for n in range(100) for word in ('--fill', 'Inbox/Folder %d=1' % n)])
    there = mount(server)
    there.fetch()
    there.wait_idle()
    server.mark('idle')
    there.sync()
    assert calls(server, 'idle') <= 3
    server.mark('new')
    server.somebody().create_item('inbox', message('Fresh'))
    there.sync()
    assert server.count('SyncFolderItems', 'new') == 1


def test_an_idle_refresh_of_2000_folders_is_three_requests(serve, mount):
    """Servers give 1,000 folders a page, and with those nothing about the top folder itself."""
    server = serve(*[word for n in range(1900) for word in ('--fill', 'Shelf/Box %d=1' % n)])
    somebody = server.somebody()
    while len(somebody.find_folder()) < 2000:
        somebody.create_folder('inbox', 'More %d' % somebody.wrote['CreateFolder'])
    there = mount(server, prefetch='off')
    there.sync(seconds=60)
    there.wait_idle()
    server.mark('idle')
    there.sync(seconds=60)
    assert server.ops('idle') == {'FindFolder': 2, 'GetFolder': 1}


def test_a_walk_that_follows_a_walk_asks_for_nothing(serve, mount, way):
    server = serve('--fill', 'Inbox=300', '--fill', 'Archive/Old=100')
    there = mount(server, **way)
    there.fetch()
    there.wait_idle()
    run('find', there.path, '-ls')
    server.mark('walk')
    run('find', there.path, '-ls')
    run('grep', '-rc', 'x', there.path, status=None)
    run('du', '-s', there.path)
    assert calls(server, 'walk') == 0


def test_connections_are_limited(serve, mount):
    server = serve('--fill', 'Inbox=300')
    there = mount(server, prefetch='off', max_conns=2)
    there.wait_idle()
    server.fault('delay=200,op=GetItem')
    server.mark('many')
    run('sh', '-c', 'printf "%s\\0" Inbox/* | xargs -0 -n 10 -P 16 cat | cat', cwd=there.path,
        seconds=60 * PATIENCE)
    # The log's times are whole milliseconds.
    spans = [(line['time'] + 0.005, line['time'] + line['took'] - 0.005)
             for line in server.log('many')]
    most = max(sum(a <= at < b for a, b in spans) for at, _ in spans)
    assert most <= 2


# Backup


def test_a_backup_is_never_old(serve, mount):
    server = serve('--fill', 'Inbox=50', state=True)
    there = mount(server, 'backup', refresh=1)
    ews = server.somebody()
    assert len(there.names('Inbox')) == 50
    for count in (51, 52):
        ews.create_item('inbox', message('Fresh', number=count))
        until(lambda c=count: len(there.names('Inbox')) == c, 'the new message')
    server.kill()
    until(lambda: run('ls', there.at('Inbox'), status=None).status == 2, 'a refusal')
    assert run('ls', there.at('Inbox'), status=2).out == ''
    server.start()
    until(lambda: run('ls', there.at('Inbox'), status=None).status == 0, 'the server again', 40)


def test_a_backup_sees_what_was_there_when_it_began(serve, mount):
    server = serve('--fill', 'Inbox=50')
    there = mount(server, 'backup', refresh=1)
    ews = server.somebody()
    for turn in range(3):
        until(lambda: there.names('Inbox'), 'a listing')
        ews.create_item('inbox', message('Turn', number=turn))
        # Once the last look is older than refresh=, opening must look again.
        began = int(run('date', '+%s%N').out)
        until(lambda b=began: int(run('date', '+%s%N').out) - b > 1.2e9, 'the refresh time')
        assert len(there.names('Inbox')) == 51 + turn


def test_a_backup_mount_is_exact_and_read_only(serve, mount, tmp_path):
    server = serve('--fill', 'Inbox=100')
    there = mount(server, 'backup', prefetch='off')
    sizes = {p: e['size'] for p, e in there.files('Inbox').items()}
    run('rsync', '-a', there.path + '/', str(tmp_path))
    assert {p: os.path.getsize(tmp_path / 'Inbox' / p) for p in sizes} == sizes
    assert there.error_of('create', 'Inbox/new') == 'EROFS'
    assert there.status()['backup'] and there.status()['size'] == 'exact'


def test_a_backup_mount_starts_only_when_it_can_be_fresh(serve, mount, tmp_path):
    server = serve('--fill', 'Inbox=50', state=True)
    there = mount(server, 'backup')
    run('rsync', '-a', there.path + '/', str(tmp_path))
    there.unmount()
    server.kill()
    out = there.try_start()
    if out.status == 0:
        there.pid = int(run('pgrep', '-f', there.path).out.split()[0])
        run('ls', there.at('Inbox'), status=2)
        out = run('rsync', '-a', '--delete', there.path + '/', str(tmp_path), status=None)
        assert out.status != 0
    assert len(os.listdir(tmp_path / 'Inbox')) == 50


# ewsfsctl


def test_sync_means_as_new_as_the_call(server, somebody, mount):
    there = mount(server, refresh=3600)
    for turn in range(10):
        somebody.create_item('inbox', message('Turn', number=turn))
        there.sync()
        assert len(there.names('Inbox')) == turn + 1


def test_sync_fetch_means_every_byte(serve, mount):
    server = serve('--fill', 'Inbox=200', '--fill', 'Inbox/Sub=100', '--fill', 'Archive=100',
                   state=True)
    there = mount(server, prefetch='off')
    run(program('ewsfsctl'), 'sync', '--wait=30', '--fetch', there.at('Inbox'))
    status = there.status()
    assert 300 <= status['items_here'] < 400
    server.kill()
    read = there.read(os.path.join('Inbox', path) for path in there.files('Inbox'))
    assert len(read) == 300 and all('errno' not in answer for answer in read.values())


def test_sync_says_what_it_could_not_do(serve, mount):
    server = serve('--fill', 'Inbox=20', state=True)
    somebody = server.somebody()
    somebody.create_item('inbox', message('Bad one'))
    server.fault('itemerror=ErrorCorruptData,op=GetItem,item=Bad')
    there = mount(server)
    there.sync()
    out = there.sync('--fetch', status=1)
    assert out.err.count('\n') == 1 and '1 item' in out.err
    server.fault('delay=600000')
    out = run(program('ewsfsctl'), 'sync', '--wait=1', there.path, status=1)
    assert out.err.count('\n') == 1
    server.kill()
    there.sync(status=1)


def test_sync_of_a_path(serve, mount):
    server = serve('--fill', 'Inbox=20')
    there = mount(server)
    file = there.at(there.paths()[0])
    for path in (there.path, there.at('Inbox'), file):
        run(program('ewsfsctl'), 'sync', '--wait', path)
    run(program('ewsfsctl'), 'sync', '--wait', cwd=there.at('Inbox'))
    run(program('ewsfsctl'), 'sync', '--wait', there.at('Nowhere'), status=1)
    run(program('ewsfsctl'), 'sync', '--wait', '/', status=3)
    run(program('ewsfsctl'), 'sync', '--wait', there.dir, status=3)


def test_status(serve, mount):
    server = serve('--fill', 'Inbox=20')
    there = mount(server)
    there.fetch()
    text = run(program('ewsfsctl'), 'status', there.path).out
    assert 'online' in text
    status = json.loads(run(program('ewsfsctl'), 'status', '--json', there.at('Inbox')).out)
    assert status['items'] == 20 and status['mountpoint'] == there.path
    assert {'folders', 'folders_listed', 'bytes_here', 'items_per_s', 'seconds_left',
            'refreshed_at', 'waiting', 'socket'} <= set(status)


def test_status_of_a_first_sync(serve, mount):
    server = serve('--fill', 'Inbox=3000', '--fill', 'Archive=3000')
    server.fault('delay=150,op=SyncFolderItems')
    there = mount(server, prefetch='off')
    seen = []
    def is_done():
        status = there.status()
        seen.append(status['items'])
        assert status['items'] <= status['items_expected'] or not status['items_expected']
        return status['folders_listed'] == status['folders'] and status['items'] == 6000
    until(is_done, 'the first sync', 40)
    assert seen == sorted(seen)
    assert len(set(seen)) > 3


def test_wrong_usage(server, mount):
    there = mount(server)
    for words in ([], ['dance'], ['sync'], ['sync', '--wait=x', there.path],
                  ['status', '--nonsense'], ['status', there.path, there.path]):
        out = run(program('ewsfsctl'), *words, status=2)
        assert out.err
    dead = mount(server)
    run('stat', dead.path)
    dead.kill()
    out = run(program('ewsfsctl'), 'status', dead.path, status=3)
    assert 'fusermount3' in out.err
