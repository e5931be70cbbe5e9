# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of messages: the tree beside the tree, found and read but never listed."""
import base64
import os
import quopri
import signal
import subprocess
import sys
import time

import pytest

from mounting import (CHANGES, SAMPLE_MAIL, error_of_change, files_below, is_file, message, run,
                      until)

WORD = 'Überweisung'
HEAD = ('From: =?utf-8?Q?J=C3=BCrgen?= <j@example.com>\r\nTo: user@example.org\r\n'
        'Date: Fri, 2 Jan 2026 03:04:05 +0000\r\nMIME-Version: 1.0\r\n')


def typed(name, kind, body, encoding='7bit'):
    return ('%sSubject: %s\r\nMessage-ID: <%s@example.com>\r\nContent-Type: %s\r\n'
            'Content-Transfer-Encoding: %s\r\n\r\n' % (HEAD, name, name, kind, encoding)
            ).encode() + body + b'\r\n'


# Each says the word, and raw bytes hardly ever do.
SAYING = {
    'base64': typed('base64', 'text/plain; charset=utf-8',
                    base64.encodebytes(('Die %s.' % WORD).encode()), 'base64'),
    'quoted': typed('quoted', 'text/plain; charset=utf-8',
                    quopri.encodestring(('Die %s.' % WORD).encode()), 'quoted-printable'),
    'latin1': typed('latin1', 'text/plain; charset=iso-8859-1',
                    ('Die %s.' % WORD).encode('latin-1'), '8bit'),
    'utf16': typed('utf16', 'text/plain; charset=utf-16',
                   base64.encodebytes(('Die %s.' % WORD).encode('utf-16')), 'base64'),
    'html': typed('html', 'text/html; charset=utf-8',
                  '<p>Die <b>&Uuml;ber</b>weisung<script>no</script></p>'.encode()),
    'subject': (HEAD + 'Subject: =?utf-8?B?%s?=\r\nMessage-ID: <subject@example.com>\r\n\r\n.\r\n'
                % base64.b64encode(('subject ' + WORD).encode()).decode()).encode(),
    'undeclared': typed('undeclared', 'text/plain', ('Die %s.' % WORD).encode('latin-1'), '8bit'),
}


@pytest.fixture
def saying(serve, mount, way):
    """A mailbox with the word in every encoding, and a message without it."""
    server = serve()
    somebody = server.somebody()
    for mime in SAYING.values():
        somebody.create_item('inbox', mime)
    somebody.create_item('inbox', message('Nothing'))
    there = mount(server, **way)
    until(lambda: len(there.names('Inbox')) == len(SAYING) + 1, 'the messages')
    return there


def text_name(path):
    assert path.endswith('.eml')
    return path[:-4] + '.txt'


def texts(there, top='Inbox'):
    return [os.path.join('.text', text_name(path)) for path in there.paths(top)]


def test_grep_finds_it_whatever_its_encoding(saying):
    found = run('grep', '-rln', WORD, saying.at('.text', 'Inbox')).out.split()
    assert len(found) == len(SAYING)
    for path in found:
        with open(path.replace('/.text/', '/')[:-4] + '.eml', 'rb') as file:
            assert b'Message-ID' in file.read()
    raw = run('grep', '-rl', WORD, saying.at('Inbox'), status=1)
    assert raw.out == ''
    # And once more, out of what the kernel kept.
    assert run('grep', '-rln', WORD, saying.at('.text', 'Inbox')).out.split() == found


def test_a_text_is_what_a_person_reads(saying):
    text = saying.cat(os.path.join('.text', text_name(saying.find('quoted')))).decode()
    head, _, body = text.partition('\n\n')
    lines = head.split('\n')
    assert lines[0] == 'From: Jürgen <j@example.com>'
    assert lines[1] == 'To: user@example.org'
    assert '(2026-01-02T03:04:05Z)' in lines[2]
    assert lines[3:5] == ['Subject: quoted', 'Message-ID: <quoted@example.com>']
    assert lines[5].startswith('Flags: ')
    assert body == 'Die %s.\n' % WORD


