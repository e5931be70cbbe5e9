# SPDX-License-Identifier: GPL-3.0-or-later
"""Single operations on a mount: what each does here and on the server, and how many requests it
takes.
"""
import os
import time

import pytest

from mounting import PATIENCE, message, run, sha256, until
from writing import (count_writes, describe, flush, folder_paths, gist, gists, items_of, lay_out,
                     mails, python, put, queue, refusal, shell, shown, subjects)

HELLO = message('Hello')
DAY = 86400


def assert_same(there, ews, folder='Inbox'):
    """What the mount shows is what the server has, and nothing waits."""
    assert sorted(shown(there, folder).values()) == gists(ews, folder)
    assert [entry for entry in queue(there) if entry['state'] != 'scratch'] == []


@pytest.fixture
def old(somebody):
    """A message that is on the server already."""
    return somebody.create_item('inbox', message('Old'), received='2020-01-02T03:04:05Z')


# Creating


def test_a_redirection_makes_one_message(written, somebody, there):
    written.mark('create')
    put(there, 'Inbox/hello.eml', HELLO)
    assert there.cat('Inbox/hello.eml') == HELLO
    assert there.stat('Inbox/hello.eml')['size'] == len(HELLO)
    flush(there)
    item, = items_of(somebody, 'inbox')
    what = describe(item)
    assert what['gist'] == gist(HELLO)
    assert (what['draft'], what['name']) == (False, 'hello.eml')
    assert count_writes(written, 'create') == {'CreateItem': 1}
    assert there.cat('Inbox/hello.eml') == HELLO
    assert there.names('Inbox') == ['hello.eml']


def test_what_is_in_drafts_is_a_draft(somebody, there):
    put(there, 'Drafts/d.eml', HELLO)
    put(there, 'Inbox/i.eml', HELLO)
    flush(there)
    assert [describe(item)['draft'] for item in items_of(somebody, 'drafts')] == [True]
    assert [describe(item)['draft'] for item in items_of(somebody, 'inbox')] == [False]


def test_two_commands_with_a_pause_write_one_message(written, somebody, there):
    """FLUSH comes at the end of each child; the message ends with the last close."""
    written.mark('two')
    shell(there, '(printf "Subject: a\\n\\n"; cat /dev/null; sleep 1.5; /bin/echo body)'
                 ' >Inbox/a.eml')
    flush(there)
    assert gists(somebody, 'inbox') == [gist(b'Subject: a\n\nbody\n')]
    assert count_writes(written, 'two') == {'CreateItem': 1}


def test_many_copies_are_few_requests(written, somebody, there, tmp_path):
    count = 1000
    lay_out(tmp_path, mails(count))
    written.mark('cp')
    took = run('sh', '-c', 'cp "$1"/*.eml "$2"', 'sh', str(tmp_path), there.at('Inbox'),
               seconds=60 * PATIENCE).took
    flush(there, seconds=60)
    assert len(items_of(somebody, 'inbox')) == count
    calls = count_writes(written, 'cp')
    assert set(calls) == {'CreateItem'}
    # What is there leaves after a second at most: a slow machine makes more.
    assert calls['CreateItem'] <= max(25, 15 + 3 * took)
    assert_same(there, somebody)


def test_cp_p_keeps_times(somebody, there, tmp_path):
    lay_out(tmp_path, {'a.eml': HELLO})
    run('cp', '-p', str(tmp_path / 'a.eml'), there.at('Inbox'))
    assert there.stat('Inbox/a.eml')['mtime'] == 1700000000 * 10**9
    flush(there)
    assert there.stat('Inbox/a.eml')['mtime'] == 1700000000 * 10**9
    item, = items_of(somebody, 'inbox')
    assert describe(item)['received'] == '2023-11-14T22:13:20Z'


def test_mv_and_install_into_the_mount(somebody, there, tmp_path):
    lay_out(tmp_path, mails(3))
    run('mv', str(tmp_path / 'mail-000.eml'), there.at('Inbox'))
    run('install', '-m', '600', str(tmp_path / 'mail-001.eml'), there.at('Inbox', 'b.eml'))
    python(there, 'import shutil; shutil.copy2(sys.argv[1], "Inbox/c.eml")',
           str(tmp_path / 'mail-002.eml'))
    flush(there)
    assert subjects(somebody, 'inbox') == ['Mail 0', 'Mail 1', 'Mail 2']
    assert there.names('Inbox') == ['b.eml', 'c.eml', 'mail-000.eml']


