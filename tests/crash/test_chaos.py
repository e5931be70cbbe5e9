# SPDX-License-Identifier: GPL-3.0-or-later
"""Chaos (tests/crash/chaos.py) for EWSFS_CHAOS seconds, on EWSFS_CHAOS_AT_ONCE mounts, each with a
server of its own; EWSFS_SEED is where the seeds begin (printed). An hour on two in the long form.
"""
import collections
import concurrent.futures
import os

import chaos
import harness
from harness import SEED

SECONDS = float(os.environ.get('EWSFS_CHAOS', '3600' if harness.IS_LONG else '90'))
AT_ONCE = int(os.environ.get('EWSFS_CHAOS_AT_ONCE', '2' if harness.IS_LONG else '1'))


def test_nothing_is_lost_doubled_or_stuck():
    print('EWSFS_SEED=%d EWSFS_CHAOS=%d' % (SEED, SECONDS))
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        jobs = [pool.submit(chaos.torment, SEED + n, SECONDS) for n in range(AT_ONCE)]
    for job in jobs:
        print(job.exception() or 'clean: %s' % dict(job.result()[0]))
    counts, slowest = zip(*[job.result() for job in jobs])
    total = sum(counts, collections.Counter())
    for what, count in sorted(total.items()):
        print('%8d %s' % (count, what))
    print('%8.1f seconds took the slowest call' % max(slowest))
    assert total['operations'] > SECONDS * 5
    assert total['ewsfs killed'] + total['answers lost, late or cut'] > SECONDS / 10
    assert total['comparisons'] > 0
