# SPDX-License-Identifier: GPL-3.0-or-later
"""layout=maildir: folders as Maildirs, marks in names, delivery. Python's own mailbox module is the
first foreign reader; the others are in test_maildir_tools.py.
"""
import mailbox as mailboxes
import os

import pytest

from mounting import message, run, until
from maildirs import MAIL, deliver, error_of_stat, listed, state, unique
from writing import (count_writes, ctl, describe, flush, folder_paths, gist, gists, items_of,
                     queue, refusal, shell, subjects)


# What is there


def test_every_folder_is_a_maildir(somebody, maildir):
    somebody.create_folder('inbox', 'Sub')
    until(lambda: 'Sub' in maildir.names('Inbox'), 'the folder')
    for folder in ('', 'Inbox', 'Inbox/Sub', 'Drafts'):
        assert {'cur', 'new', 'tmp'} <= set(maildir.names(folder))
        for part in ('cur', 'new', 'tmp'):
            assert maildir.names(os.path.join(folder, part)) == []
    numbers = [entry['ino'] for entry in maildir.tree('Inbox').values()]
    assert len(numbers) == len(set(numbers))
    assert maildir.stat('Inbox')['nlink'] == 2 + 3 + 1
    assert maildir.stat('Inbox/cur')['nlink'] == 2


def test_folders_that_are_called_like_parts(somebody, maildir):
    somebody.create_folder('inbox', 'new')
    until(lambda: '%6Eew' in maildir.names('Inbox'), 'the folder')
    assert maildir.names('Inbox/%6Eew') == ['cur', 'new', 'tmp']
    assert maildir.names('Inbox/new') == []
    shell(maildir, 'mkdir Inbox/%63ur; mv Inbox/%63ur Inbox/other; mv Inbox/%6Eew Inbox/%74mp')
    flush(maildir)
    assert {'Inbox/other', 'Inbox/tmp'} <= set(folder_paths(somebody))


def test_what_nobody_has_read_is_new(somebody, maildir):
    somebody.create_item('inbox', message('Read'))
    somebody.create_item('inbox', message('Unread'), read=False)
    somebody.create_item('inbox', message('Flagged'), read=False, flag='Flagged')
    somebody.create_item('drafts', message('Draft'), draft=True)
    until(lambda: len(listed(maildir, 'cur')) == 2 and listed(maildir, 'new'), 'the messages')
    until(lambda: listed(maildir, 'cur', 'Drafts'), 'the draft')
    assert [name.partition(':2,')[2] for name in listed(maildir, 'cur', 'Drafts')] == ['DS']
    assert sorted(name.partition(':2,')[2] for name in listed(maildir, 'cur')) == ['F', 'S']
    new = listed(maildir, 'new')
    assert len(new) == 1 and ':' not in new[0]
    read = maildir.read_all('Inbox/cur')
    assert all(entry['length'] == entry['size'] for entry in read.values())
    assert gist(maildir.cat('Inbox/new/' + new[0]))[0] == 'Unread'
    tree = maildir.tree()
    maildir.remount()
    assert maildir.tree() == tree


def test_names_are_constant(somebody, maildir):
    item = somebody.create_item('inbox', message('Read', number=1), received='2026-01-02T03:04:05Z')
    somebody.create_folder('inbox', 'Sub')
    name = until(lambda: listed(maildir, 'cur'), 'the message')[0]
    assert unique(name).startswith('1767323045.ewsfs.')
    number = maildir.stat('Inbox/cur/' + name)['ino']
    somebody.update_item(item, categories=['Red'], subject='Other')
    somebody.move_item(item, folder_paths(somebody)['Inbox/Sub'])
    until(lambda: listed(maildir, 'cur', 'Inbox/Sub'), 'it in the other folder')
    assert listed(maildir, 'cur', 'Inbox/Sub') == [name]
    assert listed(maildir, 'cur') == []
    assert maildir.stat('Inbox/Sub/cur/' + name)['ino'] == number
    maildir.unmount()
    maildir.forget()
    maildir.start()
    maildir.sync()
    assert listed(maildir, 'cur', 'Inbox/Sub') == [name]


# Marks, from the server