def test_tar_x(written, somebody, there, tmp_path):
    files = {'Box/%s/%s' % (sub, name): data
             for sub in ('one', 'two/three') for name, data in mails(10, prefix=sub).items()
             for name in [os.path.basename(name)]}
    lay_out(tmp_path / 'from', files)
    run('tar', '-C', str(tmp_path / 'from'), '-cf', str(tmp_path / 'a.tar'), 'Box')
    written.mark('tar')
    run('tar', '-C', there.at('Inbox'), '-xf', str(tmp_path / 'a.tar'))
    flush(there)
    found = folder_paths(somebody)
    assert {'Inbox/Box', 'Inbox/Box/one', 'Inbox/Box/two', 'Inbox/Box/two/three'} <= set(found)
    for sub in ('one', 'two/three'):
        assert len(gists(somebody, 'Inbox/Box/' + sub)) == 10
    calls = count_writes(written, 'tar')
    assert set(calls) == {'CreateFolder', 'CreateItem'}
    assert sum(calls.values()) <= 7
    times = {p: e['mtime'] for p, e in there.files('Inbox').items()}
    assert set(times.values()) == {(1700000000 + 60 * n) * 10**9 for n in range(20)}


@pytest.mark.parametrize('name,data', [
    ('a.eml', b'%PDF-1.4\n'), ('a.ics', HELLO), ('a.vcf', HELLO)])
def test_what_is_no_message_is_refused_at_close(written, somebody, there, name, data):
    written.mark('no')
    out = python(there, 'fd = os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY)\n'
                        'os.write(fd, os.fsencode(sys.argv[2]))\n'
                        'try:\n  os.close(fd)\n'
                        'except OSError as e: print(errno.errorcode[e.errno])',
                 'Inbox/' + name, data.decode())
    assert out.out.strip() == 'EINVAL'
    flush(there, status=1)
    assert gists(somebody, 'inbox') == [] and count_writes(written, 'no') == {}
    assert there.cat('Inbox/' + name) == data
    assert queue(there)[0]['state'] == 'unfinished' and queue(there)[0]['error']


@pytest.mark.parametrize('name', ['report.pdf', 'a.txt', 'a.eml.gz'])
def test_other_names_are_refused_at_create(there, name):
    assert refusal(there, 'open("Inbox/%s", "w")' % name) == 'EINVAL'
    assert there.names('Inbox') == []


def test_an_empty_file_waits(written, somebody, there):
    written.mark('touch')
    shell(there, 'touch Inbox/a.eml')
    assert there.stat('Inbox/a.eml')['size'] == 0
    flush(there, status=None)
    assert gists(somebody, 'inbox') == []
    put(there, 'Inbox/a.eml', HELLO)
    flush(there)
    assert gists(somebody, 'inbox') == [gist(HELLO)]
    assert count_writes(written, 'touch') == {'CreateItem': 1}


def test_too_big(there):
    assert refusal(there, 'os.truncate(os.open("Inbox/a.eml", os.O_CREAT | os.O_RDWR), 2**31)'
                   ) == 'EFBIG'


def test_a_message_of_many_megabytes(somebody, there, tmp_path):
    data = message('Big') + (b'0123456789abcdef' * 4 + b'\r\n') * 300000
    (tmp_path / 'big.eml').write_bytes(data)
    run('cp', str(tmp_path / 'big.eml'), there.at('Inbox'), seconds=60 * PATIENCE)
    flush(there, seconds=60)
    item, = items_of(somebody, 'inbox')
    assert gist(item.mime) == gist(data)
    with open('/proc/%d/status' % there.pid, encoding='ascii') as status:
        anon = [int(line.split()[1]) for line in status if line.startswith('RssAnon')][0]
    assert anon < 64 * 1024 or PATIENCE > 1


# Ways to write


def test_append(somebody, there):
    put(there, 'Drafts/a.eml', HELLO)
    shell(there, 'printf "one more line\\n" >>Drafts/a.eml')
    flush(there)
    assert gists(somebody, 'drafts') == [gist(HELLO + b'one more line\n')]


def test_append_to_what_the_server_has(somebody, there):
    somebody.create_item('drafts', HELLO, draft=True)
    there.sync()
    path = there.find('', 'Drafts')
    shell(there, 'printf "one more line\\n" >>"$1"', path)
    flush(there)
    assert gists(somebody, 'drafts') == [gist(there.cat(path))]
    assert there.cat(path).endswith(b'one more line\n')


@pytest.mark.parametrize('when', ['before', 'after'])
def test_mmap(somebody, there, when):
    """What a mapping writes after the last close is part of the message."""
    put(there, 'Inbox/a.eml', b'Subject: a\n\nxxxx\n')
    python(there, 'import mmap\n'
                  'fd = os.open("Inbox/a.eml", os.O_RDWR)\n'
                  'm = mmap.mmap(fd, 17)\n'
                  'if sys.argv[1] == "after": os.close(fd)\n'
                  'm[12:16] = b"body"\n'
                  'm.close()\n'
                  'if sys.argv[1] == "before": os.close(fd)', when)
    flush(there)
    assert there.cat('Inbox/a.eml') == b'Subject: a\n\nbody\n'
    until(lambda: flush(there) and gists(somebody, 'inbox') == [gist(b'Subject: a\n\nbody\n')],
          'the mapping')


