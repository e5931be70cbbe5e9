# SPDX-License-Identifier: GPL-3.0-or-later
"""The test server itself: if it lies, every other suite does."""

import http.client
import os
import re
import shutil
import subprocess
import time

import pytest

from ewsclient import NS, Ews, Ewsd, EwsError, find_ewsd, find_schema, folder_ref

pytestmark = pytest.mark.skipif(not find_ewsd(), reason='no ewsd: set EWSD')

MAIL = (b'From: Ada <ada@example.com>\r\nTo: Bob <bob@example.org>\r\nSubject: %s\r\n'
        b'Date: Fri, 2 Jan 2026 03:04:05 +0000\r\nMessage-ID: <%s@example.com>\r\n\r\nHello.\r\n')
MULTIPART = (b'Subject: parts\r\nMIME-Version: 1.0\r\nX-Own: 1\r\n'
             b'Content-Type: multipart/mixed; boundary="=-outer-0001"\r\n\r\n--=-outer-0001\r\n\r\n'
             b'one\r\n--=-outer-0001\r\n\r\ntwo\r\n--=-outer-0001--\r\n')
GUID = 'c11ff724-aa03-4555-9952-8fa248a11c3e'


def mail(name):
    return MAIL % (name.encode(), name.encode())


@pytest.fixture
def server():
    with Ewsd() as running:
        yield running
        assert running.schema_errors() == []


@pytest.fixture
def ews(server):
    client = server.client()
    yield client
    client.close()


def kinds(changes):
    return [c.kind for c in changes]


def test_folders_have_kinds_and_the_hidden_ones_say_so(ews):
    found = {f.name: f for f in ews.find_folder(ext=[(0x10F4, 'Boolean')])}
    assert found['Calendar'].element == 'CalendarFolder'
    assert found['Contacts'].element == 'ContactsFolder'
    assert found['Tasks'].element == 'TasksFolder'
    assert found['Inbox'].folder_class == 'IPF.Note'
    assert found['Unread Mail'].element == 'SearchFolder'
    assert found['Conversation Action Settings'].ext[0x10F4] == 'true'
    assert found['Inbox'].ext[0x10F4] == 'false'


def test_imported_bytes_come_back(tmp_path):
    (tmp_path / 'sub').mkdir()
    samples = {'a': MULTIPART, 'sub/b': mail('b'), 'sub/c': b'', 'sub/d': b'\xff\x00 garbage'}
    for name, data in samples.items():
        (tmp_path / name).write_bytes(data)
    with Ewsd('--mail', 'Inbox/Some Where=%s' % tmp_path) as server:
        ews = server.client()
        folder = ews.find_path('Inbox/Some Where')
        items = ews.find_item(folder, fields=('item:DateTimeReceived',))
        assert sorted(i.mime for i in ews.get_item(items)) == sorted(samples.values())
        assert all(i.received for i in items)


def test_pages_go_from_new_to_old_and_miss_nothing():
    with Ewsd('--fill', 'Inbox=1300') as server:
        ews = server.client()
        state, page, last = ews.sync_page('inbox', fields=('item:DateTimeReceived',))
        assert (len(page), last) == (512, False)
        victim = ews.find_item('inbox', offset=1200, count=1, all_pages=False)[0]
        ews.update_item(victim, subject='changed meanwhile')
        early = ews.create_item('inbox', mail('early'), received='2001-01-01T00:00:00Z')
        gone = ews.find_item('inbox', offset=3, count=1, all_pages=False)[0]
        ews.delete_item(gone)
        changes = page
        while not last:
            state, page, last = ews.sync_page('inbox', state,
                                              fields=('item:DateTimeReceived',))
            changes += page
        dates = [c.item.received for c in changes[:1299]]
        assert dates == sorted(dates, reverse=True)
        have = set()
        for change in changes:
            if change.kind == 'Delete':
                have.discard(change.id)
            else:
                have.add(change.id)
        assert have == {i.id for i in ews.find_item('inbox')}
        assert early.id in have
        assert [c.kind for c in changes if c.id == victim.id] == ['Create', 'Update']


