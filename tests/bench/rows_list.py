# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows about the tree: listing it, walking it, asking whether it is still true."""
import shutil
import statistics
import time

from benching import LIMIT_S, Requests, Result, interleave, timed, until_idle

BIG = 100000
FOLDERS = 1980  # and the usual ones
SLOW_MS = 6000  # longer than any listing: an answer that it waited for would show


def big_server(bench):
    return bench.serve('--fill', 'Inbox=%d,2048' % BIG)


def big_mailbox(bench):
    """100,000 messages in the cache, the same files in a local directory, and a copy of them."""
    server = bench.once('big server', big_server)
    mount = bench.mount(server)
    local, copy = bench.place('big'), bench.place('copy')
    mount.start(60)
    mount.sync('--fetch', seconds=LIMIT_S)
    timed('rsync', '-a', mount.at('Inbox') + '/', local)
    timed('rsync', '-a', local + '/', copy)
    mount.sync(seconds=LIMIT_S)  # the counts that a first sync leaves to be compared
    until_idle(mount)
    mount.unmount()
    return server, mount, local, copy


def row_list_first(bench):
    """first listing of a folder of 100,000 messages, against a bare SyncFolderItems loop"""
    result = Result('list-first', row_list_first.__doc__)
    server = bench.once('big server', big_server)
    counts = []

    def list_all():
        mount = bench.mount(server, prefetch='off')
        requests = Requests(server)
        begin = time.perf_counter()
        mount.start(60)
        timed('ls', '-f', mount.at('Inbox'))
        took = time.perf_counter() - begin
        counts.append(sum(requests.counts().values()))
        mount.unmount()
        shutil.rmtree(mount.state)
        return took

    took, base = interleave(
        bench.repeat, list_all, lambda: bench.bare(server, 'sync', 'Inbox')['seconds'])
    result.compare(took, base, 1.25)
    result.facts['requests'] = counts
    return result


def row_list_again(bench):
    """the same listing after a remount"""
    result = Result('list-again', row_list_again.__doc__)
    server, mount, local, _ = bench.once('big', big_mailbox)
    names, longs, bases, requests = [], [], [], []
    for _ in range(bench.repeat):
        for words, times in ((('ls', '-f'), names), (('ls', '-l'), longs)):
            asked, begin = Requests(server), time.time()
            server.latency(SLOW_MS)
            try:
                mount.start(60)
                times.append(timed(*words, mount.at('Inbox')))
                # Those of the mount before this one are answered now, to nobody.
                requests.append(sum(line['time'] >= begin for line in asked.lines()))
            finally:
                server.latency(0)
            mount.unmount()
        bases.append(timed('ls', '-l', local))
    time.sleep(SLOW_MS / 1000)  # what nobody waits for any more is not to be counted by another row
    result.bound('ls -f, seconds', statistics.median(names), 0.5)
    result.bound('ls -l, ratio', statistics.median(a / b for a, b in zip(longs, bases)), 2)
    result.bound('answers waited for', max(requests), 0)
    result.facts.update({'ls -f': [round(t, 3) for t in names],
                         'ls -l': [round(t, 3) for t in longs],
                         'ls -l, local': [round(t, 3) for t in bases]})
    return result


def row_rsync(bench):
    """rsync -a over 100,000 unchanged messages after a remount, against a local directory"""
    result = Result('rsync', row_rsync.__doc__)
    server, mount, local, copy = bench.once('big', big_mailbox)
    counts, gets, asked = [], [], []

    def from_mount():
        requests = Requests(server)
        mount.start(60)
        took = timed('rsync', '-a', mount.at('Inbox') + '/', copy)
        until_idle(mount)
        mount.unmount()
        counts.append(sum(requests.counts().values()))
        gets.append(requests.counts().get('GetItem', 0))
        asked.append(requests.counts())
        return took

    took, base = interleave(
        bench.repeat, from_mount, lambda: timed('rsync', '-a', local + '/', copy))
    result.compare(took, base, 1.2)
    result.bound('requests', max(counts), 3)
    result.bound('GetItem', max(gets), 0)
    result.facts['requests of each run'] = asked
    return result


def row_refresh(bench):
    """refresh and reconnect of 2,000 folders with nothing new"""
    result = Result('refresh', row_refresh.__doc__)
    words = [w for n in range(FOLDERS) for w in ('--fill', 'Shelf/Box %04d=1' % n)]
    server = bench.serve(*words)
    mount = bench.mount(server)
    mount.start(60)
    mount.sync('--fetch', seconds=LIMIT_S)
    until_idle(mount)
    requests = Requests(server)
    begin = time.perf_counter()
    mount.sync(seconds=LIMIT_S)
    took = time.perf_counter() - begin
    refresh = requests.counts()
    mount.unmount()
    requests = Requests(server)
    mount.start(60)
    until_idle(mount)
    reconnect = requests.counts()
    mount.unmount()
    result.bound('requests, refresh', sum(refresh.values()), 3)
    result.bound('requests, reconnect', sum(reconnect.values()), 3)
    result.facts.update({'refresh': refresh, 'reconnect': reconnect,
                         'refresh, seconds': round(took, 3)})
    return result


ROWS = [row_list_first, row_list_again, row_rsync, row_refresh]