def test_truncate_and_rewrite_of_a_draft(written, somebody, there):
    """The flags of the old one stay, one new message is made, and the old one goes softly."""
    somebody.create_item('drafts', message('Draft'), draft=True, categories=['Red'],
                         importance='High')
    there.sync()
    path = there.find('', 'Drafts')
    before = there.stat(path)
    written.mark('rewrite')
    put(there, path, message('Draft', body='second version'))
    flush(there)
    item, = items_of(somebody, 'drafts')
    what = describe(item)
    assert what['gist'] == gist(message('Draft', body='second version'))
    assert (what['categories'], what['importance'], what['draft']) == (['Red'], 'High', True)
    assert gists(somebody, 'deleteditems') == []
    assert count_writes(written, 'rewrite') == {'CreateItem': 1, 'DeleteItem': 1}
    assert there.stat(path)['ino'] == before['ino']
    assert there.paths('Drafts') == [path]


def test_rewriting_what_is_not_sent_yet_is_one_create(written, somebody, there):
    written.fault('delay=1500,op=CreateItem,count=1')
    written.mark('twice')
    for version in range(5):
        put(there, 'Drafts/a.eml', message('Draft', body='version %d' % version))
    flush(there)
    assert gists(somebody, 'drafts') == [gist(message('Draft', body='version 4'))]
    assert count_writes(written, 'twice')['CreateItem'] <= 2


def test_a_writer_is_killed_half_way(somebody, there):
    """What is there is kept; nothing is shown that is not there; nothing hangs."""
    python(there, 'import signal\n'
                  'fd = os.open("Inbox/a.eml", os.O_CREAT | os.O_WRONLY)\n'
                  'os.write(fd, b"Subject: half\\n\\nhalf a ")\n'
                  'os.kill(os.getpid(), signal.SIGKILL)', status=-9)
    flush(there)
    assert there.cat('Inbox/a.eml') == b'Subject: half\n\nhalf a '
    assert_same(there, somebody) if gists(somebody, 'inbox') else None
    put(there, 'Inbox/a.eml', HELLO)
    flush(there)
    assert gists(somebody, 'inbox') == [gist(HELLO)]


def test_reading_while_it_is_written(there):
    out = python(there, 'a = open("Inbox/a.eml", "wb", 0)\nb = open("Inbox/a.eml", "rb", 0)\n'
                        'a.write(b"Subject: x\\n\\n")\nprint(b.read())\na.write(b"more")\n'
                        'print(b.read(), os.fstat(b.fileno()).st_size)')
    assert out.out == "b'Subject: x\\n\\n'\nb'more' 16\n"


def test_writing_what_was_unlinked(somebody, there):
    python(there, 'f = open("Inbox/a.eml", "w+b", 0)\nf.write(b"Subject: x\\n\\n")\n'
                  'os.unlink("Inbox/a.eml")\nf.write(b"more")\nf.seek(0)\n'
                  'assert f.read() == b"Subject: x\\n\\nmore"\n'
                  'assert os.fstat(f.fileno()).st_size == 16')
    flush(there)
    assert gists(somebody, 'inbox') == [] and gists(somebody, 'deleteditems') == []


# Names


def test_rename_in_a_folder(written, somebody, old, there):
    path = there.find('Old')
    before = there.stat(path)
    written.mark('rename')
    shell(there, 'mv "$1" Inbox/new.eml', path)
    assert there.names('Inbox') == ['new.eml']
    flush(there)
    assert count_writes(written, 'rename') == {'UpdateItem': 1}
    assert [describe(item)['name'] for item in items_of(somebody, 'inbox')] == ['new.eml']
    after = there.stat('Inbox/new.eml')
    assert [after[k] for k in ('ino', 'size', 'mtime')] == [
        before[k] for k in ('ino', 'size', 'mtime')]
    there.unmount()
    there.forget()
    there.start()
    assert there.names('Inbox') == ['new.eml']
    assert there.stat('Inbox/new.eml')['ino'] == before['ino']


def test_rename_across_folders(written, somebody, old, there):
    path = there.find('Old')
    before, data = there.stat(path), there.cat(path)
    written.mark('move')
    shell(there, 'mv "$1" Drafts/', path)
    flush(there)
    assert count_writes(written, 'move') == {'MoveItem': 1}
    assert subjects(somebody, 'inbox') == [] and subjects(somebody, 'drafts') == ['Old']
    written.mark('read')
    moved = 'Drafts/' + os.path.basename(path)
    assert there.cat(moved) == data
    assert there.stat(moved)['ino'] == before['ino']
    assert written.count('GetItem', 'read') == 0


