# SPDX-License-Identifier: GPL-3.0-or-later
"""Where writing meets what others do and what goes wrong: changes of both sides, a server that is
away, refuses or is full, too many deletes, and the ways to end a mount with something in it.
"""
import os
import signal
import subprocess
import sys
import time

import pytest

from mounting import PATIENCE, is_mounted, message, program, run, until
from writing import (SETTLE_S, count_writes, ctl, describe, flush, folder_paths, gist, gists,
                     items_of, lay_out, mailbox, mails, put, python, queue, refusal, shell,
                     subjects, until_queued)

HELLO = message('Hello')


@pytest.fixture
def box(serve):
    """A mailbox that outlives its server."""
    server = serve(state=True)
    server.is_written = True
    return server


# Our own change coming back


def test_own_changes_are_not_shown_twice(written, somebody, there):
    somebody.create_item('inbox', message('Old'))
    there.sync()
    shell(there, 'for i in 1 2 3 4 5; do printf "Subject: $i\\n\\nx" >Inbox/$i.eml; done;'
                 ' mkdir Inbox/Sub; mv "$1" Inbox/Sub/', there.find('Old'))
    flush(there)
    # Until it told the keys of what we made, inode numbers are our own.
    there.sync()
    before = there.tree()
    written.mark('refresh')
    for _ in range(3):
        there.sync()
        assert {p: e['ino'] for p, e in there.tree().items()} == {
            p: e['ino'] for p, e in before.items()}
    there.fetch()
    assert written.count('GetItem', 'refresh') == 0
    assert count_writes(written, 'refresh') == {}


def test_the_tree_is_the_same_after_all_is_lost(somebody, there):
    shell(there, 'mkdir Inbox/Sub; for i in 1 2 3; do'
                 ' printf "Subject: $i\\n\\nx" >Inbox/Sub/$i.eml; done')
    flush(there)
    before = there.tree()
    there.unmount()
    there.forget()
    there.start()
    there.fetch()
    after = there.tree()
    assert set(after) == set(before)
    # The letters of a key are the server's: an inode number of a new file is made of them only
    # when the index is new.
    for path in ('Inbox/Sub/1.eml', 'Inbox/Sub/2.eml'):
        assert after[path]['mtime'] == before[path]['mtime']
    assert subjects(somebody, 'Inbox/Sub') == ['1', '2', '3']


def test_a_pending_change_wins_over_the_servers_older_state(written, somebody, there):
    item = somebody.create_item('inbox', message('Old'))
    there.sync()
    path = there.find('Old')
    written.fault('delay=3000,op=MoveItem,count=1')
    shell(there, 'mv "$1" Drafts/moved.eml', path)
    somebody.update_item(item.id, categories=['Red'])
    there.sync()
    assert there.names('Inbox') == [] and there.names('Drafts') == ['moved.eml']
    flush(there)
    there.sync()
    assert there.names('Inbox') == [] and there.names('Drafts') == ['moved.eml']
    assert describe(items_of(somebody, 'drafts')[0])['categories'] == ['Red']


# Both sides


def test_deleted_there_and_moved_here(written, somebody, there):
    item = somebody.create_item('inbox', message('Old'))
    there.sync()
    written.fault('delay=1500,op=MoveItem,count=1')
    shell(there, 'mv "$1" Drafts/', there.find('Old'))
    somebody.delete_item(item.id)
    flush(there, status=None)
    there.sync()
    assert there.names('Inbox') == [] and there.names('Drafts') == []
    assert subjects(somebody, 'drafts') == []


def test_deleted_on_both_sides(somebody, there):
    item = somebody.create_item('inbox', message('Old'))
    there.sync()
    path = there.find('Old')
    somebody.delete_item(item.id)
    run('rm', there.at(path), status=None)
    flush(there)
    assert there.names('Inbox') == [] and queue(there) == []


