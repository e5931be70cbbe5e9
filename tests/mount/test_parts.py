# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in messages: the tree beside the tree, in which each message is a directory."""
import base64
import email
import email.policy
import glob
import os
import quopri
import shutil

import pytest

from mounting import (CHANGES, SAMPLE_MAIL, error_of_change, is_file, message, run, shared_mail,
                      until)
from writing import put

HEAD = ('From: j@example.com\r\nTo: user@example.org\r\nSubject: %s\r\n'
        'Date: Fri, 2 Jan 2026 03:04:05 +0000\r\nMIME-Version: 1.0\r\n'
        'Message-ID: <%s@example.com>\r\n')
PDF = bytes(range(256)) * 40


def part(head, body):
    return b'--b\r\n' + head.encode() + b'\r\n\r\n' + body + b'\r\n'


def mixed(name, *parts):
    return ((HEAD + 'Content-Type: multipart/mixed; boundary=b\r\n\r\n') % (name, name)
            ).encode() + b''.join(parts) + b'--b--\r\n'


def attached(name, data=b'x', kind='application/pdf'):
    return part('Content-Type: %s\r\nContent-Disposition: attachment; %s\r\n'
                'Content-Transfer-Encoding: base64' % (kind, name), base64.encodebytes(data))


INNER = mixed('inner', part('Content-Type: text/plain', b'in it'),
              attached('filename=deep.pdf', b'deep'))
MESSAGES = {
    'plain': message('plain', 'Just text.'),
    'html': ((HEAD + 'Content-Type: text/html; charset=iso-8859-1\r\n\r\n') % ('html', 'html')
             ).encode() + '<p>Über</p>\r\n'.encode('latin-1'),
    'pdf': mixed('pdf', part('Content-Type: text/plain; charset=utf-8\r\n'
                             'Content-Transfer-Encoding: quoted-printable',
                             quopri.encodestring('Die Überweisung.'.encode())),
                 attached('filename=report.pdf', PDF), attached('filename=report.pdf', b'two'),
                 attached('filename=other.txt', b'\xff\xfe\r\n', 'text/plain')),
    'hostile': mixed('hostile', attached('filename="../../etc/passwd"'), attached('filename=".."'),
                     attached('filename="-rf"'), attached("filename*=utf-8''a%E2%80%AEfdp.exe"),
                     attached("filename*=utf-8''%0A%1B%2F"),
                     attached('filename="%s.pdf"' % ('x' * 300))),
    'calendar': mixed('calendar', part('Content-Type: text/calendar; method=REQUEST',
                                       b'BEGIN:VCALENDAR\r\nEND:VCALENDAR')),
    'nested': mixed('nested', part('Content-Type: text/plain', b'see below'),
                    part('Content-Type: message/rfc822', INNER.replace(b'=b\r', b'=c\r')
                         .replace(b'--b', b'--c'))),
    'broken': mixed('broken', part('Content-Type: image/png\r\n'
                                   'Content-Transfer-Encoding: base64', b'!!!'))[:-20],
}


@pytest.fixture
def there(serve, mount, way):
    server = serve()
    somebody = server.somebody()
    for mime in MESSAGES.values():
        somebody.create_item('inbox', mime)
    here = mount(server, **way)
    until(lambda: len(here.names('Inbox')) == len(MESSAGES), 'the messages')
    return here


def parts_name(path):
    assert path.endswith('.eml')
    return os.path.join('.parts', path[:-4])


def of(there, name):
    """The directory of one of MESSAGES."""
    return parts_name(there.find('_%s.' % name))


def decoded(mime):
    """What Python makes of the parts of a message that are no texts to be read."""
    return [part.get_payload(decode=True)
            for part in email.message_from_bytes(mime, policy=email.policy.default).walk()
            if part.get_content_maintype() not in ('multipart', 'message')
            and (part.get_filename() or part.get_content_maintype() != 'text'
                 or part.get_content_type() == 'text/calendar')]


def attachments(there, where):
    """{path: bytes} of all that is attached, in the messages in it too."""
    found = [path for path in there.files(where) if '/attachments/' in '/' + path
             and os.path.basename(os.path.dirname(path)) == 'attachments']
    return {path: there.cat(os.path.join(where, path)) for path in found}


