# SPDX-License-Identifier: GPL-3.0-or-later
"""What only the mount suites share; the rest is in fixtures.py."""
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from fixtures import (  # noqa: E402,F401 pylint: disable=wrong-import-position,unused-import
    dotted, maildir, mount, pytest_runtest_makereport, pytest_sessionstart, serve, server, somebody,
    stage, there, written)
from mounting import message  # noqa: E402 pylint: disable=wrong-import-position


@pytest.fixture
def old(somebody):
    """A message that is on the server already."""
    return somebody.create_item('inbox', message('Old'), received='2020-01-02T03:04:05Z')


def pytest_generate_tests(metafunc):
    """A test that takes `way` runs with OPEN and without."""
    if 'way' in metafunc.fixturenames:
        metafunc.parametrize('way', [{}, {'ro': True, 'size': 'exact'}], ids=['open', 'noopen'])