def test_changes_are_told_once(ews):
    state, _ = ews.sync('inbox')
    item = ews.create_item('inbox', mail('one'), read=False)
    state, changes = ews.sync('inbox', state)
    assert [(c.kind, c.id) for c in changes] == [('Create', item.id)]
    ews.update_item(item.id, read=True)
    state, changes = ews.sync('inbox', state)
    assert [(c.kind, c.read) for c in changes] == [('ReadFlagChange', True)]
    ews.update_item(item.id, subject='two')
    state, changes = ews.sync('inbox', state, fields=('item:Subject',))
    assert [(c.kind, c.item.subject) for c in changes] == [('Update', 'two')]
    ews.delete_item(item)
    state, changes = ews.sync('inbox', state)
    assert [(c.kind, c.id) for c in changes] == [('Delete', item.id)]
    assert ews.sync('inbox', state)[1] == []


def test_states_belong_to_one_folder_and_kind(server, ews):
    inbox, _ = ews.sync('inbox')
    tree, _ = ews.sync_hierarchy()
    for state in ('AAAA', inbox[:-6] + 'AAAA==', tree):
        with pytest.raises(EwsError, match='ErrorInvalidSyncStateData'):
            ews.sync('inbox', state)
    with pytest.raises(EwsError, match='ErrorInvalidSyncStateData'):
        ews.sync('drafts', inbox)
    ews.sync('inbox', inbox)
    server.admin('POST', 'corrupt-states')
    with pytest.raises(EwsError, match='ErrorInvalidSyncStateData'):
        ews.sync('inbox', inbox)
    server.fault('silentstate')
    ews.create_item('inbox', mail('x'))
    assert kinds(ews.sync('inbox', 'AAAA')[1]) == ['Create']


def test_a_move_gives_a_new_id_and_keeps_the_search_key(ews):
    key = (0x300B, 'Binary')
    mark = (GUID, 'ewsfs-op', 'String')
    item = ews.create_item('inbox', mail('m'), ext={mark: 'a/1'})
    old = ews.get_item(item, ext=[key, mark])
    state, _ = ews.sync('inbox')
    moved = ews.move_item(item, 'junkemail')
    assert moved.id != item.id
    assert Ews.code(ews.get_item(item, check=False)[0]) == 'ErrorItemNotFound'
    new = ews.get_item(moved, ext=[key, mark])
    assert (new.ext, new.mime) == (old.ext, old.mime)
    assert kinds(ews.sync('inbox', state)[1]) == ['Delete']
    copy = ews.copy_item(moved, 'inbox')
    assert ews.get_item(copy, ext=[key]).ext[0x300B] == old.ext[0x300B]
    created = [ews.get_item(i).node.findtext('t:DateTimeCreated', None, NS)
               for i in (moved, copy)]
    assert created[1] >= created[0]


def test_deleting_three_ways(ews):
    one, two, three = ews.create_item('inbox', [mail('1'), mail('2'), mail('3')])
    ews.delete_item(one, 'MoveToDeletedItems')
    ews.delete_item(two, 'SoftDelete')
    ews.delete_item(three, 'HardDelete')
    assert [i.subject for i in ews.find_item('deleteditems')] == ['1']
    assert [i.subject for i in ews.find_item('inbox', traversal='SoftDeleted')] == ['2']
    assert ews.find_item('inbox') == []
    codes = [Ews.code(m) for m in ews.delete_item([one, two, three], check=False)]
    assert codes == ['ErrorItemNotFound'] * 3
    folder = ews.get_folder('inbox', ext=[(0x670B, 'Integer')])
    assert (folder.total, folder.ext[0x670B]) == (0, '3')


def test_created_flags_and_dates_are_kept(ews):
    item = ews.create_item('inbox', mail('d'), received='2020-05-06T07:08:09Z',
                           sent='2020-05-06T07:08:00Z', read=False, importance='High',
                           categories=['Red', 'Blue'], flag='Flagged')
    got = ews.get_item(item)
    assert got.received == '2020-05-06T07:08:09Z'
    assert got.node.findtext('t:DateTimeSent', None, NS) == '2020-05-06T07:08:00Z'
    assert got.read is False
    assert got.node.findtext('t:IsDraft', None, NS) == 'false'
    assert got.node.findtext('t:Importance', None, NS) == 'High'
    assert [n.text for n in got.node.find('t:Categories', NS)] == ['Red', 'Blue']
    assert got.node.findtext('t:Flag/t:FlagStatus', None, NS) == 'Flagged'
    assert got.node.findtext('t:InternetMessageId', None, NS) == '<d@example.com>'
    assert got.size != len(got.mime)


