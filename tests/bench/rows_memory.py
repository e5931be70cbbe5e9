# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows about memory (RssAnon: what the process has for itself), and about doing nothing."""
import os
import time

from benching import LIMIT_S, Peak, Requests, Result, rss_anon, timed, until_idle
from mounting import SAMPLE_MAIL

BIG_BYTES = 150 << 20
MILLION = 1000000
FOLDERS = 2000
IDLE_S = 30


def write_big_message(path):
    line = b'VGhlIHF1aWNrIGJyb3duIGZveCBqdW1wcyBvdmVyIHRoZSBsYXp5IGRvZy4gIFRoZSBlbmQu\r\n'
    with open(path, 'wb') as file:
        file.write(b'From: Ada <ada@example.com>\r\nTo: user@example.org\r\nSubject: big\r\n'
                   b'Date: Fri, 2 Jan 2026 03:04:05 +0000\r\nMIME-Version: 1.0\r\n'
                   b'Content-Type: application/octet-stream\r\n'
                   b'Content-Transfer-Encoding: base64\r\n\r\n')
        for _ in range(BIG_BYTES // len(line) // 1000):
            file.write(line * 1000)


def row_memory_big(bench):
    """memory while one message of 150 MB is read"""
    result = Result('memory-big', row_memory_big.__doc__)
    mail = bench.place('big-message')
    write_big_message(os.path.join(mail, 'big.eml'))
    server = bench.serve('--mail', 'Big=' + mail)
    mount = bench.mount(server, prefetch='off')
    mount.start(60)
    name, = mount.names('Big')
    with Peak(mount.pid) as peak:
        took = timed('cat', mount.at('Big', name))
    size = mount.stat(os.path.join('Big', name))['size']
    mount.unmount()
    result.bound('MiB', peak.mib, 64)
    result.facts.update({'seconds': round(took, 2), 'length': size})
    return result


def row_memory_many(bench):
    """memory with 1,000,000 messages in the index and find walked over all"""
    result = Result('memory-many', row_memory_many.__doc__)
    words = [w for n in range(10) for w in ('--fill', 'Box%d=%d,512' % (n, MILLION // 10))]
    server = bench.serve(*words)
    mount = bench.mount(server, prefetch='off')
    mount.start(60)
    with Peak(mount.pid, 0.1) as first:
        begin = time.perf_counter()
        mount.sync(seconds=LIMIT_S)
        listed = time.perf_counter() - begin
    with Peak(mount.pid, 0.1) as walk:
        took = timed('find', mount.path, '-name', 'no such name')
    mount.unmount()
    mount.start(60)
    with Peak(mount.pid, 0.1) as again:
        timed('find', mount.path, '-name', 'no such name')
    mount.unmount()
    result.bound('MiB, first listing', first.mib, 64)
    result.bound('MiB, find', walk.mib, 64)
    result.bound('MiB, find again', again.mib, 64)
    result.facts.update({'seconds to list': round(listed, 1), 'seconds to find': round(took, 1)})
    return result


def disk_bytes(path):
    """Of a directory, as the disk has them."""
    return sum(os.stat(os.path.join(where, name)).st_blocks * 512
               for where, _, names in os.walk(path) for name in names)


def row_million(bench):
    """1,000,000 messages in 2,000 folders: mount, find, refresh, memory, disk"""
    result = Result('million', row_million.__doc__)
    words = [w for n in range(FOLDERS)
             for w in ('--fill', 'Shelf %02d/Box %04d=%d,512' % (n % 50, n, MILLION // FOLDERS))]
    server = bench.serve(*words)
    mount = bench.mount(server, prefetch='off')
    begin = time.perf_counter()
    mount.start(60)
    mounted = time.perf_counter() - begin
    with Peak(mount.pid, 0.1) as first:
        mount.sync(seconds=LIMIT_S)
    listed = time.perf_counter() - begin
    with Peak(mount.pid, 0.1) as walk:
        walked = timed('find', mount.path, '-name', 'no such name')
    requests = Requests(server)
    with Peak(mount.pid) as refresh:
        begin = time.perf_counter()
        mount.sync(seconds=LIMIT_S)
        refreshed = time.perf_counter() - begin
    asked = requests.counts()
    mount.unmount()
    begin = time.perf_counter()
    mount.start(60)
    mounted_again = time.perf_counter() - begin
    mount.kill()
    mount.detach()
    begin = time.perf_counter()
    mount.start(60)
    after_kill = time.perf_counter() - begin
    mount.unmount()
    result.bound('MiB, first listing', first.mib, 64)
    result.bound('MiB, find', walk.mib, 64)
    result.bound('MiB, refresh', refresh.mib, 64)
    result.bound('requests, refresh', sum(asked.values()), 3)
    result.facts.update({
        'seconds to mount': round(mounted, 1), 'to list': round(listed, 1),
        'to find': round(walked, 1), 'to refresh': round(refreshed, 2),
        'to mount again': round(mounted_again, 2), 'after a kill': round(after_kill, 2),
        'bytes of index a message': round(disk_bytes(mount.state) / MILLION)})
    return result


def row_idle(bench):
    """an idle mount of a small mailbox"""
    result = Result('idle', row_idle.__doc__)
    server = bench.serve('--mail', 'Inbox=' + os.path.join(SAMPLE_MAIL, 'Inbox'))
    mount = bench.mount(server)
    mount.start(60)
    mount.sync('--fetch')
    until_idle(mount)
    timed('grep', '-r', '-F', 'no message says so', mount.path, status=1)
    time.sleep(2)
    requests = Requests(server)
    time.sleep(IDLE_S)
    mib = rss_anon(mount.pid)
    result.bound('MiB', mib, 12)
    result.bound('requests in %d s' % IDLE_S, sum(requests.counts().values()), 0)
    mount.unmount()
    return result


ROWS = [row_memory_big, row_idle]
LONG_ROWS = [row_memory_many, row_million]
