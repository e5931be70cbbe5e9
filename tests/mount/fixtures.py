# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of all suites that mount: `serve` starts test servers, `mount` mounts them, `server` and
`somebody` are the usual ones. What a test started is ended whatever happens, and what was wrong in
the end (requests that break the schema, writing, sanitizers' reports, a mount that stays) fails it.
"""
import os
import shutil

import pytest

from mounting import Mount, Server, program
from writing import SETTLE_S

SKIPPED = 77
LOG_LINES = 80


def why_not():
    """Why nothing can be mounted here, or None."""
    if not os.access('/dev/fuse', os.R_OK | os.W_OK):
        return '/dev/fuse cannot be opened'
    if not shutil.which('fusermount3'):
        return 'there is no fusermount3'
    return None


def pytest_sessionstart(session):
    reason = why_not()
    if reason:
        pytest.exit('skipped: ' + reason, SKIPPED)
    for name in ('ewsfs', 'ewsfsctl', 'ewsd'):
        if not shutil.which(program(name)):
            pytest.exit('no %s: set %s to the program' % (name, name.upper()), 2)


class Stage:
    """What one test has started."""

    def __init__(self):
        self.servers = []
        self.mounts = []
        self.story = []

    def serve(self, *words, **more):
        server = Server(*words, **more)
        self.servers.append(server)
        return server

    def mount(self, server, *flags, start=True, folder=None, **options):
        """Flags: 'ro', 'backup'; options: size='exact'. `server` is one of ours, or an address."""
        source = server if isinstance(server, str) else server.url
        if folder:
            source += '#' + folder
        mount = Mount(source, **dict({flag: True for flag in flags}, **options))
        self.mounts.append(mount)
        return mount.start() if start else mount

    def finish(self):
        problems = []
        for mount in self.mounts:
            problems += mount.finish()
        for server in self.servers:
            problems += server.finish()
        return problems

    def clear(self):
        for mount in self.mounts:
            mount.remove()
        for server in self.servers:
            server.remove()

    def sections(self):
        for mount in self.mounts:
            lines = mount.log().splitlines()[-LOG_LINES:] + mount.sanitizer_reports()
            yield 'ewsfs', '\n'.join(lines)
        for server in self.servers:
            yield 'ewsd', server.story()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    stage = getattr(item, 'funcargs', {}).get('stage')
    if stage and report.failed:
        report.sections += stage.story or list(stage.sections())


@pytest.fixture
def stage():
    the_stage = Stage()
    yield the_stage
    problems = the_stage.finish()
    the_stage.story = list(the_stage.sections()) if problems else []
    the_stage.clear()
    if problems:
        pytest.fail('\n'.join(problems), pytrace=False)


@pytest.fixture
def serve(stage):
    return stage.serve


@pytest.fixture
def mount(stage):
    return stage.mount


@pytest.fixture
def server(serve):
    """A mailbox with nothing in it."""
    return serve()


@pytest.fixture
def somebody(server):
    return server.somebody()


@pytest.fixture
def written(server):
    """The same, for a test whose mount writes."""
    server.is_written = True
    return server


@pytest.fixture
def there(written, mount):
    """It is mounted, to be written."""
    mounted = mount(written, settle=SETTLE_S)
    mounted.sync()
    return mounted


@pytest.fixture
def maildir(written, mount):
    """It is mounted as Maildirs, to be written."""
    mounted = mount(written, layout='maildir', settle=SETTLE_S)
    mounted.sync()
    return mounted


@pytest.fixture
def dotted(written, mount):
    """It is mounted as one Maildir++, to be written."""
    mounted = mount(written, layout='maildir++', settle=SETTLE_S)
    mounted.sync()
    return mounted
