# SPDX-License-Identifier: GPL-3.0-or-later
"""Mounts that sign in by OAuth2: tokens that end in the middle of something, that are taken away,
renewed by one process at a time, an authority that is away, one that refuses.
"""
import os
import subprocess
import time

import pytest

from authority import APP_SECRET, cut, slow
from login import options, sign_in, stored
from mounting import TOOL_S, is_running, message, program, run, until

OFFLINE, AUTH = 3, 5
BODY = 'a needle in the hay'


@pytest.fixture
def me(gate, authority, mount):
    """An account that is signed in, and not mounted yet."""
    there = mount(gate.url, start=False, user='ines@example.org', **options(authority))
    assert sign_in(there, authority).status == 0
    return there


def fill(somebody, count=40):
    for number in range(count):
        somebody.create_item('inbox', message('Number %d' % number, body=BODY))


def all_read(mount, count=40):
    """Everything in the inbox is as it should be."""
    out = run('grep', '-rl', BODY, mount.at('Inbox'), seconds=4 * TOOL_S)
    assert len(out.out.splitlines()) == count


def test_a_sign_in_that_lasts(authority, gate, me):
    me.start()
    assert 'Inbox' in me.names()
    me.unmount()
    me.start()
    assert 'Inbox' in me.names()
    # One token did for all of it, and no wrong one was ever tried.
    assert authority.grants.count('refresh_token') == 0
    assert len(set(gate.seen)) == 1 and not gate.refused


def test_it_ends_in_the_middle_of_a_grep(authority, gate, me, somebody):
    fill(somebody, 120)
    me.options.update(prefetch='off', max_conns=1)
    authority.lifetime = 4
    assert sign_in(me, authority).status == 0
    me.start()
    before = len(authority.grants)
    gate.server.latency(800)
    all_read(me, 120)
    assert authority.grants[before:].count('refresh_token') >= 1, 'it was too fast'
    assert authority.reuses == 0


def test_it_is_renewed_before_it_ends(authority, gate, me):
    """The server never sees one that is none. A token is kept for half a minute at least."""
    authority.lifetime = 44
    assert sign_in(me, authority).status == 0
    me.start()
    end = time.monotonic() + 50
    while time.monotonic() < end:
        me.sync()
        time.sleep(0.5)
    assert len(set(gate.seen)) == 2 and not gate.refused
    assert authority.grants.count('refresh_token') == 1


def test_a_token_that_is_taken_away(authority, gate, me, somebody):
    fill(somebody)
    me.options.update(prefetch='off')
    me.start()
    authority.revoke_access()
    all_read(me)
    assert authority.grants.count('refresh_token') == 1
    assert len(set(gate.refused)) == 1
    # What is stored is the new one: no second renewal after a restart.
    me.unmount()
    me.start()
    assert authority.grants.count('refresh_token') == 1 and authority.reuses == 0


def test_a_change_survives_a_refused_token(authority, gate, me, server):
    server.is_written = True
    me.start()
    authority.revoke_access()
    run('mkdir', me.at('Inbox', 'new'))
    run(program('ewsfsctl'), 'flush', me.path, env=me.environment())
    until(lambda: server.count('CreateFolder') == 1, 'the folder')


def test_refused_for_good(authority, gate, me):
    me.start()
    authority.revoke_all()
    until(lambda: me.sync(status=None).status != 0, 'a refusal')
    until(lambda: me.status()['server']['state'] == 'sign-in refused', 'the state')
    asked, seen = len(authority.grants), len(gate.seen)
    time.sleep(2)
    assert me.sync(status=None).status != 0
    # No loop: nobody is asked again.
    assert (len(authority.grants), len(gate.seen)) == (asked, seen)
    assert authority.grants.count('refresh_token') == 1
    error = me.status()['server']['error']
    assert 'ewsfsctl login' in error and 'AADSTS70008' in error, error
    # What is here is here.
    assert 'Inbox' in me.names()
    me.unmount()
    assert sign_in(me, authority).status == 0
    me.start().sync()


def test_refused_at_the_start(authority, me):
    authority.revoke_all()
    out = me.try_start()
    assert out.status == AUTH and 'ewsfsctl login' in out.err, out
    assert out.err.count('\n') == 1