def test_marks_of_others_change_names(somebody, maildir):
    item = somebody.create_item('inbox', MAIL, read=False)
    name = until(lambda: listed(maildir, 'new'), 'the message')[0]
    path = 'Inbox/new/' + name
    maildir.cat(path)
    before = maildir.stat('Inbox/cur')['mtime']
    somebody.update_item(item.id, read=True)
    until(lambda: listed(maildir, 'cur') == [name + ':2,S'], 'the mark')
    assert listed(maildir, 'new') == []
    assert maildir.stat('Inbox/cur')['mtime'] > before
    # What the kernel kept of the old name is gone too.
    assert error_of_stat(maildir, path) == 'ENOENT'
    maildir.cat('Inbox/cur/%s:2,S' % name)
    somebody.update_item(item.id, flag='Flagged')
    until(lambda: listed(maildir, 'cur') == [name + ':2,FS'], 'the flag')
    assert error_of_stat(maildir, 'Inbox/cur/%s:2,S' % name) == 'ENOENT'
    somebody.update_item(item.id, read=False)
    until(lambda: listed(maildir, 'cur') == [name + ':2,F'], 'unread')
    somebody.update_item(item.id, flag='NotFlagged')
    until(lambda: listed(maildir, 'new') == [name], 'new again')


def test_a_name_with_other_marks_is_not_there(somebody, maildir):
    somebody.create_item('inbox', MAIL)
    name = unique(until(lambda: listed(maildir, 'cur'), 'the message')[0])
    there = error_of_stat(maildir, 'Inbox/cur/%s:2,S' % name)
    assert there == 'done'
    for other in ('cur/%s:2,', 'cur/%s:2,FS', 'cur/%s', 'new/%s', 'new/%s:2,S', 'tmp/%s'):
        assert error_of_stat(maildir, 'Inbox/' + other % name) == 'ENOENT', other
    assert refusal(maildir, 'os.rename("Inbox/cur/%s:2,F", "Inbox/cur/%s:2,FS")'
                   % (name, name)) == 'ENOENT'
    assert refusal(maildir, 'os.unlink("Inbox/cur/%s:2,F")' % name) == 'ENOENT'


# Marks, to the server


def test_renaming_marks_in_batches(written, somebody, maildir):
    somebody.create_item('inbox', [message('Mail %d' % i, number=i) for i in range(40)],
                         read=False)
    until(lambda: len(listed(maildir, 'new')) == 40, 'the messages')
    written.mark('moved')
    shell(maildir, 'cd Inbox/new; for name in *; do mv "$name" "../cur/$name:2,"; done')
    assert listed(maildir, 'new') == [] and len(listed(maildir, 'cur')) == 40
    flush(maildir)
    assert count_writes(written, 'moved') == {}
    assert set(state(somebody).values()) == {(False, 'NotFlagged')}
    written.mark('marked')
    shell(maildir, 'cd Inbox/cur; for name in *; do mv "$name" "${name}FS"; done')
    flush(maildir)
    assert set(state(somebody).values()) == {(True, 'Flagged')}
    calls = count_writes(written, 'marked')
    assert set(calls) == {'UpdateItem'} and calls['UpdateItem'] <= 5
    maildir.sync()
    maildir.remount()
    assert {name.partition(':')[2] for name in listed(maildir, 'cur')} == {'2,FS'}
    shell(maildir, 'cd Inbox/cur; for name in *; do mv "$name" "${name%FS}"; done')
    flush(maildir)
    assert set(state(somebody).values()) == {(False, 'NotFlagged')}
    assert listed(maildir, 'new') == []


@pytest.mark.parametrize('letters', ['S', 'F'])
def test_marks_that_are_refused(written, somebody, maildir, letters):
    somebody.create_item('inbox', MAIL, read=False)
    name = until(lambda: listed(maildir, 'new'), 'the message')[0]
    written.fault('itemerror=ErrorAccessDenied,op=UpdateItem')
    shell(maildir, 'mv "Inbox/new/$1" "Inbox/cur/$1:2,$2"', name, letters)
    assert listed(maildir, 'cur') == [name + ':2,' + letters]
    until(lambda: listed(maildir, 'cur') == [name + ':2,'], 'what the server has')
    assert error_of_stat(maildir, 'Inbox/cur/%s:2,%s' % (name, letters)) == 'ENOENT'
    written.clear()
    shell(maildir, 'mv "Inbox/cur/$1:2," "Inbox/cur/$1:2,$2"', name, letters)
    flush(maildir)
    assert state(somebody)['Delivered'] == (letters == 'S',
                                            'Flagged' if letters == 'F' else 'NotFlagged')


