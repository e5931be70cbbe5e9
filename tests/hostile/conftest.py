# SPDX-License-Identifier: GPL-3.0-or-later
"""The hostile suite stands on the mount suite's legs."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), 'mount'), HERE]

from fixtures import (  # noqa: E402,F401 pylint: disable=wrong-import-position,unused-import
    mount, pytest_runtest_makereport, pytest_sessionstart, serve, stage)
