# SPDX-License-Identifier: GPL-3.0-or-later
"""The configurations in contrib/examples, as they are: a home of the test's own is where they think
they are used. What is not installed is left out.
"""
import os
import shutil

import pytest

from maildirs import listed, state
from mounting import PATIENCE, message, program, run, until
from writing import flush, subjects

EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'contrib',
                        'examples')
SECONDS = 60 * PATIENCE
NAMES = ['First', 'Second', 'Third']


def example(name):
    return os.path.realpath(os.path.join(EXAMPLES, name))


def needs(*names):
    missing = [name for name in names if not shutil.which(name)]
    return pytest.mark.skipif(bool(missing), reason='no ' + ', '.join(missing))


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Where HOME is, and nothing leads elsewhere; ewsfs and ewsfsctl are found."""
    for name in ('MAILDIR', 'MAIL', 'XDG_CONFIG_HOME', 'XDG_STATE_HOME', 'XDG_RUNTIME_DIR',
                 'XDG_CACHE_HOME', 'XDG_DATA_HOME'):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv('HOME', str(tmp_path))
    where = os.path.dirname(program('ewsfs')) + ':' + os.path.dirname(program('ewsfsctl'))
    monkeypatch.setenv('PATH', where + ':' + os.environ['PATH'])
    return tmp_path


@pytest.fixture
def mail(somebody, maildir, home):
    """~/Maildir, with three unread messages in the Inbox."""
    (home / 'Maildir').symlink_to(maildir.path)
    somebody.create_item('inbox', [message(name) for name in NAMES], read=False)
    until(lambda: len(listed(maildir, 'new')) == 3, 'the messages')
    return maildir


# Mail programs


@pytest.mark.parametrize('name', ['mutt', 'neomutt'])
def test_mutt(somebody, mail, home, name):
    if not shutil.which(name) or not shutil.which('script'):
        pytest.skip('no %s, or no script' % name)
    (home / '.cache').mkdir()
    push = ('set confirmappend=no wait_key=no sleep_time=0 resolve=no; '
            'push "<search>~s First<enter><display-message><exit>'
            '<search>~s Second<enter><delete-message><sync-mailbox><quit>"')
    run('script', '-qec', "%s -n -F '%s' -e '%s'" % (name, example('muttrc'), push), '/dev/null',
        env=dict(os.environ, TERM='vt100'), seconds=SECONDS)
    flush(mail)
    assert state(somebody) == {'First': (True, 'NotFlagged'), 'Third': (False, 'NotFlagged')}
    assert subjects(somebody, 'deleteditems') == ['Second']


@needs('notmuch')
def test_notmuch(somebody, mail, home, monkeypatch):
    monkeypatch.setenv('NOTMUCH_CONFIG', example('notmuch-config'))
    (home / '.local' / 'share' / 'notmuch').mkdir(parents=True)
    run('notmuch', 'new', seconds=SECONDS)
    assert run('notmuch', 'count', 'tag:unread', seconds=SECONDS).out.strip() == '3'
    run('notmuch', 'tag', '-unread', '--', 'subject:Second', seconds=SECONDS)
    flush(mail)
    assert [name for name, what in state(somebody).items() if what[0]] == ['Second']


@needs('mbsync')
def test_mbsync(somebody, mail, home):
    (home / 'mail-copy').mkdir()

    def sync():
        run('mbsync', '-c', example('mbsyncrc'), 'work', seconds=SECONDS)

    sync()
    inbox = home / 'mail-copy' / 'Inbox'
    assert len(os.listdir(str(inbox / 'new'))) == 3
    assert not (home / 'mail-copy' / 'Calendar').exists()
    (inbox / 'cur' / '1700000000.1.here:2,S').write_bytes(message('Fourth'))
    sync()
    flush(mail)
    assert set(state(somebody)) == set(NAMES) | {'Fourth'}


# Backups


@pytest.fixture
def account(server, home):
    """[work] in ~/.config/ewsfs/ewsfs.conf."""
    somebody = server.somebody()
    somebody.create_item('inbox', [message(name) for name in NAMES])
    config = home / '.config' / 'ewsfs'
    config.mkdir(parents=True)
    password = config / 'password'
    password.write_text(server.password + '\n')
    password.chmod(0o600)
    (config / 'ewsfs.conf').write_text('[work]\nurl=%s\nuser=%s\npassword_file=%s\n' % (
        server.url, server.user, password))
    return somebody


def back_up(tool, status=0, **variables):
    """ewsfs-backup; nothing stays mounted, whatever comes of it."""
    out = run(example('ewsfs-backup'), 'work', tool, status=status, seconds=SECONDS,
              env=dict(os.environ, XDG_RUNTIME_DIR=os.environ['HOME'], **variables))
    assert not [name for name in os.listdir(os.environ['HOME'])
                if name.startswith('ewsfs-backup')]
    return out


def mails_below(place):
    found = [os.path.join(top, name) for top, _, names in os.walk(place) for name in names]
    return sorted(name for name in NAMES for path in found
                  if ('_%s.' % name) in os.path.basename(path))


@needs('rsync')
def test_backup_by_rsync(account, home):
    target = home / 'copy'
    back_up('rsync', RSYNC_TARGET=str(target))
    assert mails_below(str(target)) == NAMES
    account.delete_item([item for item in account.find_item('inbox') if item.subject == 'First'][0])
    before = {path: os.stat(str(path)).st_mtime_ns for path in target.rglob('*.eml')}
    back_up('rsync', RSYNC_TARGET=str(target))
    assert mails_below(str(target / 'Inbox')) == NAMES[1:]
    assert all(os.stat(str(path)).st_mtime_ns == then
               for path, then in before.items() if path.exists())


@needs('restic')
def test_backup_by_restic(account, home):
    (home / 'secret').write_text('secret\n')
    where = {'RESTIC_REPOSITORY': str(home / 'repo'),
             'RESTIC_PASSWORD_FILE': str(home / 'secret')}
    run('restic', 'init', env=dict(os.environ, **where), seconds=SECONDS)
    back_up('restic', **where)
    out = back_up('restic', **where).out
    assert 'Files:           0 new,     0 changed' in out, out
    run('restic', 'restore', 'latest', '--target', str(home / 'back'),
        env=dict(os.environ, **where), seconds=SECONDS)
    assert mails_below(str(home / 'back')) == NAMES


@needs('borg')
def test_backup_by_borg(account, home):
    where = {'BORG_REPO': str(home / 'repo'), 'BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK': 'yes'}
    run('borg', 'init', '-e', 'none', env=dict(os.environ, **where), seconds=SECONDS)
    back_up('borg', **where)
    (home / 'back').mkdir()
    env = dict(os.environ, **where)
    name = run('borg', 'list', '--short', env=env, seconds=SECONDS).out.strip()
    run('borg', 'extract', '::' + name, env=env, cwd=str(home / 'back'), seconds=SECONDS)
    assert mails_below(str(home / 'back')) == NAMES


def test_backup_fails_where_mail_is_missing(account, server, home):
    """A message that cannot be had: no backup, rather than one without it."""
    server.fault('itemerror=ErrorInternalServerError,op=GetItem')
    target = home / 'copy'
    assert back_up('rsync', status=None, RSYNC_TARGET=str(target)).status != 0
    assert not target.exists()
