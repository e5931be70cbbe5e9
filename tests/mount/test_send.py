# SPDX-License-Identifier: GPL-3.0-or-later
"""Sending: opt-in, at most once, and never half a message."""
import os
import shutil
import subprocess

import pytest

from mounting import PATIENCE, message, program, run, until
from writing import (SETTLE_S, count_writes, ctl, flush, items_of, put, queue, refusal, shell,
                     subjects)

LETTER = message('Letter', body='Dear Ada')


@pytest.fixture
def sending(written, mount):
    """A mount that may send one mail."""
    written.mails = 1
    return mount(written, 'send', settle=SETTLE_S)


def sent(server):
    return server.stats()['sent']


def test_sending_is_off_unless_asked_for(written, there):
    put(there, 'Drafts/a.eml', LETTER)
    assert refusal(there, 'os.rename("Drafts/a.eml", ".send/a.eml")') == 'ENOENT'
    assert ctl(there, 'send', '-t', stdin=LETTER, status=None).status != 0
    flush(there)
    assert sent(written) == 0


def test_a_rename_sends(written, somebody, sending):
    written.mark('send')
    assert '.send' not in sending.names()
    put(sending, 'Drafts/a.eml', LETTER)
    shell(sending, 'mv Drafts/a.eml .send/')
    flush(sending)
    assert sent(written) == 1
    assert subjects(somebody, 'sentitems') == ['Letter'] and subjects(somebody, 'drafts') == []
    calls = count_writes(written, 'send')
    assert calls['SendItem'] == 1 and calls['CreateItem'] == 1
    assert sending.names('.send') == []
    sending.sync()
    assert len(sending.names('Sent Items')) == 1


def test_a_draft_of_the_server_is_sent(written, somebody, sending):
    somebody.create_item('drafts', LETTER, draft=True)
    sending.sync()
    shell(sending, 'mv "$1" .send/', sending.find('', 'Drafts'))
    flush(sending)
    assert sent(written) == 1
    assert subjects(somebody, 'sentitems') == ['Letter'] and subjects(somebody, 'drafts') == []


@pytest.mark.parametrize('is_new', [True, False], ids=['new', 'draft'])
def test_a_draft_that_is_left_behind(written, somebody, sending, is_new):
    """Some servers send it and leave it where it is: it goes to Sent Items, and is sent once."""
    written.fault('leave,op=SendItem')
    if is_new:
        ctl(sending, 'send', '-t', stdin=LETTER)
    else:
        somebody.create_item('drafts', LETTER, draft=True)
        sending.sync()
        shell(sending, 'mv "$1" .send/', sending.find('', 'Drafts'))
    flush(sending)
    sending.sync()
    assert sending.names('Drafts') == []
    until(lambda: subjects(somebody, 'sentitems') == ['Letter'], 'the move to Sent Items', 30)
    sending.sync()
    assert subjects(somebody, 'drafts') == [] and sending.names('Drafts') == []
    assert len(sending.names('Sent Items')) == 1
    assert sent(written) == 1 and written.count('SendItem') == 1


def test_mv_from_outside_copies_and_does_not_send_half(written, somebody, sending, tmp_path):
    """Nothing can be created in .send: a killed writer must not send half of a message."""
    (tmp_path / 'a.eml').write_bytes(LETTER)
    out = run('cp', str(tmp_path / 'a.eml'), sending.at('.send/a.eml'), status=None)
    assert out.status != 0
    flush(sending)
    assert sent(written) == 0 and subjects(somebody, 'sentitems') == []


def test_ewsfsctl_send(written, somebody, sending):
    ctl(sending, 'send', '-t', stdin=LETTER)
    flush(sending)
    assert sent(written) == 1 and subjects(somebody, 'sentitems') == ['Letter']