def test_a_stale_change_key_conflicts(ews):
    item = ews.create_item('inbox', mail('c'))
    ews.update_item(item.id, subject='other')
    answer = ews.update_item(item, conflict='NeverOverwrite', subject='mine', check=False)
    assert Ews.code(answer[0]) == 'ErrorIrresolvableConflict'
    ews.update_item(item, conflict='AlwaysOverwrite', subject='mine')
    assert ews.get_item(item).subject == 'mine'


def test_mail_that_would_have_been_sent_is_counted(server, ews):
    asks = b'Disposition-Notification-To: ada@example.com\r\n' + mail('receipt')
    item = ews.create_item('inbox', asks, read=False)
    ews.update_item(item.id, read=True)
    assert server.stats()['sent'] == 0
    ews.update_item(item.id, read=False)
    ews.update_item(item.id, read=True, suppress=False)
    assert server.stats()['receipts'] == 1
    ews.send_item(ews.create_item('drafts', mail('out'), draft=True))
    assert server.stats()['sent'] == 2
    assert [i.subject for i in ews.find_item('sentitems')] == ['out']


def contains(text):
    return ('<t:Contains ContainmentMode="Substring" ContainmentComparison="IgnoreCase">'
            '<t:FieldURI FieldURI="item:Subject"/><t:Constant Value="%s"/></t:Contains>' % text)


def equals(path, value):
    return ('<t:IsEqualTo>%s<t:FieldURIOrConstant><t:Constant Value="%s"/>'
            '</t:FieldURIOrConstant></t:IsEqualTo>' % (path, value))


def test_restrictions(ews):
    named = ('<t:ExtendedFieldURI PropertySetId="%s" PropertyName="ewsfs-op"'
             ' PropertyType="String"/>' % GUID)
    ews.create_item('inbox', mail('Apple pie'), read=False,
                    ext={(GUID, 'ewsfs-op', 'String'): 'k/1'})
    ews.create_item('inbox', mail('apple juice'))
    ews.create_item('inbox', mail('pear'))

    def find(restriction):
        return sorted(i.subject for i in ews.find_item('inbox', restriction))

    unread = equals('<t:FieldURI FieldURI="message:IsRead"/>', 'false')
    assert find(contains('APPLE')) == ['Apple pie', 'apple juice']
    assert find(unread) == ['Apple pie']
    assert find('<t:And>%s%s</t:And>' % (contains('apple'), unread)) == ['Apple pie']
    assert find(equals(named, 'k/1')) == ['Apple pie']
    assert find(equals('<t:FieldURI FieldURI="message:InternetMessageId"/>',
                       '&lt;pear@example.com&gt;')) == ['pear']
    assert find('<t:Not>%s</t:Not>' % contains('apple')) == ['pear']
    assert find('<t:Exists>%s</t:Exists>' % named) == ['Apple pie']


def test_find_item_pages():
    with Ewsd('--fill', 'Inbox=2500') as server:
        ews = server.client()
        assert len(ews.find_item('inbox', count=5000, all_pages=False)) == 1000
        assert len({i.id for i in ews.find_item('inbox', count=700)}) == 2500


def test_folder_life(ews):
    state, changes = ews.sync_hierarchy()
    assert 'Inbox' in [c.item.name for c in changes]
    top = ews.create_folder('inbox', 'Work & <Play>')
    below = ews.create_folder(top, 'a/b')
    with pytest.raises(EwsError, match='ErrorFolderExists'):
        ews.create_folder('inbox', 'WORK & <play>')
    state, changes = ews.sync_hierarchy(state)
    assert [(c.kind, c.item.name) for c in changes] == [('Create', 'Work & <Play>'),
                                                        ('Create', 'a/b')]
    ews.update_folder(below, 'c')
    ews.move_folder(below, 'msgfolderroot')
    state, changes = ews.sync_hierarchy(state)
    assert [(c.kind, c.id, c.item.name) for c in changes] == [('Update', below, 'c')]
    ews.create_item(below, mail('in it'))
    ews.delete_folder(below)
    state, changes = ews.sync_hierarchy(state)
    assert [(c.kind, c.id) for c in changes] == [('Delete', below)]
    with pytest.raises(EwsError, match='ErrorFolderNotFound'):
        ews.get_folder(below)
    with pytest.raises(EwsError, match='ErrorSyncFolderNotFound'):
        ews.sync(below)
    with pytest.raises(EwsError, match='ErrorDeleteDistinguishedFolder'):
        ews.delete_folder('inbox')
    ews.delete_folder(top, 'MoveToDeletedItems')
    assert ews.get_folder(top).parent == ews.get_folder('deleteditems').id


