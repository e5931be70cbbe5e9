# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody else's mailbox (mailbox=), as far as it is shared."""
import os
import stat

import pytest

from mounting import LIKE_REAL, message, mount_lines, sha256, until
from test_start import AUTH, LOCAL, MAILBOX, USAGE, assert_refused
from writing import SETTLE_S, flush, gists, put, queue, refusal, shell, subjects

ADA = 'ada@example.org'
ALIAS = 'office@example.org'
HOUR = 3600


def subjects_in(ews, folder):
    return sorted(item.subject for item in ews.find_item(folder))


def names_of(there, top):
    return sorted(there.names(top))


@pytest.fixture
def people(serve):
    """Ada shares all of her mailbox, to be edited, with whoever asks, the owner of another."""
    server = serve('--mailbox', '%s,%s' % (ADA, ALIAS), '--user', 'ada:pw', '--fill',
                   ADA + ':Inbox=3', '--fill', 'Inbox=5', '--share', ADA + '=edit', state=True)
    server.is_written = True
    return server


@pytest.fixture
def ada(people):
    return people.somebody(user='ada', password='pw')


@pytest.fixture
def hers(people, mount):
    return mount(people, mailbox=ADA, settle=SETTLE_S, refresh=1)


def test_it_is_her_mail(people, ada, hers):
    names = hers.names('Inbox')
    assert len(names) == 3
    mimes = {ada.get_mime(change.id) for change in ada.sync('inbox')[1]}
    read = {hers.read_one('Inbox/' + name)['sha256'] for name in names}
    assert len(read) == 3 and (read == {sha256(mime) for mime in mimes} or LIKE_REAL)
    assert {stat.S_IMODE(entry['mode']) for entry in hers.tree('Inbox').values()} == {0o700, 0o600}
    assert hers.status()['mailbox'] == ADA and not hers.status()['archive']
    assert b'mailbox     %s, opened by user at ' % ADA.encode() in hers.cat('.ewsfs/status')
    # Nobody asked for anything of one's own.
    assert people.client().get_folder('inbox').total == 5


def test_her_mail_in_other_trees(hers):
    assert len(hers.names('.parts/Inbox')) == 3
    for path in hers.paths('Inbox'):
        where = os.path.join('.parts', path[:-4])
        assert hers.cat(os.path.join(where, 'raw')) == hers.cat(path)
        assert hers.cat(os.path.join('.text', path[:-4] + '.txt'))


def test_her_mail_is_searched(people, ada, hers):
    people.client().create_item('inbox', message('Plan of mine'))
    ada.create_item('inbox', message('Plan by Ada'))
    ada.create_item(ada.create_folder('inbox', 'Sub'), message('Plan below'))
    until(lambda: 'Sub' in hers.names('Inbox'), 'the folder')
    until(lambda: any('Plan' in name for name in hers.names('Inbox/Sub')), 'the news')
    for where, count in (('Plan', 2), ('in:Inbox%2FSub/Plan', 1), ('nothing-like-it', 0)):
        links = hers.names('.search/' + where)
        assert len(links) == count, where
        for name in links:
            assert b'Plan' in hers.cat(os.path.join('.search', where, name))


def test_what_is_written_is_hers(people, ada, hers):
    own = people.client()
    put(hers, 'Inbox/new.eml', message('New'))
    shell(hers, 'mkdir Inbox/Sub Top; mv Inbox/new.eml Inbox/Sub/moved.eml;'
                ' setfattr -n user.ewsfs.flag -v flagged Inbox/Sub/moved.eml')
    flush(hers)
    assert queue(hers) == []
    sub = ada.find_path('Inbox/Sub')
    assert subjects_in(ada, sub) == ['New'] and ada.find_path('Top')
    item = ada.get_item(ada.sync(sub)[1][0].id, fields=('item:Flag',))
    assert item.node.findtext('.//t:FlagStatus', '', {
        't': 'http://schemas.microsoft.com/exchange/services/2006/types'}) == 'Flagged'
    shell(hers, 'printf "Subject: Again\\r\\n\\r\\nother\\r\\n" >Inbox/Sub/moved.eml')
    flush(hers)
    assert subjects_in(ada, sub) == ['Again']
    assert own.get_folder('inbox').total == 5 and len(own.find_folder()) == len(
        [folder for folder in ada.find_folder() if folder.name not in ('Sub', 'Top')])