def test_bcc_is_kept_from_others(written, somebody, sending):
    data = LETTER.replace(b'Subject:', b'Bcc: Secret <secret@example.com>\r\nSubject:', 1)
    ctl(sending, 'send', '-t', stdin=data)
    flush(sending)
    assert sent(written) == 1
    item, = items_of(somebody, 'sentitems')
    assert b'From: Ada' in item.mime


@pytest.mark.parametrize('fault', [
    'lose,op=SendItem,count=1', 'lose,op=CreateItem,count=1', 'late=1000,op=SendItem,count=1',
    'late=1000,op=CreateItem,count=1', 'cut=100,op=SendItem,count=1', 'busy=50,op=SendItem,count=2',
    'slow=300,op=SendItem', 'http=503,op=SendItem,count=1,retry=1'])
def test_never_twice(written, somebody, sending, fault):
    written.fault(fault)
    ctl(sending, 'send', '-t', stdin=LETTER, status=None, seconds=60 * PATIENCE)
    flush(sending, status=None, seconds=30)
    assert sent(written) <= 1
    doubtful = queue(sending, 'maybe-sent')
    assert sent(written) == 1 or doubtful
    if sent(written) == 1 and not doubtful:
        assert subjects(somebody, 'sentitems') == ['Letter']
        assert subjects(somebody, 'drafts') == []


def test_a_refused_mail_says_so(written, somebody, sending):
    written.fault('itemerror=ErrorSendAsDenied,op=SendItem')
    out = ctl(sending, 'send', '-t', stdin=LETTER, status=None)
    flush(sending, status=None)
    assert sent(written) == 0
    assert queue(sending, 'failed') or out.status != 0
    assert 'ErrorSendAsDenied' in out.err + str(queue(sending))


def test_what_is_no_message_is_not_sent(written, sending):
    assert ctl(sending, 'send', '-t', stdin=b'just words\n', status=None).status != 0
    assert ctl(sending, 'send', '-t', stdin=b'', status=None).status != 0
    flush(sending, status=None)
    assert sent(written) == 0


@pytest.mark.skipif(not shutil.which('mutt'), reason='no mutt here')
def test_mutt(written, somebody, sending, tmp_path):
    rc = tmp_path / 'muttrc'
    rc.write_text('set sendmail="%s send --mount=%s -t"\nset use_from=yes\nset copy=no\n'
                  'set realname="Ada"\nset from=user@example.org\n' % (
                      program('ewsfsctl'), sending.path))
    run('mutt', '-F', str(rc), '-s', 'From mutt', 'bob@example.com', stdin=b'Hello Bob.\n',
        env=dict(os.environ, HOME=str(tmp_path), TERM='dumb'), seconds=60 * PATIENCE)
    flush(sending)
    assert sent(written) == 1 and subjects(somebody, 'sentitems') == ['From mutt']


@pytest.mark.skipif(subprocess.run(['git', 'send-email', '-h'], check=False,
                                   capture_output=True).returncode not in (0, 129),
                    reason='no git send-email here')
def test_git_send_email(written, somebody, sending, tmp_path):
    patch = tmp_path / '0001-a.patch'
    patch.write_bytes(b'From 0123456789012345678901234567890123456789 Mon Sep 17 00:00:00 2001\n'
                      b'From: Ada <ada@example.com>\nDate: Fri, 2 Jan 2026 03:04:05 +0000\n'
                      b'Subject: [PATCH] Mend it\n\nbody\n---\n')
    env = dict(os.environ, HOME=str(tmp_path), GIT_CONFIG_NOSYSTEM='1')
    run('git', 'send-email', '--quiet', '--confirm=never', '--from=user@example.org',
        '--to=bob@example.com', '--suppress-cc=all',
        '--sendmail-cmd=%s send --mount=%s -t' % (program('ewsfsctl'), sending.path), str(patch),
        env=env,
        cwd=str(tmp_path), seconds=60 * PATIENCE)
    flush(sending)
    assert sent(written) == 1 and subjects(somebody, 'sentitems') == ['[PATCH] Mend it']
