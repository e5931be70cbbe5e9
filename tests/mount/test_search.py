# SPDX-License-Identifier: GPL-3.0-or-later
"""What the server finds, as directories of links: by AQS where it has it, else by restrictions."""
import base64
import os
import signal
import subprocess
import time

import pytest

from mounting import LIKE_REAL, PATIENCE, files_below, message, run, until

WORD = 'Überweisung'


def mime(subject, body, sender='Ada Example <ada@example.com>', to='Bob <bob@example.org>',
         attachment=False):
    """Encoded as mail is: a raw grep would find nothing."""
    text = ('Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n'
            + base64.encodebytes(body.encode()).decode().replace('\n', '\r\n'))
    if attachment:
        text = ('Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n' + text
                + '--b\r\nContent-Type: application/pdf; name=a.pdf\r\nContent-Disposition:'
                ' attachment; filename=a.pdf\r\n\r\nPDF\r\n--b--\r\n')
    return ('From: %s\r\nTo: %s\r\nSubject: =?utf-8?B?%s?=\r\nMIME-Version: 1.0\r\n%s' % (
        sender, to, base64.b64encode(subject.encode()).decode(), text)).encode()


MAIL = {
    'inbox': [
        (mime('One ' + WORD, 'plain words'), {'received': '2026-11-01T10:00:00Z', 'read': False}),
        (mime('Two', 'Die %s kam.' % WORD), {'received': '2026-11-15T10:00:00Z'}),
        (mime('Three budget', 'final draft', sender='Grace Hopper <grace@navy.example>'),
         {'received': '2026-11-30T23:59:59Z'}),
        (mime('Four budget', 'the draft, final', to='Carol <carol@example.org>',
              attachment=True), {'received': '2026-12-01T00:00:00Z'}),
    ],
    'sentitems': [(mime('Five budget', 'to be sent'), {'received': '2025-01-01T00:00:00Z'})],
}

# What the words of the subjects are that it finds; by folders, in the order of MAIL.
FINDS = {
    WORD: 'One Two',
    'überweisung': 'One Two',
    'subject:' + WORD: 'One',
    'body:' + WORD: 'Two',
    'budget': 'Three Four Five',
    'budget draft': 'Three Four',
    'budget AND draft': 'Three Four',
    '"final draft"': 'Three',
    'budget NOT draft': 'Five',
    'plain OR sent': 'One Five',
    '(plain OR budget) isread:false': 'One',
    'from:grace': 'Three',
    'from:"Grace Hopper"': 'Three',
    'from:grace@navy.example': 'Three',
    'Hopper': 'Three',
    'to:carol': 'Four',
    'Carol': 'Four',
    'hasattachment:true': 'Four',
    'budget hasattachment:false': 'Three Five',
    'isread:false': 'One',
    'received:2026-11-01..2026-11-30': 'One Two Three',
    'received:2026-11': 'One Two Three',
    'received:2026-11-15': 'Two',
    'received>=2026-12-01': 'Four',
    'received<2026 budget': 'Five',
    'bud*': 'Three Four Five',
    'nothing-at-all-has-this': '',
}


@pytest.fixture
def found(server, somebody, mount):
    for folder, mails in MAIL.items():
        for data, more in mails:
            somebody.create_item(folder, data, **more)
    there = mount(server, push='off', refresh=600)
    there.sync()
    return there


def links(there, *where):
    """{name: target} of one directory."""
    top = there.at('.search', *where)
    lines = run('find', top, '-mindepth', '1', '-printf', '%y\\t%f\\t%l\\n').out.splitlines()
    assert all(line.startswith('l\t') for line in lines)
    return dict(line[2:].split('\t') for line in lines)


def words_of(names):
    """By the order of the numbers in them."""
    order = 'One Two Three Four Five'.split()
    return ' '.join(word for word in order if any('_%s' % word in name for name in names))


def searches(server, mark):
    return server.count('FindItem', mark)


def test_what_is_found(found):
    for query, expected in FINDS.items():
        names = links(found, query)
        assert words_of(names) == expected, query
        assert len(names) == len(expected.split()), query