def test_moving_many(written, somebody, there):
    somebody.create_item('inbox', list(mails(300).values()))
    target = somebody.create_folder('inbox', 'Target')
    there.sync()
    written.mark('mv')
    shell(there, 'mv Inbox/*.eml Inbox/Target/', seconds=60 * PATIENCE)
    flush(there)
    assert len(items_of(somebody, target)) == 300
    calls = count_writes(written, 'mv')
    assert set(calls) == {'MoveItem'} and calls['MoveItem'] <= 12
    assert len(there.names('Inbox/Target')) == 300 and there.names('Inbox') == ['Target']


def test_rename_over_a_message(written, somebody, there):
    somebody.create_item('inbox', message('Under'), categories=['Blue'],
                         received='2020-01-02T03:04:05Z')
    there.sync()
    path = there.find('Under')
    written.mark('over')
    shell(there, 'cat >Inbox/.a.eml.tmp && mv Inbox/.a.eml.tmp "$1"', path, stdin=HELLO)
    flush(there)
    item, = items_of(somebody, 'inbox')
    what = describe(item)
    assert what['gist'] == gist(HELLO)
    assert (what['categories'], what['received']) == (['Blue'], '2020-01-02T03:04:05Z')
    assert gists(somebody, 'deleteditems') == []
    assert count_writes(written, 'over') == {'CreateItem': 1, 'DeleteItem': 1}
    # Each is confirmed before the next leaves.
    ops = [line['op'] for line in written.log('over') if line['op'] in ('CreateItem', 'DeleteItem')]
    assert ops == ['CreateItem', 'DeleteItem']


def test_rename_over_a_message_that_is_on_its_way(written, somebody, there):
    """Versions that were never finished elsewhere do not end in Deleted Items."""
    somebody.create_item('drafts', message('Draft'), draft=True)
    there.sync()
    path = there.find('', 'Drafts')
    written.fault('delay=500,op=CreateItem,count=2')
    for number in range(6):
        shell(there, 'cat >Drafts/.new && mv Drafts/.new "$1"; sleep 0.3', path,
              stdin=message('Draft', body='version %d' % number))
    flush(there)
    assert gists(somebody, 'drafts') == [gist(message('Draft', body='version 5'))]
    assert gists(somebody, 'deleteditems') == []
    assert there.paths('Drafts') == [path]


def test_two_are_replaced_by_one(written, somebody, there):
    """A new version goes over another message before it was sent: both old ones go."""
    put(there, 'Inbox/a.eml', message('First'))
    put(there, 'Inbox/c.eml', message('Second'))
    flush(there)
    shell(there, 'cat >Inbox/.new && mv Inbox/.new Inbox/c.eml && mv Inbox/c.eml Inbox/a.eml',
          stdin=message('Third'))
    flush(there)
    assert subjects(somebody, 'inbox') == ['Third']
    assert there.names('Inbox') == ['a.eml']


def test_rename_of_one_message_over_another(somebody, there):
    somebody.create_item('inbox', [message('One'), message('Two')])
    there.sync()
    one, two = there.find('One'), there.find('Two')
    shell(there, 'mv "$1" "$2"', one, two)
    flush(there)
    assert there.paths() == [two]
    assert subjects(somebody, 'inbox') == ['One']


def test_rename_noreplace(there):
    put(there, 'Inbox/a.eml', HELLO)
    put(there, 'Inbox/b.eml', HELLO)
    shell(there, 'mv -n Inbox/a.eml Inbox/b.eml', status=None)
    assert there.names('Inbox') == ['a.eml', 'b.eml']
    out = python(there, 'import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n'
                        'for to in (b"Inbox/b.eml", b"Inbox/c.eml"):\n'
                        '  r = libc.renameat2(-100, b"Inbox/a.eml", -100, to, 1)\n'
                        '  print(r, errno.errorcode.get(ctypes.get_errno(), 0) if r else "")')
    assert out.out.split() == ['-1', 'EEXIST', '0']
    assert there.names('Inbox') == ['b.eml', 'c.eml']


def test_rename_exchange_is_refused(there):
    put(there, 'Inbox/a.eml', HELLO)
    put(there, 'Inbox/b.eml', HELLO)
    out = python(there, 'import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n'
                        'r = libc.renameat2(-100, b"Inbox/a.eml", -100, b"Inbox/b.eml", 2)\n'
                        'print(r, errno.errorcode[ctypes.get_errno()])')
    assert out.out.split() == ['-1', 'EINVAL']


