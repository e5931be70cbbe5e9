# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of a message: times, flags, categories, subject; and copies, which take it along.
"""
import os

import pytest

from mounting import PATIENCE
from writing import (count_writes, describe, flush, gist, gists, items_of, mails, refusal, shell)


# Attributes


def test_utimens_of_a_message(written, somebody, old, there):
    path = there.find('Old')
    written.mark('touch')
    shell(there, 'touch -d 2019-05-06T07:08:09Z "$1"', path)
    flush(there)
    assert describe(items_of(somebody, 'inbox')[0])['received'] == '2019-05-06T07:08:09Z'
    assert count_writes(written, 'touch') == {'UpdateItem': 1}
    assert there.stat(path)['mtime'] == 1557126489 * 10**9


def test_setting_attributes(written, somebody, old, there):
    path = there.find('Old')
    written.mark('set')
    for name, value in (('subject', 'Another'), ('is_read', '0'), ('importance', 'low'),
                        ('categories', 'Green'), ('flag', 'flagged')):
        shell(there, 'setfattr -n "user.ewsfs.$2" -v "$3" "$1"', path, name, value)
    found = there.xattrs(path)
    flush(there)
    assert count_writes(written, 'set') == {'UpdateItem': 1}
    item, = items_of(somebody, 'inbox')
    what = describe(item)
    assert (item.subject, what['read'], what['importance'], what['categories'], what['flag']) == (
        'Another', False, 'Low', ['Green'], 'Flagged')
    for name, value in (('subject', 'Another'), ('is_read', '0'), ('importance', 'low'),
                        ('categories', 'Green'), ('flag', 'flagged')):
        assert found['user.ewsfs.' + name] == value
        assert there.xattrs(path)['user.ewsfs.' + name] == value


def test_flagging_many(written, somebody, there):
    somebody.create_item('inbox', list(mails(300).values()), read=False)
    there.sync()
    written.mark('flag')
    shell(there, 'for f in Inbox/*.eml; do setfattr -n user.ewsfs.is_read -v 1 "$f"; done',
          seconds=60 * PATIENCE)
    flush(there)
    assert all(describe(item)['read'] for item in items_of(somebody, 'inbox'))
    calls = count_writes(written, 'flag')
    assert set(calls) == {'UpdateItem'} and calls['UpdateItem'] <= 20


@pytest.mark.parametrize('name,value,errors', [
    ('item_id', b'x', ('EPERM', 'EACCES')), ('size', b'1', ('EPERM', 'EACCES')),
    ('is_read', b'maybe', ('EINVAL',)), ('importance', b'dire', ('EINVAL',))])
def test_attributes_that_cannot_be_set(old, there, name, value, errors):
    path = there.find('Old')
    assert refusal(there, 'os.setxattr(%r, "user.ewsfs.%s", %r)' % (path, name, value)) in errors
    same = os.fsencode(there.xattrs(path)['user.ewsfs.' + name])
    assert refusal(there, 'os.setxattr(%r, "user.ewsfs.%s", %r)' % (path, name, same)) == 'done'


def test_chmod_and_chown_of_nothing(old, there):
    path = there.find('Old')
    assert refusal(there, 'os.chmod(%r, 0o600)' % path) == 'done'
    assert refusal(there, 'os.chmod(%r, 0o644)' % path) in ('done', 'EPERM')
    assert refusal(there, 'os.chown(%r, os.getuid(), os.getgid())' % path) == 'done'
    assert there.stat(path)['mode'] & 0o777 == 0o600


# Copies


def test_cp_inside_the_mount_moves_no_bytes(written, somebody, old, there):
    path = there.find('Old')
    data = there.cat(path)
    written.mark('cp')
    shell(there, 'cp "$1" Drafts/copy.eml', path)
    flush(there)
    assert gists(somebody, 'drafts') == gists(somebody, 'inbox') == [gist(data)]
    calls = count_writes(written, 'cp')
    assert calls['CopyItem'] == 1 and calls['CreateItem'] == 0
    assert there.cat('Drafts/copy.eml') == data
    assert there.stat('Drafts/copy.eml')['ino'] != there.stat(path)['ino']


def test_copying_many(written, somebody, there):
    somebody.create_item('inbox', list(mails(100).values()))
    there.sync()
    written.mark('cp')
    shell(there, 'mkdir Inbox/To; cp Inbox/*.eml Inbox/To/', seconds=60 * PATIENCE)
    flush(there)
    assert gists(somebody, 'Inbox/To') == gists(somebody, 'inbox')
    calls = count_writes(written, 'cp')
    assert calls['CreateItem'] == 0 and sum(calls.values()) <= 32
