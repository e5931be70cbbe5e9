# SPDX-License-Identifier: GPL-3.0-or-later
"""The tree: names, kinds, attributes, what may be done to it, and the hidden directory."""
import json
import os
import stat

import pytest

from mounting import SAMPLE_MAIL, is_file, look, message, run, until

NO_WRITING = ['create', 'mkdir', 'symlink', 'mkfifo']
NO_CHANGING = ['write', 'append', 'truncate', 'unlink', 'rename', 'link', 'utime', 'setxattr',
               'setother', 'removexattr']


@pytest.fixture
def one(server, somebody):
    """A server with one message, flagged, in the Inbox."""
    somebody.create_item(
        'inbox', message('The one', sender='Zoë Ångström <zoe@example.com>'), read=False,
        received='2026-11-20T10:15:00Z', importance='High', categories=['Red', 'To do'])
    return server


def decode(name):
    """A file name back to the name of the folder, as the manual says it can be."""
    raw = name.encode()
    out = b''
    while raw:
        if raw[:1] == b'%':
            out, raw = out + bytes([int(raw[1:3], 16)]), raw[3:]
        else:
            out, raw = out + raw[:1], raw[1:]
    return out.decode()


@pytest.mark.parametrize('name', [
    'plain', 'with blank', 'a/b', '/', '.', '..', '...', '%', '100%', '%2F', 'a%2Fb', '.hidden',
    '-rf', 'tab\there', 'Größe', '会議', 'quote\'"', 'back\\slash', '*?[x]', '$(ls)', 'trailing.',
    'a' * 120, '.ewsfs', 'x\u202ey'])
def test_a_folder_name_comes_back(server, somebody, mount, name):
    somebody.create_folder('msgfolderroot', name)
    there = mount(server)
    assert name in [decode(found) for found in there.names()]
    assert [stat.S_ISDIR(e['mode']) for p, e in there.tree().items() if decode(p) == name] == [True]


def test_long_folder_names_are_told_apart(server, somebody, mount):
    long = 'ü' * 200
    for tail in 'abc':
        somebody.create_folder('inbox', long + tail)
    there = mount(server)
    first = there.tree('Inbox')
    names = set(first) - {''}
    assert len(names) == 3
    assert all(len(os.fsencode(name)) <= 255 for name in names)
    there.unmount()
    there.forget()
    there.start()
    assert {p: e['ino'] for p, e in there.tree('Inbox').items()} == {
        p: e['ino'] for p, e in first.items()}


def test_hidden_and_search_folders_are_left_out(server, somebody, mount):
    there = mount(server)
    all_names = {folder.name for folder in somebody.find_folder(deep=False)}
    hidden = {'Conversation Action Settings', 'Unread Mail'}
    assert hidden <= all_names
    assert set(there.names()) == all_names - hidden


def test_folders_in_folders(server, somebody, mount):
    at = 'inbox'
    for depth in range(20):
        at = somebody.create_folder(at, 'level %d' % depth)
    somebody.create_item(at, message('Deep'))
    there = mount(server)
    path = '/'.join(['Inbox'] + ['level %d' % depth for depth in range(20)])
    assert there.find('Deep', path)
    assert there.stat('Inbox/level 0')['nlink'] == 3


def test_a_part_of_the_mailbox(server, somebody, mount):
    projects = somebody.create_folder('inbox', 'Projects')
    somebody.create_folder(projects, 'A/B 100%')
    somebody.create_item(projects, message('Inside'))
    somebody.create_item('inbox', message('Outside'))
    there = mount(server, folder='Inbox/Projects')
    assert len(there.files()) == 1
    assert there.names() == sorted(['A%2FB 100%25', os.path.basename(there.find('Inside', ''))])
    whole = mount(server)
    part = there.tree()
    for path, entry in whole.tree('Inbox/Projects').items():
        assert (path, entry['ino'], entry['mtime']) == (
            path, part[path]['ino'], part[path]['mtime']) or path == ''


def test_kinds(server, somebody, mount):
    somebody.create_item('inbox', message('A mail'))
    somebody.create_item('inbox', message('A date'), item_class='IPM.Appointment')
    somebody.create_item('inbox', message('A person'), item_class='IPM.Contact')
    somebody.create_item('inbox', message('A note'), item_class='IPM.StickyNote')
    somebody.create_other('calendar', 'CalendarItem', 'Regatta')
    somebody.create_other('contacts', 'Contact', 'Lin Chen')
    somebody.create_other('tasks', 'Task', 'Paint the hull')
    there = mount(server)
    assert there.find('A-mail').endswith('.eml')
    assert there.find('A-date').endswith('.ics')
    assert there.find('A-person').endswith('.vcf')
    assert there.find('A-note').endswith('.eml')
    assert there.find('Regatta', 'Calendar').endswith('.ics')
    assert there.find('Lin', 'Contacts').endswith('.vcf')
    assert there.find('Paint', 'Tasks').endswith('.ics')


