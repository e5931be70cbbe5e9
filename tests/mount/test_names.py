# SPDX-License-Identifier: GPL-3.0-or-later
"""names=: what messages are called, by a template of one's own."""
import os
import re

import pytest

from mounting import message, until
from writing import SETTLE_S, flush, shell

KEY = '[0-9a-hjkmnp-tv-z]{10}'
USAGE = 1
RECEIVED = '2026-11-20T10:15:00Z'


def names_of(there):
    return sorted(there.files())


def fill(somebody):
    """Some of each kind, with copies, and what is missing."""
    somebody.create_item('inbox', message('Budget', sender='Ada Example <ada@example.com>'),
                         received=RECEIVED)
    twin = somebody.create_item('inbox', message('Twin'), received=RECEIVED)
    somebody.copy_item(twin, 'inbox')
    somebody.create_item('inbox', message('Grüße / 会議 $(x)'), received=RECEIVED)
    somebody.create_item('inbox', message('é' * 200), received=RECEIVED)
    somebody.create_item('inbox', message(''), received=RECEIVED)
    somebody.create_item('drafts', message('Draft'), draft=True)
    somebody.create_other('contacts', 'Contact', 'Lin Chen')


def test_names_are_as_the_template_says(server, somebody, mount):
    somebody.create_item('inbox', message('Budget', sender='Ada Example <ada@example.com>'),
                         received=RECEIVED)
    somebody.create_item('inbox', message('', sender='Bo <bo@example.com>'), received=RECEIVED)
    somebody.create_item('drafts', message('Draft'), draft=True)
    there = mount(server, names='{from}-{subject}_{day}.{time}_{key}.x')
    expected = ['Ada-Example-Budget_2026-11-20.101500Z_%s.x.eml' % KEY,
                'Bo_2026-11-20.101500Z_%s.x.eml' % KEY]
    found = sorted(there.names('Inbox'))
    assert len(found) == 2
    for name, pattern in zip(found, expected):
        assert re.fullmatch(pattern, name), name
    assert re.fullmatch('.*-Draft_draft_%s[.]x[.]eml' % KEY, there.names('Drafts')[0])
    # And so in the other trees.
    stems = [name[:-len('.eml')] for name in found]
    assert sorted(there.names('.text/Inbox')) == [stem + '.txt' for stem in stems]
    assert sorted(there.names('.parts/Inbox')) == stems
    assert b'Subject: Budget' in there.cat('.text/Inbox/' + stems[0] + '.txt')


@pytest.mark.parametrize('names', [
    '{key}', '{key}_{subject}', '{day}-{key}-{subject}', '{subject}.{key}',
    '{date}_{party}_{subject}.{key}'])
def test_they_stay(server, somebody, mount, names):
    """Over a remount, on another machine, and where the index is lost: the key is the same."""
    fill(somebody)
    there = mount(server, names=names)
    first = {path: there.stat(path)['ino'] for path in names_of(there)}
    assert len(first) == 8
    assert all(len(os.fsencode(os.path.basename(path))) <= 120 for path in first)
    assert all(re.search(KEY, path) for path in first)
    elsewhere = mount(server, names=names)
    assert {path: elsewhere.stat(path)['ino'] for path in names_of(elsewhere)} == first
    there.remount()
    assert names_of(there) == sorted(first)
    there.unmount()
    there.forget()
    there.start()
    assert {path: there.stat(path)['ino'] for path in names_of(there)} == first


def test_the_usual_template_is_what_is_without_one(server, somebody, mount):
    fill(somebody)
    plain = mount(server)
    there = mount(server, names='{date}_{party}_{subject}.{key}')
    assert names_of(there) == names_of(plain)
    plain.unmount()
    plain.options['names'] = '{date}_{party}_{subject}.{key}'
    plain.start()


def test_a_changed_subject_moves_no_name(server, somebody, mount):
    item = somebody.create_item('inbox', message('Before'), received=RECEIVED)
    there = mount(server, names='{key}_{subject}')
    path = there.find('Before')
    somebody.update_item(item, subject='After')
    there.sync('--fetch')
    assert there.paths() == [path]
    until(lambda: there.xattrs(path)['user.ewsfs.subject'] == 'After', 'the subject')


def test_names_that_a_user_gave(written, somebody, mount):
    there = mount(written, names='{key}_{subject}', settle=SETTLE_S)
    shell(there, 'printf "Subject: Mine\\n\\nx" >"Inbox/My own.eml"')
    somebody.create_item('inbox', message('Other'), received=RECEIVED)
    there.sync()
    shell(there, 'mv Inbox/*_Other.eml Inbox/theirs.eml')
    flush(there)
    assert sorted(there.names('Inbox')) == ['My own.eml', 'theirs.eml']
    there.unmount()
    there.forget()
    there.start()
    there.sync()
    assert sorted(there.names('Inbox')) == ['My own.eml', 'theirs.eml']


def test_an_index_is_of_one_template(server, mount):
    there = mount(server, names='{key}_{subject}')
    there.unmount()
    for other in ('{key}', None):
        there.options['names'] = other
        refused = there.try_start()
        assert refused.status != 0 and 'made with names={key}_{subject};' in refused.err
    there.options['names'] = '{key}_{subject}'
    there.start()
    there.unmount()
    there.forget()
    del there.options['names']
    there.start()
    there.unmount()
    there.options['names'] = '{key}'
    refused = there.try_start()
    assert refused.status != 0
    assert 'made with names={date}_{party}_{subject}.{key};' in refused.err


@pytest.mark.parametrize('names, why', [
    ('{date}_{subject}', '{key} is missing'), ('{sender}.{key}', 'no field "{sender}"'),
    ('{date}/{key}', '"/" cannot be in it'), ('{date}\n{key}', 'U+000A cannot be in it'),
    ('{date} {key}', 'U+0020'), ('.{key}', 'cannot begin')])
def test_templates_that_are_refused(server, mount, names, why):
    there = mount(server, start=False, names=names)
    refused = there.try_start()
    assert refused.status == USAGE
    assert refused.err.startswith('ewsfs: names=: ') and why in refused.err
    assert refused.err.count('\n') == 1
    assert not os.path.exists(there.state)


def test_in_the_configuration_and_not_in_a_maildir(server, somebody, mount):
    somebody.create_item('inbox', message('Budget'), received=RECEIVED)
    there = mount(server, start=False)
    os.makedirs(os.path.dirname(there.config), exist_ok=True)
    with open(there.config, 'w', encoding='utf-8') as file:
        file.write('[work]\nurl=%s\nnames={subject}.{key}\n' % server.url)
    there.source = 'work'
    there.start()
    assert re.fullmatch('Budget[.]%s[.]eml' % KEY, there.names('Inbox')[0])
    there.unmount()
    there.options['layout'] = 'maildir'
    refused = there.try_start()
    assert refused.status == USAGE and 'names= and layout=maildir' in refused.err
