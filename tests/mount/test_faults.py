# SPDX-License-Identifier: GPL-3.0-or-later
"""Single items and single answers that are bad: one file's trouble is that file's, what passes is
not noticed, and nothing that is not whole is ever taken for content.
"""
import pytest

from mounting import (AWAY, LIKE_REAL, PATIENCE, message, run, settle, sha256, unreadable,
                      until)
from writing import flush, put, queue, shell

COUNT = 30


@pytest.fixture
def box(serve):
    """A mailbox whose state outlives its server."""
    return serve('--fill', 'Inbox=%d' % COUNT, state=True)


def assert_all_read(there):
    read = there.read_all()
    assert (len(read), unreadable(read)) == (COUNT, {})


# One item


@pytest.mark.parametrize('code', [
    'ErrorMimeContentConversionFailed', 'ErrorUnsupportedMimeConversion', 'ErrorAccessDenied',
    'ErrorContentConversionFailed', 'ErrorCorruptData', 'ErrorMessageSizeExceeded'])
def test_one_bad_item_fails_alone(server, somebody, mount, way, code):
    somebody.create_item('inbox', [message('Good %d' % n) for n in range(20)])
    item = somebody.create_item('inbox', message('Bad one'))
    settle(somebody, [item])
    server.fault('itemerror=%s,op=GetItem,item=Bad' % code)
    there = mount(server, **way)
    read = there.read_all()
    bad = there.find('Bad-one')
    assert read.pop(bad)['errno'] in ('EIO', 'EACCES', 'EFBIG')
    assert all('errno' not in answer for answer in read.values())
    assert code in there.xattrs(bad)['user.ewsfs.error']
    assert there.stat(bad)['nlink'] == 1
    assert there.status()['items_failed'] == 1
    run('ls', '-l', there.at('Inbox'))
    server.mark('again')
    there.read([bad] * 5)
    assert server.count('GetItem', 'again') == 0
    assert there.sync('--fetch', status=1).status == 1


def test_a_bad_item_is_asked_for_again_when_it_changed(server, somebody, mount):
    item = somebody.create_item('inbox', message('Bad one'))
    server.fault('itemerror=ErrorCorruptData,op=GetItem,item=Bad')
    there = mount(server)
    bad = there.find('Bad-one')
    assert 'errno' in there.read_one(bad)
    server.clear()
    somebody.update_item(item.id, categories=['Mended'])
    there.sync()
    assert there.read_one(bad)['length'] > 0
    assert 'user.ewsfs.error' not in there.xattrs(bad)


def test_items_without_mime(server, somebody, mount, way):
    """A contact group: listed, readable it is not, and its neighbours do not suffer."""
    somebody.create_other('contacts', 'DistributionList', 'Lin Chen')
    somebody.create_item('contacts', message('Neighbour'))
    there = mount(server, **way)
    lin = there.find('Lin', 'Contacts')
    assert there.read_one(lin)['errno'] == 'EIO'
    assert 'Mime' in there.xattrs(lin)['user.ewsfs.error']
    assert b'Hello.' in there.cat(there.find('Neighbour', 'Contacts'))
    assert there.stat(lin)['mode'] & 0o777 == 0o600
    run('tar', '-cf', '/dev/null', '--warning=no-all', there.at('Contacts'), status=None)


def test_bad_base64(server, somebody, mount):
    somebody.create_item('inbox', [message('Mail %d' % n) for n in range(12)])
    server.fault('badbase64,op=GetItem,count=2')
    there = mount(server, prefetch='off')
    read = there.read_all()
    assert {a.get('errno') for a in read.values()} <= {None, 'EIO'}
    # Nothing that could not be decoded is ever given out as content.
    assert all(a['length'] > 100 for a in read.values() if 'errno' not in a)


# What a server does not do, or does not tell


def test_read_flags_that_a_page_lost(server, somebody, mount):
    """The state moved on without them; the number of unread messages says that they are missing."""
    items = somebody.create_item('inbox', [message('Mail %d' % n) for n in range(5)])
    there = mount(server)
    there.sync()
    server.fault('loseread')
    for item in items[:3]:
        somebody.update_item(item.id, read=False)
    there.sync()
    server.mark('known')
    there.sync()
    until(lambda: [there.xattrs(path)['user.ewsfs.is_read'] for path in there.paths()].count('0')
          == 3, 'the flags')
    # Once is enough.
    for _ in range(3):
        there.sync()
    assert server.count('SyncFolderItems', 'known') == 1