def test_attributes_of_files_and_directories(one, mount):
    there = mount(one)
    there.fetch()
    tree = there.tree()
    for path, entry in tree.items():
        if is_file(entry):
            assert stat.S_IMODE(entry['mode']) == 0o600
            assert entry['nlink'] == 1
            assert entry['blocks'] == -(-entry['size'] // 512)
        else:
            assert stat.S_IMODE(entry['mode']) == 0o700
            below = [p for p, e in tree.items() if p and os.path.dirname(p) == path
                     and not is_file(e)]
            assert entry['nlink'] == 2 + len(below), path
        assert (entry['uid'], entry['gid']) == (os.getuid(), os.getgid())
        assert entry['d_ino'] in (None, entry['ino']), path
        assert 0 < entry['ino'] < 1 << 63
    numbers = [entry['ino'] for entry in tree.values()]
    assert len(set(numbers)) == len(numbers)
    assert tree[there.find('The-one')]['mtime'] == 1795169700 * 10**9


def test_times_of_a_draft_and_of_what_was_changed(server, somebody, mount):
    draft = somebody.create_item('drafts', message('Draft'), draft=True)
    mail = somebody.create_item('inbox', message('Old'), received='2001-02-03T04:05:06Z')
    there = mount(server)
    def modified(item):
        found = somebody.get_item(item, mime=False, fields=('item:LastModifiedTime',))
        return found.node.findtext(
            '{http://schemas.microsoft.com/exchange/services/2006/types}LastModifiedTime')
    def shown(ns):
        return run('date', '-u', '-d', '@%d' % (ns // 10**9), '+%Y-%m-%dT%H:%M:%SZ').out.strip()
    entry = there.stat(there.find('', 'Drafts'))
    assert shown(entry['mtime']) == modified(draft)
    entry = there.stat(there.find('Old'))
    assert shown(entry['mtime']) == '2001-02-03T04:05:06Z'
    assert shown(entry['ctime']) == modified(mail)


def test_umask_and_owner(one, mount):
    there = mount(one, umask='277', uid='12', gid='games')
    assert stat.S_IMODE(there.stat('Inbox')['mode']) == 0o500
    entry = there.stat(there.find('The-one'))
    assert stat.S_IMODE(entry['mode']) == 0o400
    assert (entry['uid'], entry['gid']) == (12, 60)


def test_rights_of_a_folder_that_may_only_be_read(serve, mount):
    server = serve('--fill', 'Inbox/Locked=2', '--rights', 'Inbox/Locked=read')
    there = mount(server)
    assert stat.S_IMODE(there.stat('Inbox/Locked')['mode']) == 0o500
    assert stat.S_IMODE(there.stat('Inbox')['mode']) == 0o700
    for entry in there.files('Inbox/Locked').values():
        assert stat.S_IMODE(entry['mode']) == 0o400


def test_statfs(serve, mount):
    there = mount(serve('--fill', 'Inbox=50'))
    there.fetch()
    name_max, files, blocks, size = run(
        'stat', '-f', '-c', '%l %c %b %S', there.path).out.split()
    assert int(name_max) >= 240
    assert int(files) >= 50
    assert int(blocks) * int(size) >= sum(e['size'] for e in there.files().values())
    assert run('df', there.path).out.count('\n') == 2


def test_extended_attributes(one, mount, way):
    there = mount(one, **way)
    path = there.find('The-one')
    there.cat(path)
    found = there.xattrs(path)
    expected = {
        'item_class': 'IPM.Note', 'subject': 'The one', 'received': '2026-11-20T10:15:00Z',
        'is_read': '0', 'importance': 'high', 'categories': 'Red, To do', 'flag': 'none',
        'size_exact': '1', 'size': str(there.stat(path)['size']), 'has_attachments': '0'}
    for name, value in expected.items():
        assert found.pop('user.ewsfs.' + name) == value, name
    assert 'zoe@example.com' in found.pop('user.ewsfs.from')
    assert 'user@example.org' in found.pop('user.ewsfs.to')
    assert set(found) == {'user.ewsfs.item_id', 'user.ewsfs.change_key', 'user.ewsfs.sent'}
    assert '# file' in run('getfattr', '-d', there.at(path)).out
    assert look('try', 'getunknown', there.at(path), 'getother', there.at(path),
                'getforeign', there.at(path), 'getsecurity', there.at(path)) == [
                    'ENODATA', 'ENODATA', 'EOPNOTSUPP', 'EOPNOTSUPP']


def test_nothing_can_be_changed(one, mount, way):
    there = mount(one, **dict(way, ro=True))
    path = there.at(there.find('The-one'))
    folder = there.at('Inbox')
    before = there.tree()
    new = os.path.join(folder, 'new')
    words = [(what, new) for what in NO_WRITING] + [(what, path) for what in NO_CHANGING]
    words += [('rmdir', folder), ('rename', folder), ('utime', folder), ('unlink', path)]
    answers = look('try', *[word for pair in words for word in pair])
    assert dict(zip(map(str, words), answers)) == {str(pair): 'EROFS' for pair in words}
    assert there.tree() == before


def test_mode_and_owner_are_accepted_and_stay(one, mount):
    """cp -p and tar -p set them on what they made; as long as nothing can be made, on ours."""
    there = mount(one)
    path = there.at(there.find('The-one'))
    before = there.tree()
    assert look('try', 'chmod', path, 'chown', path, 'chmod', there.at('Inbox')) == ['done'] * 3
    assert there.tree() == before


def test_the_hidden_directory(one, mount, way):
    there = mount(one, **way)
    there.fetch()
    assert '.ewsfs' not in there.names()
    assert there.names('.ewsfs') == ['failed', 'queue', 'queue.json', 'status', 'status.json']
    assert there.names('.ewsfs/failed') == []
    text = there.cat('.ewsfs/status').decode()
    assert 'online' in text and '/Inbox' in text
    status = json.loads(there.cat('.ewsfs/status.json'))
    inbox = [f for f in status['folder_list'] if f['path'] == '/Inbox'][0]
    assert (inbox['items'], inbox['listed'], inbox['failed']) == (1, True, 0)
    assert status['server']['state'] == 'online'
    assert status['items'] == status['items_here'] == status['items_sized'] == 1
    assert there.cat('.ewsfs/queue') is not None
    assert there.error_of('create', '.ewsfs/x') == 'EROFS'
    assert there.error_of('list', 'Inbox/.ewsfs') == 'ENOENT'
    run('cat', there.at('.ewsfs', 'nothing'), status=1)


def test_status_is_a_snapshot_and_never_waits(serve, mount):
    server = serve('--fill', 'Inbox=400', '--fault', 'delay=600000,op=GetItem')
    there = mount(server, prefetch='off')
    waiting = there.cat_behind(os.path.join('Inbox', there.names('Inbox')[0]))
    until(lambda: there.status()['waiting'] >= 1, 'a parked open')
    assert there.status()['server']['in_flight'] >= 1
    held = there.hold('.ewsfs/status')
    first = held.ask('read')
    waiting.end()
    server.clear()
    there.sync()
    assert held.ask('read') == first
    assert held.ask('close') == 'closed'


def test_missing_names(one, mount):
    there = mount(one)
    assert there.error_of('list', 'Inbox/nothing') == 'ENOENT'
    run('cat', there.at('Inbox', '2026_x.aaaaaaaaaa.eml'), status=1)
    assert there.stat('Inbox/2026_x.aaaaaaaaaa.eml') == {'errno': 'ENOENT'}
    assert there.stat('Inbox/' + 'x' * 255)['errno'] in ('ENOENT', 'ENAMETOOLONG')
    assert there.stat('Inbox/' + 'x' * 256) == {'errno': 'ENAMETOOLONG'}
    assert there.error_of('list', there.find('The-one')) == 'ENOTDIR'


def test_the_sample_mailbox_as_it_is_demonstrated(serve, mount):
    words = []
    for name in sorted(os.listdir(SAMPLE_MAIL)):
        if os.path.isdir(os.path.join(SAMPLE_MAIL, name)):
            words += ['--mail', '%s=%s' % (name, os.path.join(SAMPLE_MAIL, name))]
    there = mount(serve(*words))
    assert {'Archive', 'Drafts', 'Inbox', 'Junk Email', 'Sent Items'} <= set(there.names())
    assert len(there.files()) == sum(
        len(files) for where, _, files in os.walk(SAMPLE_MAIL) if where != SAMPLE_MAIL)