def test_rename_to_a_name_that_is_neither(there):
    put(there, 'Inbox/a.eml', HELLO)
    assert refusal(there, 'os.rename("Inbox/a.eml", "Inbox/a.pdf")') == 'EINVAL'
    assert there.names('Inbox') == ['a.eml']


def test_create_rename_utimens_and_flags_are_one_create(written, somebody, there):
    written.fault('delay=800,op=CreateItem,count=1')
    written.mark('one')
    shell(there, 'cat >Inbox/a.eml; mv Inbox/a.eml Inbox/b.eml; touch -d 2021-02-03T04:05:06Z'
                 ' Inbox/b.eml; setfattr -n user.ewsfs.is_read -v 1 Inbox/b.eml;'
                 ' setfattr -n user.ewsfs.categories -v "Red, Blue" Inbox/b.eml', stdin=HELLO)
    flush(there)
    calls = count_writes(written, 'one')
    assert calls['CreateItem'] == 1 and sum(calls.values()) <= 2
    what = describe(items_of(somebody, 'inbox')[0])
    assert (what['name'], what['received'], what['read'], what['categories']) == (
        'b.eml', '2021-02-03T04:05:06Z', True, ['Blue', 'Red'])


# Removing


def test_unlink(written, somebody, old, there):
    written.mark('rm')
    shell(there, 'rm "$1"', there.find('Old'))
    assert there.names('Inbox') == []
    flush(there)
    assert subjects(somebody, 'inbox') == [] and subjects(somebody, 'deleteditems') == ['Old']
    assert count_writes(written, 'rm') == {'DeleteItem': 1}
    there.sync()
    assert there.find('Old', 'Deleted Items')
    shell(there, 'rm "$1"', there.find('Old', 'Deleted Items'))
    flush(there)
    assert subjects(somebody, 'deleteditems') == []


@pytest.mark.parametrize('how,left', [('trash', ['Old']), ('soft', []), ('hard', [])])
def test_ways_of_deleting(written, somebody, old, mount, how, left):
    there = mount(written, delete=how, settle=2)
    shell(there, 'rm "$1"', there.find('Old'))
    flush(there)
    assert subjects(somebody, 'deleteditems') == left


def test_create_and_unlink_cancel_out(written, somebody, there):
    written.mark('nothing')
    shell(there, 'for i in 1 2 3; do cat /dev/stdin >Inbox/$i.eml <<X\nSubject: $i\n\nbody\nX\n'
                 'rm Inbox/$i.eml; done')
    flush(there)
    assert count_writes(written, 'nothing') == {}
    assert subjects(somebody, 'inbox') == []


def test_rm_r_of_many(written, somebody, there):
    target = somebody.create_folder('inbox', 'Target')
    for _ in range(4):
        somebody.create_item(target, list(mails(250).values()))
    there.sync()
    written.mark('rm')
    shell(there, 'rm -r Inbox/Target', seconds=90 * PATIENCE)
    flush(there, seconds=60)
    calls = count_writes(written, 'rm')
    assert calls['DeleteItem'] <= 20 and calls['DeleteFolder'] == 1
    assert 'Inbox/Target' not in folder_paths(somebody)
    assert len(items_of(somebody, 'deleteditems')) == 1000
    assert there.names('Inbox') == []


# Folders


def test_mkdir_and_rmdir(written, somebody, there):
    written.mark('mkdir')
    shell(there, 'mkdir -p Inbox/a/b "Inbox/with blank"')
    assert there.stat('Inbox')['nlink'] == 4
    flush(there)
    assert {'Inbox/a', 'Inbox/a/b', 'Inbox/with blank'} <= set(folder_paths(somebody))
    assert refusal(there, 'os.rmdir("Inbox/a")') == 'ENOTEMPTY'
    assert refusal(there, 'os.mkdir("Inbox/a")') == 'EEXIST'
    assert refusal(there, 'os.mkdir("Inbox/A")') == 'EEXIST'
    shell(there, 'rmdir Inbox/a/b Inbox/a')
    flush(there)
    assert not {'Inbox/a', 'Inbox/a/b'} & set(folder_paths(somebody))
    calls = count_writes(written, 'mkdir')
    assert calls['CreateFolder'] <= 2 and calls['DeleteFolder'] <= 2


def test_mkdir_and_rmdir_cancel_out(written, there):
    written.mark('nothing')
    shell(there, 'mkdir Inbox/a; rmdir Inbox/a')
    flush(there)
    assert count_writes(written, 'nothing') == {}


