# SPDX-License-Identifier: GPL-3.0-or-later
"""The sign-in suite stands on the mount suite's legs."""
import importlib.util
import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
MOUNT = os.path.join(os.path.dirname(HERE), 'mount')
sys.path[:0] = [MOUNT, HERE]

from authority import Authority, Gate  # noqa: E402 pylint: disable=wrong-import-position


def load():
    spec = importlib.util.spec_from_file_location(
        'mount_conftest', os.path.join(MOUNT, 'conftest.py'))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


mounts = load()
pytest_sessionstart = mounts.pytest_sessionstart
pytest_runtest_makereport = mounts.pytest_runtest_makereport
stage, serve, mount = mounts.stage, mounts.serve, mounts.mount
server, somebody = mounts.server, mounts.somebody
written, there = mounts.written, mounts.there


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
