# SPDX-License-Identifier: GPL-3.0-or-later
"""The public folders (public): found folder by folder, listed where they moved, never synced."""
import stat

import pytest

from mounting import LIKE_REAL, message, sha256, until
from test_start import LOCAL, MAILBOX, USAGE, assert_refused
from writing import SETTLE_S, flush, put, queue, refusal, shell

ADA = 'ada@example.org'
HOUR = 3600
FORBIDDEN = {'SyncFolderItems', 'SyncFolderHierarchy', 'Subscribe'}


@pytest.fixture
def board(serve):
    server = serve('--public', '--fill', 'public:Team/Plans=4', '--fill', 'public:Team=2',
                   '--fill', 'public:News=3', '--fill', 'Inbox=5', '--user', 'ada:pw', state=True)
    server.is_written = True
    return server


@pytest.fixture
def ada(board):
    return board.somebody(user='ada', password='pw')


@pytest.fixture
def there(board, mount):
    yield mount(board, 'public', settle=SETTLE_S, refresh=1)
    refused = [line for line in board.log() if 'ErrorInvalidOperation' in line.get('codes', ())]
    assert not refused, refused
    assert not FORBIDDEN & set(board.ops())


def place(ews, path):
    return ews.find_path(path, 'publicfoldersroot')


def subjects_in(ews, path):
    return sorted(item.subject for item in ews.find_item(place(ews, path)))


def test_they_are_there(board, ada, there):
    assert sorted(there.names()) == ['News', 'Team']
    assert len(there.names('News')) == 3
    assert len(there.names('Team')) == 3 and 'Plans' in there.names('Team')
    names = there.names('Team/Plans')
    mimes = {ada.get_mime(item.id) for item in ada.find_item(place(ada, 'Team/Plans'))}
    read = {there.read_one('Team/Plans/' + name)['sha256'] for name in names}
    assert len(read) == 4 and (read == {sha256(mime) for mime in mimes} or LIKE_REAL)
    assert there.status()['public'] and not there.status()['archive']
    assert there.status()['news']['by'] == 'none'
    assert b'mailbox     public folders of user at ' in there.cat('.ewsfs/status')


def test_they_in_other_trees(board, ada, there):
    ada.create_item(place(ada, 'Team/Plans'), message('Budget of the team'))
    ada.create_item('inbox', message('Budget of Ada'))
    until(lambda: any('Budget' in name for name in there.names('Team/Plans')), 'the news')
    for where in ('.search/Budget', '.search/in:Team/Budget', '.search/in:Team%2FPlans/Budget'):
        links = there.names(where)
        assert len(links) == 1 and there.names('.search/in:News/Budget') == []
        assert b'Budget of the team' in there.cat('%s/%s' % (where, links[0]))
    path = 'Team/Plans/' + links[0]
    assert b'Budget of the team' in there.cat('.text/' + path[:-4] + '.txt')
    assert there.cat('.parts/%s/raw' % path[:-4]) == there.cat(path)


def test_what_is_written(board, ada, there):
    put(there, 'News/new.eml', message('New'))
    shell(there, 'mkdir Team/Sub; mv News/new.eml Team/Sub/moved.eml;'
                 ' cp Team/Sub/moved.eml News/copy.eml;'
                 ' setfattr -n user.ewsfs.flag -v flagged Team/Sub/moved.eml')
    flush(there)
    assert queue(there) == []
    assert subjects_in(ada, 'Team/Sub') == ['New'] and 'New' in subjects_in(ada, 'News')
    item = ada.get_item(ada.find_item(place(ada, 'Team/Sub')), fields=('item:Flag',))[0]
    assert item.node.findtext('.//t:FlagStatus', '', {
        't': 'http://schemas.microsoft.com/exchange/services/2006/types'}) == 'Flagged'
    shell(there, 'printf "Subject: Again\\r\\n\\r\\nother\\r\\n" >Team/Sub/moved.eml')
    flush(there)
    assert subjects_in(ada, 'Team/Sub') == ['Again']
    shell(there, 'mv Team/Sub Team/Other')
    flush(there)
    assert subjects_in(ada, 'Team/Other') == ['Again']
    there.sync()
    assert there.names('Team/Other') == ['moved.eml']
    shell(there, 'mv Team/Other .')
    flush(there)
    assert subjects_in(ada, 'Other') == ['Again']
    there.sync()
    there.remount()
    assert there.names('Other') == ['moved.eml'] and 'copy.eml' in there.names('News')
    assert not {'SendItem'} & set(board.ops())