def test_commit_time_moves_with_every_change(ews):
    def look():
        folder = ews.get_folder('inbox', ext=[(0x670A, 'SystemTime'), (0x670B, 'Integer')])
        return folder.ext[0x670A], folder.ext[0x670B], folder.total, folder.unread

    seen = [look()]
    item = ews.create_item('inbox', mail('x'))
    seen.append(look())
    ews.update_item(item.id, read=False)
    seen.append(look())
    ews.move_item(item, 'drafts')
    seen.append(look())
    assert [s[0] for s in seen] == sorted({s[0] for s in seen})
    assert [s[1:] for s in seen] == [('0', 0, 0), ('0', 1, 0), ('0', 1, 1), ('1', 0, 0)]


def test_items_without_mime_do_not_hide_their_neighbours(ews):
    contact = ews.create_other('contacts', 'Contact', 'Ada')
    task = ews.create_other('tasks', 'Task', 'Wash')
    letter = ews.create_item('inbox', mail('x'))
    answer = ews.get_item([contact, letter, task], check=False)
    assert [Ews.code(m) for m in answer] == ['ErrorUnsupportedMimeConversion', 'NoError',
                                             'ErrorUnsupportedMimeConversion']
    assert ews.find_item('contacts')[0].element == 'Contact'
    assert ews.find_item('tasks')[0].element == 'Task'


def test_the_schema_is_enforced(server):
    if not find_schema():
        pytest.skip('no schema here')
    with Ewsd() as strict:
        ews = strict.client()
        for body, code in (
                ('<m:GetItem><m:ItemIds/></m:GetItem>', 'ErrorSchemaValidation'),
                ('<m:SyncFolderItems><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape>'
                 '<m:SyncFolderId><t:DistinguishedFolderId Id="inbox"/></m:SyncFolderId>'
                 '<m:MaxChangesReturned>513</m:MaxChangesReturned></m:SyncFolderItems>',
                 'ErrorSchemaValidation')):
            with pytest.raises(EwsError) as caught:
                ews.call(body)
            assert (caught.value.code, caught.value.status) == (code, 500)
        assert len(strict.schema_errors()) == 2
        assert strict.stats()['schema_errors'] == 2


def test_answers_fit_the_schema(tmp_path):
    if not find_schema() or not shutil.which('xmllint'):
        pytest.skip('no schema or no xmllint here')
    (tmp_path / 'mail').mkdir()
    (tmp_path / 'mail' / 'a').write_bytes(MULTIPART)
    (tmp_path / 'mail' / 'b').write_bytes(mail('b'))
    with Ewsd('--fill', 'Inbox=30', '--mail', 'Inbox=%s' % (tmp_path / 'mail')) as server:
        ews = server.client()
        real_post = ews.post
        kept = []

        def post(body):
            answer = real_post(body)
            kept.append(tmp_path / ('%d.xml' % len(kept)))
            kept[-1].write_bytes(answer[2])
            return answer

        ews.post = post
        walk_through(ews)
        checked = subprocess.run(
            ['xmllint', '--nonet', '--huge', '--noout', '--schema',
             os.path.join(find_schema(), 'soap-envelope.xsd')] + [str(k) for k in kept],
            stderr=subprocess.PIPE, check=False, text=True)
        assert checked.returncode == 0, checked.stderr


