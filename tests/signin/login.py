# SPDX-License-Identifier: GPL-3.0-or-later
"""Signing in with `ewsfsctl login`, as a person would."""
import glob
import os
import re
import signal
import subprocess

from authority import CLIENT_ID
from mounting import TOOL_S, Result, program


def options(authority, **more):
    """What makes an account one of this authority's."""
    return dict({'client_id': CLIENT_ID, 'authority': authority.url, 'password_file': None}, **more)


class Login:
    """An `ewsfsctl login` that is under way."""

    def __init__(self, mount, *words, before=(), **more):
        given = dict({name: value for name, value in mount.options.items() if name in (
            'user', 'client_id', 'authority', 'scope', 'client_secret_file', 'tenant', 'timeout')},
            **more)
        line = ','.join('%s=%s' % (name, value) for name, value in given.items() if value)
        self.words = [*before, program('ewsfsctl'), 'login', *words, '-o', line, mount.source]
        self.out = ''
        self.process = subprocess.Popen(
            self.words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=mount.environment(), start_new_session=True)

    def read_to(self, pattern):
        """Reads until it has said this; returns the first group."""
        while not (found := re.search(pattern, self.out)):
            line = self.process.stdout.readline().decode()
            assert line, self.end()
            self.out += line
        return found.group(1)

    def end(self, stdin=None):
        """Waits for it; returns the Result."""
        try:
            out, err = self.process.communicate(stdin and stdin.encode(), timeout=TOOL_S)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.communicate()
            raise AssertionError('hangs: ' + ' '.join(self.words)) from None
        return Result(self.words, self.process.returncode, self.out.encode() + out, err, 0)


def sign_in(mount, authority, verdict='yes'):
    """By a code, to its end."""
    login = Login(mount)
    authority.enter(login.read_to(r'code\n\n    (\w+)\n'), verdict)
    return login.end()


def stored(mount):
    """The paths of what is kept."""
    return [path for path in glob.glob(os.path.join(
        mount.dir, 'xdg-data', 'ewsfs', 'login', '*')) if not path.endswith('.lock')]
