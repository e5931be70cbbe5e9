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


# --- several mailboxes ----------------------------------------------------------------------

# Where what is in each folder is; of the last one autodiscover knows nothing.
HOMES = {'News': 'publicfolders', 'Team': 'two', 'Team/Plans': 'three', 'Lost': 'four'}
LOOKUPS = 3
ME = 'me@example.org'


@pytest.fixture
def spread(serve):
    server = serve('--public', '--user', ME + ':secret', '--user', 'ada:pw', state=True,
                   *[word for path in HOMES for word in ('--fill', 'public:%s=3' % path)],
                   *[word for path, name in HOMES.items() if path != 'News' for word in (
                       '--content', 'public:%s=%s%s' % (
                           path, name, ',unlisted' if path == 'Lost' else ''))])
    server.is_written = True
    return server


@pytest.fixture
def led(spread, mount):
    """Nothing that is asked is asked of the wrong mailbox, where it would not be found."""
    there = mount(spread, 'public', user=ME, settle=SETTLE_S, refresh=HOUR)
    yield there
    lost = [line for line in spread.log() if 'ErrorItemNotFound' in line.get('codes', ())
            or 'ErrorFolderNotFound' in line.get('codes', ())]
    assert not lost, lost
    named = {mailbox for op, _, mailbox in ways(spread) if op not in TO_HIERARCHY and mailbox}
    assert named <= {name + '@example.org' for name in HOMES.values()} - {'four@example.org'}
    for op, anchor, mailbox in ways(spread):
        assert op in TO_HIERARCHY or anchor in (None, mailbox or ME), op


def asked_of(server, op, since=None):
    """The mailboxes that we (who always say an anchor) asked so; '' is none."""
    return sorted({(mailbox or '').partition('@')[0]
                   for which, anchor, mailbox in ways(server, since) if which == op and anchor})


@pytest.fixture
def board_of(spread):
    return spread.somebody(user='ada', password='pw')


def test_several_mailboxes_are_read(spread, board_of, led):
    for path in HOMES:
        names = [name for name in led.names(path) if name.endswith('.eml')]
        assert len(names) == 3, path
        mimes = {sha256(board_of.get_mime(item.id))
                 for item in board_of.find_item(place(board_of, path))}
        read = {led.read_one(path + '/' + name)['sha256'] for name in names}
        assert len(read) == 3 and (read == mimes or LIKE_REAL), path
    # Of what autodiscover does not know nothing is said: the server finds its way there.
    for op in ('FindItem', 'GetItem'):
        assert asked_of(spread, op) == ['', 'publicfolders', 'three', 'two'], op
    assert asked_of(spread, 'GetFolder') == ['', 'publicfolders', 'three', 'two']
    # Once each, and the two of the route.
    assert spread.count('Autodiscover') == 2 + LOOKUPS
    # What is looked for is looked for everywhere.
    spread.mark('search')
    subject = board_of.find_item(place(board_of, 'Team/Plans'))[0].subject
    found = led.names('.search/subject:"%s"' % subject)
    assert found
    # (We have the end of an answer before the server has written that down.)
    until(lambda: asked_of(spread, 'FindItem', 'search') == [
        '', 'publicfolders', 'three', 'two'], 'the last of the answers')
    assert spread.count('Autodiscover', 'search') == 0


def test_each_mailbox_a_request(spread, led):
    led.sync()
    spread.mark('nothing new')
    led.sync()
    # One for each that is told of, and one for the top folder, of which nobody tells.
    assert spread.ops('nothing new') == {'FindFolder': 1, 'GetFolder': len(HOMES) + 1}


def test_the_ways_are_remembered(spread, led):
    led.sync()
    led.unmount()
    spread.mark('remount')
    led.start()
    led.sync()
    names = [name for name in led.names('Team/Plans') if name.endswith('.eml')]
    assert led.read_one('Team/Plans/' + names[0])['sha256']
    # Who was not known may be now.
    assert spread.count('Autodiscover', 'remount') == 1
    assert asked_of(spread, 'GetFolder', 'remount') == ['', 'publicfolders', 'three', 'two']