def test_what_is_deleted_is_in_her_deleted_items(people, ada, hers):
    name = names_of(hers, 'Inbox')[0]
    before = subjects(ada, 'inbox')
    shell(hers, 'rm "Inbox/$1"', name)
    flush(hers)
    assert len(gists(ada, 'inbox')) == 2 and len(gists(ada, 'deleteditems')) == 1
    assert subjects(ada, 'deleteditems')[0] in before
    assert people.client().get_folder('deleteditems').total == 0
    assert queue(hers) == []
    # There, and from there.
    hers.sync()
    assert names_of(hers, 'Deleted Items') == [name]
    shell(hers, 'rm "Deleted Items/$1"', name)
    shell(hers, 'mkdir Inbox/Sub')
    flush(hers)
    shell(hers, 'rmdir Inbox/Sub')
    flush(hers)
    assert gists(ada, 'deleteditems') == []
    assert [folder.name for folder in ada.find_folder('deleteditems')] == ['Sub']


def test_what_is_sent_is_kept_with_her(people, ada, mount):
    people.mails = 1
    there = mount(people, 'send', mailbox=ADA, settle=SETTLE_S)
    put(there, 'Drafts/a.eml', message('Letter', sender='Ada <%s>' % ADA))
    shell(there, 'mv Drafts/a.eml .send/')
    flush(there)
    assert people.stats()['sent'] == 1
    assert subjects(ada, 'sentitems') == ['Letter'] and subjects(ada, 'drafts') == []
    assert people.client().get_folder('sentitems').total == 0


def test_news_are_told(people, ada, mount):
    there = mount(people, mailbox=ADA, settle=SETTLE_S, refresh=HOUR)
    until(lambda: there.status()['news']['by'] == 'stream', 'the stream')
    ada.create_item('inbox', message('From her'))
    until(lambda: any('From-her' in name for name in there.names('Inbox')), 'the news')
    # In a folder that was not there when it was asked for.
    folder = ada.create_folder('inbox', 'Hers')
    until(lambda: 'Hers' in there.names('Inbox'), 'the folder')
    until(lambda: people.count('Subscribe') == 2 and there.status()['news']['by'] == 'stream',
          'the other subscription')
    ada.create_item(folder, message('Below'))
    until(lambda: any('Below' in name for name in there.names('Inbox/Hers')), 'the news below')
    # Nobody asked for one's own.
    before = there.status()['news']['hints']
    people.client().create_item('inbox', message('Mine'))
    ada.create_folder('msgfolderroot', 'Last')
    until(lambda: 'Last' in there.names(), 'the last folder')
    assert there.status()['news']['hints'] > before
    assert not any('Mine' in name for name in there.names('Inbox'))


@pytest.mark.parametrize('code', ['ErrorSubscriptionDelegateAccessNotSupported',
                                  'ErrorAccessDenied'])
def test_news_that_are_not_told_are_looked_for(people, ada, mount, code):
    people.fault('fault200=%s,op=Subscribe' % code)
    there = mount(people, mailbox=ADA, refresh=1)
    until(lambda: people.count('Subscribe') == 2, 'both ways')
    ada.create_item('inbox', message('From her'))
    until(lambda: any('From-her' in name for name in there.names('Inbox')), 'the news')
    assert there.status()['news']['by'] == 'none' and people.count('Subscribe') == 2


def test_news_come_by_looking(ada, hers):
    put(hers, 'Inbox/mine.eml', message('Mine'))
    flush(hers)
    item = ada.create_item('inbox', message('From her'))
    until(lambda: any('From-her' in name for name in hers.names('Inbox')), 'the news')
    ada.delete_item(item.id)
    ada.create_folder('msgfolderroot', 'Hers')
    until(lambda: 'Hers' in hers.names() and len(hers.names('Inbox')) == 4, 'the other news')


def test_by_another_address(people, mount):
    there = mount(people, mailbox=ALIAS)
    numbers = {path: entry['ino'] for path, entry in there.tree('Inbox').items()}
    assert len(numbers) == 4
    # Of a farm's servers, hers is asked for by that name from then on.
    resolved = people.log().index(people.asked('ResolveNames')[0])
    assert {line['anchor'] for line in people.log()[resolved + 1:]} == {ADA}
    there.unmount()
    people.stop()
    # What it is called is known, also when nobody is there to be asked.
    there.start()
    assert {path: entry['ino'] for path, entry in there.tree('Inbox').items()} == numbers
    there.unmount()
    people.start()
    for same in (mount(people, mailbox='ADA@example.org'),
                 mount(people, user='ada', password='pw')):
        assert {path: entry['ino'] for path, entry in same.tree('Inbox').items()} == numbers


def test_an_address_that_is_not_resolved(people, mount):
    people.fault('fault200=ErrorNameResolutionNoResults,op=ResolveNames')
    assert_refused(mount(people, start=False, mailbox=ALIAS), MAILBOX, ALIAS,
                   'not the primary address')
    # Nobody has to be in the directory.
    assert len(mount(people, mailbox=ADA).names('Inbox')) == 3


