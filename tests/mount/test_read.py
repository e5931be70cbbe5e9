# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading: every byte, with the tools that people have, and nothing changes by it."""
import collections
import os
import re
import shlex
import shutil
import subprocess

import pytest

from mounting import (LIKE_REAL, PATIENCE, SAMPLE_MAIL, files_below, identity, is_file, message,
                      run, sha256, shared_mail)

MAIL = [pytest.param('sample', id='sample'), pytest.param('shared', id='shared')]


@pytest.fixture
def mail(request):
    """A directory of messages."""
    if request.param == 'sample':
        return SAMPLE_MAIL
    return shared_mail() or pytest.skip('no ../shared/mail')


@pytest.fixture
def sample(serve, mount, way):
    """The sample mailbox, mounted, with all of it fetched."""
    the_mount = mount(serve('--mail', 'Inbox/Sample=' + SAMPLE_MAIL), **way)
    the_mount.fetch()
    return the_mount


def digests(paths):
    found = []
    for path in paths:
        with open(path, 'rb') as file:
            found.append(sha256(file.read()))
    return collections.Counter(found)


def assert_same_copy(mount, copy):
    """What a tool copied is what reading gives."""
    read = mount.read(mount.files())
    for path, answer in read.items():
        with open(os.path.join(copy, path), 'rb') as file:
            assert sha256(file.read()) == answer['sha256'], path
    copied = [os.path.relpath(p, copy) for p in files_below(copy)]
    assert sorted(copied) == sorted(read)


@pytest.mark.parametrize('mail', MAIL, indirect=True)
def test_every_byte_of_every_message(serve, mount, mail, way):
    server = serve('--mail', 'Inbox/Mail=' + mail)
    there = mount(server, **way)
    sources = files_below(mail)
    files = there.files('Inbox/Mail')
    assert len(files) == len(sources)
    read = there.read(os.path.join('Inbox/Mail', path) for path in files)
    assert [(p, a) for p, a in read.items() if 'errno' in a] == []
    if not LIKE_REAL:
        assert collections.Counter(a['sha256'] for a in read.values()) == digests(sources)
    for answer in read.values():
        assert answer['length'] == answer['size']
    again = there.read(read)
    assert again == read


@pytest.mark.parametrize('mail', MAIL, indirect=True)
def test_sizes_are_exact_before_the_first_read(serve, mount, mail):
    there = mount(serve('--mail', 'Inbox/Mail=' + mail), size='exact', prefetch='off')
    files = there.files('Inbox/Mail')
    read = there.read(os.path.join('Inbox/Mail', path) for path in files)
    for path, entry in files.items():
        assert entry['size'] == read['Inbox/Mail/' + path]['length'], path


@pytest.mark.parametrize('mail', MAIL, indirect=True)
def test_names_and_all_stay_over_a_remount_and_a_loss(serve, mount, mail):
    there = mount(serve('--mail', 'Inbox/Mail=' + mail))
    there.fetch()
    first = there.tree()
    names = [os.path.basename(path) for path, entry in first.items() if is_file(entry)]
    assert len(set(names)) == len(names)
    there.remount()
    assert identity(there.tree()) == identity(first)
    there.unmount()
    there.forget(state=False)
    there.start().fetch()
    assert identity(there.tree()) == identity(first)
    there.unmount()
    there.forget()
    there.start().fetch()
    assert identity(there.tree()) == identity(first)


def test_names_are_safe_for_shells(sample):
    for path, entry in sample.tree('Inbox/Sample').items():
        name = os.path.basename(path)
        if not is_file(entry):
            continue
        assert len(name.encode()) <= 120, name
        assert re.fullmatch(r'[\w.-]+', name), name
        assert re.search(r'\.[a-z0-9]{10}\.(eml|ics|vcf)$', name), name
        assert re.match(r'(\d{4}-\d\d-\d\dT\d{6}Z|draft)_', name), name
        assert not name.startswith(('.', '-')), name


