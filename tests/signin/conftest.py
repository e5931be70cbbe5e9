# SPDX-License-Identifier: GPL-3.0-or-later
"""The sign-in suite stands on the mount suite's legs."""
import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), 'mount'), HERE]

from authority import Authority, Gate  # noqa: E402 pylint: disable=wrong-import-position
from fixtures import (  # noqa: E402,F401 pylint: disable=wrong-import-position,unused-import
    mount, pytest_runtest_makereport, pytest_sessionstart, serve, server, somebody, stage, there,
    written)


@pytest.fixture
def authority():
    the_authority = Authority()
    yield the_authority
    the_authority.stop()


@pytest.fixture
def gate(server, authority):
    """In front of the server: the tokens of the authority open it."""
    the_gate = Gate(server, authority)
    yield the_gate
    the_gate.stop()