def test_several_mailboxes_are_written(spread, board_of, led):
    for path in HOMES:
        put(led, path + '/new.eml', message('New in ' + path))
    flush(led)
    for path in HOMES:
        assert 'New in ' + path in subjects_in(board_of, path)
    assert asked_of(spread, 'CreateItem') == ['', 'publicfolders', 'three', 'two']
    for path in HOMES:
        shell(led, 'setfattr -n user.ewsfs.flag -v flagged "$1/new.eml"', path)
    flush(led)
    for path in HOMES:
        shell(led, 'printf "Subject: Again\\r\\n\\r\\nother\\r\\n" >"$1/new.eml"', path)
    flush(led)
    led.sync()
    for path in HOMES:
        assert 'Again' in subjects_in(board_of, path), path
        assert 'New in ' + path not in subjects_in(board_of, path), path
        assert b'other' in led.cat(path + '/new.eml')
    for path in HOMES:
        shell(led, 'rm "$1/new.eml"', path)
    flush(led)
    assert queue(led) == []
    led.sync()
    for path in HOMES:
        assert len(subjects_in(board_of, path)) == 3
        assert asked_of(spread, 'DeleteItem') == ['', 'publicfolders', 'three', 'two']


def test_between_mailboxes(spread, board_of, led):
    """What is moved goes by a request to the mailbox that it is in, whatever follows."""
    put(led, 'News/new.eml', message('Traveller'))
    flush(led)
    led.sync()
    number = led.tree('News')['new.eml']['ino']
    stops = ['Team', 'Team/Plans', 'Lost', 'News', 'Team/Plans']
    at = 'News'
    for stop in stops:
        shell(led, 'mv "$1/new.eml" "$2/"', at, stop)
        flush(led)
        assert 'Traveller' not in subjects_in(board_of, at), stop
        assert subjects_in(board_of, stop).count('Traveller') == 1, stop
        assert led.tree(stop)['new.eml']['ino'] == number
        led.sync()
        assert led.tree(stop)['new.eml']['ino'] == number
        at = stop
    assert asked_of(spread, 'MoveItem') == ['', 'publicfolders', 'three', 'two']
    shell(led, 'cp Team/Plans/new.eml Team/copy.eml')
    flush(led)
    assert asked_of(spread, 'CopyItem') == ['three']
    # Its id is told by nobody: what is done next waits until it is seen.
    shell(led, 'mv Team/Plans/new.eml News/last.eml;'
               ' setfattr -n user.ewsfs.flag -v flagged News/last.eml')
    flush(led)
    assert queue(led) == []
    led.sync()
    assert subjects_in(board_of, 'Team').count('Traveller') == 1
    assert subjects_in(board_of, 'News').count('Traveller') == 1
    assert 'Traveller' not in subjects_in(board_of, 'Team/Plans')
    led.remount()
    assert 'last.eml' in led.names('News') and 'copy.eml' in led.names('Team')
    assert led.cat('News/last.eml') and led.cat('Team/copy.eml')


def test_folders_between_mailboxes(spread, board_of, led):
    """What is in a folder stays in its mailbox wherever the folder goes."""
    shell(led, 'mkdir Team/Plans/Sub')
    flush(led)
    led.sync()
    put(led, 'Team/Plans/Sub/new.eml', message('Deep'))
    flush(led)
    shell(led, 'mv Team/Plans/Sub News/')
    flush(led)
    led.sync()
    assert led.names('News/Sub') == ['new.eml'] and led.cat('News/Sub/new.eml')
    put(led, 'News/Sub/more.eml', message('More'))
    flush(led)
    assert subjects_in(board_of, 'News/Sub') == ['Deep', 'More']
    shell(led, 'rm -r News/Sub')
    flush(led)
    assert queue(led) == []
    led.sync()
    assert 'Sub' not in led.names('News')


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
