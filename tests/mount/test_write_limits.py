# SPDX-License-Identifier: GPL-3.0-or-later
"""What cannot be, what is only here, and what is promised when: links, read-only places, fsync,
scratch, several programs at once.
"""
import os
import random
import time

import pytest

from mounting import PATIENCE, message, run, sha256, until
from writing import (assert_same, count_writes, flush, gists, items_of, lay_out, mails, put,
                     python, queue, refusal, shell, subjects)


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
                 'os.rename(%r, "Inbox/Locked/b.eml")' % path, 'os.utime(%r)' % path,
                 'os.setxattr(%r, "user.ewsfs.flag", b"flagged")' % path,
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
    begin = int(os.environ.get('EWSFS_SEED', random.randrange(10**6)))
    for seed in (begin, begin + 1):
        print('EWSFS_SEED=%d' % seed)
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
    assert count_writes(written, 'many')['CreateItem'] <= 24
    assert_same(there, somebody)


def test_one_name_and_many_writers(somebody, there):
    shell(there, 'for i in 1 2 3 4 5 6 7 8; do (printf "Subject: x\\n\\nbody $i\\n"'
                 ' >Inbox/.$i.tmp; mv Inbox/.$i.tmp Inbox/a.eml) & done; wait')
    flush(there)
    until(lambda: len(gists(somebody, 'inbox')) == 1, 'one message')
    assert_same(there, somebody)
    assert there.names('Inbox') == ['a.eml']
