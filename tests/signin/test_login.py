# SPDX-License-Identifier: GPL-3.0-or-later
"""`ewsfsctl login` and `logout`: each way in, each refusal, what is kept and for whom."""
import json
import os
import re
import stat

import pytest

from authority import APP_SECRET, cut
from login import Login, options, sign_in, stored
from mounting import program, run

HOST = 'https://mail.example.org/EWS/Exchange.asmx'


@pytest.fixture
def me(authority, mount):
    """An account; it is not mounted here."""
    return mount(HOST, start=False, user='ines@example.org', **options(authority))


def kept(mount):
    path, = stored(mount)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    with open(path, encoding='utf-8') as file:
        return json.load(file)


def test_by_a_code(authority, me):
    out = sign_in(me, authority)
    assert out.status == 0 and 'Signed in: ines@example.org at mail.example.org' in out.out, out
    assert 'http://127.0.0.1:%d/device' % authority.port in out.out
    login = kept(me)
    assert authority.is_good(login['access_token']) and login['refresh_token'] in authority.refresh
    assert login['scope'] == 'https://mail.example.org/EWS.AccessAsUser.All offline_access'
    assert not [secret for secret in authority.secrets if secret in out.out + out.err]


def test_a_code_that_takes_its_time(authority, me):
    login = Login(me)
    code = login.read_to(r'code\n\n    (\w+)\n')
    authority.troubles = ['authorization_pending', 500, cut, 'slow_down']
    # One more second after each slow_down would be five in truth; the rest come every second.
    authority.enter(code)
    out = login.end()
    assert out.status == 0, out
    assert authority.grants == [authority.grants[0]] * 5 and not authority.troubles


@pytest.mark.parametrize('verdict, words', [
    ('access_denied', 'refused'), ('expired_token', 'in time'), ('invalid_client', 'client_id=')])
def test_refused(authority, me, verdict, words):
    out = sign_in(me, authority, verdict)
    assert out.status == 1 and words in out.err and out.err.count('\n') == 1, out
    assert stored(me) == []


@pytest.mark.parametrize('trouble, words', [
    (('invalid_client', 'AADSTS7000218: secret'), 'Allow public client'),
    (('invalid_grant', 'AADSTS90094: admin'), 'administrator'),
    (('invalid_request', 'AADSTS50059: tenant'), 'tenant='),
    (('access_denied', 'AADSTS530033: blocked'), '--browser'),
    (('invalid_request', 'AADSTS50020: live.com'), 'personal account'),
    (404, 'authority='), (503, 'HTTP 503')])
def test_no_code_to_be_had(authority, me, trouble, words):
    authority.troubles = [trouble]
    out = Login(me).end()
    assert out.status == 1 and words in out.err and out.err.count('\n') == 1, out


def test_an_authority_that_is_away(authority, me):
    authority.stop()
    out = Login(me).end()
    assert out.status == 1 and 'no connection' in out.err, out


def test_by_a_browser(authority, me):
    login = Login(me, '--browser')
    address = login.read_to(r'(http://\S+/authorize\S+)\n')
    login.read_to('(copy that)')
    out = login.end('http://localhost/?code=none\n' + authority.browse(address) + '\n')
    assert out.status == 0 and 'another sign-in' in out.err, out
    assert authority.grants == ['authorization_code']
    assert kept(me)['refresh_token'] in authority.refresh


def test_a_browser_that_was_refused(authority, me):
    login = Login(me, '--browser')
    login.read_to(r'(http://\S+/authorize\S+)\n')
    out = login.end('http://localhost/?error=access_denied&error_description=AADSTS65004\n')
    assert out.status == 1 and 'refused' in out.err and not authority.grants, out


def test_what_is_missing(authority, me):
    out = Login(me, client_id=None).end()
    assert out.status == 2 and 'client_id= is missing' in out.err, out
    out = Login(me, authority='http://login.example.org/x').end()
    assert out.status == 2 and 'https://' in out.err, out
    out = run(program('ewsfsctl'), 'login', status=2, env=me.environment())
    assert 'which account' in out.err
    out = run(program('ewsfsctl'), 'login', '-o', 'client_secret=x', HOST, status=2,
              env=me.environment())
    assert 'client_secret_file=' in out.err, out


def test_an_account_of_the_file(authority, me):
    os.makedirs(os.path.dirname(me.config))
    with open(me.config, 'w', encoding='utf-8') as file:
        file.write('[work]\nurl=%s\nuser=ines@example.org\nclient_id=%s\nauthority=%s\n' % (
            HOST, me.options['client_id'], authority.url))
    me.source = 'work'
    login = Login(me, user=None, client_id=None, authority=None)
    authority.enter(login.read_to(r'code\n\n    (\w+)\n'))
    assert login.end().status == 0
    assert kept(me)['user'] == 'ines@example.org'
    words = (program('ewsfsctl'), 'logout', 'work')
    assert 'Signed out' in run(*words, env=me.environment()).out
    assert stored(me) == []
    assert 'no stored sign-in' in run(*words, status=1, env=me.environment()).err


def test_nothing_to_renew_it_with(authority, me):
    authority.has_refresh = False
    out = sign_in(me, authority)
    assert out.status == 0 and 'offline_access' in out.err, out
    assert kept(me)['refresh_token'] is None


def test_a_program_with_a_secret(authority, me):
    me.options['client_secret_file'] = os.path.join(me.dir, 'secret')
    with open(me.options['client_secret_file'], 'w', encoding='ascii') as file:
        file.write(APP_SECRET)
    out = Login(me).end()
    assert out.status == 1 and 'chmod 600' in out.err, out
    os.chmod(me.options['client_secret_file'], 0o600)
    assert sign_in(me, authority).status == 0
    assert not re.search(APP_SECRET, json.dumps(kept(me)))