def test_a_name_says_date_party_and_subject(serve, mount):
    server = serve()
    ews = server.somebody()
    ews.create_item('inbox', message('Budget review', sender='Sender Name <s@example.com>'),
                    received='2026-11-20T10:15:00Z')
    ews.create_item('sentitems', b'From: user@example.org\r\nTo: Lin Chen <lin@example.net>\r\n'
                    b'Subject: To Lin\r\n\r\nHi\r\n', received='2026-11-20T10:16:00Z')
    ews.create_item('drafts', message('Not done'), draft=True)
    there = mount(server)
    inbox = there.names('Inbox')
    assert re.fullmatch(r'2026-11-20T101500Z_Sender-Name_Budget-review\.[a-z0-9]{10}\.eml',
                        inbox[0])
    assert re.fullmatch(r'2026-11-20T101600Z_to-Lin-Chen_To-Lin\.[a-z0-9]{10}\.eml',
                        there.names('Sent Items')[0])
    assert there.names('Drafts')[0].startswith('draft_')


def test_rsync_twice(sample, tmp_path):
    copy = str(tmp_path / 'copy')
    run('rsync', '-a', sample.path + '/', copy)
    assert_same_copy(sample, copy)
    second = run('rsync', '-a', '-i', '--stats', sample.path + '/', copy)
    assert 'Number of regular files transferred: 0' in second.out
    changed = [line for line in second.out.splitlines() if re.match(r'[<>ch.*][fdL]', line)]
    assert changed == []


def test_rsync_twice_with_checksums_over_a_remount(sample, tmp_path):
    copy = str(tmp_path / 'copy')
    run('rsync', '-a', sample.path + '/', copy)
    sample.remount()
    second = run('rsync', '-a', '-c', '-i', '--delete', sample.path + '/', copy)
    assert second.out == ''


def test_tar(sample, tmp_path):
    archive = str(tmp_path / 'mail.tar')
    out = run('tar', '-C', sample.path, '-cf', archive, '.')
    assert 'changed as we read' not in out.err and 'shrank' not in out.err
    os.mkdir(tmp_path / 'copy')
    run('tar', '-C', str(tmp_path / 'copy'), '-xf', archive)
    assert_same_copy(sample, str(tmp_path / 'copy'))


def test_cp(sample, tmp_path):
    run('cp', '-a', sample.path, str(tmp_path / 'copy'))
    assert_same_copy(sample, str(tmp_path / 'copy'))
    original = sample.tree()
    for path, entry in original.items():
        info = os.stat(tmp_path / 'copy' / path)
        assert info.st_mtime_ns == entry['mtime'], path
        assert info.st_mode == entry['mode'], path


def test_grep_finds_what_is_there(sample, tmp_path):
    found = run('grep', '-rl', 'boat house', sample.path).out.splitlines()
    run('rsync', '-a', sample.path + '/', str(tmp_path))
    copied = run('grep', '-rl', 'boat house', str(tmp_path)).out.splitlines()
    assert len(found) == len(copied) > 3
    assert run('grep', '-r', 'no-such-word-anywhere', sample.path, status=1).out == ''


def test_find_and_du_agree_with_the_bytes(sample):
    files = sample.files()
    read = sample.read(files)
    total = sum(answer['length'] for answer in read.values())
    found = run('find', sample.path, '-type', 'f', '-printf', '%s\n').out.split()
    assert sum(int(size) for size in found) == total
    apparent = run('du', '-s', '-b', '--apparent-size', os.path.join(sample.path)).out.split()[0]
    assert int(apparent) == total
    large = run('find', sample.path, '-type', 'f', '-size', '+4095c').out.splitlines()
    assert len(large) == sum(answer['length'] > 4095 for answer in read.values())


def test_nothing_but_reading_was_asked_for(serve, mount, way, tmp_path):
    server = serve('--mail', 'Inbox/Sample=' + SAMPLE_MAIL)
    there = mount(server, **way)
    run('rsync', '-a', there.path + '/', str(tmp_path))
    run('grep', '-rc', 'x', there.path, status=None)
    there.sync('--fetch')
    # '': the question how to sign in, which comes without a password and is refused.
    assert server.ops().get('', 0) <= 1
    assert set(server.ops()) <= {'', 'GetFolder', 'ResolveNames', 'FindFolder', 'FindItem',
                                 'GetItem', 'SyncFolderHierarchy', 'SyncFolderItems', 'Subscribe',
                                 'GetStreamingEvents'}
    unread = [item.read for item in server.somebody().find_item(
        server.somebody().find_path('Inbox/Sample'), fields=('message:IsRead',))]
    before = serve('--mail', 'Inbox/Sample=' + SAMPLE_MAIL)
    assert unread == [item.read for item in before.somebody().find_item(
        before.somebody().find_path('Inbox/Sample'), fields=('message:IsRead',))]