def walk_through(ews):
    """Every operation once, and some of its errors."""
    state, changes = ews.sync('inbox', base='AllProperties')
    ews.get_item([c.id for c in changes], fields=('item:Body', 'item:InternetMessageHeaders'))
    item = ews.create_item('inbox', mail('walk'), categories=['x'],
                           ext={(GUID, 'n', 'String'): 'v'})
    ews.get_item(item, ext=[(GUID, 'n', 'String'), (0x0E07, 'Integer'), (0x300B, 'Binary')])
    ews.update_item(item.id, read=False)
    copy = ews.copy_item(item, 'drafts')
    item = ews.move_item(item, 'junkemail')
    ews.delete_item(copy)
    ews.delete_item(copy, check=False)
    ews.sync('inbox', state, base='Default')
    ews.find_item('inbox', contains('a'), fields=('message:From', 'item:Flag'))
    ews.find_folder(ext=[(0x670A, 'SystemTime'), (0x670B, 'Integer'), (0x10F4, 'Boolean')])
    folder = ews.create_folder('inbox', 'New')
    ews.update_folder(folder, 'Newer')
    ews.move_folder(folder, 'drafts')
    ews.sync_hierarchy(ews.sync_hierarchy()[0])
    subscription, watermark = ews.subscribe(streaming=False)
    ews.delete_folder(folder)
    ews.create_item('inbox', mail('event'), read=False)
    ews.get_events(subscription, watermark)
    ews.unsubscribe(subscription)
    ews.send_item(ews.create_item('drafts', mail('out'), draft=True))
    for element, folder in (('Contact', 'contacts'), ('Task', 'tasks'),
                            ('CalendarItem', 'calendar')):
        ews.get_item(ews.create_other(folder, element, 'x'), mime=False)
    ews.call('<m:ResolveNames ReturnFullContactData="true"><m:UnresolvedEntry>user'
             '</m:UnresolvedEntry></m:ResolveNames>')
    ews.call('<m:ConvertId DestinationFormat="HexEntryId"><m:SourceIds><t:AlternateId'
             ' Format="EwsId" Id="AAMk" Mailbox="user@example.org"/></m:SourceIds></m:ConvertId>')


def test_faults_of_the_transport(server, ews):
    ews.create_item('inbox', mail('x'))
    server.fault('http=503,retry=7,op=SyncFolderItems,count=1')
    status, headers, _ = ews.post(b'<x/>')
    assert status == 500
    with pytest.raises(EwsError) as caught:
        ews.sync('inbox')
    assert caught.value.status == 503
    ews.sync('inbox')
    server.fault('busy=1234,count=1')
    with pytest.raises(EwsError) as caught:
        ews.sync('inbox')
    assert (caught.value.code, caught.value.status) == ('ErrorServerBusy', 500)
    server.fault('busy200=5,count=1')
    with pytest.raises(EwsError) as caught:
        ews.sync('inbox')
    assert (caught.value.code, caught.value.status) == ('ErrorServerBusy', 200)
    server.fault('cut=600,count=1')
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        ews.sync('inbox', base='AllProperties')
    server.fault('garbage,count=1')
    assert b'<html>' in ews.post(valid_sync())[2]
    server.fault('truncate,count=1')
    status, _, data = ews.post(valid_sync())
    assert status == 200 and not data.rstrip().endswith(b'Envelope>')
    server.clear()
    assert len(ews.sync('inbox')[1]) == 1
    ends = [line.get('end') for line in server.log() if 'end' in line]
    assert ends == ['cut', 'truncated']
    # The one line that was no SOAP.
    assert len(server.schema_errors()) == 1
    with open(server.log_path, 'w', encoding='utf-8'):
        pass


def valid_sync():
    return ('<?xml version="1.0"?><s:Envelope xmlns:s="%(s)s" xmlns:m="%(m)s" xmlns:t="%(t)s">'
            '<s:Body><m:SyncFolderItems><m:ItemShape><t:BaseShape>AllProperties</t:BaseShape>'
            '</m:ItemShape><m:SyncFolderId><t:DistinguishedFolderId Id="inbox"/></m:SyncFolderId>'
            '<m:MaxChangesReturned>9</m:MaxChangesReturned></m:SyncFolderItems></s:Body>'
            '</s:Envelope>' % NS).encode()


def test_every_after_and_count(server, ews):
    server.fault('http=429,op=GetFolder,after=1,every=2,count=2')
    seen = []
    for _ in range(7):
        try:
            ews.get_folder('inbox')
            seen.append(200)
        except EwsError as error:
            seen.append(error.status)
    assert seen == [200, 429, 200, 429, 200, 200, 200]
    with pytest.raises(ValueError):
        server.fault('nonsense=1')


def test_lost_answers_and_late_work(server, ews):
    server.fault('lose,op=CreateItem,count=1')
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        ews.create_item('inbox', mail('lost'))
    assert [i.subject for i in ews.find_item('inbox')] == ['lost']
    server.fault('late=600,op=CreateItem,count=1')
    began = time.monotonic()
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        ews.create_item('inbox', [mail(str(n)) for n in range(30)])
    assert time.monotonic() - began < 0.5
    assert len(ews.find_item('inbox')) == 1
    time.sleep(0.75)
    assert 1 < len(ews.find_item('inbox')) < 31
    time.sleep(1)
    assert len(ews.find_item('inbox')) == 31
    assert [line['end'] for line in server.log() if 'end' in line] == ['lost', 'late']


