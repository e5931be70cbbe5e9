# SPDX-License-Identifier: GPL-3.0-or-later
"""The hostile suite stands on the mount suite's legs."""
import importlib.util
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
MOUNT = os.path.join(os.path.dirname(HERE), 'mount')
sys.path[:0] = [MOUNT, HERE]


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