def test_rename_and_move_of_a_directory(written, somebody, there):
    target = somebody.create_folder('inbox', 'Target')
    somebody.create_item(target, list(mails(5).values()))
    there.sync()
    before = there.tree('Inbox/Target')
    written.mark('mv')
    shell(there, 'mv Inbox/Target Inbox/Renamed')
    flush(there)
    shell(there, 'mv Inbox/Renamed Drafts/')
    flush(there)
    assert 'Drafts/Renamed' in folder_paths(somebody)
    assert count_writes(written, 'mv') == {'UpdateFolder': 1, 'MoveFolder': 1}
    after = there.tree('Drafts/Renamed')
    assert {p: e['ino'] for p, e in after.items()} == {p: e['ino'] for p, e in before.items()}


def test_a_directory_is_not_moved_into_itself(there):
    shell(there, 'mkdir -p Inbox/a/b')
    assert refusal(there, 'os.rename("Inbox/a", "Inbox/a/b/c")') == 'EINVAL'


def test_distinguished_folders_stay(there):
    for call in ('os.rmdir("Inbox")', 'os.rmdir("Drafts")', 'os.rename("Inbox", "Inbox2")',
                 'os.rename("Sent Items", "Inbox/Sent Items")'):
        assert refusal(there, call) in ('EPERM', 'EBUSY'), call
    assert {'Inbox', 'Drafts', 'Sent Items'} <= set(there.names())


# Attributes


def test_utimens_of_a_message(written, somebody, old, there):
    path = there.find('Old')
    written.mark('touch')
    shell(there, 'touch -d 2019-05-06T07:08:09Z "$1"', path)
    flush(there)
    assert describe(items_of(somebody, 'inbox')[0])['received'] == '2019-05-06T07:08:09Z'
    assert count_writes(written, 'touch') == {'UpdateItem': 1}
    assert there.stat(path)['mtime'] == 1557126489 * 10**9


def test_setting_attributes(written, somebody, old, there):
    path = there.find('Old')
    written.mark('set')
    for name, value in (('subject', 'Another'), ('is_read', '0'), ('importance', 'low'),
                        ('categories', 'Green'), ('flag', 'flagged')):
        shell(there, 'setfattr -n "user.ewsfs.$2" -v "$3" "$1"', path, name, value)
    found = there.xattrs(path)
    flush(there)
    assert count_writes(written, 'set') == {'UpdateItem': 1}
    item, = items_of(somebody, 'inbox')
    what = describe(item)
    assert (item.subject, what['read'], what['importance'], what['categories'], what['flag']) == (
        'Another', False, 'Low', ['Green'], 'Flagged')
    for name, value in (('subject', 'Another'), ('is_read', '0'), ('importance', 'low'),
                        ('categories', 'Green'), ('flag', 'flagged')):
        assert found['user.ewsfs.' + name] == value
        assert there.xattrs(path)['user.ewsfs.' + name] == value


def test_flagging_many(written, somebody, there):
    somebody.create_item('inbox', list(mails(300).values()), read=False)
    there.sync()
    written.mark('flag')
    shell(there, 'for f in Inbox/*.eml; do setfattr -n user.ewsfs.is_read -v 1 "$f"; done',
          seconds=60 * PATIENCE)
    flush(there)
    assert all(describe(item)['read'] for item in items_of(somebody, 'inbox'))
    calls = count_writes(written, 'flag')
    assert set(calls) == {'UpdateItem'} and calls['UpdateItem'] <= 12


@pytest.mark.parametrize('name,value,errors', [
    ('item_id', b'x', ('EPERM', 'EACCES')), ('size', b'1', ('EPERM', 'EACCES')),
    ('is_read', b'maybe', ('EINVAL',)), ('importance', b'dire', ('EINVAL',))])
def test_attributes_that_cannot_be_set(old, there, name, value, errors):
    path = there.find('Old')
    assert refusal(there, 'os.setxattr(%r, "user.ewsfs.%s", %r)' % (path, name, value)) in errors
    same = os.fsencode(there.xattrs(path)['user.ewsfs.' + name])
    assert refusal(there, 'os.setxattr(%r, "user.ewsfs.%s", %r)' % (path, name, same)) == 'done'


def test_chmod_and_chown_of_nothing(old, there):
    path = there.find('Old')
    assert refusal(there, 'os.chmod(%r, 0o600)' % path) == 'done'
    assert refusal(there, 'os.chmod(%r, 0o644)' % path) in ('done', 'EPERM')
    assert refusal(there, 'os.chown(%r, os.getuid(), os.getgid())' % path) == 'done'
    assert there.stat(path)['mode'] & 0o777 == 0o600


# Copies


def test_cp_inside_the_mount_moves_no_bytes(written, somebody, old, there):
    path = there.find('Old')
    data = there.cat(path)
    written.mark('cp')
    shell(there, 'cp "$1" Drafts/copy.eml', path)
    flush(there)
    assert gists(somebody, 'drafts') == gists(somebody, 'inbox') == [gist(data)]
    calls = count_writes(written, 'cp')
    assert calls['CopyItem'] == 1 and calls['CreateItem'] == 0
    assert there.cat('Drafts/copy.eml') == data
    assert there.stat('Drafts/copy.eml')['ino'] != there.stat(path)['ino']