def test_not_signed_in(authority, gate, mount):
    there = mount(gate.url, start=False, user='ines@example.org', **options(authority))
    out = there.try_start()
    assert out.status == AUTH and 'ewsfsctl login' in out.err, out
    # The server is asked what it offers, and told nothing.
    assert set(gate.seen) <= {''}


def test_a_server_that_takes_no_token(authority, gate, me):
    """Not even a new one: that is an answer, and no reason to ask for ever."""
    gate.refusals = 1000
    out = me.try_start()
    assert out.status == AUTH, out
    assert len(gate.seen) <= 4 and authority.grants.count('refresh_token') == 1


def test_an_authority_that_is_away(authority, gate, me, somebody):
    fill(somebody, 5)
    me.start()
    me.sync()
    authority.stop()
    authority.revoke_access()
    assert me.sync(status=None).status != 0
    state = me.status()['server']
    assert state['state'] != 'sign-in refused' and is_running(me.pid), state
    authority.start()
    until(lambda: me.sync(status=None).status == 0, 'it is back', 60)
    assert authority.reuses == 0


@pytest.mark.parametrize('trouble', [500, 503, cut, slow(1), 'temporarily_unavailable'],
                         ids=['500', '503', 'cut', 'slow', 'busy'])
def test_a_bad_moment_of_the_authority(authority, gate, me, trouble):
    me.start()
    authority.troubles = [trouble]
    authority.revoke_access()
    until(lambda: me.sync(status=None).status == 0, 'it is back', 60)
    assert not authority.troubles and authority.reuses == 0


def test_two_mounts_renew_one_sign_in(authority, gate, me, mount):
    """Refresh tokens are good for one use: whoever used one twice would end the sign-in of both."""
    other = mount(gate.url, start=False, user='ines@example.org', **options(authority))
    other.env = {'XDG_DATA_HOME': os.path.join(me.dir, 'xdg-data')}
    authority.lifetime = 3
    assert sign_in(me, authority).status == 0
    me.start()
    other.start()
    end = time.monotonic() + 12
    while time.monotonic() < end:
        # In the end both have one that lasts.
        authority.lifetime = 3 if time.monotonic() < end - 5 else 3600
        me.sync()
        other.sync()
    assert authority.reuses == 0 and authority.grants.count('refresh_token') >= 2
    authority.revoke_access()
    begin = len(authority.grants)
    pair = [subprocess.Popen([program('ewsfsctl'), 'sync', '--wait=30', one.path])
            for one in (me, other)]
    assert [process.wait(TOOL_S) for process in pair] == [0, 0]
    # The second one finds what the first one got.
    assert len(authority.grants) == begin + 1 and authority.reuses == 0


def test_killed_while_it_renews(authority, gate, me):
    """What was answered is stored before it is used, so a kill later loses nothing."""
    authority.lifetime = 2
    assert sign_in(me, authority).status == 0
    for _ in range(3):
        me.start()
        count = len(authority.grants)
        until(lambda count=count: me.sync(status=None).status == 0
              and len(authority.grants) > count, 'a renewal')
        me.kill()
    me.start().sync()
    assert authority.reuses == 0


def test_a_sign_in_that_cannot_be_stored(authority, gate, me):
    """A full disk: the new token is not let go, and stored when that is possible again."""
    path, = stored(me)
    directory = os.path.dirname(path)
    if os.geteuid() == 0 and run('chattr', '+i', directory, status=None).status != 0:
        pytest.skip('chattr +i does not work here')
    try:
        if os.geteuid() != 0:
            os.chmod(directory, 0o500)
        me.start()
        authority.revoke_access()
        me.sync()
        authority.revoke_access()
        me.sync()
    finally:
        os.chmod(directory, 0o700) if os.geteuid() != 0 else run('chattr', '-i', directory)
    assert 'cannot be stored' in me.log()
    authority.revoke_access()
    me.sync()
    me.unmount()
    me.start().sync()
    assert authority.reuses == 0


# Helpers and applications