def test_items_can_fail_and_batches_stop(server, ews):
    items = ews.create_item('inbox', [mail(n) for n in ('a', 'bad one', 'c', 'd')])
    server.fault('itemerror=ErrorMimeContentConversionFailed,op=GetItem,item=bad')

    def codes(answer):
        return [Ews.code(m) for m in answer]

    assert codes(ews.get_item(items, check=False)) == [
        'NoError', 'ErrorMimeContentConversionFailed', 'NoError', 'NoError']
    server.clear()
    server.fault('stopbatch=2,code=ErrorQuotaExceeded,op=DeleteItem,count=1')
    assert codes(ews.delete_item(items, check=False)) == [
        'NoError', 'NoError', 'ErrorQuotaExceeded', 'ErrorBatchProcessingStopped']
    assert len(ews.find_item('inbox')) == 2
    server.fault('badbase64,op=GetItem,count=1')
    answer = ews.get_item(items[2], base='IdOnly', check=False)
    assert '*' in answer[0].findtext('.//t:MimeContent', '', NS)
    server.fault('badstate,count=1')
    with pytest.raises(EwsError, match='ErrorInvalidSyncStateData'):
        ews.sync('inbox', 'AAAA')
    assert server.log()[-1]['codes'] == ['ErrorInvalidSyncStateData']


def test_answers_that_lie(server, ews):
    items = ews.create_item('inbox', [mail(n) for n in ('a', 'b', 'c')], read=False)
    state, changes = ews.sync('inbox')
    server.fault('repeat,count=1')
    assert len(ews.sync('inbox')[1]) == 2 * len(changes)
    server.fault('emptypage,count=1')
    assert ews.sync_page('inbox', state) == (state, [], False)
    server.fault('skip=2,op=GetItem,count=1')
    assert len(ews.get_item(items, check=False)) == 2
    server.fault('fault200=ErrorServerBusy,count=1')
    with pytest.raises(EwsError) as caught:
        ews.get_folder('inbox')
    assert (caught.value.code, caught.value.status) == ('ErrorServerBusy', 200)
    server.fault('http=302,location=/ews/page.htm,count=1')
    status, headers, _ = ews.post(valid_sync())
    assert (status, dict(headers).get('Location')) == (302, '/ews/page.htm')
    server.fault('http=400,with=one in,count=1')
    ews.create_folder('msgfolderroot', 'Another')
    with pytest.raises(EwsError):
        ews.create_folder('msgfolderroot', 'The one in question')


def test_changes_that_are_not_told(server, ews):
    folder = ews.create_folder('msgfolderroot', 'Here')
    server.fault('pretend,op=UpdateFolder,count=1')
    ews.update_folder(folder, 'There')
    assert 'Here' in [found.name for found in ews.find_folder()]
    item = ews.create_item(folder, mail('x'), read=False)
    state, _ = ews.sync(folder)
    ews.update_item(item.id, read=True)
    server.fault('loseread,count=1')
    state, changes = ews.sync(folder, state)
    assert changes == []
    ews.delete_folder(folder)
    with pytest.raises(EwsError):
        ews.sync(folder, state)
    server.fault('ghost')
    assert ews.sync(folder, state) == (state, [])


def test_answers_stream(server, ews):
    items = ews.create_item('inbox', [mail(str(n)) for n in range(5)])
    server.fault('slow=200,op=GetItem')
    began = time.monotonic()
    answer = ews.stream(
        '<m:GetItem><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:IncludeMimeContent>true'
        '</t:IncludeMimeContent></m:ItemShape><m:ItemIds>%s</m:ItemIds></m:GetItem>'
        % ''.join('<t:ItemId Id="%s"/>' % i.id for i in items))
    assert answer.headers.get('Transfer-Encoding') == 'chunked'
    data = b''
    times = []
    while True:
        piece = answer.read1(65536)
        if not piece:
            break
        data += piece
        while data.count(b'</m:GetItemResponseMessage>') > len(times):
            times.append(time.monotonic() - began)
    assert len(times) == 5
    assert times[0] < 0.4 and times[-1] > 0.9
    answer.connection.close()


