# SPDX-License-Identifier: GPL-3.0-or-later
"""The matrix of faults and activities. The short form takes each fault and each activity at least
once, chosen by EWSFS_SEED; EWSFS_FAULTS=long takes every cell, with a large message of 100 MB.
EWSFS_FAULTS_ROW and EWSFS_FAULTS_ACTIVITY take those whose names hold the words given.
"""
import concurrent.futures
import os
import random
import shutil
import subprocess
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

# pylint: disable=wrong-import-position
from cell import Kit, try_cell  # noqa: E402
from mounting import message  # noqa: E402
from table import ACTIVITIES, TABLE  # noqa: E402
from wire import Certificates  # noqa: E402

IS_LONG = os.environ.get('EWSFS_FAULTS') == 'long'
SEED = int(os.environ.get('EWSFS_SEED', random.SystemRandom().randrange(10**6)))
AT_ONCE = int(os.environ.get('EWSFS_FAULTS_AT_ONCE', '6'))
LARGE_BYTES = int(os.environ.get('EWSFS_FAULTS_LARGE', 100 << 20 if IS_LONG else 3 << 20))
ROW = os.environ.get('EWSFS_FAULTS_ROW')
ACTIVITY = os.environ.get('EWSFS_FAULTS_ACTIVITY')
NODNS = os.environ.get('EWSFS_NODNS')


@pytest.fixture(scope='module')
def kit(tmp_path_factory):
    if not shutil.which('openssl'):
        pytest.skip('there is no openssl')
    directory = str(tmp_path_factory.mktemp('faults'))
    large = os.path.join(directory, 'large')
    with open(large, 'wb') as file:
        file.write(message('Large', body='\r\n'.join(['0123456789' * 7] * (LARGE_BYTES // 72))))
    return Kit(directory, Certificates(directory), large, NODNS)


def possible(row):
    """Without the switch for names (a sanitizer wants to be first) that fault is left out."""
    return row.how != 'dns' or NODNS


def all_cells():
    return [(row, activity) for row in TABLE if possible(row) for activity in ACTIVITIES]


def some_cells():
    """Each row once, where it is surely met; then what activities are left, with any row."""
    rng = random.Random(SEED)
    rows = [row for row in TABLE if possible(row)]
    left = list(ACTIVITIES)
    rng.shuffle(left)
    cells = []
    for row in sorted(rows, key=lambda row: len(row.home) or 99):
        home = row.home or ACTIVITIES
        wanted = [activity for activity in left if activity in home]
        activity = wanted[0] if wanted else rng.choice(home)
        if activity in left:
            left.remove(activity)
        cells.append((row, activity))
    everywhere = [row for row in rows if len(row.home) > 9]
    return cells + [(rng.choice(everywhere), activity) for activity in left]


def chosen():
    if ROW or ACTIVITY:
        return [(row, activity) for row, activity in all_cells()
                if (ROW or '') in row.name and (ACTIVITY or '') in activity]
    return all_cells() if IS_LONG else some_cells()


def show(cells, results):
    """A line for each fault, a column for each activity."""
    print('EWSFS_SEED=%d, %d cells' % (SEED, len(cells)))
    print('%-34s %s' % ('', ' '.join(name.replace(' ', '')[:6].ljust(6) for name in ACTIVITIES)))
    for row in TABLE:
        marks = []
        for activity in ACTIVITIES:
            wrong, cell = results.get((row.name, activity), (None, None))
            marks.append('' if cell is None else 'WRONG' if wrong else
                         '%s%d/%.0f' % ('' if cell.met else '-', cell.requests, cell.slowest))
        if any(marks):
            print('%-34s %s' % (row.name, ' '.join(mark.ljust(6) for mark in marks)))
    print('in each cell: requests while it lasted / seconds of the slowest call; - not met')


def test_matrix(kit):
    cells = chosen()
    results = {}
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        jobs = {pool.submit(try_cell, kit, row, activity): (row, activity)
                for row, activity in cells}
        for job in concurrent.futures.as_completed(jobs):
            row, activity = jobs[job]
            wrong, cell = results[(row.name, activity)] = job.result()
            if not wrong and not cell.met and activity in row.home:
                results[(row.name, activity)] = ('%s: was not met' % cell.name, cell)
            print(results[(row.name, activity)][0] or cell.name + ' ' + str(cell.says), flush=True)
    show(cells, results)
    failures = [wrong for wrong, _ in results.values() if wrong]
    assert not failures, '%d of %d cells (EWSFS_SEED=%d): %s' % (
        len(failures), len(cells), SEED, '; '.join(text.splitlines()[0] for text in failures))