def test_sizes_are_exact_and_last(saying):
    paths = texts(saying)
    read = saying.read(paths)
    for path, entry in zip(paths, saying.stat(*paths)):
        assert entry['size'] == read[path]['length'] == read[path]['size'], path
    before = saying.stat(*paths)
    times = {path: saying.stat(path[len('.text/'):-4] + '.eml') for path in paths}
    for path, entry in zip(paths, before):
        assert entry['mtime'] == times[path]['mtime']
        assert entry['ino'] != times[path]['ino']
    saying.remount()
    assert saying.stat(*paths) == before
    assert saying.read(paths) == read


def test_the_root_shows_nothing_of_it(saying, tmp_path):
    saying.cat(texts(saying)[0])
    saying.cat(os.path.join('.parts', saying.paths()[0][:-4], 'headers'))
    assert not {'.text', '.parts'} & set(saying.names())
    assert not [path for path in saying.tree() if path.startswith('.')]
    run('rsync', '-a', saying.path + '/', str(tmp_path / 'copy'))
    assert not [path for path in files_below(str(tmp_path / 'copy')) if path[-4:] != '.eml']
    packed = subprocess.run(['tar', '-cf', '-', '-C', saying.path, '.'], capture_output=True,
                            timeout=60, check=True).stdout
    assert b'.text/' not in packed and b'.parts/' not in packed
    assert run('grep', '-rl', 'Flags: ', saying.path, status=1).out == ''


def test_it_is_a_tree_of_the_same_shape(serve, mount, way):
    there = mount(serve('--mail', 'Inbox/Sample=' + SAMPLE_MAIL), **way)
    there.fetch()
    tree = there.tree()
    expected = {text_name(path) if path.endswith('.eml') else path + '.txt' if is_file(entry)
                else path for path, entry in tree.items()}
    shown = there.tree('.text')
    assert set(shown) == expected
    assert len({entry['ino'] for entry in shown.values()}) == len(shown)
    for path, entry in shown.items():
        assert entry['mode'] & 0o222 == 0, path
        if is_file(entry):
            assert entry['size'] == there.stat(os.path.join('.text', path))['size']
    read = there.read(os.path.join('.text', path) for path, e in shown.items() if is_file(e))
    assert not [path for path, answer in read.items() if 'errno' in answer]


def test_a_copy_is_whole_and_then_nothing_is_new(saying, tmp_path):
    copy = str(tmp_path / 'copy')
    run('rsync', '-a', saying.at('.text') + '/', copy)
    for path in texts(saying):
        with open(os.path.join(copy, path[len('.text/'):]), 'rb') as file:
            assert file.read() == saying.cat(path)
    again = run('rsync', '-a', '--stats', saying.at('.text') + '/', copy).out
    assert 'Number of regular files transferred: 0' in again


# Changes


def flags_of(there, path):
    text = there.cat(path).decode()
    return [line for line in text.split('\n') if line.startswith('Flags: ')][0]


def test_own_changes_show_at_once(written, somebody, mount):
    somebody.create_item('inbox', message('Flagged'))
    there = mount(written)
    until(lambda: there.names('Inbox'), 'the message')
    path = there.find('Flagged')
    text = os.path.join('.text', text_name(path))
    for read, flag, line in (('0', 'flagged', 'Flags: unread, flagged'),
                             ('1', 'complete', 'Flags: read, complete'),
                             ('1', 'none', 'Flags: read')):
        run('setfattr', '-n', 'user.ewsfs.is_read', '-v', read, there.at(path))
        run('setfattr', '-n', 'user.ewsfs.flag', '-v', flag, there.at(path))
        assert flags_of(there, text) == line
        assert there.stat(text)['size'] == len(there.cat(text))
    os.rename(there.at(path), there.at('Inbox', 'other.eml'))
    assert not os.path.exists(there.at(text))
    assert flags_of(there, '.text/Inbox/other.txt') == 'Flags: read'
    with open(there.at('Inbox', 'new.eml'), 'wb') as file:
        file.write(message('New', 'first'))
    assert b'first' in there.cat('.text/Inbox/new.txt')
    with open(there.at('Inbox', 'new.eml'), 'wb') as file:
        file.write(message('New', 'the second one'))
    assert b'the second one' in there.cat('.text/Inbox/new.txt')
    run('sync', there.at('Inbox', 'new.eml'))
    assert there.cat('.text/Inbox/new.txt').endswith(b'the second one\n')
    os.unlink(there.at('Inbox', 'new.eml'))
    assert not os.path.exists(there.at('.text', 'Inbox', 'new.txt'))
    assert sorted(os.listdir(there.at('.text', 'Inbox'))) == ['other.txt']


