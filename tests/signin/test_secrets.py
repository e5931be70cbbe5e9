# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing secret is where others, or a report that somebody sends in, could show it: every log at
its loudest, status, index, state and cache, the process list, core dumps, what ewsfsctl says. Each
test does as much as it can go wrong with, and then looks for every secret that was in use.
"""
import base64
import glob
import os
import re
import shutil
import subprocess
import urllib.parse

import pytest

from authority import APP_SECRET
from login import Login, options, sign_in, stored
from mounting import message, mount_lines, program, run, until

PASSWORD = 'correct horse&battery/staple='
BODY = 'only-the-reader-may-see-this-body'


def disguises(secret):
    """A secret as it could stand somewhere."""
    plain = secret.encode()
    yield plain
    yield urllib.parse.quote(secret, safe='').encode()
    yield base64.b64encode(plain).rstrip(b'=')
    yield base64.b64encode(b'user:' + plain)


def holders(data, secrets):
    return [secret for secret in secrets if any(form in data for form in disguises(secret))]


def files_below(*places):
    for place in places:
        for top, _, names in os.walk(place):
            for path in (os.path.join(top, name) for name in names):
                if os.path.isfile(path):
                    yield path


def contents(path):
    with open(path, 'rb') as file:
        return file.read()


class Search:
    """Everything that a mount leaves for others to see."""

    def __init__(self, mount):
        self.mount = mount
        self.said = []  # by programs that a person ran

    def run(self, *words, **more):
        out = run(*words, env=self.mount.environment(), status=None, **more)
        self.said.append((' '.join(words[1:3]), (out.out + out.err).encode()))
        return out

    def ask(self):
        """What a person would, who wants to know what is wrong."""
        ctl = program('ewsfsctl')
        for words in (['status'], ['status', '--json'], ['queue'], ['queue', '--json'],
                      ['sync', '--wait=5']):
            self.run(ctl, *words, self.mount.path)
        for name in ('status', 'status.json', 'queue', 'queue.json'):
            self.said.append((name, self.mount.cat('.ewsfs/' + name)))
        for path in self.mount.paths('Inbox'):
            self.said.append((path, repr(self.mount.xattrs(path)).encode()))

    def process(self):
        """As root sees it; others see less."""
        here = '/proc/%d/' % self.mount.pid
        for name in ('cmdline', 'environ', 'status', 'comm', 'mountinfo'):
            if os.access(here + name, os.R_OK):
                yield here + name, contents(here + name)
        for path in glob.glob(here + 'task/*/comm'):
            yield path, contents(path)
        yield 'mount table', ''.join(mount_lines()).encode()

    def places(self, but=()):
        mount = self.mount
        xdg = [os.path.join(mount.dir, 'xdg-' + kind)
               for kind in ('config', 'state', 'cache', 'data')]
        for path in files_below(mount.state, mount.cache, *xdg):
            if path not in but:
                yield path, contents(path)
        yield 'log', contents(mount.log_path)

    def look(self, secrets, but=()):
        found = []
        seen = 0
        for what, data in [*self.said, *self.process(), *self.places(but)]:
            seen += 1
            found += ['%s has %s' % (what, secret) for secret in holders(data, secrets)]
        assert not found, '\n'.join(found)
        assert seen > 15, 'nothing was looked at'


def test_the_search_finds_what_is_there(server, mount):
    """Else the others could not fail."""
    there = mount(server)
    search = Search(there)
    search.ask()
    search.look(['no-such-secret'])
    with open(os.path.join(there.state, 'note'), 'w', encoding='ascii') as file:
        file.write(base64.b64encode(b'user:' + PASSWORD.encode()).decode())
    with pytest.raises(AssertionError, match='note has'):
        search.look([PASSWORD])
    there.env['HINT'] = urllib.parse.quote(PASSWORD, safe='')
    there.unmount()
    os.unlink(os.path.join(there.state, 'note'))
    there.start()
    if os.geteuid() == 0:
        with pytest.raises(AssertionError, match='environ has'):
            search.look([PASSWORD])


@pytest.mark.parametrize('place', ['file', 'command'])
def test_a_password(serve, mount, place):
    server = serve(password=PASSWORD)
    somebody = server.somebody()
    somebody.create_item('inbox', message('One', body=BODY))
    there = mount(server, password=PASSWORD, start=False)
    if place == 'command':
        there.options.update(password_file=None, password_command='cat ' + there.password_file)
    there.start()
    search = Search(there)
    there.sync()
    for fault in ('http=500,count=1', 'cut=20,count=1', 'busy=10,count=1', 'garbage,count=1'):
        server.fault(fault)
        there.sync(status=None)
    search.ask()
    search.look([PASSWORD])
    # Nor does a log have what letters say.
    there.read_all()
    assert BODY not in there.log()
    server.fault('http=401')
    until(lambda: there.sync(status=None).status != 0, 'a refusal')
    search.ask()
    search.look([PASSWORD])


def test_tokens(authority, gate, mount, somebody):
    somebody.create_item('inbox', message('One', body=BODY))
    there = mount(gate.url, start=False, user='ines@example.org', **options(authority))
    search = Search(there)
    out = sign_in(there, authority)
    search.said.append(('login', (out.out + out.err).encode()))
    by_browser = Login(there, '--browser')
    address = by_browser.read_to(r'(http://\S+/authorize\S+)\n')
    out = by_browser.end(authority.browse(address) + '\n')
    assert out.status == 0
    search.said.append(('login --browser', (by_browser.out + out.err).encode()))
    there.start()
    there.read_all()
    for trouble in (500, 'temporarily_unavailable'):
        authority.troubles.append(trouble)
        authority.revoke_access()
        until(lambda: there.sync(status=None).status == 0, 'it is back', 60)
    search.ask()
    kept = stored(there)
    assert len(kept) == 1
    search.look(authority.secrets, but=kept)
    authority.revoke_all()
    until(lambda: there.sync(status=None).status != 0, 'a refusal')
    search.ask()
    search.look(authority.secrets, but=kept)
    assert BODY not in there.log()


def test_an_authority_that_repeats_what_it_was_told(authority, gate, mount):
    """The words of a refusal are shown to people: without what looks like a secret."""
    there = mount(gate.url, start=False, user='ines@example.org', **options(authority))
    assert sign_in(there, authority).status == 0
    there.start()
    search = Search(there)
    token, = authority.refresh
    words = 'AADSTS9: refresh_token=%s is bad, Authorization: Bearer %s' % (
        token, next(iter(authority.access)))
    authority.troubles = [('invalid_grant', words)]
    authority.revoke_access()
    until(lambda: there.sync(status=None).status != 0, 'a refusal')
    search.ask()
    assert 'AADSTS9' in there.log() or any(b'AADSTS9' in data for _, data in search.said)
    search.look(authority.secrets, but=stored(there))


def test_an_application(authority, gate, mount):
    there = mount(gate.url, start=False, user='app', impersonate='user@example.org',
                  **options(authority))
    path = os.path.join(there.dir, 'app-secret')
    with open(path, 'w', encoding='ascii') as file:
        file.write(APP_SECRET + '\n')
    os.chmod(path, 0o600)
    there.options['client_secret_file'] = path
    there.start()
    assert authority.grants == ['client_credentials']
    search = Search(there)
    authority.revoke_access()
    there.sync()
    authority.troubles = ['invalid_client']
    authority.revoke_access()
    until(lambda: there.sync(status=None).status != 0, 'a refusal')
    search.ask()
    search.look(authority.secrets)


# The process


def test_no_core_dump(server, mount):
    there = mount(server)
    with open('/proc/%d/limits' % there.pid, encoding='ascii') as file:
        assert re.search(r'Max core file size\s+0\s+0\s', file.read())


def test_nobody_else_looks_into_it(authority, mount):
    """Another process of the same user, while a person signs in: it may not read what is there."""
    if os.geteuid() != 0 or not shutil.which('setpriv'):
        pytest.skip('needs root and setpriv, to be a user among others')
    there = mount('https://mail.example.org/e', start=False, user='ines', **options(authority))
    os.chmod(there.dir, 0o777)
    user = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups']
    login = Login(there, before=user)
    login.read_to(r'code\n\n    (\w+)\n')
    here = '/proc/%d/' % login.process.pid
    # setpriv has become the program itself, and an ordinary one can be looked into.
    other = subprocess.Popen([*user, 'sleep', '60'])
    try:
        until(lambda: b'sleep' in contents('/proc/%d/cmdline' % other.pid), 'sleep')
        assert run(*user, 'head', '-c1', '/proc/%d/environ' % other.pid).status == 0
        for words in (['head', '-c1', here + 'environ'], ['head', '-c1', here + 'maps'],
                      ['ls', here + 'fd']):
            out = run(*user, *words, status=None)
            assert out.status != 0 and 'denied' in out.err, str(out)
    finally:
        other.kill()
        other.wait()
        login.process.kill()
        login.end()


@pytest.mark.parametrize('name', ['ewsfs', 'ewsfsctl'])
def test_a_program_hides_itself_first(name, tmp_path):
    """Before it reads anything: the option is refused, and yet it has hidden."""
    if not shutil.which('strace'):
        pytest.skip('there is no strace')
    trace = str(tmp_path / 'trace')
    words = {'ewsfs': ['-o', 'x', 'y', 'z'], 'ewsfsctl': ['login', 'nothing']}[name]
    out = run('strace', '-o', trace, '-e', 'trace=prctl,open,openat', program(name), *words,
              status=None)
    if 'ptrace' in out.err:
        pytest.skip('nothing can be traced here')
    with open(trace, encoding='utf-8', errors='replace') as file:
        calls = file.read()
    hidden = calls.index('PR_SET_DUMPABLE, ')
    assert 'ewsfs.conf' not in calls[:hidden]
