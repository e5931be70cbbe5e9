# SPDX-License-Identifier: GPL-3.0-or-later
"""Sizes before the bytes are here, fetching ahead, and a cache that is full or gone."""
import contextlib
import os
import shutil

from mounting import PATIENCE, files_below, message, run, until

SCAN_S = 2


def cache_bytes(there):
    total = 0
    for path in files_below(there.cache):
        with contextlib.suppress(FileNotFoundError):
            total += os.path.getsize(path)
    return total


def exact_flags(there, paths):
    """In one go: where the server works on, every moment counts."""
    return run('getfattr', '-n', 'user.ewsfs.size_exact', '--only-values', '--',
               *[there.at(path) for path in paths]).out


# Scans


def test_a_scan_waits_two_seconds_in_all(serve, mount):
    server = serve('--fill', 'Inbox=3000')
    there = mount(server, prefetch='off')
    names = there.paths()
    there.wait_idle()
    server.fault('slow=100,op=GetItem')
    out = run('ls', '-l', '--color=always', there.at('Inbox'))
    assert out.out.count('.eml') == 3000
    assert SCAN_S * 0.8 <= out.took < SCAN_S + 4 * PATIENCE
    fetched = sum(line['items'] for line in server.asked('GetItem'))
    assert fetched < 3000
    flags = exact_flags(there, names)
    assert set(flags) == {'0', '1'}
    guess = names[flags.rindex('0')]
    line = next(line for line in out.out.splitlines() if os.path.basename(guess) in line)
    shown = line.split()[4]
    known = there.xattrs(guess)
    assert known['user.ewsfs.size'] == shown or known['user.ewsfs.size_exact'] == '1'


def test_opening_makes_exact(serve, mount):
    server = serve('--fill', 'Inbox=1500')
    there = mount(server, prefetch='off')
    there.wait_idle()
    server.fault('slow=100,op=GetItem')
    run('ls', '-l', there.at('Inbox'))
    paths = there.paths()
    unseen = [p for p, flag in zip(paths, exact_flags(there, paths)) if flag == '0'][:40]
    assert unseen
    server.clear()
    read = there.read(unseen)
    for path in unseen:
        entry = there.stat(path)
        assert entry['size'] == read[path]['length'] == read[path]['size']
    assert set(exact_flags(there, unseen)) == {'1'}


def test_copies_of_what_has_only_an_estimate_are_whole(serve, mount, tmp_path):
    server = serve('--fill', 'Inbox=800')
    there = mount(server, prefetch='off')
    there.wait_idle()
    server.fault('slow=60,op=GetItem')
    run('ls', '-l', there.at('Inbox'))
    server.clear()
    out = run('tar', '-C', there.path, '-cf', str(tmp_path / 'mail.tar'), 'Inbox')
    assert out.err == ''
    run('cp', '-r', there.at('Inbox'), str(tmp_path))
    read = there.read_all()
    for path, answer in read.items():
        assert os.path.getsize(tmp_path / path) == answer['length']


def test_one_stat_is_worth_waiting_for(serve, mount):
    server = serve('--fill', 'Inbox=50')
    there = mount(server, prefetch='off')
    path = there.paths()[7]
    there.wait_idle()
    server.fault('delay=2500,op=GetItem')
    size = there.stat(path)['size']
    assert exact_flags(there, [path]) == '1'
    assert there.read_one(path)['length'] == size


def test_exact_means_every_size(serve, mount):
    server = serve('--fill', 'Inbox=300')
    there = mount(server, prefetch='off', size='exact')
    there.wait_idle()
    server.fault('slow=15,op=GetItem')
    listed = run('stat', '-c', '%s %n', '--', *[there.at(p) for p in there.paths()],
                 seconds=60 * PATIENCE).out
    sizes = {os.path.relpath(line.split(' ', 1)[1], there.path): int(line.split(' ', 1)[0])
             for line in listed.splitlines()}
    server.clear()
    assert {path: a['length'] for path, a in there.read_all().items()} == sizes


def test_a_plain_listing_fetches_nothing(serve, mount):
    server = serve('--fill', 'Inbox=300')
    there = mount(server, prefetch='off')
    assert len(run('ls', '-f', there.at('Inbox')).out.splitlines()) == 302
    assert len(run('find', there.path, '-type', 'f').out.splitlines()) == 300
    assert server.count('GetItem') == 0


# Ahead


def test_prefetch_takes_the_newest_first(serve, mount):
    server = serve('--fill', 'Inbox=600')
    server.fault('slow=60,op=GetItem')
    there = mount(server)
    until(lambda: there.status()['items_here'] >= 40, 'some messages')
    newest = sorted(there.paths(), reverse=True)
    flags = exact_flags(there, newest)
    assert set(flags[:20]) == {'1'} and flags[-1] == '0'
    server.clear()
    until(lambda: there.status()['items_here'] == 600, 'all of them', 40)
    server.mark('read')
    there.read_all()
    assert server.count('GetItem', 'read') == 0
    assert sum(line['items'] for line in server.asked('GetItem')) == 600