def test_a_rename_that_did_nothing(written, somebody, there):
    """A server says NoError and leaves the folder as it is called: so does the tree, then."""
    somebody.create_folder('inbox', 'Old')
    there.sync()
    written.fault('pretend,op=UpdateFolder')
    run('mv', there.at('Inbox/Old'), there.at('Inbox/New'))
    flush(there)
    there.sync()
    assert there.names('Inbox') == ['Old']
    # A second time it is found out as well.
    run('mv', there.at('Inbox/Old'), there.at('Inbox/New'))
    flush(there)
    there.sync()
    assert there.names('Inbox') == ['Old']
    written.clear()
    written.mark('well')
    run('mv', there.at('Inbox/Old'), there.at('Inbox/New'))
    flush(there)
    there.sync()
    there.sync()
    assert there.names('Inbox') == ['New']
    assert written.count('SyncFolderHierarchy', 'well') == 1


def test_a_refused_change_is_taken_back_when_nothing_can_be_asked(written, there, old, somebody):
    """What the server has is asked for until it is known."""
    there.sync()
    path = there.find('Old')
    there.cat(path)
    written.fault('http=403')
    shell(there, 'setfattr -n user.ewsfs.is_read -v 0 "$1"', path)
    until(lambda: 'it is as it was' in there.log() and not queue(there), 'the refusal')
    there.sync(status=None)
    written.clear()
    there.sync()
    assert somebody.get_item(old).read
    assert there.xattrs(path)['user.ewsfs.is_read'] == '1'


@pytest.mark.parametrize('code', ['403', '404'])
def test_a_closed_door_is_not_the_items_fault(box, mount, code):
    """Refused before the server looked at the item: it can be read as soon as the door is open."""
    there = mount(box, prefetch='off')
    path = there.paths()[0]
    box.fault('http=%s,op=GetItem' % code)
    for _ in range(3):
        assert there.read_one(path)['errno'] == ('EACCES' if code == '403' else 'EIO')
    box.clear()
    assert 'errno' not in there.read_one(path)


def test_answers_of_rubbish_are_not_asked_for_without_end(box, mount):
    there = mount(box, prefetch='off', timeout=3)
    there.wait_idle()
    paths = there.paths()
    box.fault('truncate,op=GetItem')
    box.mark('rubbish')
    answers = there.read(paths[:12], seconds=90 * PATIENCE)
    assert {answer.get('errno') for answer in answers.values()} <= {'EIO', 'EBUSY'}
    assert box.count('GetItem', 'rubbish') < COUNT
    box.clear()
    until(lambda: 'errno' not in there.read_one(paths[0]), 'the server again', 40)


def test_fsync_ends_when_no_answer_makes_sense(written, mount):
    there = mount(written, settle=2, timeout=3)
    there.sync()
    written.fault('truncate')
    put(there, 'Inbox/new.eml', message('New'))
    out = run('sync', there.at('Inbox/new.eml'), status=None, seconds=60)
    assert out.status != 0 and out.took < 9 * PATIENCE
    written.clear()
    flush(there, seconds=60)


def test_a_mount_is_not_put_off_for_ever(box, mount):
    """Nothing is known here, and the server is busy each time."""
    box.fault('busy')
    there = mount(box, start=False, timeout=2)
    out = there.try_start(seconds=30 * PATIENCE)
    assert out.status == 3 and out.err.count('\n') == 1, str(out)
    assert 'ErrorServerBusy' in out.err


# One answer


@pytest.mark.parametrize('fault', [
    'stopbatch,op=GetItem,count=4', 'stopbatch=3,op=GetItem,every=2', 'cut=3000,op=GetItem,count=1',
    'cut=0,op=GetItem,count=1', 'lose,op=GetItem,count=1', 'truncate,op=GetItem,count=1',
    'http=500,op=GetItem,count=1', 'http=503,op=GetItem,count=2,retry=1',
    'busy=50,op=GetItem,count=2', 'busy,op=GetItem,count=1', 'busy200=50,op=GetItem,count=1',
    'fault=ErrorInternalServerError,op=GetItem,count=1',
    'fault=ErrorInternalServerTransientError,op=GetItem,count=2',
    'http=429,op=GetItem,count=1,retry=1', 'http=502,op=GetItem,count=1'])
