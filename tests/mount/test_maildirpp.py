# SPDX-License-Identifier: GPL-3.0-or-later
"""layout=maildir++: the mount is one Maildir, the Inbox, and every other folder a directory called
.A.B in it. What marks and delivery are is as in test_maildir.py.
"""
import os

from maildirs import MAIL, deliver, error_of_stat, listed, state, unique
from mounting import message, run, until
from writing import count_writes, ctl, flush, folder_paths, refusal, shell, subjects

PARTS = {'cur', 'new', 'tmp'}


def folders(there):
    return sorted(name for name in there.names() if name.startswith('.'))


def listed_once(there):
    """Nothing is there twice, and what is listed is there. What was removed shows in the trash."""
    names = until(lambda: there.stat('')['nlink'] == 2 + len(there.names()) and there.names(),
                  'as many links as directories')
    numbers = [there.stat(name)['ino'] for name in names]
    assert len(numbers) == len(set(numbers)) and len(names) == len(set(names))
    return names


# What is there


def test_the_root_is_the_inbox(somebody, dotted):
    sub = somebody.create_folder('inbox', 'Sub')
    deep = somebody.create_folder(sub, 'Deep')
    somebody.create_folder(somebody.create_folder('msgfolderroot', 'Sub'), 'Other')
    somebody.create_item('inbox', message('Read'))
    somebody.create_item('inbox', message('Unread'), read=False)
    somebody.create_item(deep, message('Below'), read=False)
    until(lambda: {'.INBOX.Sub', '.INBOX.Sub.Deep', '.Sub', '.Sub.Other', '.Drafts'} <= set(
        folders(dotted)), 'the folders')
    assert '.Inbox' not in folders(dotted) and PARTS <= set(listed_once(dotted))
    until(lambda: listed(dotted, 'cur', '.') and listed(dotted, 'new', '.'), 'the messages')
    for folder in folders(dotted):
        assert dotted.names(folder) == sorted(PARTS)
        assert dotted.stat(folder)['nlink'] == 5
    until(lambda: listed(dotted, 'new', '.INBOX.Sub.Deep'), 'the message below')
    assert b'Unread' in dotted.cat('new/' + listed(dotted, 'new', '.')[0])
    tree = dotted.tree()
    dotted.remount()
    assert dotted.tree() == tree


def test_names_that_would_be_others(somebody, dotted):
    """With dots, like hidden trees, like the Inbox, and no names at all."""
    for name in ('v1.0', '.dot', '.', 'text', 'send', 'Search', 'a/b', '100%', 'Ölfässer', 'cur'):
        somebody.create_folder('msgfolderroot', name)
    somebody.create_folder(folder_paths(somebody)['v1.0'], 'x.y')
    somebody.create_folder('inbox', 'Inbox')
    expected = {'.v1%2E0', '.v1%2E0.x%2Ey', '.%2Edot', '.%2e', '.%74ext', '.%73end', '.Search',
                '.a%2Fb', '.100%25', '.Ölfässer', '.cur', '.INBOX.Inbox'}
    until(lambda: expected <= set(folders(dotted)), 'the folders')
    listed_once(dotted)
    for name in expected:
        deliver(dotted, '1.a.host', folder=name)
        assert listed(dotted, 'new', name) == ['1.a.host']
    flush(dotted)
    paths = folder_paths(somebody)
    for name in ('v1.0', '.dot', '.', 'text', 'a/b', 'v1.0/x.y', 'Inbox/Inbox'):
        assert state(somebody, paths[name]) == {'Delivered': (False, 'NotFlagged')}, name


def test_hidden_trees(somebody, dotted):
    somebody.create_folder('inbox', 'Sub')
    somebody.create_item('inbox', MAIL)
    name = unique(until(lambda: listed(dotted, 'cur', '.'), 'the message')[0])
    hidden = {'.ewsfs', '.text', '.parts', '.search', '.send'}
    assert not hidden & set(dotted.names())
    assert b'by a program' in dotted.cat('.text/Inbox/%s.txt' % name)
    assert 'raw' in dotted.names('.parts/Inbox/' + name)
    assert set(dotted.names('.text/Inbox')) == {'Sub', name + '.txt'}
    assert dotted.status()['pid'] == dotted.pid
    assert dotted.error_of('mkdir', '.text') in ('EEXIST', 'EROFS')
    ctl(dotted, 'sync', '--wait', 'cur')
    ctl(dotted, 'sync', '--wait', '.INBOX.Sub/new')


def test_what_is_searched_for(somebody, dotted):
    there = somebody.create_folder('inbox', 'Sub')
    somebody.create_item('inbox', message('Sought'), read=False)
    somebody.create_item(there, message('Sought too'))
    until(lambda: listed(dotted, 'new', '.') and '.INBOX.Sub' in folders(dotted) and listed(
        dotted, 'cur', '.INBOX.Sub'), 'the messages')
    targets = set()
    for link in dotted.names('.search/subject:sought'):
        path = os.path.join('.search/subject:sought', link)
        targets.add(run('readlink', dotted.at(path)).out.strip())
        assert b'Sought' in dotted.cat(path)
    assert targets == {'../../new/' + listed(dotted, 'new', '.')[0],
                       '../../.INBOX.Sub/cur/' + listed(dotted, 'cur', '.INBOX.Sub')[0]}
    assert len(dotted.names('.search/in:Inbox%2FSub/subject:sought')) == 1


