# SPDX-License-Identifier: GPL-3.0-or-later
"""A client that others wrote works against the test server: DavMail in EWS mode, through IMAP.

Runs where DavMail is installed (Debian: davmail-server); otherwise skipped.
"""

import imaplib
import shutil
import socket
import subprocess
import time

import pytest

from ewsclient import Ewsd, find_ewsd

DAVMAIL = shutil.which('davmail-server') or shutil.which('davmail')
pytestmark = [
    pytest.mark.skipif(not find_ewsd(), reason='no ewsd: set EWSD'),
    pytest.mark.skipif(not DAVMAIL, reason='DavMail is not installed'),
]

LETTER = (b'From: Ada <ada@example.com>\r\nTo: bob@example.org\r\nSubject: imported\r\n'
          b'Date: Fri, 2 Jan 2026 03:04:05 +0000\r\nMessage-ID: <i@example.com>\r\n\r\nHello.\r\n')
APPENDED = b'From: x@example.org\r\nSubject: appended by imap\r\n\r\nHi there.\r\n'
SETTINGS = '''davmail.server=true
davmail.mode=EWS
davmail.url=%s
davmail.imapPort=%d
davmail.smtpPort=
davmail.popPort=
davmail.ldapPort=
davmail.caldavPort=
davmail.bindAddress=127.0.0.1
davmail.allowRemote=false
davmail.disableUpdateCheck=true
davmail.enableKerberos=false
davmail.logFilePath=%s
'''


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def wait_for(port, process, seconds=40):
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            with socket.create_connection(('127.0.0.1', port), 1) as probe:
                if probe.recv(64).startswith(b'* OK'):
                    return True
        except OSError:
            time.sleep(0.2)
    return False


@pytest.fixture(name='server', params=[[], ['--like', 'real']], ids=['plain', 'real'])
def running_server(request, tmp_path):
    (tmp_path / 'mail').mkdir()
    (tmp_path / 'mail' / 'one').write_bytes(LETTER)
    with Ewsd('--fill', 'Inbox=30', '--mail', 'Inbox/Real=%s' % (tmp_path / 'mail'),
              *request.param) as running:
        yield running
        assert running.schema_errors() == []


@pytest.fixture(name='imap')
def davmail(server, tmp_path):
    port = free_port()
    settings = tmp_path / 'davmail.properties'
    settings.write_text(SETTINGS % (server.url, port, tmp_path / 'davmail.log'))
    with open(tmp_path / 'davmail.out', 'wb') as out:
        process = subprocess.Popen([DAVMAIL, str(settings)], stdout=out, stderr=out)
    try:
        assert wait_for(port, process), (tmp_path / 'davmail.out').read_text()
        imap = imaplib.IMAP4('127.0.0.1', port, timeout=60)
        imap.login(server.user, server.password)
        yield imap
        imap.logout()
    finally:
        process.terminate()
        process.wait(20)


def good(answer):
    assert answer[0] == 'OK', answer
    return answer[1]


def test_reading_and_appending(server, imap):
    names = [line.decode().rpartition(' "/" ')[2] for line in good(imap.list())]
    assert '"INBOX"' in names and '"INBOX/Real"' in names
    assert good(imap.select('INBOX')) == [b'30']
    mime = good(imap.fetch('30', '(BODY.PEEK[])'))[0][1]
    assert mime.startswith(b'Received: ') and b'\r\nMessage-ID: <' in mime

    assert good(imap.select('INBOX/Real')) == [b'1']
    assert good(imap.fetch('1', '(BODY.PEEK[])'))[0][1] == LETTER
    good(imap.store('1', '+FLAGS', '\\Flagged'))
    good(imap.append('INBOX/Real', '(\\Seen)', None, APPENDED))
    good(imap.select('INBOX/Real'))
    found = good(imap.search(None, 'SUBJECT', 'appended'))[0].split()
    assert len(found) == 1
    assert b'Subject: appended by imap' in good(imap.fetch(found[0].decode(),
                                                           '(BODY.PEEK[])'))[0][1]
    good(imap.create('INBOX/Made'))
    good(imap.copy('1', 'INBOX/Made'))
    good(imap.store('1', '+FLAGS', '\\Deleted'))
    good(imap.expunge())

    ews = server.client()
    assert [i.subject for i in ews.find_item(ews.find_path('Inbox/Made'))] == ['imported']
    left = ews.get_item(ews.find_item(ews.find_path('Inbox/Real')))
    assert [(i.subject, i.read) for i in left] == [('appended by imap', True)]
    ews.close()
