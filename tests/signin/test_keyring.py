# SPDX-License-Identifier: GPL-3.0-or-later
"""The keyring, a real one on a session bus of its own. Skipped where ewsfs was built without
libsecret, or where there is no gnome-keyring.
"""
import os
import shutil
import subprocess

import pytest

from login import Login, options, sign_in, stored
from mounting import program, run, until

HOST = 'https://mail.example.org/EWS/Exchange.asmx'


def why_not():
    helper = os.path.join(os.path.dirname(program('ewsfs')), 'ewsfs-keyring')
    if not os.access(helper, os.X_OK):
        return 'built without libsecret'
    for name in ('dbus-daemon', 'gnome-keyring-daemon', 'secret-tool'):
        if not shutil.which(name):
            return 'there is no ' + name
    return None


pytestmark = pytest.mark.skipif(bool(why_not()), reason=str(why_not()))


# A session bus that starts nothing by itself: who asks for the keyring before ours is there would
# get a second one, which is locked and has its name from then on.
BUS = """<busconfig>
  <type>session</type>
  <listen>unix:tmpdir=/tmp</listen>
  <policy context="default">
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""


class Keyring:
    """A session bus and an unlocked keyring."""

    def __init__(self, directory):
        self.home = str(directory)
        config = os.path.join(self.home, 'bus.conf')
        with open(config, 'w', encoding='ascii') as file:
            file.write(BUS)
        self.env = dict(os.environ, HOME=self.home, XDG_DATA_HOME=self.home,
                        XDG_RUNTIME_DIR=self.home)
        self.bus = subprocess.Popen(
            ['dbus-daemon', '--config-file=' + config, '--nofork', '--print-address=1'],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=self.env, text=True)
        self.address = self.env['DBUS_SESSION_BUS_ADDRESS'] = self.bus.stdout.readline().strip()
        self.daemon = subprocess.Popen(
            ['gnome-keyring-daemon', '--foreground', '--unlock', '--components=secrets'],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=self.env)
        self.daemon.stdin.write(b'keyring password')
        self.daemon.stdin.close()
        try:
            until(self.answers, 'the keyring')
        except BaseException:
            self.end()
            raise

    def answers(self):
        if self.daemon.poll() is not None:
            pytest.skip('gnome-keyring does not run here')
        return self.put('probe', 'user', 'server', 'x').status == 0

    def put(self, kind, user, server, secret):
        return run('secret-tool', 'store', '--label=x', 'service', 'ewsfs', 'kind', kind, 'user',
                   user, 'server', server, stdin=secret.encode(), env=self.env, status=None)

    def get(self, kind, user, server):
        return run('secret-tool', 'lookup', 'service', 'ewsfs', 'kind', kind, 'user', user,
                   'server', server, env=self.env, status=None).out


    def end(self):
        for process in (self.daemon, self.bus):
            process.kill()
            process.wait()
        self.bus.stdout.close()


@pytest.fixture
def keyring(tmp_path):
    the_keyring = Keyring(tmp_path)
    yield the_keyring
    the_keyring.end()


def test_a_password(server, keyring, mount):
    there = mount(server, start=False, password_file=None)
    there.env['DBUS_SESSION_BUS_ADDRESS'] = keyring.address
    assert there.try_start().status == 5
    assert keyring.put('password', 'user', '127.0.0.1:%d' % server.port, 'secret').status == 0
    there.start()
    assert 'Inbox' in there.names()
    # In the background too: what libsecret has of threads is not in this process.
    there.unmount()
    there.start_behind()
    assert 'Inbox' in there.names()


def test_a_sign_in(authority, gate, keyring, mount):
    there = mount(gate.url, start=False, user='ines@example.org', **options(authority))
    there.env['DBUS_SESSION_BUS_ADDRESS'] = keyring.address
    out = sign_in(there, authority)
    assert out.status == 0 and 'the keyring' in out.out, out
    path, = stored(there)
    with open(path, encoding='utf-8') as file:
        text = file.read()
    assert 'keyring' in text and not [secret for secret in authority.secrets if secret in text]
    where = 'login', 'ines@example.org', '127.0.0.1:%d' % gate.port
    first = keyring.get(*where)
    there.start_behind()
    authority.revoke_access()
    there.sync()
    # Renewed, and the next one is in the keyring before it is used.
    assert keyring.get(*where) != first
    assert [token for token in authority.refresh if token in keyring.get(*where)]
    there.unmount()
    there.start().sync()
    assert authority.reuses == 0
    there.unmount()
    run(program('ewsfsctl'), 'logout', '-o', 'user=ines@example.org', gate.url,
        env=there.environment())
    assert stored(there) == [] and not keyring.get(*where)


def test_a_keyring_that_went_away(authority, gate, keyring, mount):
    """The sign-in is out of reach. That passes: it is no refusal, and nothing else is tried."""
    there = mount(gate.url, start=False, user='ines@example.org', **options(authority))
    there.env['DBUS_SESSION_BUS_ADDRESS'] = keyring.address
    assert sign_in(there, authority).status == 0
    keyring.end()
    there.options['timeout'] = 2
    out = there.try_start()
    assert out.status == 3 and 'keyring' in out.err, out
    assert authority.grants.count('refresh_token') == 0


def test_without_a_keyring(authority, mount):
    there = mount(HOST, start=False, user='ines@example.org', **options(authority))
    login = Login(there)
    authority.enter(login.read_to(r'code\n\n    (\w+)\n'))
    out = login.end()
    assert out.status == 0 and 'a file that only you can read' in out.out, out