def test_moved_there_and_flagged_here(written, somebody, mount):
    """Nobody tells, so that it is not known here when it is flagged."""
    item = somebody.create_item('inbox', message('Old'))
    there = mount(written, settle=SETTLE_S, push='off')
    there.sync()
    path = there.find('Old')
    somebody.move_item(item.id, 'drafts')
    shell(there, 'setfattr -n user.ewsfs.categories -v Red "$1"', path)
    flush(there)
    until(lambda: there.sync() and there.names('Inbox') == [], 'the move')
    until(lambda: there.names('Drafts'), 'the message')


def test_flagged_on_both_sides_the_last_writer_wins(somebody, there):
    item = somebody.create_item('inbox', message('Old'))
    there.sync()
    path = there.find('Old')
    somebody.update_item(item.id, categories=['Theirs'])
    shell(there, 'setfattr -n user.ewsfs.categories -v Ours "$1"', path)
    flush(there)
    there.sync()
    assert describe(items_of(somebody, 'inbox')[0])['categories'] == ['Ours']
    assert there.xattrs(path)['user.ewsfs.categories'] == 'Ours'


def test_content_changed_on_both_sides_keeps_both(written, somebody, there):
    item = somebody.create_item('drafts', message('Draft', body='base'), draft=True)
    there.sync()
    path = there.find('', 'Drafts')
    there.cat(path)
    somebody.update_item(item.id, mime=message('Draft', body='theirs'))
    put(there, path, message('Draft', body='ours'))
    flush(there)
    there.sync()
    found = gists(somebody, 'drafts') + gists(somebody, 'deleteditems')
    assert gist(message('Draft', body='ours')) in found
    assert gist(message('Draft', body='theirs')) in found
    assert len(there.names('Drafts')) == len(gists(somebody, 'drafts'))


def test_a_folder_filled_there_while_it_is_removed_here(written, somebody, there):
    target = somebody.create_folder('inbox', 'Target')
    somebody.create_item(target, message('Seen'))
    there.sync()
    written.fault('delay=1500,op=DeleteItem,count=1')
    shell(there, 'rm -r Inbox/Target')
    somebody.create_item(target, message('New mail'))
    flush(there, status=None)
    everywhere = [what for path in folder_paths(somebody) for what in subjects(somebody, path)]
    assert everywhere.count('New mail') == 1


# Offline


def test_writing_while_the_server_is_away(box, mount):
    ews = box.somebody()
    ews.create_item('inbox', [message('One'), message('Two')])
    there = mount(box, settle=SETTLE_S)
    there.fetch()
    one, two = there.find('One'), there.find('Two')
    box.kill()
    put(there, 'Inbox/new.eml', HELLO)
    shell(there, 'mkdir Inbox/Sub; mv "$1" Inbox/Sub/one.eml; rm "$2"; cp Inbox/new.eml'
                 ' Inbox/Sub/copy.eml; setfattr -n user.ewsfs.is_read -v 1 Inbox/Sub/one.eml',
          one, two)
    assert there.names('Inbox') == ['Sub', 'new.eml']
    assert there.names('Inbox/Sub') == ['copy.eml', 'one.eml']
    assert there.cat('Inbox/new.eml') == HELLO
    assert len(queue(there)) >= 4
    flush(there, status=1, seconds=2)
    there.kill()
    there.launch()
    until(there.answers, 'the mount without a server')
    assert there.names('Inbox/Sub') == ['copy.eml', 'one.eml']
    box.start()
    until(lambda: there.status()['server']['state'] == 'online', 'the server', 60)
    flush(there, seconds=60)
    ews = box.somebody()
    assert subjects(ews, 'inbox') == ['Hello']
    assert subjects(ews, 'Inbox/Sub') == ['Hello', 'One']
    assert subjects(ews, 'deleteditems') == ['Two']