def test_names_that_are_too_long(somebody, dotted):
    upper = somebody.create_folder('msgfolderroot', 'Ä' * 60)
    for last in 'xy':
        somebody.create_folder(upper, 'ö' * 70 + last)
    until(lambda: len([name for name in folders(dotted) if '%~' in name]) == 2, 'the folders')
    names = [name for name in folders(dotted) if '%~' in name]
    deliver(dotted, '1.a.host', folder=names[0])
    assert listed(dotted, 'new', names[0]) == ['1.a.host'] and not listed(dotted, 'new', names[1])
    dotted.remount()
    assert set(names) <= set(listed_once(dotted))


# Marks and delivery


def test_delivery_and_marks(written, somebody, dotted):
    shell(dotted, 'mkdir .Kept')
    written.mark('delivered')
    deliver(dotted, '1.a.host', folder='.')
    shell(dotted, 'cat >tmp/2.b.host; ln tmp/2.b.host new/2.b.host; rm tmp/2.b.host', stdin=MAIL)
    assert listed(dotted, 'new', '.') == ['1.a.host', '2.b.host']
    flush(dotted)
    assert set(count_writes(written, 'delivered')) <= {'CreateItem', 'CreateFolder'}
    shell(dotted, 'mv new/1.a.host cur/1.a.host:2,FS; mv new/2.b.host .Kept/cur/2.b.host:2,')
    flush(dotted)
    assert state(somebody) == {'Delivered': (True, 'Flagged')}
    assert subjects(somebody, 'Kept') == ['Delivered']
    somebody.update_item(somebody.find_item('inbox')[0], read=False)
    until(lambda: listed(dotted, 'cur', '.') == ['1.a.host:2,F'], 'unread')
    assert error_of_stat(dotted, 'cur/1.a.host:2,FS') == 'ENOENT'
    shell(dotted, 'rm cur/*')
    flush(dotted)
    assert subjects(somebody, 'inbox') == []


def test_what_programs_note(written, somebody, dotted):
    written.mark('notes')
    shell(dotted, 'mkdir .A')
    shell(dotted, 'echo x >.mbsyncstate.new; mv .mbsyncstate.new .mbsyncstate;'
                  'echo y >subscriptions; echo 1 >.A/.uidvalidity; : >.A/maildirfolder')
    flush(dotted)
    assert count_writes(written, 'notes') == {'CreateFolder': 1}
    assert {'.mbsyncstate', 'subscriptions'} <= set(dotted.names())
    dotted.remount()
    assert dotted.cat('.mbsyncstate') == b'x\n'
    assert dotted.names('.A') == ['.uidvalidity', 'cur', 'maildirfolder', 'new', 'tmp']
    assert 'subscriptions' in dotted.names() and 'subscriptions' not in dotted.names('.A')
    shell(dotted, 'rm .mbsyncstate subscriptions; rm -r .A')
    flush(dotted)
    assert 'A' not in folder_paths(somebody)


# Folders


def test_folders_come_and_go(somebody, dotted):
    before = dotted.stat('')['mtime']
    shell(dotted, 'mkdir .A; mkdir .A.B .INBOX.C; mkdir -p .D/cur .D/new .D/tmp; mkdir .E.F.G')
    assert {'.A', '.A.B', '.INBOX.C', '.D', '.E', '.E.F', '.E.F.G'} <= set(listed_once(dotted))
    assert dotted.stat('')['mtime'] > before
    flush(dotted)
    assert {'A/B', 'Inbox/C', 'D', 'E/F/G'} <= set(folder_paths(somebody))
    assert refusal(dotted, 'os.mkdir(".A.B")') == 'EEXIST'
    assert refusal(dotted, 'os.rmdir(".A")') == 'ENOTEMPTY'
    for name in ('A', '.INBOX', '.Inbox', '.A..B', '.A.', '.A.%2Ex', '.A.%25%2f', '.A/x'):
        assert refusal(dotted, 'os.mkdir("%s")' % name) == 'EINVAL', name
    assert refusal(dotted, 'os.mkdir("cur/x")') == 'EPERM'
    assert refusal(dotted, 'os.rmdir(".Drafts")') == 'EPERM'
    before = dotted.stat('')['mtime']
    shell(dotted, 'rmdir .A.B .A; rm -r .D')
    assert not {'.A', '.A.B', '.D'} & set(listed_once(dotted))
    assert dotted.stat('')['mtime'] > before
    flush(dotted)
    assert not {'A', 'A/B', 'D'} & set(folder_paths(somebody))