# What is there


def test_what_a_message_is_made_of(there):
    for path in there.paths():
        raw = there.cat(path)
        where = parts_name(path)
        assert there.cat(os.path.join(where, 'raw')) == raw
        assert sorted(attachments(there, where).values()) == sorted(decoded(raw)), path
        heads = there.cat(os.path.join(where, 'headers')).decode().splitlines()
        names = [name for name, _ in email.message_from_bytes(raw).raw_items()]
        assert [line.partition(': ')[0] for line in heads] == names
    assert b'Just text.' in there.cat(os.path.join(of(there, 'plain'), 'body.txt'))
    assert sorted(there.names(of(there, 'plain'))) == ['body.txt', 'headers', 'raw']
    assert sorted(there.names(of(there, 'html'))) == ['body.html', 'headers', 'raw']
    assert there.cat(os.path.join(of(there, 'html'), 'body.html')).decode('utf-8-sig').strip() == \
        '<p>Über</p>'
    assert there.cat(os.path.join(of(there, 'pdf'), 'body.txt')).decode().strip() == \
        'Die Überweisung.'


def test_names(there):
    assert sorted(there.names(os.path.join(of(there, 'pdf'), 'attachments'))) == [
        'other.txt', 'report-2.pdf', 'report.pdf']
    names = there.names(os.path.join(of(there, 'hostile'), 'attachments'))
    assert sorted(names)[:-1] == ['_', '_.', '_._.._etc_passwd', '_rf', 'afdp.exe']
    assert sorted(names)[-1] == 'x' * 251 + '.pdf'
    assert there.names(os.path.join(of(there, 'calendar'), 'attachments')) == ['calendar.ics']


def test_a_message_in_a_message(there):
    where = os.path.join(of(there, 'nested'), 'attachments', 'inner')
    assert sorted(there.names(where)) == ['attachments', 'body.txt', 'headers', 'raw']
    assert there.cat(os.path.join(where, 'body.txt')) == b'in it'
    assert there.cat(os.path.join(where, 'attachments', 'deep.pdf')) == b'deep'
    assert there.cat(os.path.join(where, 'raw')) in there.cat(there.find('_nested.'))


def test_copying_by_a_pattern(there, tmp_path):
    found = glob.glob(there.at('.parts', 'Inbox', '*', 'attachments', '*.pdf'))
    run('cp', '-n', *found, str(tmp_path))
    copied = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert copied['report.pdf'] == PDF and copied['report-2.pdf'] == b'two'
    run('rsync', '-a', there.at('.parts') + '/', str(tmp_path / 'all'))
    again = run('rsync', '-a', '--stats', there.at('.parts') + '/', str(tmp_path / 'all')).out
    assert 'Number of regular files transferred: 0' in again


def test_attributes_are_exact_and_last(there):
    tree = there.tree('.parts')
    assert len({entry['ino'] for entry in tree.values()}) == len(tree)
    assert not [path for path, entry in tree.items() if entry['mode'] & 0o222]
    for path in there.paths():
        times = there.stat(path)['mtime']
        inside = {name: entry for name, entry in tree.items()
                  if ('.parts/' + name + '/').startswith(parts_name(path) + '/')}
        assert len(inside) >= 4
        assert {entry['mtime'] for entry in inside.values()} == {times}
    files = ['.parts/' + path for path, entry in tree.items() if is_file(entry)]
    read = there.read(files)
    for path in files:
        assert read[path]['length'] == read[path]['size'] == tree[path[7:]]['size'], path
    there.remount()
    assert there.tree('.parts') == tree
    assert there.read(files) == read