def test_trouble_that_passes_is_not_noticed(box, mount, fault):
    box.fault(fault)
    there = mount(box, prefetch='off')
    assert_all_read(there)
    assert all(name not in there.xattrs(path) for path in there.paths()[:3]
               for name in ['user.ewsfs.error'])


@pytest.mark.parametrize('op', ['SyncFolderItems', 'SyncFolderHierarchy', 'FindFolder'])
@pytest.mark.parametrize('fault', ['cut=600', 'truncate', 'busy=50', 'lose', 'http=500'])
def test_listing_through_trouble(box, mount, op, fault):
    there = mount(box, start=False)
    box.fault('%s,op=%s,count=1' % (fault, op))
    there.start()
    until(lambda: there.sync(status=None).status == 0, 'the sync')
    assert len(there.names('Inbox')) == COUNT
    assert_all_read(there)


@pytest.mark.parametrize('fault', ['garbage', 'truncate', 'http=500', 'cut=2000'])
def test_trouble_that_stays_is_an_error(box, mount, fault):
    there = mount(box, prefetch='off', timeout=3)
    names = there.paths()
    box.fault(fault + ',op=GetItem')
    answer = there.read_one(names[0])
    assert answer['errno'] in AWAY
    assert len(there.names('Inbox')) == COUNT
    box.clear()
    until(lambda: 'errno' not in there.read_one(names[1]), 'the server again', 40)
    until(lambda: 'errno' not in there.read_one(names[0]), 'the first one', 40)


@pytest.mark.parametrize('fault', [
    'itemerror=ErrorTimeoutExpired', 'fault=ErrorTimeoutExpired', 'http=504', 'http=408'])
def test_a_page_that_is_too_much_is_asked_for_in_halves(box, mount, fault):
    box.fault(fault + ',op=SyncFolderItems,with=MaxChangesReturned>512')
    there = mount(box, prefetch='off')
    assert len(there.names('Inbox')) == COUNT
    assert there.status()['server']['page'] == 256
    assert '256 changes a page' in run('cat', there.at('.ewsfs/status')).out


def test_more_folders_than_a_server_tells_at_once(box, mount):
    box.fault('itemerror=ErrorExceededFindCountLimit,with=MaxEntriesReturned="5000"')
    box.fault('itemerror=ErrorExceededFindCountLimit,with=MaxEntriesReturned="2500"')
    there = mount(box, prefetch='off')
    assert len(there.names('Inbox')) == COUNT
    box.mark('known')
    there.sync()
    asked = [entry for entry in box.log('known') if entry['op'] == 'FindFolder']
    assert asked and all(entry['codes'] == ['NoError'] for entry in asked)


def test_too_many_connections(serve, mount):
    """The server counts; while it has too many of ours there are fewer."""
    box = serve('--fill', 'Inbox=200', '--latency', '20')
    there = mount(box, prefetch='off')
    box.fault('itemerror=ErrorExceededConnectionCount,op=GetItem,count=1')
    there.read_all()
    server = there.status()['server']
    assert server['conns'] == 2
    assert '2 at once' in run('cat', there.at('.ewsfs/status')).out
    box.mark('well')
    until(lambda: there.sync() and there.status()['server']['conns'] == 4, 'more again',
          60 * PATIENCE)


def test_a_truncated_answer_is_never_content(server, somebody, mount):
    data = message('Long', body='0123456789' * 100000)
    item = somebody.create_item('inbox', data)
    whole = somebody.get_mime(item)
    server.fault('truncate,op=GetItem,count=1')
    server.fault('cut=700000,op=GetItem,count=1,after=1')
    there = mount(server, prefetch='off')
    path = there.find('Long')
    found = {}
    def is_read():
        found.update(there.read_one(path))
        return 'length' in found
    until(is_read, 'the content', 40)
    assert found['length'] == len(whole)
    assert found['sha256'] == sha256(whole) or LIKE_REAL