def test_a_link_leads_to_the_message(found):
    name, target = list(links(found, 'budget draft from:grace').items())[0]
    path = found.find('Three')
    assert (name, target) == (os.path.basename(path), '../../' + path)
    there = os.path.join('.search', 'budget draft from:grace', name)
    assert found.cat(there) == found.cat(path)
    assert os.path.samefile(found.at(there), found.at(path))
    entry = found.stat(there)
    assert found.cat(os.path.join('.search', 'budget', name)) == found.cat(path)
    run('ls', '-l', found.at('.search', 'budget'))
    line = run('ls', '-l', '--time-style=+%s', found.at('.search', 'budget', name)).out.split()
    assert line[0].startswith('lrwxrwxrwx') and int(line[4]) == len(target)
    assert int(line[5]) * 10**9 == found.stat(path)['mtime'], entry


def test_tools_walk_them(found):
    top = found.at('.search', WORD)
    cats = run('sh', '-c', 'cat "$1"/*', 'sh', top).raw
    assert cats.count(b'From: Ada') == 2
    saying = run('grep', '-l', '-r', '--dereference-recursive', 'From: Ada', top).out.split()
    assert sorted(os.path.basename(path) for path in saying) == sorted(links(found, WORD))


def test_on_any_mount(server, somebody, mount, way):
    for data, more in MAIL['inbox']:
        somebody.create_item('inbox', data, **more)
    there = mount(server, **way)
    names = links(there, 'budget')
    assert words_of(names) == 'Three Four'
    texts = there.read(os.path.join('.search', 'budget', name) for name in names)
    assert sorted(answer['length'] for answer in texts.values()) == sorted(
        len(there.cat(found[len('../../'):])) for found in names.values())


def test_below_a_folder(serve, mount):
    server = serve()
    somebody = server.somebody()
    projects = somebody.create_folder('inbox', 'Projects')
    odd = somebody.create_folder(projects, 'A/B 100%')
    for folder in ('inbox', projects, odd, 'drafts'):
        somebody.create_item(folder, message('Plan', number=str(folder)[:8]))
    there = mount(server)
    there.sync()
    assert len(links(there, 'Plan')) == 4
    assert len(links(there, 'in:Inbox', 'Plan')) == 3
    below = links(there, 'in:Inbox%2FProjects', 'Plan')
    assert len(below) == 2
    # What stands in the tree as %2F is %252F here.
    name, target = list(links(there, 'in:Inbox%2FProjects%2FA%252FB 100%2525', 'Plan').items())[0]
    assert target == '../../../Inbox/Projects/A%2FB 100%25/' + name
    assert b'Plan' in there.cat(os.path.join(
        '.search', 'in:Inbox%2FProjects%2FA%252FB 100%2525', 'Plan', name))
    for wrong in ('in:Nowhere', 'in:', 'in:Inbox%2FNothing'):
        assert there.stat(os.path.join('.search', wrong))['errno'] == 'ENOENT'
    assert there.names('.search') == there.names('.search/in:Inbox') == []


def test_names_that_are_taken_twice(written, somebody, mount):
    there = mount(written)
    there.sync()
    for folder in ('Inbox', 'Drafts', 'Sent Items'):
        with open(there.at(folder, 'same.eml'), 'wb') as file:
            file.write(message('Twin of ' + folder.replace(' ', '')))
        run('sync', there.at(folder, 'same.eml'))
    there.sync()
    names = links(there, 'Twin')
    assert len(names) == 3 and 'same.eml' in names
    assert sorted(names.values()) == ['../../%s/same.eml' % folder
                                      for folder in ('Drafts', 'Inbox', 'Sent Items')]
    assert all(name.startswith('same.') and name.endswith('.eml') for name in names)
    there.remount()
    there.sync()
    assert links(there, 'Twin') == names


# When the server is asked


def test_it_is_asked_once_in_refresh_seconds(server, somebody, mount):
    somebody.create_item('inbox', message('Budget'))
    there = mount(server, push='off', refresh=3)
    there.sync()
    links(there, 'Budget')
    there.unmount()
    there.start()
    there.sync()
    server.mark('first')
    # No probe any more: what it understands is remembered.
    names = links(there, 'Budget')
    first = searches(server, 'first')
    assert 1 <= first <= 4
    assert [links(there, 'Budget') for _ in range(3)] == [names] * 3
    there.cat(os.path.join('.search', 'Budget', list(names)[0]))
    assert searches(server, 'first') == first
    time.sleep(3.2)
    assert links(there, 'Budget') == names
    # Batches grow meanwhile.
    assert first < searches(server, 'first') <= 2 * first