def test_a_server_that_is_busy(written, somebody, there):
    somebody.create_item('inbox', [message('One'), message('Two'), message('Three')])
    there.sync()
    for op in ('CreateItem', 'MoveItem'):
        written.fault('busy=100,op=%s,count=1' % op)
    shell(there, 'mv "$1" Drafts/; rm "$2"; setfattr -n user.ewsfs.is_read -v 0 "$3"',
          there.find('One'), there.find('Two'), there.find('Three'))
    put(there, 'Inbox/new.eml', HELLO)
    flush(there, seconds=60)
    assert subjects(somebody, 'inbox') == ['Hello', 'Three']
    assert subjects(somebody, 'drafts') == ['One']
    assert subjects(somebody, 'deleteditems') == ['Two']


# What the server refuses


@pytest.mark.parametrize('code,name', [
    ('ErrorAccessDenied', 'EACCES'), ('ErrorMessageSizeExceeded', 'EFBIG'),
    ('ErrorMimeContentInvalid', 'EINVAL')])
def test_a_refused_create_is_kept(written, somebody, there, code, name):
    written.fault('itemerror=%s,op=CreateItem,item=Bad' % code)
    shell(there, 'printf "Subject: Bad\\n\\nx" >Inbox/bad.eml; printf "Subject: Good\\n\\nx"'
                 ' >Inbox/good.eml')
    flush(there, status=1)
    assert subjects(somebody, 'inbox') == ['Good']
    entry, = until_queued(there, 'failed')
    assert entry['path'].endswith('/Inbox/bad.eml') and code in entry['error']
    assert code in there.xattrs('Inbox/bad.eml')['user.ewsfs.error']
    assert refusal(there, 'os.fsync(os.open("Inbox/bad.eml", os.O_RDONLY))') in (
        name, 'EIO', 'EINVAL')
    kept = [found for found in there.names('.ewsfs/failed') if found.endswith('bad.eml')]
    assert there.cat('.ewsfs/failed/' + kept[0]) == b'Subject: Bad\n\nx'
    assert there.status()['queue']['failed'] == 1
    written.clear()
    ctl(there, 'retry', str(entry['id']))
    flush(there)
    assert subjects(somebody, 'inbox') == ['Bad', 'Good']
    assert queue(there) == [] and 'user.ewsfs.error' not in there.xattrs('Inbox/bad.eml')


def test_a_full_mailbox_takes_more_after_a_delete(written, somebody, there):
    somebody.create_item('inbox', message('Old'))
    there.sync()
    written.fault('itemerror=ErrorQuotaExceeded,op=CreateItem')
    out = python(there, 'fd = os.open("Inbox/a.eml", os.O_CREAT | os.O_WRONLY)\n'
                        'os.write(fd, b"Subject: New\\n\\nbody")\n'
                        'try:\n  os.fsync(fd)\n'
                        'except OSError as e: print(errno.errorcode[e.errno])')
    assert out.out.strip() == 'EDQUOT'
    assert there.cat('Inbox/a.eml') == b'Subject: New\n\nbody'
    written.mark('full')
    put(there, 'Inbox/b.eml', message('Another'))
    flush(there, status=1, seconds=3)
    assert written.count('CreateItem', 'full') == 0
    written.clear()
    shell(there, 'rm "$1"', there.find('Old'))
    flush(there, seconds=60)
    assert subjects(somebody, 'inbox') == ['Another', 'New']


def test_discarding_what_failed(written, somebody, there):
    written.fault('itemerror=ErrorAccessDenied,op=CreateItem,item=Bad')
    put(there, 'Inbox/bad.eml', message('Bad'))
    flush(there, status=1)
    entry, = until_queued(there, 'failed')
    out = ctl(there, 'discard', str(entry['id']), stdin=b'no\n', status=None)
    assert out.status != 0 and queue(there, 'failed')
    ctl(there, 'discard', '--yes', str(entry['id']))
    assert there.names('Inbox') == [] and queue(there) == []
    assert subjects(somebody, 'inbox') == []


