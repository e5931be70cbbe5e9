# SPDX-License-Identifier: GPL-3.0-or-later
"""Kerberos tickets, asked for by Apache in front of the test server."""
import base64
import os

import pytest
import realm as realms
from handshakes import write_and_read

AUTH = 5
BASIC = base64.b64encode(b'user:secret').decode()
# IIS remembers who a connection belongs to; without this each request brings its ticket.
BOUND = 'GssapiConnectionBound On\nGssapiSignalPersistentAuth On'


@pytest.fixture
def realm(monkeypatch):
    reason = realms.missing()
    if reason:
        pytest.skip(reason)
    the_realm = realms.Realm()
    for name, value in the_realm.environment.items():
        monkeypatch.setenv(name, value)
    yield the_realm
    the_realm.finish()


@pytest.fixture
def front(realm, written):
    def start(more=''):
        return realm.front(written.url.rpartition('/EWS/')[0], BASIC, more)
    return start


@pytest.mark.parametrize('more', ['', BOUND], ids=['each-request', 'each-connection'])
def test_a_ticket_is_all_it_takes(realm, front, written, mount, more):
    realm.get_ticket()
    apache = front(more)
    there = mount(apache.url, auth='negotiate', settle=5)
    assert 'Inbox' in there.names()
    write_and_read(there, written)
    assert {line[3] for line in apache.log() if line[1] == '200'} == {'user@' + realms.REALM}


def test_auto_finds_the_ticket(realm, front, mount):
    realm.get_ticket()
    there = mount(front().url, password_command='', start=False)
    for name in ('password_file', 'password_command'):
        there.options.pop(name, None)
    there.start()
    assert 'Inbox' in there.names()


def test_no_ticket(front, mount):
    out = mount(front().url, auth='negotiate', start=False).try_start()
    assert out.status == AUTH and 'kinit' in out.err, str(out)


def test_a_password_is_not_for_this_server(front, mount):
    apache = front()
    out = mount(apache.url, start=False).try_start()
    assert out.status == AUTH and 'offers Negotiate' in out.err and 'kinit' in out.err, str(out)
    # Nobody was sent the password.
    assert {line[3] for line in apache.log()} == {'-'}