def test_letters_that_the_server_does_not_know(written, somebody, maildir):
    somebody.create_item('inbox', MAIL)
    name = unique(until(lambda: listed(maildir, 'cur'), 'the message')[0])
    written.mark('marked')
    shell(maildir, 'mv "Inbox/cur/$1:2,S" "Inbox/cur/$1:2,DPRSTa"', name)
    flush(maildir)
    assert count_writes(written, 'marked') == {}
    maildir.sync()
    maildir.remount()
    assert listed(maildir, 'cur') == [name + ':2,DPRSTa']
    # T is a mark until somebody unlinks it.
    assert subjects(somebody, 'inbox') == ['Delivered']
    shell(maildir, 'mv "Inbox/cur/$1:2,DPRSTa" "Inbox/cur/$1:2,"', name)
    assert listed(maildir, 'cur') == [name + ':2,']
    flush(maildir)
    assert state(somebody) == {'Delivered': (False, 'NotFlagged')}


def test_spellings(maildir):
    deliver(maildir, '1.x.host:2,', MAIL)
    assert listed(maildir, 'new') == ['1.x.host']
    shell(maildir, 'mv Inbox/new/1.x.host Inbox/cur/1.x.host:2,SF')
    assert listed(maildir, 'cur') == ['1.x.host:2,FS']
    shell(maildir, 'mv Inbox/cur/1.x.host:2,SF Inbox/cur/1.x.host:2,SFR')
    assert listed(maildir, 'cur') == ['1.x.host:2,FRS']
    until(lambda: error_of_stat(maildir, 'Inbox/cur/1.x.host:2,SF') == 'ENOENT', 'no old name')
    # Back into new, as if it had never been looked at.
    shell(maildir, 'mv Inbox/cur/1.x.host:2,FRS Inbox/new/1.x.host')
    assert listed(maildir, 'new') == ['1.x.host'] and listed(maildir, 'cur') == []
    # A mark that new cannot tell shows in cur.
    shell(maildir, 'mv Inbox/new/1.x.host Inbox/new/1.x.host:2,F')
    until(lambda: listed(maildir, 'cur') == ['1.x.host:2,F'], 'it in cur')
    assert listed(maildir, 'new') == []


def test_marks_by_attributes(somebody, maildir):
    somebody.create_item('inbox', MAIL, read=False)
    name = until(lambda: listed(maildir, 'new'), 'the message')[0]
    maildir.cat('Inbox/new/' + name)
    run('setfattr', '-n', 'user.ewsfs.is_read', '-v', '1', maildir.at('Inbox/new', name))
    until(lambda: listed(maildir, 'cur') == [name + ':2,S'], 'the mark')
    until(lambda: error_of_stat(maildir, 'Inbox/new/' + name) == 'ENOENT', 'no old name')
    flush(maildir)
    assert state(somebody) == {'Delivered': (True, 'NotFlagged')}


# Delivery


@pytest.mark.parametrize('part, marks, expected', [
    ('new', '', (False, 'NotFlagged')), ('cur', ':2,', (False, 'NotFlagged')),
    ('cur', ':2,FS', (True, 'Flagged'))])
def test_delivery_by_rename(written, somebody, maildir, part, marks, expected):
    written.mark('delivered')
    deliver(maildir, '1700000000.M1P2.host' + marks, MAIL, part)
    assert listed(maildir, part) == ['1700000000.M1P2.host' + marks]
    assert listed(maildir, 'tmp') == []
    flush(maildir)
    assert count_writes(written, 'delivered') == {'CreateItem': 1}
    assert state(somebody) == {'Delivered': expected}
    assert gists(somebody, 'inbox') == [gist(MAIL)]
    # Its name comes back, also on another machine.
    maildir.unmount()
    maildir.forget()
    maildir.start()
    maildir.sync()
    names = [unique(name) for name in listed(maildir, 'new') + listed(maildir, 'cur')]
    assert names == ['1700000000.M1P2.host']


def test_delivery_by_link(written, somebody, maildir):
    written.mark('delivered')
    shell(maildir, 'cat >Inbox/tmp/1.a.host; ln Inbox/tmp/1.a.host Inbox/new/1.a.host; '
                   '[ Inbox/tmp/1.a.host -ef Inbox/new/1.a.host ]; rm Inbox/tmp/1.a.host',
          stdin=MAIL)
    assert listed(maildir, 'new') == ['1.a.host'] and listed(maildir, 'tmp') == []
    assert error_of_stat(maildir, 'Inbox/tmp/1.a.host') == 'ENOENT'
    assert maildir.stat('Inbox/new/1.a.host')['nlink'] == 1
    assert maildir.cat('Inbox/new/1.a.host') == MAIL
    flush(maildir)
    assert count_writes(written, 'delivered') == {'CreateItem': 1}
    assert state(somebody) == {'Delivered': (False, 'NotFlagged')}