def test_changes_of_others_show(serve, mount, way):
    server = serve()
    somebody = server.somebody()
    item = somebody.create_item('inbox', message('Seen'), read=False)
    there = mount(server, **way)
    until(lambda: there.names('Inbox'), 'the message')
    text = texts(there)[0]
    before = there.stat(text)
    assert there.names('.text/Inbox') == [os.path.basename(text)]
    assert flags_of(there, text).startswith('Flags: unread')
    somebody.update_item(item.id, read=True)
    until(lambda: flags_of(there, text).startswith('Flags: read'), 'the flag')
    after = there.stat(text)
    assert after['size'] == len(there.cat(text)) == before['size'] - len('un')
    assert after['mtime'] == before['mtime']
    somebody.create_item('inbox', message('Another'))
    until(lambda: len(there.names('.text/Inbox')) == 2, 'the name of another')
    somebody.delete_item(item.id)
    until(lambda: not os.path.exists(there.at(text)), 'the end of it')


def test_what_is_open_stays(server, somebody, mount):
    item = somebody.create_item('inbox', message('Held'), read=False)
    there = mount(server)
    until(lambda: there.names('Inbox'), 'the message')
    path = there.at(texts(there)[0])
    with open(path, 'rb') as file:
        start = file.read(6)
        somebody.update_item(item.id, read=True)
        until(lambda: b'Flags: read' in there.cat(texts(there)[0]), 'the flag')
        size = os.fstat(file.fileno()).st_size
        rest = file.read()
    assert b'Flags: unread' in rest
    assert len(start + rest) == size


def test_nothing_can_be_written(written, somebody, mount):
    somebody.create_item('inbox', message('Fixed'))
    there = mount(written)
    until(lambda: there.names('Inbox'), 'the message')
    text = texts(there)[0]
    for what in CHANGES:
        assert error_of_change(there, what, text) == 'EROFS', what
    with pytest.raises(OSError, match='Read-only'):
        os.rename(there.at('Inbox'), there.at('.text', 'Box'))


# Before the bytes are here, and without a server


def test_unseen_messages_are_fetched(serve, mount, way):
    server = serve('--fill', 'Inbox=40')
    there = mount(server, prefetch='off', **way)
    until(lambda: len(there.names('Inbox')) == 40, 'the messages')
    paths = texts(there)
    entry = there.stat(paths[0])
    read = there.read(paths)
    assert read[paths[0]]['length'] == entry['size']
    for path in paths:
        assert read[path]['length'] == read[path]['size'], path
    assert server.count('GetItem') < 40


def test_a_scan_of_unseen_ones_has_an_end(serve, mount):
    server = serve('--fill', 'Inbox=600')
    there = mount(server, prefetch='off')
    until(lambda: len(there.names('Inbox')) == 600, 'the messages')
    server.fault('slow=200,op=GetItem')
    out = run('ls', '-l', there.at('.text', 'Inbox'), seconds=60)
    assert out.out.count('.txt') == 600
    assert out.took < 20


# Made before they are asked for