def test_those_who_come_together_ask_together(server, found):
    links(found, 'plain')
    server.latency(300)
    server.mark('together')
    top = found.at('.search', 'budget')
    processes = [subprocess.Popen(['ls', top], stdout=subprocess.PIPE) for _ in range(5)]
    outs = {process.communicate(timeout=60)[0] for process in processes}
    assert len(outs) == 1 and outs.pop().count(b'\n') == 3
    server.latency(0)
    assert searches(server, 'together') <= 4


def test_only_ids_and_no_look_at_what_is_not_opened(server, found):
    links(found, 'plain')
    server.mark('one')
    links(found, 'budget')
    assert set(server.ops('one')) == {'FindItem'}


def test_what_came_since_is_found(server, found, somebody):
    assert links(found, 'Six') == {}
    somebody.create_item('inbox', message('Six'))
    somebody.create_item('drafts', message('Six, too'))
    names = links(found, 'Six OR nobody')
    assert len(names) == 2
    for name in names:
        assert b'Six' in found.cat(os.path.join('.search', 'Six OR nobody', name))


def test_what_is_gone_is_not_shown(server, found, somebody):
    names = links(found, 'budget')
    assert len(names) == 3
    item = somebody.find_item('sentitems')[0]
    somebody.delete_item(item)
    found.sync()
    left = links(found, 'budget')
    assert len(left) == 2 and set(left) < set(names)
    gone = (set(names) - set(left)).pop()
    assert found.stat(os.path.join('.search', 'budget', gone))['errno'] == 'ENOENT'


def test_a_moved_message_is_followed(server, found, somebody):
    name = list(links(found, 'Three'))[0]
    target = somebody.create_folder('inbox', 'Else')
    somebody.move_item([i for i in somebody.find_item('inbox') if 'Three' in i.subject], target)
    found.sync()
    assert links(found, 'Three')[name].startswith('../../Inbox/Else/')
    assert b'From: Grace' in found.cat(os.path.join('.search', 'Three', name))


def test_a_link_by_its_name_after_a_remount(found):
    name = list(links(found, 'from:grace'))[0]
    found.remount()
    assert b'From: Grace' in found.cat(os.path.join('.search', 'from:grace', name))
    assert found.stat(os.path.join('.search', 'from:grace', 'other.eml'))['errno'] == 'ENOENT'


def test_a_server_that_takes_long(server, found):
    """A look-up waits two seconds, since it holds its directory; the search goes on."""
    name = list(links(found, 'from:grace'))[0]
    found.remount()
    server.fault('delay=5000,op=FindItem')
    assert found.stat(os.path.join('.search', 'from:grace', name))['errno'] == 'EBUSY'
    until(lambda: 'errno' not in found.stat(os.path.join('.search', 'from:grace', name)),
          'the end of the search', 30)


def test_more_than_a_page(serve, mount):
    server = serve('--fill', 'Inbox=2500')
    there = mount(server, prefetch='off')
    there.sync(seconds=60)
    assert len(links(there, 'received>1990')) == len(there.names('Inbox')) == 2500


def test_too_many_are_an_error(serve, mount):
    server = serve('--fill', 'Inbox=10001')
    there = mount(server, prefetch='off')
    there.sync(seconds=120)
    assert there.error_of('list', '.search/received>1990') == 'EFBIG'
    assert 'more than 10000' in there.log()


# What is refused


@pytest.mark.parametrize('query', [
    '*', 'received:yesterday', 'size:>3', '(budget', 'budget AND', '""', 'subject:', '-budget'])
def test_what_is_not_understood_is_refused(server, found, query):
    server.mark('refused')
    assert found.stat(os.path.join('.search', query))['errno'] == 'EINVAL'
    assert found.stat(os.path.join('.search', 'in:Inbox', query))['errno'] == 'EINVAL'
    assert 'search for %s: ' % query in found.log()
    assert server.log('refused') == []