def test_other_links(somebody, maildir):
    somebody.create_item('inbox', MAIL)
    name = until(lambda: listed(maildir, 'cur'), 'the message')[0]
    for link in ('os.link("Inbox/cur/%s", "Inbox/cur/other:2,S")' % name,
                 'os.link("Inbox/cur/%s", "Inbox/tmp/other")' % name,
                 'os.symlink("x", "Inbox/new/other")'):
        assert refusal(maildir, link) == 'EPERM'
    shell(maildir, 'echo x >Inbox/a.lock.tmp; ln Inbox/a.lock.tmp Inbox/a.lock;'
                   'rm Inbox/a.lock.tmp')
    assert maildir.names('Inbox') == ['a.lock', 'cur', 'new', 'tmp']
    shell(maildir, 'echo x >Inbox/b.lock.tmp')
    assert refusal(maildir, 'os.link("Inbox/b.lock.tmp", "Inbox/a.lock")') == 'EEXIST'
    deliver(maildir, '1.a.host')
    shell(maildir, 'cat >Inbox/tmp/other', stdin=MAIL)
    assert refusal(maildir, 'os.link("Inbox/tmp/other", "Inbox/new/1.a.host")') == 'EEXIST'


def test_tmp_is_never_sent(written, somebody, maildir):
    written.mark('tmp')
    shell(maildir, 'cat >Inbox/tmp/left; echo mine >Inbox/.uidvalidity; echo x >Inbox/a.index.log; '
                   'mkdir .notmuch; echo db >.notmuch/a.glass', stdin=MAIL)
    flush(maildir)
    assert count_writes(written, 'tmp') == {}
    assert [entry['state'] for entry in queue(maildir)] == ['scratch'] * 4
    maildir.remount()
    assert listed(maildir, 'tmp') == ['left']
    assert maildir.names('Inbox') == ['.uidvalidity', 'a.index.log', 'cur', 'new', 'tmp']
    assert maildir.cat('Inbox/a.index.log') == b'x\n'
    assert maildir.names('.notmuch') == ['a.glass']
    shell(maildir, 'mv Inbox/a.index.log Inbox/b.index.log; rm Inbox/.uidvalidity Inbox/tmp/left; '
                   'rm -r .notmuch')
    assert maildir.names('Inbox') == ['b.index.log', 'cur', 'new', 'tmp']
    assert subjects(somebody, 'inbox') == []


def test_written_at_once(somebody, maildir, tmp_path):
    path = tmp_path / 'mail'
    path.write_bytes(MAIL)
    run('cp', str(path), maildir.at('Inbox/new/2.b.host'))
    run('cp', str(path), maildir.at('Inbox/cur/3.c.host:2,S'))
    assert refusal(maildir, 'open("Inbox/cur/3.c.host:1,S", "w")') == 'EINVAL'
    assert refusal(maildir, 'open("Inbox/new/.hidden", "w")') == 'EINVAL'
    flush(maildir)
    assert sorted(describe(item)['read'] for item in items_of(somebody, 'inbox')) == [False, True]


# Between folders, and gone


def test_moving_and_deleting(written, somebody, maildir):
    somebody.create_item('inbox', [message('Mail %d' % i, number=i) for i in range(3)])
    until(lambda: len(listed(maildir, 'cur')) == 3, 'the messages')
    names = listed(maildir, 'cur')
    shell(maildir, 'mkdir Inbox/Sub')
    written.mark('moved')
    shell(maildir, 'mv "Inbox/cur/$1" "Inbox/Sub/cur/$1"; mv "Inbox/cur/$2" "Inbox/Sub/cur/${2}T";'
                   ' rm "Inbox/cur/$3"', *names)
    flush(maildir)
    calls = count_writes(written, 'moved')
    assert calls['MoveItem'] == 1 and calls['DeleteItem'] == 1
    assert len(subjects(somebody, 'Inbox/Sub')) == 2 and subjects(somebody, 'inbox') == []
    assert len(subjects(somebody, 'deleteditems')) == 1
    assert listed(maildir, 'cur', 'Inbox/Sub') == sorted([names[0], names[1] + 'T'])
    assert set(state(somebody, folder_paths(somebody)['Inbox/Sub']).values()) == {
        (True, 'NotFlagged')}
    maildir.sync()
    assert listed(maildir, 'cur', 'Inbox/Sub') == sorted([names[0], names[1] + 'T'])


