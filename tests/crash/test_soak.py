# SPDX-License-Identifier: GPL-3.0-or-later
"""A soak (tests/crash/soak.py): a day in EWSFS_SOAK seconds, and nothing that ewsfs holds grows.
EWSFS_SEED is where it begins (printed)."""
import os

import soak
from harness import PATIENCE, SEED
from writing import SETTLE_S

SECONDS = float(os.environ.get('EWSFS_SOAK', '40'))
# Sanitizers keep freed memory for a while, to see who still uses it.
IS_SANITIZED = PATIENCE >= 4


def test_nothing_grows(written, mount):
    there = mount(written, settle=SETTLE_S, cache_size='1M')
    day = soak.Day(written, there, SEED)
    pid = there.pid
    try:
        for _ in range(soak.HOURS):
            day.hour(SECONDS / soak.HOURS)
    finally:
        day.end()
        print('EWSFS_SEED=%d EWSFS_SOAK=%d' % (SEED, SECONDS))
        print(day.table())
    day.check_content()
    assert there.pid == pid
    assert day.grown(('RssAnon KiB',) if IS_SANITIZED else ()) == {}