def test_nothing_can_be_changed_in_it(found):
    name = list(links(found, 'Three'))[0]
    for words in (('mkdir', found.at('.search', 'in:Inbox', 'new')),
                  ('rm', found.at('.search', 'Three', name)),
                  ('touch', found.at('.search', 'Three', 'new.eml')),
                  ('ln', '-s', 'a', found.at('.search', 'Three', 'link')),
                  ('mv', found.at('.search', 'Three', name), found.at('Inbox', 'x.eml'))):
        out = run(*words, status=1)
        assert 'Read-only' in out.err or 'File exists' in out.err, str(out)
    assert list(links(found, 'Three')) == [name]


def test_the_root_shows_nothing_of_it(found, tmp_path):
    links(found, 'budget')
    assert '.search' not in found.names()
    assert not [path for path in found.tree() if path.startswith('.search')]
    run('rsync', '-a', found.path + '/', str(tmp_path / 'copy'))
    assert len(files_below(str(tmp_path / 'copy'))) == 5
    packed = subprocess.run(['tar', '-cf', '-', '-C', found.path, '.'], capture_output=True,
                            timeout=60, check=True).stdout
    assert b'.search' not in packed
    out = run('grep', '-rc', 'From:', found.path).out
    assert '.search' not in out and len(out.splitlines()) == 5


# The server


def test_how_the_server_searches_is_found_out_once(server, found):
    names = links(found, 'budget')
    assert len(names) == 3
    word = 'by restrictions' if LIKE_REAL else 'by AQS'
    assert found.log().count('the server searches ' + word) == 1
    links(found, 'plain')
    found.remount()
    found.sync()
    server.mark('again')
    assert links(found, 'budget') == names
    assert found.log().count('the server searches') == 1
    assert server.count('GetFolder', 'again') == 0


def test_without_aqs_for_a_while(server, found):
    """A mailbox whose index is being made: restrictions do."""
    links(found, 'plain')
    server.fault('itemerror=ErrorContentIndexingNotEnabled,op=FindItem,with=QueryString')
    assert words_of(links(found, 'budget draft')) == 'Three Four'


def test_offline(serve, mount):
    server = serve(state=True)
    server.somebody().create_item('inbox', message('Budget'))
    there = mount(server, push='off', refresh=1, timeout=3)
    there.fetch()
    names = links(there, 'Budget')
    server.stop()
    time.sleep(1.2)
    assert there.error_of('list', '.search/other') == 'EHOSTUNREACH'
    # What was found before stays, as a directory's listing does.
    assert links(there, 'Budget') == names
    assert b'Budget' in there.cat(os.path.join('.search', 'Budget', list(names)[0]))
    server.start()
    until(lambda: there.status()['server']['state'] == 'online'
          or there.error_of('list', '.search/other') == 'done', 'the server', 30)
    assert links(there, 'Budget') == names


def test_a_silent_server_ends_in_time(server, mount, somebody):
    somebody.create_item('inbox', message('Budget'))
    there = mount(server, push='off', timeout=2)
    there.sync()
    server.fault('delay=600000,op=FindItem')
    begin = time.monotonic()
    assert there.error_of('list', '.search/Budget') in ('EHOSTUNREACH', 'EBUSY')
    assert time.monotonic() - begin < 10 * PATIENCE
    assert there.names('Inbox')


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_waiting_search_can_be_interrupted(server, found, number):
    server.fault('delay=600000,op=FindItem')
    process = subprocess.Popen(['ls', found.at('.search', 'budget')], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    until(lambda: found.status()['server']['in_flight'] > 0, 'the search')
    process.send_signal(number)
    process.communicate(timeout=10 * PATIENCE)
    assert process.returncode == -number
    server.clear()


def test_the_end_does_not_wait_for_a_search(server, found):
    server.fault('delay=600000,op=FindItem')
    process = subprocess.Popen(['ls', found.at('.search', 'budget')], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    until(lambda: found.status()['server']['in_flight'] > 0, 'the search')
    os.kill(found.pid, signal.SIGTERM)
    process.communicate(timeout=10 * PATIENCE)
    assert found.wait_end() == 0