@pytest.mark.skipif(not shutil.which('notmuch'), reason='no notmuch')
def test_notmuch(sample, tmp_path):
    config = tmp_path / 'config'
    config.write_text('[database]\npath=%s\nmail_root=%s\n[new]\ntags=new\n'
                      '[user]\nname=x\nprimary_email=x@example.org\n'
                      % (tmp_path / 'db', sample.path))
    os.mkdir(tmp_path / 'db')
    env = dict(os.environ, NOTMUCH_CONFIG=str(config), HOME=str(tmp_path))
    # What is no message (an empty file, no headers) is noted and left out.
    out = run('notmuch', 'new', status=None, env=env, seconds=60 * PATIENCE)
    assert out.status in (0, 75), str(out)
    count = int(run('notmuch', 'count', '--output=files', '*', env=env).out)
    assert count >= len(sample.files()) - 8
    assert int(run('notmuch', 'count', 'subject:budget', env=env).out) >= 3


@pytest.mark.skipif(not shutil.which('mutt'), reason='no mutt')
def test_mutt(sample, tmp_path):
    """mutt, on a terminal, opens a maildir whose messages are those of the mount, and saves all of
    them elsewhere."""
    for name in ('box/cur', 'box/new', 'box/tmp', 'Mail'):
        os.makedirs(tmp_path / name)
    for path in sample.files('Inbox/Sample'):
        os.symlink(sample.at('Inbox/Sample', path),
                   tmp_path / 'box' / 'cur' / (os.path.basename(path) + ':2,S'))
    commands = ('push "<tag-pattern>~A<enter><tag-prefix><copy-message><kill-line>%s/saved<enter>'
                '<exit>"' % tmp_path)
    mutt = ['mutt', '-n', '-R', '-F', '/dev/null', '-f', str(tmp_path / 'box'), '-e',
            'set sleep_time=0 mbox_type=mbox confirmappend=no confirmcreate=no quit=yes',
            '-e', commands]
    run('script', '-qec', ' '.join(shlex.quote(word) for word in mutt), '/dev/null',
        env=dict(os.environ, TERM='xterm', HOME=str(tmp_path), LC_ALL='C.UTF-8'))
    saved = (tmp_path / 'saved').read_bytes()
    assert len(re.findall(rb'^From ', saved, re.MULTILINE)) >= len(sample.files())


def test_a_large_message(serve, mount, tmp_path, way):
    """Text over 10 MB, which XML parsers refuse unless they are told otherwise."""
    source = tmp_path / 'mail'
    source.mkdir()
    data = message('Large', body='0123456789abcdef' * 64 * 1024 * 12)
    (source / 'large').write_bytes(data)
    there = mount(serve('--mail', 'Inbox=' + str(source)), **way)
    path = there.find('Large')
    assert there.read_one(path) == {
        'length': len(data), 'size': len(data), 'sha256': sha256(data)}
    tail = run('tail', '-c', '100', there.at(path)).raw
    assert tail == data[-100:]


def test_two_readers_at_once_see_the_same(serve, mount):
    server = serve('--fill', 'Inbox=60')
    there = mount(server, prefetch='off')
    readers = [subprocess.Popen(['sh', '-c', 'cat "$1"/Inbox/* | sha256sum', 'sh', there.path],
                                stdout=subprocess.PIPE) for _ in range(4)]
    answers = {reader.communicate(timeout=30 * PATIENCE)[0] for reader in readers}
    assert len(answers) == 1
    assert sum(line['items'] for line in server.asked('GetItem')) == 60


def test_random_access(serve, mount, tmp_path, way):
    source = tmp_path / 'mail'
    source.mkdir()
    data = message('Pieces', body='\r\n'.join('line %d' % n for n in range(60000)))
    (source / 'pieces').write_bytes(data)
    there = mount(serve('--mail', 'Inbox=' + str(source)), **way)
    path = there.at(there.find('Pieces'))
    for skip in (0, 1, 4095, 4096, 123457, len(data) - 1, len(data), len(data) + 5):
        piece = run('dd', 'if=' + path, 'bs=5000', 'count=1', 'skip=%d' % skip,
                    'iflag=skip_bytes', 'status=none').raw
        assert piece == data[skip:skip + 5000], skip
