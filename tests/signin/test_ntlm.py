# SPDX-License-Identifier: GPL-3.0-or-later
"""NTLM: the connection is signed in, not the request."""
import subprocess

import pytest
from handshakes import NtlmGate, write_and_read

AUTH = 5


@pytest.fixture
def gate(written):
    if 'NTLM' not in subprocess.run(['curl', '-V'], capture_output=True, text=True,
                                    check=True).stdout:
        pytest.skip('the libcurl of this machine has no NTLM')
    gates = []

    def start(forgets=0):
        gates.append(NtlmGate(written, forgets))
        return gates[-1]
    yield start
    for one in gates:
        one.stop()


@pytest.mark.parametrize('auth', ['ntlm', 'auto'])
def test_a_connection_is_signed_in_once(gate, written, mount, auth):
    there_is = gate()
    there = mount(there_is.url, auth=auth, user='CORP\\\\user', settle=5, push='off')
    assert 'Inbox' in there.names()
    write_and_read(there, written)
    assert there_is.handshakes <= 5 < there_is.passed


def test_a_server_that_forgets(gate, written, mount):
    """Each request is refused first, the changes too, and then signed in anew: nothing is twice."""
    there = mount(gate(forgets=1).url, auth='ntlm', user='user', settle=5, push='off')
    assert 'Inbox' in there.names()
    write_and_read(there, written)


def test_a_wrong_password(gate, mount):
    there = mount(gate().url, auth='ntlm', start=False)
    with open(there.password_file, 'w', encoding='ascii') as file:
        file.write('wrong\n')
    out = there.try_start()
    assert out.status == AUTH and 'Extended Protection' in out.err, str(out)