def test_it_is_a_tree_of_the_same_shape(serve, mount, way):
    sample = mount(serve('--mail', 'Inbox/Sample=' + SAMPLE_MAIL), **way)
    sample.fetch()
    tree = sample.tree()
    expected = {path[:-4] if path.endswith('.eml') else path for path in tree}
    shown = sample.tree('.parts')
    assert expected <= set(shown)
    for path in expected:
        assert path == '' or path.endswith(('.ics', '.vcf')) or '.parts/' + path not in tree
    for path, entry in tree.items():
        if is_file(entry):
            where = path[:-4] if path.endswith('.eml') else path
            assert not is_file(shown[where])
            raw = sample.cat(path)
            assert sample.cat(os.path.join('.parts', where, 'raw')) == raw
    read = sample.read('.parts/' + path for path, entry in shown.items() if is_file(entry))
    assert not [path for path, answer in read.items() if 'errno' in answer]


def test_nothing_can_be_written(written, somebody, mount):
    somebody.create_item('inbox', MESSAGES['pdf'])
    here = mount(written)
    until(lambda: here.names('Inbox'), 'the message')
    where = of(here, 'pdf')
    for path in (where, os.path.join(where, 'raw'), os.path.join(where, 'attachments/report.pdf')):
        for what in CHANGES:
            is_odd = path == where and what in ('write', 'truncate', 'unlink')
            assert error_of_change(here, what, path) in \
                (('EISDIR', 'EROFS') if is_odd else ('EROFS',)), (what, path)
    with pytest.raises(OSError, match='Read-only'):
        os.rename(here.at('Inbox'), here.at('.parts', 'Box'))


# Changes


def test_own_changes_show_at_once(written, somebody, mount):
    somebody.create_item('inbox', MESSAGES['pdf'])
    here = mount(written)
    until(lambda: here.names('Inbox'), 'the message')
    path = here.find('_pdf.')
    assert here.cat(os.path.join(parts_name(path), 'attachments', 'report.pdf')) == PDF
    os.rename(here.at(path), here.at('Inbox', 'other.eml'))
    assert not os.path.exists(here.at(parts_name(path)))
    assert here.cat('.parts/Inbox/other/attachments/report.pdf') == PDF
    new = '.parts/Inbox/new'
    put(here, 'Inbox/new.eml', MESSAGES['plain'])
    assert b'Just text.' in here.cat(new + '/body.txt')
    assert 'attachments' not in here.names(new)
    put(here, 'Inbox/new.eml', MESSAGES['pdf'])
    assert here.cat(new + '/attachments/report.pdf') == PDF
    run('sync', here.at('Inbox', 'new.eml'))
    assert here.cat(new + '/attachments/report.pdf') == PDF
    # Fewer bytes under the name that the kernel knows.
    put(here, 'Inbox/new.eml', message('third', 'Something else.'))
    assert b'Something else.' in here.cat(new + '/body.txt')
    assert not os.path.exists(here.at(new, 'attachments'))
    os.unlink(here.at('Inbox', 'new.eml'))
    assert not os.path.exists(here.at(new))
    assert here.names('.parts/Inbox') == ['other']


def test_changes_of_others_show(serve, mount, way):
    server = serve()
    somebody = server.somebody()
    item = somebody.create_item('inbox', MESSAGES['pdf'])
    here = mount(server, **way)
    until(lambda: here.names('Inbox'), 'the message')
    where = of(here, 'pdf')
    before = here.tree(where)
    assert here.cat(os.path.join(where, 'attachments/report.pdf')) == PDF
    somebody.update_item(item.id, read=True)
    until(lambda: here.xattrs(where[len('.parts/'):] + '.eml')['user.ewsfs.is_read'] == '1', 'it')
    assert {path: (entry['ino'], entry['size'], entry['mtime'])
            for path, entry in here.tree(where).items()} == \
        {path: (entry['ino'], entry['size'], entry['mtime']) for path, entry in before.items()}
    somebody.create_item('inbox', MESSAGES['nested'])
    until(lambda: len(here.names('.parts/Inbox')) == 2, 'the name of another')
    somebody.delete_item(item.id)
    until(lambda: not os.path.exists(here.at(where)), 'the end of it')


def test_what_is_open_stays(server, somebody, mount):
    item = somebody.create_item('inbox', mixed('open', attached('filename=a.bin', PDF * 200)))
    here = mount(server)
    until(lambda: here.names('Inbox'), 'the message')
    path = here.at(of(here, 'open'), 'attachments', 'a.bin')
    with open(path, 'rb') as file:
        start = file.read(6)
        somebody.delete_item(item.id)
        until(lambda: not here.names('Inbox'), 'the end of it')
        assert os.fstat(file.fileno()).st_size == len(PDF * 200)
        assert start + file.read() == PDF * 200


