# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody else does to the mailbox is seen here, without a remount, and nothing else is."""
import os
import re

import pytest

from mounting import LIKE_REAL, TOOL_S, is_file, message, run, settle, sha256, until

MULTIPART = (
    'From: ada@example.com\r\nSubject: Parts\r\nMIME-Version: 1.0\r\n'
    'Message-ID: <parts@example.com>\r\n'
    'Content-Type: multipart/mixed; boundary="%s"\r\n\r\n'
    '--%s\r\n\r\none\r\n--%s\r\n\r\n%s\r\n--%s--\r\n')


def multipart(boundary, word='two'):
    return (MULTIPART % (boundary, boundary, boundary, word, boundary)).encode()


def letters(path):
    """The KEY of a file name."""
    return re.search(r'\.([a-z0-9]{10})\.\w+$', path).group(1)


def rest(box, there, item):
    """Until nothing more comes of a create."""
    settle(box.ews, [item])
    there.sync('--fetch')
    there.wait_idle()


def by_key(there):
    return {letters(path): entry for path, entry in there.files().items()}


@pytest.fixture
def box(serve):
    """A mailbox with forty messages and one folder more."""
    the_server = serve('--fill', 'Inbox=40')
    the_server.ews = the_server.somebody()
    the_server.other = the_server.ews.create_folder('msgfolderroot', 'Other')
    return the_server


@pytest.fixture
def there(box, mount):
    """box, mounted and fetched; the kernel has looked at all of it."""
    the_mount = mount(box)
    the_mount.fetch()
    the_mount.tree()
    box.mark('begin')
    return the_mount


# Messages


def test_new_and_deleted(box, there):
    before = there.names('Inbox')
    item = box.ews.create_item('inbox', message('Fresh'))
    there.sync()
    path = there.find('Fresh')
    assert there.read_one(path)['length'] == there.stat(path)['size'] > 0
    box.ews.delete_item(item)
    there.sync()
    assert there.names('Inbox') == before
    assert there.stat(path) == {'errno': 'ENOENT'}
    run('cat', there.at(path), status=1)


def test_news_come_by_themselves(box, mount):
    there = mount(box, refresh=1)
    there.names('Inbox')
    box.ews.create_item('inbox', message('Fresh'))
    until(lambda: any('Fresh' in name for name in there.names('Inbox')), 'the new message')
    item = box.ews.find_item('inbox', count=1, all_pages=False)[0]
    box.ews.delete_item(item)
    until(lambda: len(there.names('Inbox')) == 40, 'the end of the old one')


def test_a_directory_kept_open_is_refreshed_when_it_is_opened_again(box, mount):
    there = mount(box, refresh=1)
    assert len(there.names('Inbox')) == 40
    box.ews.create_item('inbox', message('Fresh'))
    until(lambda: len(run('ls', there.at('Inbox')).out.splitlines()) == 41, 'the new message')


def test_many_at_once(box, there):
    box.ews.create_item('inbox', [message('Bulk %d' % n) for n in range(150)])
    items = box.ews.find_item('inbox')
    box.ews.delete_item([i for i in items if not (i.subject or '').startswith('Bulk')][:35])
    there.sync('--fetch')
    assert len(there.names('Inbox')) == 155
    read = there.read('Inbox/' + name for name in there.names('Inbox'))
    assert all('errno' not in answer for answer in read.values())


@pytest.mark.parametrize('change', [{'read': False}, {'flag': 'Flagged'}])
def test_flags_keep_the_bytes(box, there, change):
    item = box.ews.create_item('inbox', message('Flags'), read=True)
    rest(box, there, item)
    path = there.find('Flags')
    first, data = there.stat(path), there.read_one(path)
    box.mark('change')
    box.ews.update_item(item.id, **change)
    there.sync('--fetch')
    name, value = ('is_read', '0') if 'read' in change else ('flag', 'flagged')
    assert there.xattrs(path)['user.ewsfs.' + name] == value
    assert there.read_one(path) == data
    second = there.stat(path)
    assert second['ctime'] >= first['ctime']
    assert dict(second, ctime=0) == dict(first, ctime=0)
    assert box.count('GetItem', 'change') == 0


def test_a_new_subject_keeps_the_name(box, there):
    item = box.ews.create_item('inbox', message('Before'))
    there.sync('--fetch')
    path = there.find('Before')
    box.ews.update_item(item.id, subject='After')
    there.sync('--fetch')
    assert there.find('Before') == path
    assert there.xattrs(path)['user.ewsfs.subject'] == 'After'


