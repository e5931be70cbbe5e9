# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows about writing: what many small operations cost, in time and in requests."""
import os
import statistics
import time

from benching import Requests, Result, interleave, rounded, timed, until_idle
from mounting import message, program

COUNT = 1000
ROUND_TRIP_MS = 20
CONNS = 2  # calls that change something, at a time
LOOK_BACK_S = 2  # after that it has asked what became of its own changes
BODY = 'The quick brown fox jumps over the lazy dog.\r\n' * 20


def small_messages(bench):
    """A directory of messages of a kilobyte."""
    path = bench.place('small')
    for number in range(COUNT):
        with open(os.path.join(path, 'message-%04d.eml' % number), 'wb') as file:
            file.write(message('Small message', body=BODY, number=number + 1))
    return path


def files(mount, *parts):
    where = mount.at(*parts)
    return [os.path.join(where, 'message-%04d.eml' % number) for number in range(COUNT)]


def local_files(path):
    return [os.path.join(path, name) for name in sorted(os.listdir(path))]


def boxes(count):
    """Arguments for a server with folders that hold one message each."""
    return [word for n in range(count) for word in ('--fill', 'Box%d=1' % n)]


def copy_in(bench, source):
    """(seconds, of which cp took, items of each CreateItem)"""
    server = slow_server(bench)
    mount = bench.mount(server, prefetch='off')
    mount.start(60)
    mount.sync(seconds=60)
    until_idle(mount)
    requests = Requests(server)
    copying = timed('cp', *local_files(source), mount.at('Box0'))
    took = copying + timed('sync', mount.at('Box0'))
    batches = requests.batches('CreateItem')
    mount.unmount()
    return took, copying, batches


def slow_server(bench):
    """A new one each time: what is in a mailbox already costs the server time."""
    return bench.serve(*boxes(2), '--latency', str(ROUND_TRIP_MS))


def row_cp_in(bench):
    """cp 1,000 small messages in and sync DIR, 20 ms, against bare loops of CreateItem"""
    result = Result('cp-in', row_cp_in.__doc__)
    source = bench.once('small', small_messages)
    runs = []

    def by_ewsfs():
        runs.append(copy_in(bench, source))
        return runs[-1][0]

    def bare(batch, conns):
        return bench.bare(slow_server(bench), 'create', 'Box0', batch, conns, source)['seconds']

    took, batched, single = interleave(
        bench.repeat, by_ewsfs, lambda: bare(round(COUNT / len(runs[-1][2])), CONNS),
        lambda: bare(1, 1))
    calls = [len(batches) for _, _, batches in runs]
    result.compare(took, batched, 1.25)
    result.bound('one by one, share', statistics.median(a / b for a, b in zip(took, single)),
                 1 / 15)
    result.bound('CreateItem', max(calls), 25)
    result.facts.update({'one by one': rounded(single),
                         'of which cp': rounded(copying for _, copying, _ in runs),
                         'times faster': [round(b / a, 1) for a, b in zip(took, single)],
                         'CreateItem of each run': calls,
                         'largest batch': [max(batches) for _, _, batches in runs]})
    return result


def change_all(bench, mount, server):
    """{operation: requests} for each thing that is done to all of them."""
    source = bench.once('small', small_messages)
    steps = (
        ('create', ['cp', *local_files(source), mount.at('Box0')]),
        ('flag', ['setfattr', '-n', 'user.ewsfs.flag', '-v', 'flagged', *files(mount, 'Box0')]),
        ('move', ['mv', *files(mount, 'Box0'), mount.at('Box1')]),
        ('delete', ['rm', *files(mount, 'Box1')]),
    )
    counts, times = {}, {}
    for name, words in steps:
        requests = Requests(server)
        times[name] = timed(*words) + timed(program('ewsfsctl'), 'flush', mount.path)
        time.sleep(LOOK_BACK_S)
        until_idle(mount)
        counts[name] = requests.counts()
    return counts, times


CHANGING = ('CreateItem', 'UpdateItem', 'MoveItem', 'DeleteItem')
LATENCIES_MS = (0, 20, 100)


def told(asked):
    """"20 CreateItem, 3 others": those that look what became of it."""
    changing = ['%d %s' % (n, op) for op, n in sorted(asked.items()) if op in CHANGING]
    return ', '.join(changing + ['%d others' % sum(
        n for op, n in asked.items() if op not in CHANGING)])


def row_write_requests(bench):
    """requests for 1,000 operations: create, flag, move, delete"""
    result = Result('write-requests', row_write_requests.__doc__)
    most = 0
    for latency in LATENCIES_MS:
        server = bench.serve(*boxes(2), '--latency', str(latency))
        mount = bench.mount(server, prefetch='off')
        mount.start(60)
        mount.sync(seconds=60)
        counts, times = change_all(bench, mount, server)
        mount.unmount()
        most = max(most, counts['create']['CreateItem'])
        for name, asked in counts.items():
            result.facts['%s, %d ms' % (name, latency)] = '%s in %.1f s' % (
                told(asked), times[name])
    result.bound('CreateItem', most, 25)
    return result


ROWS = [row_cp_in, row_write_requests]