def test_folders_move_with_what_is_below(written, somebody, dotted):
    shell(dotted, 'mkdir .A .A.B .A.B.C .D')
    flush(dotted)
    ino = dotted.stat('.A.B.C')['ino']
    deliver(dotted, '1.a.host', folder='.A.B.C')
    flush(dotted)
    written.mark('moved')
    shell(dotted, 'mv -T .A.B .D.E')
    assert error_of_stat(dotted, '.A.B') == error_of_stat(dotted, '.A.B.C/new') == 'ENOENT'
    assert dotted.stat('.D.E.C')['ino'] == ino
    assert listed(dotted, 'new', '.D.E.C') == ['1.a.host']
    listed_once(dotted)
    flush(dotted)
    assert {'MoveFolder', 'UpdateFolder'} == set(count_writes(written, 'moved'))
    assert 'D/E/C' in folder_paths(somebody)
    # Down and with another, whose name it has then.
    shell(dotted, 'mkdir .X .Y; mv -T .Y .X.Y')
    assert dotted.names('.X.Y') == sorted(PARTS)
    shell(dotted, 'mv -T .X .Z')
    assert error_of_stat(dotted, '.X.Y') == 'ENOENT' and dotted.names('.Z.Y') == sorted(PARTS)
    shell(dotted, 'mv -T .D.E .INBOX.F%2EG')
    assert listed(dotted, 'new', '.INBOX.F%2EG.C') == ['1.a.host']
    flush(dotted)
    assert subjects(somebody, 'Inbox/F.G/C') == ['Delivered']
    assert refusal(dotted, 'os.rename(".A", ".None.A")') == 'ENOENT'
    assert refusal(dotted, 'os.rename(".D", ".D.A")') == 'EINVAL'
    assert refusal(dotted, 'os.rename(".D", "..DOVECOT-TRASHED")') == 'EXDEV'
    assert refusal(dotted, 'os.rename(".Drafts", ".x")') == 'EPERM'


def test_others_move_folders(somebody, dotted):
    upper = somebody.create_folder('msgfolderroot', 'A')
    lower = somebody.create_folder(upper, 'B')
    somebody.create_item(lower, message('Below'), read=False)
    until(lambda: '.A.B' in folders(dotted) and listed(dotted, 'new', '.A.B'), 'the folders')
    path = '.A.B/new/' + listed(dotted, 'new', '.A.B')[0]
    before = dotted.stat('')['mtime']
    assert dotted.cat(path)
    somebody.update_folder(upper, 'C')
    until(lambda: '.C.B' in folders(dotted), 'the new names')
    assert not {'.A', '.A.B'} & set(folders(dotted))
    assert error_of_stat(dotted, path) == 'ENOENT'
    until(lambda: error_of_stat(dotted, '.A') == 'ENOENT', 'no old name')
    assert dotted.cat(path.replace('.A.B', '.C.B'))
    assert dotted.stat('')['mtime'] > before
    somebody.move_folder(lower, 'inbox')
    until(lambda: '.INBOX.B' in folders(dotted), 'it in the Inbox')
    assert dotted.cat(path.replace('.A.B', '.INBOX.B'))
    somebody.delete_folder(lower)
    until(lambda: '.INBOX.B' not in folders(dotted), 'it is gone')
    listed_once(dotted)


def test_a_part_of_the_mailbox(somebody, server, mount):
    below = somebody.create_folder(somebody.create_folder('inbox', 'Sub'), 'Deep')
    somebody.create_item('inbox', message('Above'), read=False)
    somebody.create_item(below, message('Below'), read=False)
    inbox = mount(server, folder='Inbox', layout='maildir++')
    until(lambda: listed(inbox, 'new', '.') and '.Sub.Deep' in folders(inbox), 'the Inbox')
    other = mount(server, folder='Inbox/Sub', layout='maildir++')
    until(lambda: '.Deep' in folders(other) and listed(other, 'new', '.Deep'), 'the folder')
    assert listed(other, 'new', '.') == [] and folders(other) == ['.Deep']


def test_read_only_and_offline(somebody, server, mount):
    somebody.create_folder('inbox', 'Sub')
    somebody.create_item('inbox', MAIL, read=False)
    there = mount(server, 'ro', layout='maildir++')
    until(lambda: listed(there, 'new', '.'), 'the message')
    there.fetch()
    name = listed(there, 'new', '.')[0]
    for call in ('os.mkdir(".x")', 'os.rename(".INBOX.Sub", ".x")', 'os.rmdir(".INBOX.Sub")',
                 'open("x", "w")', 'open("tmp/x", "w")'):
        assert refusal(there, call) == 'EROFS'
    server.kill()
    there.remount()
    assert listed(there, 'new', '.') == [name] and there.cat('new/' + name)
    assert '.INBOX.Sub' in folders(there)


def test_an_index_is_of_one_layout(server, mount):
    there = mount(server, layout='maildir')
    there.unmount()
    there.options['layout'] = 'maildir++'
    refused = there.try_start()
    assert refused.status != 0 and 'layout=maildir;' in refused.err
    there.forget()
    there.options['names'] = '{key}'
    refused = there.try_start()
    assert refused.status != 0 and 'layout=maildir++ exclude each other' in refused.err