def test_a_new_category_shows_and_moves_ctime_only(box, there):
    item = box.ews.create_item('inbox', message('Sorted'), received='2026-01-01T00:00:00Z')
    there.sync('--fetch')
    path = there.find('Sorted')
    first = there.stat(path)
    until(lambda: run('date', '+%s').out.strip() != str(first['ctime'] // 10**9), 'a second')
    box.ews.update_item(item.id, categories=['Blue'])
    there.sync('--fetch')
    second = there.stat(path)
    assert there.xattrs(path)['user.ewsfs.categories'] == 'Blue'
    assert second['ctime'] > first['ctime']
    assert second['ino'] == first['ino']
    if not LIKE_REAL:
        assert second['mtime'] == first['mtime'] and second['size'] == first['size']


def test_other_content_is_seen_at_once(box, there, way, mount):
    if way:
        there = mount(box, **way)
    item = box.ews.create_item('inbox', message('Text', body='one one one'))
    there.sync('--fetch')
    path = there.find('Text')
    first = there.stat(path)
    assert b'one one one' in there.cat(path)
    # Another length, then other bytes of the same length.
    for body in ('three three three three', 'seven seven seven seven'):
        box.ews.update_item(item.id, mime=message('Text', body=body))
        there.sync('--fetch')
        assert body.encode() in there.cat(path)
        entry = there.stat(path)
        assert entry['size'] == len(there.cat(path))
        assert entry['ino'] == first['ino']
        assert entry['mtime'] > first['mtime']
        first = entry


def test_an_open_file_keeps_its_bytes(box, there):
    item = box.ews.create_item('inbox', message('Held', body='old ' * 5000))
    there.sync('--fetch')
    path = there.find('Held')
    held = there.hold(path)
    first = held.ask('read')
    box.ews.update_item(item.id, mime=message('Held', body='new'))
    there.sync('--fetch')
    assert b'new' in there.cat(path)
    assert held.ask('read') == first
    box.ews.delete_item(item.id)
    there.sync('--fetch')
    assert there.stat(path) == {'errno': 'ENOENT'}
    assert held.ask('read') == first
    assert held.ask('stat')['size'] == first['length']
    assert held.ask('close') == 'closed'


def test_new_boundaries_are_no_new_content(box, there):
    """Servers render MIME anew at each fetch."""
    item = box.ews.create_item('inbox', multipart('=-aaaa-0001'))
    there.sync('--fetch')
    path = there.find('Parts')
    first, data = there.stat(path), there.read_one(path)
    box.ews.update_item(item.id, mime=multipart('=-bbbb-0002'))
    there.sync('--fetch')
    there.wait_idle()
    assert there.read_one(path) == data
    assert there.stat(path)['mtime'] == first['mtime']
    box.ews.update_item(item.id, mime=multipart('=-cccc-0003', word='six'))
    there.sync('--fetch')
    there.wait_idle()
    assert there.read_one(path) != data
    assert there.stat(path)['mtime'] > first['mtime']


# Moves and copies


def test_a_moved_message_is_the_same_file(box, there):
    item = box.ews.create_item('inbox', message('Wanderer'))
    rest(box, there, item)
    path = there.find('Wanderer')
    first, data = there.stat(path), there.read_one(path)
    box.mark('move')
    for to, folder in ((box.other, 'Other'), ('inbox', 'Inbox'), (box.other, 'Other')):
        item = box.ews.move_item(item, to)
        there.sync('--fetch')
        moved = there.find('Wanderer', folder)
        assert os.path.basename(moved) == os.path.basename(path)
        entry = there.stat(moved)
        assert dict(entry, ctime=0) == dict(first, ctime=0)
        assert there.read_one(moved) == data
    assert there.stat(path) == {'errno': 'ENOENT'}
    assert box.count('GetItem', 'move') == 0


def test_all_of_a_folder_moved(box, there):
    before = by_key(there)
    data = {letters(p): a for p, a in there.read(there.files()).items()}
    box.mark('move')
    box.ews.move_item(box.ews.find_item('inbox'), box.other)
    there.sync('--fetch')
    assert there.names('Inbox') == []
    after = by_key(there)
    assert {k: e['ino'] for k, e in after.items()} == {k: e['ino'] for k, e in before.items()}
    assert {letters(p): a for p, a in there.read(there.files()).items()} == data
    assert box.count('GetItem', 'move') == 0


def test_a_move_while_nobody_looked(box, there, mount):
    item = box.ews.create_item('inbox', message('Wanderer'))
    there.sync('--fetch')
    path = there.find('Wanderer')
    first = there.stat(path)
    there.unmount()
    box.ews.move_item(item, box.other)
    box.mark('again')
    there.start()
    there.sync('--fetch')
    moved = there.find('Wanderer', 'Other')
    assert (there.stat(moved)['ino'], letters(moved)) == (first['ino'], letters(path))
    assert not any('Wanderer' in name for name in there.names('Inbox'))


def test_copies_are_told_apart(box, there):
    item = box.ews.create_item('inbox', message('Original'))
    there.sync('--fetch')
    path = there.find('Original')
    first = there.stat(path)
    box.ews.copy_item(item, box.other)
    box.ews.copy_item(item, 'inbox')
    there.sync('--fetch')
    assert there.stat(path) == dict(first, ctime=there.stat(path)['ctime'])
    copies = [p for p in there.files() if 'Original' in p]
    assert len(copies) == 3
    assert len({there.stat(p)['ino'] for p in copies}) == 3
    assert len([p for p in copies if p.startswith('Inbox/')]) == 2
    assert len({a['length'] for a in there.read(copies).values()}) == 1


def test_a_copy_whose_original_is_deleted(box, there):
    """Looks like a move but for the order of things; neither may be lost or doubled."""
    item = box.ews.create_item('inbox', message('Original'))
    there.sync('--fetch')
    box.ews.copy_item(item, box.other)
    there.sync('--fetch')
    box.ews.delete_item(item)
    there.sync('--fetch')
    found = [p for p in there.files() if 'Original' in p]
    assert len(found) == 1 and found[0].startswith('Other/')
    assert b'Hello.' in there.cat(found[0])


def test_copied_and_deleted_between_two_looks(box, there):
    item = box.ews.create_item('inbox', message('Original'))
    there.sync('--fetch')
    box.ews.copy_item(item, box.other)
    box.ews.delete_item(item)
    there.sync('--fetch')
    found = [p for p in there.files() if 'Original' in p]
    assert len(found) == 1 and found[0].startswith('Other/')
    assert there.read_one(found[0])['length'] > 0


def test_the_same_message_twice(box, there, tmp_path):
    data = message('Twin')
    box.ews.create_item('inbox', [data, data])
    there.sync('--fetch')
    twins = [p for p in there.files() if 'Twin' in p]
    assert len(twins) == 2
    assert len({letters(p) for p in twins}) == 2
    inos = {p: there.stat(p)['ino'] for p in twins}
    there.unmount()
    there.forget()
    there.start().fetch()
    assert {p: there.stat(p)['ino'] for p in twins} == inos


def test_a_message_to_oneself(box, there):
    """One in Sent Items and one in the Inbox, with the same Message-ID."""
    data = message('To me', sender='user@example.org')
    box.ews.create_item('sentitems', data)
    box.ews.create_item('inbox', data)
    there.sync('--fetch')
    mine = [p for p in there.files() if 'To-me' in p]
    assert sorted(os.path.dirname(p) for p in mine) == ['Inbox', 'Sent Items']
    assert len({letters(p) for p in mine}) == 2
    assert len({there.stat(p)['ino'] for p in mine}) == 2


def test_a_move_of_one_twin_takes_that_one(box, there):
    data = message('Twin')
    one, two = box.ews.create_item('inbox', [data, data])
    there.sync('--fetch')
    before = {letters(p): e['ino'] for p, e in there.files().items() if 'Twin' in p}
    box.ews.move_item(one, box.other)
    there.sync('--fetch')
    after = {letters(p): e['ino'] for p, e in there.files().items() if 'Twin' in p}
    assert after == before
    there.find('Twin', 'Inbox')
    there.find('Twin', 'Other')


def test_soft_delete_goes_to_deleted_items(box, there):
    item = box.ews.create_item('inbox', message('Trash'))
    there.sync('--fetch')
    first = there.stat(there.find('Trash'))
    box.ews.delete_item(item, how='MoveToDeletedItems')
    there.sync('--fetch')
    assert there.stat(there.find('Trash', 'Deleted Items'))['ino'] == first['ino']


# Folders


def test_folders_come_and_go(box, there):
    top = there.stat('')
    project = box.ews.create_folder('msgfolderroot', 'Project')
    box.ews.create_item(project, message('Inside'))
    there.sync()
    assert there.find('Inside', 'Project')
    assert there.stat('')['nlink'] == top['nlink'] + 1
    box.ews.delete_folder(project)
    there.sync()
    assert 'Project' not in there.names()
    assert there.stat('Project') == {'errno': 'ENOENT'}
    assert there.stat('')['nlink'] == top['nlink']


def test_a_folder_is_renamed_and_moved(box, there):
    project = box.ews.create_folder('inbox', 'Project')
    sub = box.ews.create_folder(project, 'Sub')
    rest(box, there, box.ews.create_item(sub, message('Inside')))
    first = there.tree('Inbox/Project')
    box.mark('move')
    box.ews.update_folder(project, 'Projekt')
    there.sync('--fetch')
    assert there.stat('Inbox/Project') == {'errno': 'ENOENT'}
    assert {p: e['ino'] for p, e in there.tree('Inbox/Projekt').items()} == {
        p: e['ino'] for p, e in first.items()}
    box.ews.move_folder(project, 'msgfolderroot')
    there.sync('--fetch')
    assert there.stat('Inbox/Projekt') == {'errno': 'ENOENT'}
    moved = there.tree('Projekt')
    for path, entry in moved.items():
        assert entry['ino'] == first[path]['ino'], path
    file = [p for p, e in moved.items() if is_file(e)][0]
    assert b'Hello.' in there.cat(os.path.join('Projekt', file))
    assert box.count('GetItem', 'move') == 0


def test_a_directory_that_is_gone_under_somebody(box, there):
    project = box.ews.create_folder('inbox', 'Project')
    box.ews.create_item(project, message('Inside'))
    there.sync('--fetch')
    held = there.hold(there.find('Inside', 'Inbox/Project'))
    first = held.ask('read')
    box.ews.delete_folder(project)
    there.sync('--fetch')
    assert held.ask('read') == first
    assert 'Project' not in there.names('Inbox')


def test_two_folders_swap_their_names(box, there):
    a, b = (box.ews.create_folder('inbox', name) for name in 'ab')
    box.ews.create_item(a, message('In a'))
    box.ews.create_item(b, message('In b'))
    there.sync()
    for folder, name in ((a, 'x'), (b, 'a'), (a, 'b')):
        box.ews.update_folder(folder, name)
    there.sync()
    assert there.find('In-a', 'Inbox/b') and there.find('In-b', 'Inbox/a')


# Lost states


def test_refused_states_lose_and_double_nothing(box, there, mount):
    """All states are refused; meanwhile something was deleted, something is new."""
    items = box.ews.find_item('inbox')
    before = by_key(there)
    box.admin('POST', 'corrupt-states')
    box.ews.delete_item(items[:5])
    box.ews.create_item('inbox', message('Fresh'))
    box.mark('change')
    there.sync('--fetch')
    assert len(there.names('Inbox')) == 36
    after = by_key(there)
    fresh = letters(there.find('Fresh'))
    assert {k: e['ino'] for k, e in after.items() if k != fresh} == {
        k: before[k]['ino'] for k in after if k != fresh}
    assert sum(line['items'] for line in box.asked('GetItem', 'change')) <= 1
    other = mount(box)
    assert {k: e['ino'] for k, e in by_key(other).items()} == {
        k: e['ino'] for k, e in after.items()}


@pytest.mark.parametrize('fault', ['badstate', 'silentstate'])
def test_a_state_that_is_not_taken(box, there, fault):
    items = box.ews.find_item('inbox')
    before = by_key(there)
    box.fault(fault + ',op=SyncFolderItems,count=3')
    box.fault(fault + ',op=SyncFolderHierarchy,count=1')
    box.ews.delete_item(items[:3])
    box.ews.create_item('inbox', message('Fresh'))
    box.ews.create_folder('msgfolderroot', 'New one')
    there.sync('--fetch')
    # Silently restarted: the deleted ones are noticed by the count, at the next look.
    there.sync('--fetch')
    until(lambda: there.sync() and len(there.names('Inbox')) == 38, 'the deleted ones')
    assert 'New one' in there.names()
    after = by_key(there)
    assert all(before[k]['ino'] == e['ino'] for k, e in after.items() if k in before)


def test_a_resync_shows_the_old_state_meanwhile(box, there):
    box.admin('POST', 'corrupt-states')
    box.fault('delay=4000,op=SyncFolderItems')
    box.ews.create_item('inbox', message('Fresh'))
    out = there.sync(seconds=1, status=1)
    assert out.took < TOOL_S
    assert len(there.names('Inbox')) == 40
    assert there.tree('Inbox')
    box.clear()
    until(lambda: there.sync(status=None).status == 0, 'the sync')
    assert len(there.names('Inbox')) == 41


def test_states_lost_while_away(box, there):
    before = {p: e['ino'] for p, e in there.tree().items()}
    data = there.read(there.files())
    there.unmount()
    box.admin('POST', 'corrupt-states')
    box.mark('again')
    there.start()
    there.sync('--fetch')
    assert {p: e['ino'] for p, e in there.tree().items()} == before
    assert there.read(data) == data
    assert box.count('GetItem', 'again') == 0


def test_the_digest_of_a_file_is_what_was_uploaded(box, there):
    data = message('Exact', body='bytes ' * 100)
    box.ews.create_item('inbox', data)
    there.sync('--fetch')
    if not LIKE_REAL:
        assert there.read_one(there.find('Exact'))['sha256'] == sha256(data)