def test_a_token_command(authority, gate, mount):
    there = mount(gate.url, start=False, user='ines@example.org', password_file=None,
                  token_command='cat token')
    path = os.path.join(there.dir, 'token')
    there.options['token_command'] = 'cat ' + path

    def put(form):
        with authority.lock:
            token = authority.give()[1]['access_token']
        with open(path + '.new', 'w', encoding='ascii') as file:
            file.write(form % token)
        os.rename(path + '.new', path)

    put('%s\n')
    there.start()
    assert 'Inbox' in there.names()
    authority.revoke_access()
    put('{"access_token": "%s", "expires_in": 3000}')
    there.sync()
    assert not authority.grants


def test_a_token_command_that_hangs(authority, gate, mount):
    """It may take two minutes, but not when nobody wants the token any more."""
    there = mount(gate.url, start=False, user='ines@example.org', password_file=None,
                  token_command='')
    token, hanging = (os.path.join(there.dir, name) for name in ('token', 'hanging'))
    there.options['token_command'] = (
        'if [ -e %s ]; then cat %s; else sleep 100 & echo $! > %s; sleep 100; fi'
        % (token, token, hanging))
    with authority.lock, open(token, 'w', encoding='ascii') as file:
        file.write(authority.give()[1]['access_token'] + '\n')
    there.start()
    os.unlink(token)
    authority.revoke_access()
    there.sync(seconds=1, status=None)
    until(lambda: os.path.exists(hanging) and os.path.getsize(hanging), 'the command')
    with open(hanging, encoding='ascii') as file:
        pid = int(file.read())
    begun = time.monotonic()
    there.unmount()
    assert time.monotonic() - begun < 10
    until(lambda: not is_running(pid), 'the end of all that the command began')


def test_a_token_command_that_fails(authority, gate, mount):
    there = mount(gate.url, start=False, user='ines@example.org', password_file=None, timeout=2,
                  token_command='exit 1')
    out = there.try_start()
    assert out.status == OFFLINE and 'token_command' in out.err, out
    there.options['token_command'] = '/no/such/helper'
    out = there.try_start()
    assert out.status == AUTH and 'token_command' in out.err, out
    there.options['token_command'] = 'echo one two'
    out = there.try_start()
    assert out.status != 0 and 'no token' in out.err, out


def test_an_application(authority, gate, mount):
    """Nobody signs in: it has a secret, and says whose mailbox it opens."""
    there = mount(gate.url, start=False, user='app', impersonate='user@example.org',
                  **options(authority))
    path = there.options['client_secret_file'] = os.path.join(there.dir, 'app-secret')
    with open(path, 'w', encoding='ascii') as file:
        file.write('wrong')
    os.chmod(path, 0o600)
    out = there.try_start()
    assert out.status == AUTH and 'client_secret_file=' in out.err, out
    with open(path, 'w', encoding='ascii') as file:
        file.write(APP_SECRET)
    there.start()
    assert 'Inbox' in there.names()
    assert gate.impersonated and set(gate.impersonated) == {'user@example.org'}
    authority.revoke_access()
    there.sync()
    assert set(authority.grants) == {'client_credentials'}


def hand_over(mount):
    """The application's secret, as systemd does it."""
    mount.env['CREDENTIALS_DIRECTORY'] = mount.dir
    with open(os.path.join(mount.dir, 'ewsfs.client_secret'), 'w', encoding='ascii') as file:
        file.write(APP_SECRET)


def test_an_application_of_systemd(authority, gate, mount):
    there = mount(gate.url, start=False, user='app', impersonate='user@example.org',
                  **options(authority))
    hand_over(there)
    there.start()
    assert 'Inbox' in there.names()
    assert set(authority.grants) == {'client_credentials'}


def test_renewed_with_the_secret_of_systemd(authority, gate, me):
    authority.needs_secret = True
    hand_over(me)
    me.start()
    authority.revoke_access()
    me.sync()
    assert authority.grants.count('refresh_token') == 1


def test_an_application_for_somebody_else(authority, gate, mount):
    """The server has the last word on whose mailbox it may open."""
    there = mount(gate.url, start=False, user='app', impersonate='nobody@example.org',
                  **options(authority))
    path = there.options['client_secret_file'] = os.path.join(there.dir, 'app-secret')
    with open(path, 'w', encoding='ascii') as file:
        file.write(APP_SECRET)
    os.chmod(path, 0o600)
    out = there.try_start()
    assert out.status != 0 and 'ErrorImpersonateUserDenied' in out.err, out