@pytest.mark.parametrize('op,script', [
    ('DeleteItem', 'rm "$1"'), ('MoveItem', 'mv "$1" Drafts/'),
    ('UpdateItem', 'setfattr -n user.ewsfs.categories -v Red "$1"')])
def test_a_refused_change_is_taken_back(written, somebody, there, op, script):
    somebody.create_item('inbox', message('Old'), categories=['Blue'])
    there.sync()
    path = there.find('Old')
    written.fault('itemerror=ErrorAccessDenied,op=%s' % op)
    shell(there, script, path)
    flush(there, status=None)
    until(lambda: there.names('Inbox') == [os.path.basename(path)], 'the old state')
    assert there.names('Drafts') == []
    assert there.xattrs(path)['user.ewsfs.categories'] == 'Blue'
    written.clear()
    there.sync()
    assert there.paths() == [path]


def test_one_bad_item_does_not_keep_the_others(written, somebody, there, tmp_path):
    files = mails(60)
    files['mail-030.eml'] = message('Bad')
    lay_out(tmp_path, files)
    written.fault('itemerror=ErrorMimeContentInvalid,op=CreateItem,item=Bad')
    run('sh', '-c', 'cp "$1"/*.eml "$2"', 'sh', str(tmp_path), there.at('Inbox'))
    flush(there, status=1, seconds=60)
    assert len(items_of(somebody, 'inbox')) == 59
    assert len(queue(there, 'failed')) == 1


def test_a_batch_refused_as_a_whole_is_halved(written, somebody, there, tmp_path):
    lay_out(tmp_path, mails(40))
    written.fault('fault=ErrorInvalidRequest,op=CreateItem,count=2')
    run('sh', '-c', 'cp "$1"/*.eml "$2"', 'sh', str(tmp_path), there.at('Inbox'))
    flush(there, status=None, seconds=60)
    ids = [str(entry['id']) for entry in queue(there, 'failed')]
    for number in ids:
        ctl(there, 'retry', number)
    flush(there, seconds=60)
    assert len(items_of(somebody, 'inbox')) == 40


# Too many deletes


def test_more_deletes_than_allowed_are_held(written, somebody, mount):
    somebody.create_item('inbox', list(mails(20).values()))
    there = mount(written, delete_max=5, settle=SETTLE_S)
    shell(there, 'rm Inbox/*.eml')
    assert there.names('Inbox') == []
    run(program('ewsfsctl'), 'flush', '--timeout=3', there.path, status=None, seconds=60)
    held = queue(there, 'held')
    assert held and len(items_of(somebody, 'inbox')) == len(held)
    assert len(held) >= 15
    assert there.status()['queue']['held'] == len(held)
    there.remount()
    assert len(queue(there, 'held')) == len(held)
    ctl(there, 'confirm')
    flush(there)
    assert items_of(somebody, 'inbox') == []


def test_held_deletes_come_back(written, somebody, mount):
    somebody.create_item('inbox', list(mails(20).values()))
    there = mount(written, delete_max=5, settle=SETTLE_S)
    names = there.names('Inbox')
    shell(there, 'rm Inbox/*.eml')
    until(lambda: len(queue(there, 'held')) >= 15 and not queue(there, 'waiting', 'sending'),
          'held deletes')
    held = queue(there, 'held')
    ctl(there, 'discard', '--yes', *[str(entry['id']) for entry in held])
    flush(there, status=None)
    there.sync()
    found = there.names('Inbox')
    assert len(found) >= len(held) and set(found) <= set(names)
    assert len(items_of(somebody, 'inbox')) == len(found)


# The end


def test_umount_waits_until_all_is_sent(written, somebody, there):
    written.fault('delay=1500,op=CreateItem,count=1')
    put(there, 'Inbox/a.eml', HELLO)
    run(program('ewsfsctl'), 'umount', there.path, seconds=60)
    assert subjects(somebody, 'inbox') == ['Hello']
    assert there.wait_end() in (0, None) and not is_mounted(there.path)


