# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows about bytes: reading what is here, fetching what is not."""
import os
import shutil
import statistics

from benching import Requests, Result, grep, interleave, replies, rounded, timed, until_idle

ROUND_TRIP_MS = 20
CACHED = 20000
UNCACHED = 5000
UNSEEN = 10000


def cached_mailbox(bench):
    """20,000 messages in the cache, and the same files in a local directory."""
    server = bench.serve('--fill', 'Inbox=%d,8192' % CACHED)
    mount = bench.mount(server, max_conns=4)
    local = bench.place('cached')
    mount.start(60)
    timed('rsync', '-a', mount.at('Inbox') + '/', local)
    mount.sync('--fetch', seconds=300)
    until_idle(mount)
    mount.unmount()
    return mount, local


def grep_cached(bench, result, mount, local):
    """Warm passes over both, in turn. Returns (times, local times, answers in the quietest pass:
    in others the kernel had dropped pages, or the index was written)."""
    inbox = mount.at('Inbox')
    counts = []

    def grep_mount():
        before = replies(mount.pid)
        took = grep(inbox)
        counts.append(replies(mount.pid) - before)
        return took

    grep(inbox)
    grep(inbox)
    grep(local)
    took, base = interleave(bench.repeat + 2, grep_mount, lambda: grep(local))
    result.facts.update({'seconds': rounded(took), 'baseline': rounded(base),
                         'answers of each pass': counts})
    return took, base, min(counts)


def row_grep_ro(bench):
    """grep -r over 20,000 cached messages, ro,size=exact, second pass"""
    result = Result('grep-ro', row_grep_ro.__doc__)
    stopped, local = bench.once('cached', cached_mailbox)
    stopped.options.update({'ro': True, 'size': 'exact'})
    with Mounted(stopped) as mount:
        took, base, count = grep_cached(bench, result, mount, local)
    result.compare(took, base, 1.2)
    result.facts['answers a file'] = round(count / CACHED, 4)
    return result


def row_grep_rw(bench):
    """grep -r over 20,000 cached messages, default mount, second pass"""
    result = Result('grep-rw', row_grep_rw.__doc__)
    stopped, local = bench.once('cached', cached_mailbox)
    stopped.options.update({'ro': None, 'size': None})
    with Mounted(stopped) as mount:
        took, base, count = grep_cached(bench, result, mount, local)
    above = statistics.median(a - b for a, b in zip(took, base)) / CACHED * 1e6
    result.bound('requests a file', count / CACHED, 2.02)
    result.bound('us a file above local', above, 60)
    return result


class Mounted:
    """Started, at rest, and unmounted at the end."""

    def __init__(self, mount):
        self.mount = mount

    def __enter__(self):
        self.mount.start(60)
        until_idle(self.mount)
        return self.mount

    def __exit__(self, *_):
        self.mount.unmount()


def forget_bytes(mount):
    """Leaves the listing, but no message was ever seen. Only while not mounted."""
    mount.forget()
    mount.start(60)
    timed('ls', '-f', mount.at('Inbox'))
    until_idle(mount)


def row_grep_first(bench):
    """first grep -r over 5,000 uncached messages, 20 ms, against the bare loop"""
    result = Result('grep-first', row_grep_first.__doc__)
    server = bench.serve('--fill', 'Inbox=%d,8192' % UNCACHED, '--latency', str(ROUND_TRIP_MS))
    mount = bench.mount(server, prefetch='off')
    took, base, counts, sizes = [], [], [], []
    for _ in range(bench.repeat):
        os.makedirs(mount.state, exist_ok=True)
        os.makedirs(mount.cache, exist_ok=True)
        forget_bytes(mount)
        requests = Requests(server)
        took.append(grep(mount.at('Inbox')))
        batches = requests.batches()
        mount.unmount()
        counts.append(len(batches))
        sizes.append(max(batches))
        bare = bench.bare(server, 'get', 'Inbox', round(UNCACHED / len(batches)), 4)
        base.append(bare['seconds'])
    result.compare(took, base, 1.25)
    result.bound('GetItem', max(counts), 130)
    result.facts.update({'GetItem of each run': counts, 'largest batch': sizes})
    return result


CAT_FOLDERS = 11


def row_cat_one(bench):
    """cat of one unseen message, folder of 1,000, prefetch running, 20 ms, against one GetItem"""
    result = Result('cat-one', row_cat_one.__doc__)
    words = [w for n in range(CAT_FOLDERS) for w in ('--fill', 'Box%02d=1000,8192' % n)]
    # As a real server was measured: some 5 ms for each message of a batch.
    server = bench.serve(*words, '--latency', str(ROUND_TRIP_MS), '--fault', 'slow=5,op=GetItem')
    mount = bench.mount(server)
    ews = server.client()
    items = [ews.find_item(ews.find_path('Box%02d' % n), count=1, all_pages=False)[0].id
             for n in range(CAT_FOLDERS)]
    mount.start(60)
    # Old ones: prefetch comes to them last. No stat before, that would be a reader too.
    paths = [mount.at('Box%02d' % n, sorted(mount.names('Box%02d' % n))[3])
             for n in range(CAT_FOLDERS)]
    took, base, unseen = [], [], 0
    for path, item in zip(paths, items):
        base.append(bench.bare(server, 'one', item)['seconds'])
        is_running = mount.status()['prefetching']
        requests = Requests(server)
        took.append(timed('cat', path))
        unseen += is_running and 1 in requests.batches()
    mount.unmount()
    result.compare(took, base, 1.3)
    result.facts['unseen, prefetch on'] = '%d of %d' % (unseen, len(took))
    return result


def row_ls_color(bench):
    """ls --color=always of 10,000 unseen messages, 20 ms"""
    result = Result('ls-color', row_ls_color.__doc__)
    server = bench.serve('--fill', 'Inbox=%d,8192' % UNSEEN, '--latency', str(ROUND_TRIP_MS))
    took, listed = [], []
    for prefetch in ('on', 'off'):
        mount = bench.mount(server, prefetch=prefetch)
        mount.start(60)
        listed.append(timed('ls', '-f', mount.at('Inbox')))
        took.append(timed('ls', '--color=always', mount.at('Inbox')))
        mount.unmount()
        shutil.rmtree(mount.cache)
    result.bound('seconds', max(took), 3)
    result.facts['prefetch on, off'] = [round(t, 3) for t in took]
    result.facts['first listing before'] = [round(t, 3) for t in listed]
    return result


ROWS = [row_grep_ro, row_grep_rw, row_grep_first, row_cat_one, row_ls_color]