def test_nobody(people, mount):
    assert_refused(mount(people, start=False, mailbox='bob@example.org'), MAILBOX,
                   'bob@example.org', 'there is no mailbox of that address')


@pytest.mark.parametrize('options, word', [
    ({'mailbox': 'bob'}, 'no mail address'),
    ({'mailbox': ADA, 'impersonate': ADA}, 'exclude each other'),
])
def test_what_makes_no_sense(people, mount, options, word):
    assert_refused(mount(people, start=False, **options), USAGE, word)


# --- rights


@pytest.fixture
def locked(serve):
    return serve('--mailbox', ADA, '--user', 'ada:pw', '--fill', ADA + ':Inbox=2',
                 '--share', ADA + '=read')


def test_what_may_only_be_read(locked, mount):
    there = mount(locked, mailbox=ADA)
    tree = there.tree()
    assert {stat.S_IMODE(entry['mode']) for path, entry in tree.items()} == {0o500, 0o400}
    name = there.names('Inbox')[0]
    assert there.read_one('Inbox/' + name)
    locked.mark('refused')
    for call in ('open("Inbox/new.eml", "w")', 'open("new.eml", "w")', 'os.mkdir("Inbox/x")',
                 'os.mkdir("x")', 'os.unlink("Inbox/%s")' % name,
                 'os.rename("Inbox/%s", "Inbox/x.eml")' % name,
                 'os.rename("Inbox/%s", "Drafts/x.eml")' % name,
                 'open("Inbox/%s", "r+")' % name, 'os.utime("Inbox/%s")' % name,
                 'os.setxattr("Inbox/%s", "user.ewsfs.flag", b"flagged")' % name):
        assert refusal(there, call) == 'EACCES', call
    assert queue(there) == [] and names_of(there, 'Inbox') == names_of(there, 'Inbox')
    assert not {'CreateItem', 'UpdateItem', 'MoveItem', 'DeleteItem'} & set(locked.ops('refused'))


def test_nothing_is_shared(serve, mount):
    server = serve('--mailbox', ADA, '--fill', ADA + ':Inbox=2')
    assert_refused(mount(server, start=False, mailbox=ADA), AUTH, ADA, 'not open to user',
                   'SOURCE#Inbox')
    assert_refused(mount(server, start=False, mailbox=ADA, folder='Inbox'), AUTH, ADA,
                   '"Inbox"', 'open to user')


def test_only_the_inbox_is_shared(serve, mount):
    server = serve('--mailbox', ADA, '--user', 'ada:pw', '--share', ADA + ':Inbox=edit',
                   '--fill', ADA + ':Inbox=3', '--fill', ADA + ':Inbox/Sub=2',
                   '--fill', ADA + ':Private=1')
    server.is_written = True
    ada = server.somebody(user='ada', password='pw')
    assert_refused(mount(server, start=False, mailbox=ADA), AUTH, 'SOURCE#Inbox')
    there = mount(server, mailbox=ADA, folder='Inbox', settle=SETTLE_S, refresh=1)
    files = [path for path in there.names() if path.endswith('.eml')]
    assert len(files) == 3 and 'Sub' in there.names() and len(there.names('Sub')) == 2
    assert all(there.read_one(path) for path in files)
    put(there, 'new.eml', message('New'))
    shell(there, 'mv "$1" Sub/', files[0])
    flush(there)
    assert len(gists(ada, 'inbox')) == 3 and len(subjects_in(ada, ada.find_path('Inbox/Sub'))) == 3
    ada.create_item('inbox', message('From her'))
    until(lambda: any('From-her' in name for name in there.names()), 'the news')
    there.remount()
    there.sync()
    assert len([path for path in there.names() if path.endswith('.eml')]) == 4
    # A folder below it, by itself.
    below = mount(server, mailbox=ADA, folder='Inbox/Sub')
    assert len(below.names()) == 3


def test_deleted_items_that_are_not_shared(serve, mount):
    server = serve('--mailbox', ADA, '--user', 'ada:pw', '--share', ADA + ':Inbox=edit',
                   '--fill', ADA + ':Inbox=2')
    server.is_written = True
    ada = server.somebody(user='ada', password='pw')
    there = mount(server, mailbox=ADA, folder='Inbox', settle=SETTLE_S)
    names = sorted(there.names())
    out = shell(there, 'rm "$1"; sync .', names[0], status=None)
    assert out.status != 0 and 'ermi' in out.err, str(out)
    assert sorted(there.names()) == names and queue(there) == []
    there.unmount()
    there.options['delete'] = 'soft'
    there.start()
    shell(there, 'rm "$1"; sync .', names[0])
    assert there.names() == names[1:] and len(gists(ada, 'inbox')) == 1


# --- beside others