def test_folders_come_and_go(somebody, maildir):
    shell(maildir, 'mkdir A; mkdir A/B; mv A/B C; mkdir -p D/cur D/new D/tmp; rm -r A')
    assert maildir.names('C') == ['cur', 'new', 'tmp']
    flush(maildir)
    paths = folder_paths(somebody)
    assert {'C', 'D'} <= set(paths) and not {'A', 'A/B'} & set(paths)
    assert refusal(maildir, 'os.mkdir("D/cur")') == 'EEXIST'
    assert refusal(maildir, 'os.mkdir("D/cur/x")') == 'EPERM'
    assert refusal(maildir, 'os.rename("D/cur", "D/old")') == 'EPERM'
    deliver(maildir, '1.a.host', folder='D')
    assert refusal(maildir, 'os.rmdir("D/new")') == 'ENOTEMPTY'
    assert refusal(maildir, 'os.rmdir("D")') == 'ENOTEMPTY'
    shell(maildir, 'rm -r D')
    flush(maildir)
    assert 'D' not in maildir.names() and 'D' not in folder_paths(somebody)


def test_python_makes_and_fills_one(somebody, maildir):
    """It makes cur, new and tmp by itself, as most programs do, and fails where they are."""
    script = '''
import mailbox
box = mailbox.Maildir("Made", create=True)
key = box.add(sys.argv[1])
message = box[key]
message.set_subdir("cur")
message.add_flag("SF")
box[key] = message
print(key)
box.close()
'''
    out = run('python3', '-c', 'import sys\n' + script, MAIL.decode(), cwd=maildir.path)
    key = out.out.strip()
    assert listed(maildir, 'cur', 'Made') == [key + ':2,FS']
    flush(maildir)
    assert state(somebody, folder_paths(somebody)['Made']) == {'Delivered': (True, 'Flagged')}


def test_python_reads_all(somebody, maildir):
    mails = [message('Mail %d' % i, number=i) for i in range(20)]
    somebody.create_item('inbox', mails[:10])
    somebody.create_item('inbox', mails[10:], read=False)
    until(lambda: len(listed(maildir, 'cur') + listed(maildir, 'new')) == 20, 'the messages')
    box = mailboxes.Maildir(maildir.at('Inbox'), create=False)
    found = {mail['Subject']: mail.get_flags() for mail in box}
    assert found == {'Mail %d' % i: 'S' if i < 10 else '' for i in range(20)}
    key = next(key for key, mail in box.items() if mail['Subject'] == 'Mail 3')
    box.remove(key)
    box.close()
    flush(maildir)
    assert 'Mail 3' not in subjects(somebody, 'inbox')


# The rest of the mount


def test_the_other_trees_are_as_ever(somebody, maildir):
    somebody.create_item('inbox', MAIL)
    name = unique(until(lambda: listed(maildir, 'cur'), 'the message')[0])
    assert '.ewsfs' not in maildir.names() and '.text' not in maildir.names()
    assert b'by a program' in maildir.cat('.text/Inbox/%s.txt' % name)
    assert maildir.status()['pid'] == maildir.pid
    assert maildir.error_of('mkdir', '.text/x') == 'EROFS'
    ctl(maildir, 'sync', '--wait', 'Inbox/cur')
    ctl(maildir, 'sync', '--wait', 'Inbox')


def test_what_is_searched_for(somebody, maildir):
    """Links lead to where the message is now, whatever it is marked with."""
    item = somebody.create_item('inbox', message('Sought'), read=False)
    until(lambda: listed(maildir, 'new'), 'the message')
    place = '.search/subject:sought'
    link, = maildir.names(place)
    assert gist(maildir.cat(place + '/' + link))[0] == 'Sought'
    target = run('readlink', maildir.at(place, link)).out.strip()
    assert target == '../../Inbox/new/' + listed(maildir, 'new')[0]
    somebody.update_item(item.id, read=True)
    until(lambda: listed(maildir, 'cur'), 'the mark')
    assert gist(maildir.cat(place + '/' + link))[0] == 'Sought'


def test_read_only_and_offline(somebody, server, mount):
    somebody.create_item('inbox', MAIL, read=False)
    there = mount(server, 'ro', layout='maildir')
    until(lambda: listed(there, 'new'), 'the message')
    there.fetch()
    name = listed(there, 'new')[0]
    assert refusal(there, 'os.rename("Inbox/new/%s", "Inbox/cur/%s:2,S")' % (name, name)) == 'EROFS'
    assert refusal(there, 'open("Inbox/tmp/x", "w")') == 'EROFS'
    server.kill()
    there.remount()
    assert listed(there, 'new') == [name] and there.cat('Inbox/new/' + name)


def test_an_index_is_of_one_layout(server, mount):
    there = mount(server)
    there.unmount()
    there.options['layout'] = 'maildir'
    refused = there.try_start()
    assert refused.status != 0 and 'layout=files' in refused.err
    there.forget()
    there.start()
    there.unmount()
    del there.options['layout']
    refused = there.try_start()
    assert refused.status != 0 and 'layout=maildir' in refused.err