def test_umount_says_when_something_is_left(box, mount):
    there = mount(box, settle=SETTLE_S, flush_timeout=2)
    there.sync()
    box.kill()
    put(there, 'Inbox/a.eml', HELLO)
    out = run(program('ewsfsctl'), 'umount', there.path, status=None, seconds=60)
    assert out.status != 0 and is_mounted(there.path)
    out = run(program('ewsfsctl'), 'umount', '-f', there.path, status=None, seconds=60)
    assert not is_mounted(there.path)
    there.wait_end()
    box.start()
    there.start()
    flush(there, seconds=60)
    assert subjects(box.somebody(), 'inbox') == ['Hello']


def test_a_bare_fusermount_drains_on_behind(written, somebody, there):
    written.fault('delay=2000,op=CreateItem,count=1')
    put(there, 'Inbox/a.eml', HELLO)
    run('fusermount3', '-u', there.path)
    there.wait_end(30)
    assert subjects(somebody, 'inbox') == ['Hello']


def test_sigterm_drains_and_unmounts(written, somebody, there):
    written.fault('delay=1000,op=CreateItem,count=1')
    put(there, 'Inbox/a.eml', HELLO)
    os.kill(there.pid, signal.SIGTERM)
    there.wait_end(30)
    assert subjects(somebody, 'inbox') == ['Hello'] and not is_mounted(there.path)


def test_a_new_mount_waits_for_the_old_one_and_sends_what_is_left(written, somebody, there):
    written.fault('delay=2000,op=CreateItem,count=1')
    put(there, 'Inbox/a.eml', HELLO)
    run('fusermount3', '-u', there.path)
    old, there.process = there.process, None
    there.start(60)
    assert old.wait(30) == 0
    flush(there)
    assert subjects(somebody, 'inbox') == ['Hello']


def test_kill_and_remount(written, somebody, there):
    shell(there, 'mkdir Inbox/Sub; for i in 1 2 3 4 5; do printf "Subject: $i\\n\\nx"'
                 ' >Inbox/Sub/$i.eml; done')
    there.kill()
    there.start()
    assert there.names('Inbox/Sub') == ['%d.eml' % n for n in range(1, 6)]
    flush(there)
    assert subjects(somebody, 'Inbox/Sub') == ['1', '2', '3', '4', '5']


def test_what_was_still_written_when_ewsfs_died_is_not_sent(written, somebody, there):
    script = ('import os, sys\nfd = os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY)\n'
              'os.write(fd, b"Subject: a\\n\\nhalf")\nsys.stdin.read()')
    with subprocess.Popen([sys.executable, '-c', script, there.at('Inbox/a.eml')],
                          stdin=subprocess.PIPE) as writer:
        until(lambda: there.stat('Inbox/a.eml').get('size') == 16, 'the bytes')
        there.kill()
        writer.kill()
    there.start()
    flush(there, status=None)
    assert subjects(somebody, 'inbox') == []
    assert there.cat('Inbox/a.eml') == b'Subject: a\n\nhalf'
    entry, = queue(there, 'unfinished')
    ctl(there, 'retry', str(entry['id']))
    flush(there)
    assert subjects(somebody, 'inbox') == ['a']


# Order


def test_a_folder_is_there_before_what_is_in_it(written, somebody, there):
    written.fault('delay=700,op=CreateFolder,count=3')
    shell(there, 'mkdir -p Inbox/a/b/c; printf "Subject: x\\n\\nx" >Inbox/a/b/c/x.eml')
    flush(there, seconds=60)
    assert subjects(somebody, 'Inbox/a/b/c') == ['x']


def test_a_name_is_freed_before_it_is_used_again(written, somebody, there):
    somebody.create_folder('inbox', 'Box')
    somebody.create_item('inbox', message('Old'))
    there.sync()
    shell(there, 'mv Inbox/Box Inbox/Box2; mkdir Inbox/Box; mv "$1" Inbox/Box/', there.find('Old'))
    flush(there)
    assert subjects(somebody, 'Inbox/Box') == ['Old']
    assert 'Inbox/Box2' in folder_paths(somebody)


