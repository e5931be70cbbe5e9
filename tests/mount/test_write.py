# SPDX-License-Identifier: GPL-3.0-or-later
"""Single operations on a mount: what each does here and on the server, and how many requests it
takes.
"""
import os

import pytest

from mounting import PATIENCE, message, run, until
from writing import (assert_same, count_writes, describe, flush, folder_paths, gist, gists,
                     items_of, lay_out, mails, put, python, queue, refusal, shell, shown,
                     subjects)

HELLO = message('Hello')


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
    assert sum(calls.values()) <= 12
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


def test_append(written, somebody, there):
    written.mark('append')
    put(there, 'Drafts/a.eml', HELLO)
    shell(there, 'printf "one more line\\n" >>Drafts/a.eml')
    flush(there)
    assert gists(somebody, 'drafts') == [gist(HELLO + b'one more line\n')]
    # One, or on a slow machine one and what takes its place.
    assert sum(count_writes(written, 'append').values()) <= 3


def test_append_to_what_the_server_has(written, somebody, there):
    somebody.create_item('drafts', HELLO, draft=True)
    there.sync()
    path = there.find('', 'Drafts')
    written.mark('append')
    shell(there, 'printf "one more line\\n" >>"$1"', path)
    flush(there)
    assert count_writes(written, 'append') == {'CreateItem': 1, 'DeleteItem': 1}
    assert gists(somebody, 'drafts') == [gist(there.cat(path))]
    assert there.cat(path).endswith(b'one more line\n')


@pytest.mark.parametrize('when', ['before', 'after'])
def test_mmap(written, somebody, there, when):
    """What a mapping writes after the last close is part of the message."""
    written.mark('mmap')
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
    # What was there before the mapping was written may have left by itself.
    assert sum(count_writes(written, 'mmap').values()) <= 5


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
    assert count_writes(written, 'twice')['CreateItem'] <= 5


def test_a_writer_is_killed_half_way(written, somebody, there):
    """What is there is kept; nothing is shown that is not there; nothing hangs."""
    written.mark('killed')
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
    # The half, and the whole in its place.
    assert sum(count_writes(written, 'killed').values()) <= 3


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
    assert set(calls) == {'MoveItem'} and calls['MoveItem'] <= 20
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


def test_rename_noreplace(written, somebody, there):
    written.mark('noreplace')
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
    flush(there)
    assert len(gists(somebody, 'inbox')) == 2
    calls = count_writes(written, 'noreplace')
    assert calls['DeleteItem'] == 0 and sum(calls.values()) <= 4


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
    assert calls['CreateItem'] == 1 and sum(calls.values()) <= 5
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
    assert calls['DeleteItem'] <= 32 and calls['DeleteFolder'] == 1
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
    assert calls['CreateFolder'] <= 5 and calls['DeleteFolder'] <= 5


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
