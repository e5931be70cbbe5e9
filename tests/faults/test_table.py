# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows that are tried are those that docs/semantics.md promises, in its order and words."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

# pylint: disable=wrong-import-position
from activities import CLASSES  # noqa: E402
from table import ACTIVITIES, TABLE  # noqa: E402

SEMANTICS = os.path.join(HERE, '..', '..', 'docs', 'semantics.md')


def promised(text):
    """[(name, errnos, change)] of the table below "Every fault"."""
    lines = text.partition('\n### Every fault\n')[2].splitlines()
    rows = [[cell.strip() for cell in line.strip('|').split('|')]
            for line in lines if line.startswith('| ')]
    return [(name, [] if says == '–' else says.split(', '), change)
            for name, _, says, change in rows[1:]]


def test_the_document_and_the_rows_agree():
    with open(SEMANTICS, encoding='utf-8') as file:
        found = promised(file.read())
    assert found == [(row.name, row.reads, row.change) for row in TABLE]


def test_rows_make_sense():
    assert len({row.name for row in TABLE}) == len(TABLE)
    assert set(ACTIVITIES) == set(CLASSES)
    for row in TABLE:
        assert set(row.home) <= set(ACTIVITIES), row.name
        assert row.change in ('waits', 'refused'), row.name


def test_a_difference_would_be_seen():
    line = '| a | does | EIO, EBUSY | waits |'
    text = '\n### Every fault\n| Fault | does | says | change |\n|---|---|---|---|\n' + line
    assert promised(text) == [('a', ['EIO', 'EBUSY'], 'waits')]