def test_two_mounts_of_one_account(people, ada, mount):
    own = mount(people, start=False, state_dir=None, cache_dir=None)
    hers = mount(people, start=False, state_dir=None, cache_dir=None, mailbox=ADA)
    hers.env['XDG_STATE_HOME'] = own.environment()['XDG_STATE_HOME']
    hers.env['XDG_CACHE_HOME'] = own.environment()['XDG_CACHE_HOME']
    own.start()
    hers.start()
    assert len(own.names('Inbox')) == 5 and len(hers.names('Inbox')) == 3
    put(own, 'Inbox/mine.eml', message('Mine'))
    put(hers, 'Inbox/hers.eml', message('Hers'))
    flush(own)
    flush(hers)
    assert 'Hers' in subjects(ada, 'inbox') and 'Mine' not in subjects(ada, 'inbox')
    states = os.listdir(os.path.join(own.environment()['XDG_STATE_HOME'], 'ewsfs'))
    assert len(states) == 2 and [name for name in states if '_ada@example.org-' in name]
    assert len([line for line in mount_lines() if hers.path in line or own.path in line]) == 2


def test_an_index_is_of_one_mailbox(people, mount):
    own = mount(people)
    assert own.names()
    own.unmount()
    assert_refused(mount(people, start=False, mailbox=ADA, state_dir=own.state), LOCAL,
                   'holds what is known of')
    hers = mount(people, mailbox=ADA)
    assert hers.names()
    hers.unmount()
    assert_refused(mount(people, start=False, state_dir=hers.state), LOCAL, 'mailbox ' + ADA)


# --- the archive


@pytest.fixture
def kept(serve):
    server = serve('--archive', '--fill', 'archive:Old/2019=4', '--fill', 'Inbox=5')
    server.is_written = True
    return server


def test_the_archive(kept, mount):
    ews = kept.somebody()
    there = mount(kept, 'archive', settle=SETTLE_S, refresh=HOUR)
    assert sorted(there.names()) == ['Deleted Items', 'Old']
    names = sorted(there.names('Old/2019'))
    assert len(names) == 4 and all(there.read_one('Old/2019/' + name)['size'] for name in names)
    put(there, 'Old/new.eml', message('New'))
    shell(there, 'mkdir Older; mv "Old/2019/$1" Old/new.eml Older/; rm "Old/2019/$2"', *names[:2])
    flush(there)
    assert queue(there) == []
    old = ews.find_path('Old/2019', 'archivemsgfolderroot')
    assert len(subjects_in(ews, old)) == 2
    older = ews.find_path('Older', 'archivemsgfolderroot')
    assert len(subjects_in(ews, older)) == 2 and 'New' in subjects_in(ews, older)
    assert len(subjects(ews, 'archivedeleteditems')) == 1
    assert ews.get_folder('inbox').total == 5 and ews.get_folder('deleteditems').total == 0
    ews.create_item(old, message('Laid there'))
    until(lambda: any('Laid-there' in name for name in there.names('Old/2019')), 'the news')
    there.remount()
    assert len(there.names('Older')) == 2


def test_the_archive_in_other_trees(kept, mount):
    kept.somebody().create_item('inbox', message('Plan of today'))
    old = kept.somebody().find_path('Old/2019', 'archivemsgfolderroot')
    kept.somebody().create_item(old, message('Plan of then'))
    there = mount(kept, 'archive', refresh=HOUR)
    links = there.names('.search/Plan')
    assert len(links) == 1 and links == there.names('.search/in:Old/Plan')
    path = os.path.join('Old/2019', links[0])
    assert there.cat('.search/Plan/' + links[0]) == there.cat(path)
    assert b'Plan of then' in there.cat(os.path.join('.text', path[:-4] + '.txt'))
    assert there.cat(os.path.join('.parts', path[:-4], 'raw')) == there.cat(path)


def test_archive_and_mailbox_beside_each_other(kept, mount):
    own = mount(kept)
    archive = mount(kept, 'archive')
    assert 'Inbox' in own.names() and 'Inbox' not in archive.names()
    assert own.status()['mailbox'] is None and not own.status()['archive']
    assert archive.status()['archive']
    assert b'mailbox     archive of user at ' in archive.cat('.ewsfs/status')
    assert len(own.names('Inbox')) == 5 and len(archive.names('Old/2019')) == 4
    own.unmount()
    assert_refused(mount(kept, 'archive', start=False, state_dir=own.state), LOCAL,
                   'holds what is known of')


def test_there_is_no_archive(server, mount):
    assert_refused(mount(server, 'archive', start=False), MAILBOX, 'no online archive')
    assert_refused(mount(server, 'archive', start=False, mailbox=ADA), USAGE, 'exclude each other')