def test_no_prefetch(serve, mount):
    server = serve('--fill', 'Inbox=100')
    there = mount(server, prefetch='off')
    there.sync()
    there.sync()
    assert server.count('GetItem') == 0
    status = there.status()
    assert (status['items'], status['items_here'], status['prefetching']) == (100, 0, False)


def test_somebody_who_waits_goes_first(serve, mount):
    server = serve('--fill', 'Inbox=2000')
    server.fault('slow=20,op=GetItem')
    there = mount(server)
    until(lambda: there.status()['items_here'] > 0, 'prefetch')
    oldest = sorted(there.paths())[0]
    out = run('cat', there.at(oldest))
    assert out.raw
    assert there.status()['items_here'] < 2000


# A small cache


def test_a_small_cache_stays_small(serve, mount):
    server = serve('--fill', 'Inbox=300,30000')
    there = mount(server, cache_size='1M', prefetch='off')
    read = there.read_all()
    assert all('errno' not in answer for answer in read.values())
    assert sum(answer['length'] for answer in read.values()) > 5 << 20
    # What is fetched ahead must not push out what was fetched ahead.
    assert sum(line['items'] for line in server.asked('GetItem')) <= 400
    until(lambda: cache_bytes(there) <= 1 << 20, 'a small cache')
    # Lengths are known for good, the bytes come again when they are asked for.
    assert set(exact_flags(there, there.paths()[:20])) == {'1'}
    again = there.read_all()
    assert {p: a['length'] for p, a in again.items()} == {p: a['length'] for p, a in read.items()}
    until(lambda: cache_bytes(there) <= 1 << 20, 'a small cache')
    assert there.status()['bytes_here'] <= 1 << 20


def test_a_small_cache_without_open(serve, mount):
    server = serve('--fill', 'Inbox=200,30000')
    there = mount(server, 'ro', cache_size='1M', size='exact', prefetch='off')
    copies = [there.read_all() for _ in range(2)]
    assert {p: a.get('length') for p, a in copies[0].items()} == {
        p: a.get('length') for p, a in copies[1].items()}
    assert all('errno' not in answer for answer in copies[1].values())
    until(lambda: cache_bytes(there) <= 1 << 20, 'a small cache')


def test_prefetch_goes_on_for_the_lengths_alone(serve, mount):
    server = serve('--fill', 'Inbox=300,20000')
    there = mount(server, cache_size='500K')
    until(lambda: there.status()['items_sized'] == 300, 'all lengths', 40)
    until(lambda: cache_bytes(there) <= 500 << 10, 'a small cache')
    server.mark('stat')
    sizes = {p: e['size'] for p, e in there.files().items()}
    assert server.count('GetItem', 'stat') == 0
    assert len(sizes) == 300


def test_an_open_file_survives_eviction(serve, mount):
    server = serve('--fill', 'Inbox=150,30000')
    there = mount(server, cache_size='300K', prefetch='off')
    paths = there.paths()
    held = there.hold(paths[0])
    first = held.ask('read')
    server.mark('others')
    there.read(paths[1:])
    until(lambda: cache_bytes(there) <= (300 << 10) + first['length'], 'a small cache')
    assert held.ask('read') == first
    assert held.ask('stat')['size'] == first['length']


def test_a_message_larger_than_the_cache(server, somebody, mount):
    somebody.create_item('inbox', message('Large', body='large ' * 500000))
    there = mount(server, cache_size='100K')
    path = there.find('Large')
    answer = there.read_one(path)
    assert answer['length'] == there.stat(path)['size'] > 2900000
    assert there.read_one(path) == answer or os.environ.get('EWSFS_LIKE') == 'real'


def test_the_cache_is_deleted_while_mounted(serve, mount, way):
    server = serve('--fill', 'Inbox=60')
    there = mount(server, **way)
    there.fetch()
    before = there.tree()
    read = there.read_all()
    shutil.rmtree(there.cache)
    assert there.tree() == before
    again = there.read_all()
    assert {p: a.get('length') for p, a in again.items()} == {
        p: a['length'] for p, a in read.items()}
    assert there.tree() == before


def test_the_blobs_are_deleted_while_mounted(serve, mount):
    server = serve('--fill', 'Inbox=60')
    there = mount(server)
    there.fetch()
    read = there.read_all()
    for path in files_below(there.cache):
        os.unlink(path)
    server.somebody().create_item('inbox', message('Fresh'))
    there.sync('--fetch')
    again = there.read_all()
    assert len(again) == 61
    assert {p: a.get('length') for p, a in again.items() if p in read} == {
        p: a['length'] for p, a in read.items()}