def test_swapping_two_names(somebody, there):
    somebody.create_item('inbox', [message('One'), message('Two')])
    there.sync()
    one, two = there.find('One'), there.find('Two')
    shell(there, 'mv "$1" Inbox/swap.eml; mv "$2" "$1"; mv Inbox/swap.eml "$2"', one, two)
    flush(there)
    assert sorted(there.paths()) == sorted([one, two])
    names = {describe(item)['gist'][0]: describe(item)['name']
             for item in items_of(somebody, 'inbox')}
    assert names == {'One': os.path.basename(two), 'Two': os.path.basename(one)}


def test_the_directory_does_not_go_when_a_message_could_not(written, somebody, there):
    target = somebody.create_folder('inbox', 'Target')
    somebody.create_item(target, [message('Good'), message('Bad')])
    there.sync()
    written.fault('itemerror=ErrorAccessDenied,op=DeleteItem,item=Bad')
    shell(there, 'rm -r Inbox/Target')
    flush(there, status=None)
    assert subjects(somebody, 'Inbox/Target') == ['Bad']
    until(lambda: there.sync() and 'Target' in there.names('Inbox'), 'the folder again')
    assert there.find('Bad', 'Inbox/Target')


# Meetings


def test_a_date_is_saved_and_nobody_is_invited(somebody, there):
    shell(there, 'cat >Calendar/d.ics', stdin=(
        b'BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:1\r\n'
        b'SUMMARY:Regatta\r\nDTSTART:20260102T030405Z\r\nDTEND:20260102T040405Z\r\n'
        b'ORGANIZER:mailto:user@example.org\r\nATTENDEE:mailto:ada@example.com\r\n'
        b'END:VEVENT\r\nEND:VCALENDAR\r\n'))
    flush(there)
    assert len(items_of(somebody, 'calendar')) == 1
    shell(there, 'rm Calendar/d.ics')
    flush(there)
    assert items_of(somebody, 'calendar') == []


def test_the_class_of_an_upload_is_mended(written, somebody, there):
    written.fault('itemerror=ErrorObjectTypeChanged,op=CreateItem,count=1')
    shell(there, 'cat >Inbox/r.eml', stdin=(
        b'Subject: Undeliverable\r\nContent-Type: multipart/report; report-type=delivery-status;'
        b' boundary=x\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\nno\r\n--x\r\nContent-Type:'
        b' message/delivery-status\r\n\r\nReporting-MTA: dns; a\r\n\r\n--x--\r\n'))
    flush(there)
    item, = items_of(somebody, 'inbox')
    assert describe(item)['class'].upper().startswith('REPORT.')


def test_two_machines(written, somebody, mount):
    """What one writes the other sees, under the same name."""
    one, two = mount(written, settle=SETTLE_S), mount(written, settle=SETTLE_S, refresh=1)
    put(one, 'Inbox/a.eml', HELLO)
    flush(one)
    two.sync()
    assert two.names('Inbox') == ['a.eml']
    shell(two, 'mv Inbox/a.eml Drafts/b.eml')
    flush(two)
    one.sync()
    assert one.names('Inbox') == [] and one.names('Drafts') == ['b.eml']
    assert mailbox(somebody, 'gist', 'name')['Drafts'] == [
        '{"gist": %s, "name": "b.eml"}' % str(list(gist(HELLO))).replace("'", '"')]


def test_nothing_hangs_when_the_server_never_answers(written, there):
    written.fault('delay=600000,op=CreateItem')
    put(there, 'Inbox/a.eml', HELLO)
    begin = time.monotonic()
    flush(there, status=1, seconds=2)
    assert time.monotonic() - begin < 12 * PATIENCE
    assert there.names('Inbox') == ['a.eml']
    run('ls', '-l', there.at('Inbox'))
    written.clear()
    there.kill()