def test_latency_does_not_queue(server):
    server.latency(150)
    clients = [server.client() for _ in range(8)]
    connections = []
    began = time.monotonic()
    for client in clients:
        connection = client.open()
        connection.request('POST', client.url.path, valid_sync(),
                           {'Authorization': client.auth})
        connections.append(connection)
    for connection in connections:
        assert connection.getresponse().read()
    assert 0.15 <= time.monotonic() - began < 0.6


def test_wrong_password_and_wrong_method(server):
    bad = Ews(server.url, server.user, 'wrong')
    status, headers, _ = bad.post(valid_sync())
    assert status == 401 and headers['WWW-Authenticate'].startswith('Basic ')
    assert server.log()[-1]['status'] == 401


def test_events_by_pull(ews):
    subscription, watermark = ews.subscribe(streaming=False)
    assert ews.get_events(subscription, watermark)[0] == ['StatusEvent']
    item = ews.create_item('inbox', mail('n'), read=False)
    names, watermark = ews.get_events(subscription, watermark)
    assert names == ['CreatedEvent', 'NewMailEvent', 'ModifiedEvent']
    ews.move_item(item, 'drafts')
    assert ews.get_events(subscription, watermark)[0] == [
        'MovedEvent', 'ModifiedEvent', 'ModifiedEvent']
    ews.unsubscribe(subscription)
    with pytest.raises(EwsError, match='ErrorSubscriptionNotFound'):
        ews.get_events(subscription, watermark)


def read_until(answer, pattern, seconds=5):
    data = b''
    end = time.monotonic() + seconds
    while not re.search(pattern, data) and time.monotonic() < end:
        piece = answer.read1(65536)
        if not piece:
            break
        data += piece
    return data


def test_events_by_stream(server, ews):
    subscription, _ = ews.subscribe()
    answer = ews.get_streaming_events(subscription)
    assert b'ConnectionStatus>OK' in read_until(answer, b'</s:Envelope>')
    began = time.monotonic()
    ews.create_item('inbox', mail('s'))
    assert b'CreatedEvent' in read_until(answer, b'CreatedEvent')
    assert time.monotonic() - began < 1
    assert server.stats()['streams'] == 1
    assert server.log()[-2]['op'] == 'GetStreamingEvents'
    server.admin('POST', 'drop-subscriptions')
    assert b'ErrorSubscriptionNotFound' in read_until(answer, b'Closed')
    answer.connection.close()


def test_the_mailbox_outlives_the_server():
    with Ewsd('--fill', 'Inbox=20', state=True) as server:
        ews = server.client()
        item = ews.create_item('inbox', mail('kept'))
        state, changes = ews.sync('inbox')
        mimes = {c.id: ews.get_mime(c.id) for c in changes}
        ews.close()
        assert server.stop() == 0
        server.start()
        ews = server.client()
        assert ews.sync('inbox', state)[1] == []
        assert {c.id: ews.get_mime(c.id) for c in ews.sync('inbox')[1]} == mimes
        assert mimes[item.id] == mail('kept')
        server.kill()
        server.start()
        ews = server.client()
        ews.delete_item(item.id)
        assert kinds(ews.sync('inbox', state)[1]) == ['Delete']


def test_like_real():
    with Ewsd('--fill', 'Inbox=50', '--like', 'real') as server:
        ews = server.client()
        item = ews.create_item('inbox', MULTIPART)
        one, two = ews.get_mime(item), ews.get_mime(item)
        assert one != MULTIPART and b'X-Own' not in one
        assert one != two and len(one) == len(two)
        boundary = re.search(rb'boundary="([^"]+)"', one).group(1)
        assert one.replace(boundary, b'') == two.replace(
            re.search(rb'boundary="([^"]+)"', two).group(1), b'')
        assert one.count(boundary) == 4
        state, _ = ews.sync('inbox')
        time.sleep(0.5)
        assert kinds(ews.sync('inbox', state)[1]) == ['Update']
        assert ews.get_item(item).change_key != item.change_key
        ews.update_item(item.id, categories=['Red'], importance='High')
        assert b'Keywords: Red' in ews.get_mime(item)


def test_read_only_folders():
    with Ewsd('--rights', 'Inbox/Shared=read') as server:
        ews = server.client()
        folder = ews.get_folder(ews.find_path('Inbox/Shared'),
                                fields=('folder:EffectiveRights',))
        assert folder.node.findtext('.//t:CreateContents', None, NS) == 'false'
        with pytest.raises(EwsError, match='ErrorCreateItemAccessDenied'):
            ews.create_item(folder, mail('x'))