def test_what_is_deleted_is_gone(board, ada, there):
    names = sorted(there.names('Team/Plans'))
    shell(there, 'rm "Team/Plans/$1"; rm -r "News"', names[0])
    flush(there)
    assert queue(there) == []
    assert len(subjects_in(ada, 'Team/Plans')) == 3
    assert [folder.name for folder in ada.find_folder('publicfoldersroot', deep=False)] == ['Team']
    # Nothing of it is in anybody's Deleted Items.
    assert board.client().get_folder('deleteditems').total == 0
    there.sync()
    assert sorted(there.names('Team/Plans')) == names[1:] and there.names() == ['Team']


def test_what_others_do_is_seen(board, ada, there):
    before = set(there.names('Team/Plans'))
    plans = place(ada, 'Team/Plans')
    new = ada.create_item(plans, message('From her'))
    until(lambda: any('From-her' in name for name in there.names('Team/Plans')), 'the news')
    assert before < set(there.names('Team/Plans'))
    name = next(name for name in there.names('Team/Plans') if 'From-her' in name)
    number = there.tree('Team/Plans')[name]['ino']
    # Changed, moved, gone.
    ada.update_item(new.id, categories=['Red'])
    until(lambda: there.xattrs('Team/Plans/' + name).get('user.ewsfs.categories') == 'Red',
          'the change')
    ada.move_item(ada.find_item(plans)[-1].id, place(ada, 'News'))
    until(lambda: len(there.names('News')) == 4 and len(there.names('Team/Plans')) == 4,
          'the move')
    for item in ada.find_item(place(ada, 'News')):
        if item.subject == 'From her':
            assert there.tree('News')[name]['ino'] == number
        ada.delete_item(item.id)
    until(lambda: there.names('News') == [], 'the end')
    ada.delete_folder(place(ada, 'News'))
    ada.create_folder(place(ada, 'Team/Plans'), 'Below')
    until(lambda: there.names() == ['Team'] and 'Below' in there.names('Team/Plans'), 'folders')
    ada.update_folder(place(ada, 'Team/Plans'), 'Ideas')
    until(lambda: 'Ideas' in there.names('Team'), 'the name')


def test_nothing_new_is_two_requests(board, ada, mount):
    there = mount(board, 'public', 'ro', prefetch='off', refresh=HOUR)
    assert sorted(there.names('Team'))
    there.sync()
    board.mark('nothing new')
    there.sync()
    assert board.ops('nothing new') == {'FindFolder': 1, 'GetFolder': 1}
    # A remount lists nothing anew either.
    there.unmount()
    board.mark('remount')
    there.start()
    there.sync()
    assert 'FindItem' not in board.ops('remount')
    ada.create_item(place(ada, 'News'), message('One'))
    board.mark('one')
    there.sync()
    assert board.ops('one') == {'FindFolder': 1, 'FindItem': 1, 'GetFolder': 1}
    assert len(there.names('News')) == 4


def test_a_long_folder(serve, mount):
    server = serve('--public', '--fill', 'public:Long=1300', '--fill', 'public:A/B/C/D/E=1')
    there = mount(server, 'public', 'ro', prefetch='off')
    assert len(there.names('Long')) == 1300 and len(there.names('A/B/C/D/E')) == 1
    assert len([op for op in server.ops() if op == 'FindItem']) <= 3 + 7
    # What comes into it, and what is changed in it, one request shows; what goes, all of it.
    ews = server.somebody()
    server.is_written = True
    long = place(ews, 'Long')
    new = ews.create_item(long, message('New'))
    ews.update_item(ews.find_item(long, count=3, all_pages=False)[2].id, categories=['Red'])
    server.mark('news')
    there.sync()
    assert server.count('FindItem', 'news') == 1 and len(there.names('Long')) == 1301
    assert any('New' in name for name in there.names('Long'))
    ews.delete_item(new.id)
    server.mark('gone')
    there.sync()
    assert server.count('FindItem', 'gone') == 3 and len(there.names('Long')) == 1300
    deeper = mount(server, 'public', 'ro', prefetch='off', folder='A/B')
    assert deeper.names() == ['C'] and len(deeper.names('C/D/E')) == 1