def writes_of(there):
    """How often ewsfs wrote: each answer to the kernel is once, as is what it is given unasked, and
    little else happens here."""
    with open('/proc/%d/io' % there.pid, encoding='ascii') as file:
        return int(dict(line.split(': ') for line in file)['syscw'])


def requests(there, *words):
    before = writes_of(there)
    run('grep', *words, there.at('.text', 'Inbox'), status=1)
    return writes_of(there) - before


def test_a_walk_asks_for_lengths_and_bytes_only(serve, mount):
    there = mount(serve('--fill', 'Inbox=300,4000'), ro=True, size='exact', prefetch='off')
    there.fetch()
    there.wait_idle()
    words = ('-r', '-F', 'no message says so')
    # A length, and pages that are given; where grep was faster than that, bytes too.
    assert requests(there, *words) < 3.3 * 300
    assert requests(there, *words) < 60
    there.remount()
    there.wait_idle()
    assert requests(there, *words) < 2.3 * 300


@pytest.mark.parametrize('order', ['grep -r', 'names'])
def test_texts_are_made_ahead(serve, mount, way, order):
    server = serve('--fill', 'Inbox=300')
    there = mount(server, prefetch='off', **way)
    there.fetch()
    there.wait_idle()
    asked = server.count('GetItem')
    assert there.status()['texts_ahead'] == 0
    names = sorted(there.names('.text/Inbox'))
    if order == 'names':
        run('cat', *(there.at('.text', 'Inbox', name) for name in names))
    else:
        run('grep', '-r', '-c', '^Subject: ', there.at('.text', 'Inbox'))
    # How many depends on who is faster.
    assert 0 < there.status()['texts_ahead'] < 300
    assert server.count('GetItem') == asked
    paths = [os.path.join('.text/Inbox', name) for name in names]
    read = there.read(paths)
    for path, entry in zip(paths, there.stat(*paths)):
        assert entry['size'] == read[path]['length'] == read[path]['size'], path


BY_INODE = """import os, sys
for entry in sorted(os.scandir(sys.argv[1]), key=os.DirEntry.inode):
    print(entry.name)
"""


def test_large_folders_are_followed_by_inode_number(serve, mount):
    """As find and grep sort more than 10,000 names."""
    there = mount(serve('--fill', 'Inbox=10100,300'), prefetch='off')
    until(lambda: len(there.names('Inbox')) == 10100, 'the messages')
    names = run(sys.executable, '-c', BY_INODE, there.at('.text/Inbox')).out.split()[:60]
    there.read(['Inbox/' + name[:-len('.txt')] + '.eml' for name in names])
    assert there.status()['texts_ahead'] == 0
    for name in names[:3]:
        there.cat('.text/Inbox/' + name)
    until(lambda: there.status()['texts_ahead'] >= 30, 'the next ones')


def pages_of(path):
    """Those of a file that the kernel has; nothing is read for it."""
    return int(run('fincore', '--noheadings', '--output', 'PAGES', path).out or 0)


def test_the_kernel_is_given_what_is_made_ahead(serve, mount):
    there = mount(serve('--fill', 'Inbox=100'), ro=True, prefetch='off')
    there.fetch()
    there.wait_idle()
    names = there.names('.text/Inbox')
    for name in names[:3]:
        there.cat('.text/Inbox/' + name)
    nexts = [there.at('.text/Inbox', name) for name in names[4:8]]
    until(lambda: all(pages_of(path) for path in nexts), 'pages of the next ones')
    assert pages_of(there.at('.text/Inbox', names[-1])) == 0
    read = there.read(['.text/Inbox/' + name for name in names])
    for name, entry in zip(names, there.stat(*('.text/Inbox/' + name for name in names))):
        path = '.text/Inbox/' + name
        assert entry['size'] == read[path]['length'] == read[path]['size'], path


# As busybox's cat does: nobody asks how long a file is; sendfile(2) believes what the kernel has.
SENDFILE = """import os, sys
for name in sorted(os.listdir(sys.argv[1])):
    fd = os.open(os.path.join(sys.argv[1], name), os.O_RDONLY)
    while os.sendfile(1, fd, None, 65536) > 0:
        pass
"""


