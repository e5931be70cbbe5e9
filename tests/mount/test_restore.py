# SPDX-License-Identifier: GPL-3.0-or-later
"""A mailbox that was backed up from a mount is put back into an empty one: the same messages,
flags, categories, dates and folders, and once that is done there is nothing left to do.
"""
import os
import shutil

import pytest

from mounting import LIKE_REAL, PATIENCE, message, run
from writing import SETTLE_S, count_writes, flush, mailbox

SECONDS = 120 * PATIENCE
# What must come back. A name that the program gave is told by its property after a restore.
KEPT = ('gist', 'read', 'draft', 'categories', 'importance', 'flag', 'received')


@pytest.fixture
def full(serve):
    """A mailbox with something of everything."""
    server = serve()
    ews = server.somebody()
    projects = ews.create_folder('inbox', 'Projects')
    below = ews.create_folder(projects, 'A/B 100%')
    for number in range(40):
        ews.create_item(
            ('inbox', projects, below)[number % 3],
            message('Message %d' % number, body='Body %d' % number, number=number),
            received='2021-02-%02dT04:05:%02dZ' % (1 + number % 28, number),
            read=number % 2 == 0, importance=('Low', 'Normal', 'High')[number % 3],
            categories=['Red', 'To do'][:number % 3] or None,
            flag=('NotFlagged', 'Flagged', 'Complete')[number % 3])
    ews.create_item('drafts', message('A draft'), draft=True)
    ews.create_item('sentitems', message('Sent'), received='2020-01-01T00:00:00Z')
    return server


@pytest.fixture
def empty(serve):
    server = serve()
    server.is_written = True
    return server


def assert_restored(full, empty):
    """Dates of drafts are when they were last written."""
    def kept(server):
        found = mailbox(server.somebody(), *KEPT)
        return {path: [text for text in items if '"draft": true' not in text]
                for path, items in found.items()}
    before, after = kept(full), kept(empty)
    assert {path: items for path, items in after.items() if items or path in before} == before
    assert len(mailbox(empty.somebody(), 'gist')['Drafts']) == 1


def rsync(*words):
    out = run('rsync', '--out-format=%i %n', *words, seconds=SECONDS)
    return [line for line in out.out.splitlines() if line[:2] in ('<f', '>f')]


@pytest.fixture
def backup(full, mount, tmp_path):
    """What rsync -aX makes of it."""
    there = mount(full, 'backup')
    there.fetch()
    target = str(tmp_path / 'backup')
    rsync('-aX', there.path + '/', target + '/')
    return target


def test_rsync(full, empty, mount, backup):
    there = mount(empty, settle=SETTLE_S)
    empty.mark('restore')
    assert len(rsync('-aX', backup + '/', there.path + '/')) == 42
    flush(there, seconds=60)
    assert_restored(full, empty)
    calls = count_writes(empty, 'restore')
    assert calls['CreateItem'] <= 20 and sum(calls.values()) <= 39
    empty.mark('again')
    # The time of a draft is when the server wrote it last, and real ones write once more.
    drafts = ['--exclude=/Drafts'] if LIKE_REAL else []
    for words in (['-a'] + drafts, ['-aX', '--ignore-existing']):
        assert rsync(*words, backup + '/', there.path + '/') == []
        there.remount()
        assert rsync(*words, backup + '/', there.path + '/') == []
    flush(there)
    assert count_writes(empty, 'again')['CreateItem'] == 0
    assert_restored(full, empty)


def test_rsync_again_after_all_was_lost(full, empty, mount, backup):
    """The server's rendering has another length: names tell what is there."""
    there = mount(empty, settle=SETTLE_S)
    rsync('-aX', backup + '/', there.path + '/')
    flush(there, seconds=60)
    there.unmount()
    there.forget()
    there.start()
    there.sync()
    empty.mark('again')
    assert rsync('-aX', '--ignore-existing', backup + '/', there.path + '/') == []
    flush(there)
    assert count_writes(empty, 'again')['CreateItem'] == 0
    assert_restored(full, empty)


def test_a_restore_that_was_cut_short(full, empty, mount, backup):
    there = mount(empty, settle=SETTLE_S)
    run('timeout', '-s', 'KILL', '0.1', 'rsync', '-aX', backup + '/', there.path + '/', status=None)
    there.kill()
    there.start()
    # An item's id and other marks of the server cannot be set on what is there already.
    rsync('-aX', '--ignore-existing', backup + '/', there.path + '/')
    flush(there, seconds=60)
    assert_restored(full, empty)


def test_tar(full, empty, mount, tmp_path):
    there = mount(full, 'backup')
    there.fetch()
    archive = str(tmp_path / 'a.tar')
    run('tar', '--xattrs', '--xattrs-include=*', '-C', there.path, '-cf', archive, '.')
    back = mount(empty, settle=SETTLE_S)
    run('tar', '--xattrs', '--xattrs-include=*', '-C', back.path, '-xf', archive, '--overwrite-dir',
        status=None, seconds=SECONDS)
    flush(back, seconds=60)
    assert_restored(full, empty)


@pytest.mark.skipif(not shutil.which('restic'), reason='no restic here')
def test_restic(full, empty, mount, tmp_path):
    there = mount(full, 'backup')
    there.fetch()
    env = dict(os.environ, RESTIC_REPOSITORY=str(tmp_path / 'repo'), RESTIC_PASSWORD='x',
               XDG_CACHE_HOME=str(tmp_path / 'cache'), HOME=str(tmp_path))
    run('restic', 'init', env=env, seconds=SECONDS)
    run('restic', 'backup', '.', env=env, cwd=there.path, seconds=SECONDS)
    back = mount(empty, settle=SETTLE_S)
    run('restic', 'restore', 'latest', '--target', back.path, env=env, seconds=SECONDS, status=None)
    flush(back, seconds=60)
    assert_restored(full, empty)


@pytest.mark.skipif(not shutil.which('borg'), reason='no borg here')
def test_borg(full, empty, mount, tmp_path):
    there = mount(full, 'backup')
    there.fetch()
    env = dict(os.environ, BORG_REPO=str(tmp_path / 'repo'), HOME=str(tmp_path),
               BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK='yes',
               BORG_RELOCATED_REPO_ACCESS_IS_OK='yes')
    run('borg', 'init', '-e', 'none', env=env, seconds=SECONDS)
    run('borg', 'create', '::a', '.', env=env, cwd=there.path, seconds=SECONDS)
    back = mount(empty, settle=SETTLE_S)
    run('borg', 'extract', '::a', env=env, cwd=back.path, seconds=SECONDS, status=None)
    flush(back, seconds=60)
    assert_restored(full, empty)


def test_any_attribute_may_be_set_on_a_new_file(empty, mount):
    there = mount(empty, settle=SETTLE_S)
    run('sh', '-euc', 'printf "Subject: a\n\nx" >Inbox/a.eml; for name in item_id change_key'
        ' item_class subject from to received sent size size_exact has_attachments is_read'
        ' importance categories flag; do case $name in is_read|size_exact|has_attachments) v=1;;'
        ' importance) v=high;; flag) v=flagged;; received|sent) v=2020-01-02T03:04:05Z;; *) v=x;;'
        ' esac; setfattr -n user.ewsfs.$name -v $v Inbox/a.eml; done', cwd=there.path)
    flush(there)
    found = mailbox(empty.somebody(), 'read', 'importance', 'flag', 'received')['Inbox']
    assert found == ['{"flag": "Flagged", "importance": "High", "read": true,'
                     ' "received": "2020-01-02T03:04:05Z"}']