ANCHOR = 'publicfolders@example.org'
GUID = '1ec2a236-ed93-4f88-b9c6-33e63fa4aa44'
TO_HIERARCHY = {'FindFolder', 'CreateFolder', 'UpdateFolder', 'MoveFolder', 'DeleteFolder'}


def ways(server, since=None):
    """What led each operation to its mailbox: {(operation, anchor, public folder mailbox)}."""
    return {(line['op'], line.get('anchor'), line.get('public_folder_mailbox'))
            for line in server.log(since) if line['op'] not in ('', 'GET', 'Autodiscover')}


def test_requests_are_led(serve, mount):
    server = serve('--public', '--fill', 'public:Team/Plans=2', '--user', 'me@example.org:secret')
    server.is_written = True
    there = mount(server, 'public', user='me@example.org', settle=SETTLE_S)
    put(there, 'Team/new.eml', message('New'))
    shell(there, 'mkdir Team/Sub; mv Team/new.eml Team/Sub/')
    flush(there)
    shell(there, 'mv Team/Sub Team/Other')
    flush(there)
    shell(there, 'mv Team/Other .')
    flush(there)
    shell(there, 'rm -r Other')
    flush(there)
    assert server.count('Autodiscover') == 2
    # Until it is known where they are, requests for content say nothing of it.
    found = ways(server)
    for op, anchor, mailbox in found:
        if op in TO_HIERARCHY:
            assert (anchor, mailbox) == (ANCHOR, GUID + '@example.org'), op
        elif op == 'ResolveNames' or mailbox is None:
            assert op in ('ResolveNames', 'GetFolder') and anchor == 'me@example.org', op
        else:
            assert (anchor, mailbox) == (ANCHOR, ANCHOR), op
    assert TO_HIERARCHY <= {op for op, _, mailbox in found if mailbox}
    assert {'GetFolder', 'FindItem', 'GetItem', 'CreateItem', 'DeleteItem'} <= {
        op for op, _, mailbox in found if mailbox == ANCHOR}
    # The way is remembered.
    there.unmount()
    server.mark('remount')
    there.start()
    there.sync()
    assert server.count('Autodiscover', 'remount') == 0
    assert ('FindFolder', ANCHOR, GUID + '@example.org') in ways(server, 'remount')


def test_nobody_knows_the_way(board, mount):
    """Without an address there is nobody to be asked about; EWS is asked as ever."""
    assert mount(board, 'public', 'ro').names()
    assert board.count('Autodiscover') == 0
    assert all(mailbox is None for _, _, mailbox in ways(board))


def test_rights(serve, mount):
    server = serve('--public', '--fill', 'public:Read=2', '--rights', 'public:Read=read')
    there = mount(server, 'public')
    name = there.names('Read')[0]
    assert stat.S_IMODE(there.tree()['Read']['mode']) == 0o500
    for call in ('open("Read/new.eml", "w")', 'os.mkdir("Read/x")', 'os.unlink("Read/%s")' % name):
        assert refusal(there, call) == 'EACCES', call


def test_nothing_is_sent(board, mount):
    there = mount(board, 'public', 'send')
    assert refusal(there, 'os.stat(".send")') == 'ENOENT'
    assert not there.status()['can_send']


def test_beside_the_mailbox(board, mount):
    own = mount(board)
    public = mount(board, 'public')
    assert 'Inbox' in own.names() and 'Team' not in own.names()
    assert 'Inbox' not in public.names() and 'Team' in public.names()
    own.unmount()
    assert_refused(mount(board, 'public', start=False, state_dir=own.state), LOCAL,
                   'holds what is known of')


@pytest.mark.parametrize('code', ['ErrorFolderNotFound', 'ErrorNoPublicFolderServerAvailable'])
def test_there_are_none(server, mount, code):
    if code != 'ErrorFolderNotFound':
        server.fault('itemerror=%s,op=GetFolder' % code)
    assert_refused(mount(server, 'public', start=False), MAILBOX, 'no public folders for user')


@pytest.mark.parametrize('words, options', [(('public',), {'mailbox': ADA}),
                                            (('public', 'archive'), {})])
def test_what_makes_no_sense(server, mount, words, options):
    assert_refused(mount(server, *words, start=False, **options), USAGE, 'exclude each other')