@pytest.mark.parametrize('size', ['auto', 'exact'])
def test_texts_are_whole_to_those_who_do_not_ask(serve, mount, size):
    there = mount(serve('--fill', 'Inbox=60,4000'), ro=True, prefetch='off', size=size)
    there.fetch()
    there.wait_idle()
    got = run(sys.executable, '-c', SENDFILE, there.at('.text/Inbox')).raw
    there.remount()
    assert got == b''.join(there.cat('.text/Inbox/' + name)
                           for name in sorted(there.names('.text/Inbox')))


def test_it_ends_while_texts_are_made_ahead(serve, mount, way):
    there = mount(serve('--fill', 'Inbox=400,4000'), prefetch='off', **way)
    there.fetch()
    there.wait_idle()
    walks = [subprocess.Popen(['grep', '-r', 'nobody', there.at('.text')], cwd='/',
                              stderr=subprocess.DEVNULL) for _ in range(3)]
    until(lambda: there.status()['texts_ahead'] > 5, 'texts')
    os.kill(there.pid, signal.SIGTERM)
    try:
        assert there.wait_end() == 0
    finally:
        for walk in walks:
            walk.wait(60)


def test_who_stops_is_not_followed(serve, mount):
    server = serve('--fill', 'Inbox=300')
    there = mount(server, prefetch='off')
    there.fetch()
    names = there.names('.text/Inbox')
    for name in names[:3]:
        there.cat('.text/Inbox/' + name)
    until(lambda: there.status()['texts_ahead'] > 0, 'the next ones')
    time.sleep(0.5)
    assert there.status()['texts_ahead'] <= 2 * 32
    for name in names[100::60]:
        there.cat('.text/Inbox/' + name)
    time.sleep(0.2)
    assert there.status()['texts_ahead'] <= 2 * 32


def test_nothing_is_fetched_to_be_made_ahead(serve, mount, way):
    server = serve('--fill', 'Inbox=20')
    there = mount(server, prefetch='off', **way)
    there.fetch()
    here = there.names('.text/Inbox')
    somebody = server.somebody()
    for number in range(20):
        somebody.create_item('inbox', message('Later', number=number))
    until(lambda: len(there.names('Inbox')) == 40, 'the others')
    there.wait_idle()
    asked = server.count('GetItem')
    for name in here:
        there.cat('.text/Inbox/' + name)
    assert there.status()['texts_ahead'] > 0
    there.wait_idle()
    assert there.status()['items_here'] == 20
    assert server.count('GetItem') == asked


def test_a_change_during_a_walk(serve, mount, way):
    """What was made ahead is not shown for what the message is by then."""
    server = serve('--fill', 'Inbox=60')
    there = mount(server, prefetch='off', **way)
    there.fetch()
    somebody = server.somebody()
    names = there.names('.text/Inbox')
    for name in names[:2]:
        there.cat('.text/Inbox/' + name)
    until(lambda: there.status()['texts_ahead'] > 2, 'the next ones')
    path = '.text/Inbox/' + names[4]
    item = there.xattrs(path[len('.text/'):-4] + '.eml')['user.ewsfs.item_id']
    for is_read in (True, False):
        somebody.update_item(item, read=is_read)
        wanted = 'Flags: read' if is_read else 'Flags: unread'
        until(lambda line=wanted: flags_of(there, path).startswith(line), wanted)
    assert there.stat(path)['size'] == len(there.cat(path))


def test_offline(serve, mount, way):
    server = serve('--mail', 'Inbox/Sample=' + SAMPLE_MAIL)
    there = mount(server, **way)
    there.fetch()
    server.kill()
    paths = ['.text/' + path for path in there.files('.text')]
    read = there.read(paths)
    assert len(read) == len(there.files())
    assert not [path for path, answer in read.items() if 'errno' in answer]
    server.start()