# Before the bytes are here, without a server, and much of it


def test_a_listing_fetches_nothing(serve, mount, way):
    server = serve('--fill', 'Inbox=300')
    here = mount(server, prefetch='off', **way)
    until(lambda: len(here.names('Inbox')) == 300, 'the messages')
    out = run('ls', '-l', here.at('.parts', 'Inbox')).out
    assert out.count('\nd') == 300
    assert server.count('GetItem') == 0
    where = os.path.join('.parts', 'Inbox', here.names('.parts/Inbox')[7])
    raw = here.stat(os.path.join(where, 'raw'))
    assert raw['size'] == len(here.cat(where[len('.parts/'):] + '.eml'))
    assert here.cat(os.path.join(where, 'raw')) == here.cat(where[len('.parts/'):] + '.eml')
    assert run('ls', here.at('.parts', 'Inbox', 'nothing'), status=2).out == ''


def test_walking_fetches(serve, mount, way):
    server = serve('--fill', 'Inbox=40')
    here = mount(server, prefetch='off', **way)
    until(lambda: len(here.names('Inbox')) == 40, 'the messages')
    tree = here.tree('.parts/Inbox')
    assert len([path for path in tree if path.endswith('/raw')]) == 40


def test_offline(serve, mount, way):
    server = serve('--mail', 'Inbox/Sample=' + SAMPLE_MAIL)
    here = mount(server, **way)
    here.fetch()
    server.kill()
    files = ['.parts/' + path for path in here.files('.parts')]
    assert len([path for path in files if path.count('/') == 4 and path.endswith('/raw')]) == \
        len(here.files())
    read = here.read(files)
    assert not [path for path, answer in read.items() if 'errno' in answer]
    server.start()


def test_offline_without_the_bytes(serve, mount, way):
    server = serve('--fill', 'Inbox=3')
    here = mount(server, prefetch='off', **way)
    until(lambda: len(here.names('Inbox')) == 3, 'the messages')
    name = here.names('.parts/Inbox')[0]
    server.kill()
    assert here.stat('.parts/Inbox/' + name)['mode'] & 0o170000 == 0o040000
    for path in ('raw', 'attachments', 'nothing'):
        out = run('cat', here.at('.parts', 'Inbox', name, path), status=1, seconds=60)
        assert 'No such file' not in out.err, out.err
    server.start()


def test_a_large_one(serve, mount, way, tmp_path):
    data = os.urandom(1 << 20) * 24
    server = serve()
    server.somebody().create_item('inbox', mixed('large', attached('filename=a.bin', data)))
    here = mount(server, **way)
    until(lambda: here.names('Inbox'), 'the message')
    path = os.path.join(of(here, 'large'), 'attachments', 'a.bin')
    assert here.stat(path)['size'] == len(data)
    shutil.copy(here.at(path), tmp_path / 'a.bin')
    assert (tmp_path / 'a.bin').read_bytes() == data
    # From the middle, and in small pieces.
    with open(here.at(path), 'rb') as file:
        file.seek(12345678)
        assert file.read(1000) == data[12345678:12346678]


@pytest.mark.skipif(shared_mail() is None, reason='no real mail here (EWSFS_SHARED)')
def test_real_mail(serve, mount):
    server = serve('--mail', 'Inbox/Real=' + os.path.join(shared_mail(), 'mime'))
    here = mount(server)
    here.fetch(seconds=120)
    tree = here.tree('.parts', seconds=120)
    messages = [path for path in here.files() if path.endswith('.eml')]
    assert len(messages) > 20
    assert {path[:-4] + '/raw' for path in messages} <= set(tree)
    read = here.read(('.parts/' + path for path, entry in tree.items() if is_file(entry)),
                     seconds=120)
    for path, answer in read.items():
        assert answer['length'] == answer['size'] == tree[path[7:]]['size'], path
    assert here.read_all('Inbox')