def test_copying_many(written, somebody, there):
    somebody.create_item('inbox', list(mails(100).values()))
    there.sync()
    written.mark('cp')
    shell(there, 'mkdir Inbox/To; cp Inbox/*.eml Inbox/To/', seconds=60 * PATIENCE)
    flush(there)
    assert gists(somebody, 'Inbox/To') == gists(somebody, 'inbox')
    calls = count_writes(written, 'cp')
    assert calls['CreateItem'] == 0 and sum(calls.values()) <= 20


# What cannot be


def test_links_and_devices_are_refused(old, there):
    path = there.find('Old')
    assert refusal(there, 'os.link(%r, "Inbox/l.eml")' % path) in ('EPERM', 'EOPNOTSUPP')
    assert refusal(there, 'os.symlink("x", "Inbox/l.eml")') in ('EPERM', 'EOPNOTSUPP')
    assert refusal(there, 'os.mkfifo("Inbox/l.eml")') in ('EPERM', 'EOPNOTSUPP')
    out = python(there, 'fd = os.open("Inbox/a.eml", os.O_CREAT | os.O_RDWR)\n'
                        'os.write(fd, b"Subject: a\\n\\nbody")\n'
                        'import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n'
                        'libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_long,'
                        ' ctypes.c_long]\n'
                        'print(libc.fallocate(fd, 3, 0, 4), errno.errorcode[ctypes.get_errno()])')
    assert out.out.split() in (['-1', 'ENOTSUP'], ['-1', 'EOPNOTSUPP'])


def test_a_mount_that_only_reads(server, somebody, mount):
    somebody.create_item('inbox', message('Old'))
    there = mount(server, 'ro')
    path = there.find('Old')
    for call in ('open("Inbox/a.eml", "w")', 'os.unlink(%r)' % path, 'os.mkdir("Inbox/a")',
                 'os.rename(%r, "Inbox/b.eml")' % path, 'os.utime(%r)' % path,
                 'os.setxattr(%r, "user.ewsfs.is_read", b"1")' % path, 'os.truncate(%r, 0)' % path):
        assert refusal(there, call) == 'EROFS', call


def test_a_folder_without_rights_refuses_at_once(serve, mount):
    server = serve('--fill', 'Inbox/Locked=2', '--rights', 'Inbox/Locked=read')
    there = mount(server)
    there.sync()
    path = there.paths('Inbox/Locked')[0]
    for call in ('open("Inbox/Locked/a.eml", "w")', 'os.unlink(%r)' % path,
                 'os.mkdir("Inbox/Locked/a")', 'os.rename(%r, "Inbox/b.eml")' % path,
                 'open(%r, "r+b")' % path):
        assert refusal(there, call) == 'EACCES', call


# fsync


def test_fsync_returns_when_the_server_has_it(somebody, there):
    python(there, 'fd = os.open("Inbox/a.eml", os.O_CREAT | os.O_WRONLY)\n'
                  'os.write(fd, b"Subject: a\\n\\nbody")\nos.fsync(fd)')
    assert subjects(somebody, 'inbox') == ['a']


def test_fsync_of_a_directory(somebody, old, there):
    shell(there, 'for i in 1 2 3; do printf "Subject: $i\\n\\nx" >Inbox/$i.eml; done; rm "$1";'
                 ' sync Inbox', there.find('Old'))
    assert subjects(somebody, 'inbox') == ['1', '2', '3']


def test_fsync_tells_the_error(written, there):
    written.fault('itemerror=ErrorAccessDenied,op=CreateItem')
    out = python(there, 'fd = os.open("Inbox/a.eml", os.O_CREAT | os.O_WRONLY)\n'
                        'os.write(fd, b"Subject: a\\n\\nbody")\n'
                        'try:\n  os.fsync(fd)\n'
                        'except OSError as e: print(errno.errorcode[e.errno])')
    assert out.out.strip() == 'EACCES'


def test_local_fsync_does_not_wait_for_the_server(written, mount):
    there = mount(written, fsync='local', settle=2)
    written.fault('delay=3000,op=CreateItem,count=1')
    begin = time.monotonic()
    python(there, 'fd = os.open("Inbox/a.eml", os.O_CREAT | os.O_WRONLY)\n'
                  'os.write(fd, b"Subject: a\\n\\nbody")\nos.fsync(fd)')
    assert time.monotonic() - begin < 2 * PATIENCE
    flush(there)


# Scratch