SHARED = 'ada@example.org'


def code_of(function, *args, **more):
    with pytest.raises(EwsError) as problem:
        function(*args, **more)
    return problem.value.code


def test_another_mailbox():
    with Ewsd('--mailbox', SHARED + ',alias@example.org', '--share', SHARED + '=edit',
              '--fill', SHARED + ':Inbox=3', '--fill', 'Inbox=5') as server:
        ews = server.client()
        inbox = ews.get_folder(SHARED + '/inbox')
        assert inbox.total == 3 and ews.get_folder('inbox').total == 5
        assert code_of(ews.get_folder, 'alias@example.org/inbox') == 'ErrorNonPrimarySmtpAddress'
        assert code_of(ews.get_folder, 'x@example.org/inbox') == 'ErrorNonExistentMailbox'
        # Ids are good without the mailbox.
        item = ews.create_item(inbox, mail('new'))
        assert ews.get_folder(inbox).total == 4 and ews.get_mime(item) == mail('new')
        assert code_of(ews.delete_item, item, how='MoveToDeletedItems') == 'ErrorCannotDeleteObject'
        assert code_of(ews.move_item, item, 'deleteditems') == 'ErrorCrossMailboxMoveCopy'
        ews.move_item(item, SHARED + '/deleteditems')
        assert ews.get_folder(SHARED + '/deleteditems').total == 1
        subscription, _ = ews.subscribe()
        assert ews.get_folder('deleteditems').total == 0 and subscription


def test_what_is_shared_is_all_there_is():
    with Ewsd('--mailbox', SHARED, '--share', SHARED + ':Inbox/Open=read', '--user', 'ada:pw',
              '--fill', SHARED + ':Inbox/Open=2', '--fill', SHARED + ':Inbox/Shut=2') as server:
        ews = server.client()
        owner = server.client(user='ada', password='pw')
        there = owner.find_path('Inbox/Open')
        shut = owner.find_path('Inbox/Shut')
        assert code_of(ews.get_folder, SHARED + '/msgfolderroot') == 'ErrorAccessDenied'
        assert code_of(ews.get_folder, shut) == 'ErrorAccessDenied'
        assert code_of(ews.get_mime, ews_item(owner, shut)) == 'ErrorItemNotFound'
        item = ews_item(ews, there)
        assert ews.get_mime(item)
        assert code_of(ews.create_item, there, mail('x')) == 'ErrorCreateItemAccessDenied'
        assert code_of(ews.delete_item, item) == 'ErrorAccessDenied'
        rights = ews.get_folder(there, fields=('folder:EffectiveRights',)).node
        assert rights.findtext('.//t:CreateContents', None, NS) == 'false'
        # Whose it is may do as he likes, and has no rights in the other one.
        owner.delete_item(item)
        assert code_of(owner.get_folder, 'user@example.org/inbox') == 'ErrorAccessDenied'


def ews_item(ews, folder):
    return ews.sync(folder)[1][0].id


def test_an_archive():
    with Ewsd('--archive', '--fill', 'archive:Old/2019=4') as server:
        ews = server.client()
        assert ews.find_path('Old/2019', 'archivemsgfolderroot').total == 4
        assert code_of(ews.get_folder, 'archiveinbox') == 'ErrorFolderNotFound'
        assert ews.get_folder('archivedeleteditems').total == 0
        assert 'Old' not in [folder.name for folder in ews.find_folder()]
    with Ewsd() as server:
        assert code_of(server.client().get_folder, 'archivemsgfolderroot') == 'ErrorFolderNotFound'


def test_a_hundred_thousand_are_there_in_seconds():
    began = time.monotonic()
    with Ewsd('--fill', 'Inbox=100000,8192', schema=False) as server:
        assert time.monotonic() - began < 20
        ews = server.client()
        began = time.monotonic()
        assert ews.get_folder('inbox').total == 100000
        state, page, _ = ews.sync_page('inbox')
        assert len(page) == 512 and time.monotonic() - began < 1
        sizes = sorted(len(i.mime) for i in ews.get_item([c.id for c in page], base='IdOnly'))
        assert 4000 < sizes[256] < 16000
        assert server.stop() == 0