@pytest.mark.parametrize('name', ['.hidden.eml', 'a.eml~', '#a.eml#', '4913', 'a.eml.part'])
def test_scratch_is_kept_here(written, somebody, there, name):
    written.mark('scratch')
    put(there, 'Inbox/' + name, b'whatever it is')
    assert 'user.ewsfs.scratch' in there.xattrs('Inbox/' + name)
    flush(there)
    there.remount()
    assert there.cat('Inbox/' + name) == b'whatever it is'
    assert there.names('Inbox') == [name]
    assert count_writes(written, 'scratch') == {} and gists(somebody, 'inbox') == []
    assert there.status()['queue']['scratch'] == 1
    shell(there, 'rm "$1"', 'Inbox/' + name)
    assert there.names('Inbox') == []


def test_below_a_hidden_directory_all_is_scratch(written, somebody, there):
    written.mark('scratch')
    shell(there, 'mkdir -p Inbox/.d/sub; printf "Subject: a\\n\\nx" >Inbox/.d/sub/a.eml;'
                 ' echo x >Inbox/.d/any.pdf')
    flush(there)
    assert count_writes(written, 'scratch') == {}
    shell(there, 'mv Inbox/.d/sub/a.eml Inbox/; rm -r Inbox/.d')
    flush(there)
    assert subjects(somebody, 'inbox') == ['a'] and there.names('Inbox') == ['a.eml']


def test_the_limit_of_scratch(written, mount):
    there = mount(written, scratch_size='1M', settle=2)
    shell(there, 'head -c 500000 /dev/zero >Inbox/a.tmp')
    out = shell(there, 'head -c 1000000 /dev/zero >Inbox/b.tmp', status=1)
    assert 'No space left' in out.err
    shell(there, 'rm Inbox/?.tmp; head -c 1000000 /dev/zero >Inbox/c.tmp')


def fsx(there, path, seed):
    """Random writes, truncates and reads against a local file."""
    return python(there, '''
import random
rng = random.Random(int(sys.argv[2]))
copy = bytearray(b"Subject: fsx\\n\\n")
fd = os.open(sys.argv[1], os.O_CREAT | os.O_RDWR | os.O_TRUNC)
os.pwrite(fd, copy, 0)
for step in range(400):
    what = rng.choice("wwwwrrrtao")
    at, size = rng.randrange(14, 60000), rng.randrange(1, 20000)
    if what == "w":
        data = rng.randbytes(size)
        copy.extend(bytes(max(0, at + size - len(copy))))
        copy[at:at + size] = data
        os.pwrite(fd, data, at)
    elif what == "r":
        assert os.pread(fd, size, at) == copy[at:at + size], step
    elif what == "t":
        copy = copy[:at] + bytes(max(0, at - len(copy)))
        os.ftruncate(fd, at)
    elif what == "a":
        other = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND)
        os.write(other, b"appended")
        os.close(other)
        copy += b"appended"
    else:
        os.close(fd)
        fd = os.open(sys.argv[1], os.O_RDWR)
    assert os.fstat(fd).st_size == len(copy), step
os.close(fd)
sys.stdout.buffer.write(copy)
''', path, str(seed), seconds=60 * PATIENCE).raw


@pytest.mark.parametrize('name', ['Drafts/a.eml', 'Inbox/.a.tmp'])
def test_writes_and_truncates_like_a_local_file(somebody, there, name):
    for seed in (1, 2):
        expected = fsx(there, name, seed)
        assert there.read_one(name)['sha256'] == sha256(expected)
    flush(there)
    assert there.read_one(name)['sha256'] == sha256(expected)
    assert len(items_of(somebody, 'drafts')) == (1 if 'Drafts' in name else 0)


# Several at once


def test_several_processes(written, somebody, there, tmp_path):
    lay_out(tmp_path, mails(200))
    written.mark('many')
    run('sh', '-c', 'cd "$1" && printf "%s\\0" *.eml | xargs -0 -n 10 -P 8 cp -t "$2"', 'sh',
        str(tmp_path), there.at('Inbox'), seconds=60 * PATIENCE)
    flush(there)
    assert len(items_of(somebody, 'inbox')) == 200
    assert count_writes(written, 'many')['CreateItem'] <= 15
    assert_same(there, somebody)


def test_one_name_and_many_writers(somebody, there):
    shell(there, 'for i in 1 2 3 4 5 6 7 8; do (printf "Subject: x\\n\\nbody $i\\n"'
                 ' >Inbox/.$i.tmp; mv Inbox/.$i.tmp Inbox/a.eml) & done; wait')
    flush(there)
    until(lambda: len(gists(somebody, 'inbox')) == 1, 'one message')
    assert_same(there, somebody)
    assert there.names('Inbox') == ['a.eml']
