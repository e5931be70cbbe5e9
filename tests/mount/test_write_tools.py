# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that people write with: rsync in all its ways, editors, patch, sed. After each the
server has what the program meant, once, and the number of requests is small.
"""
import os
import shutil

import pytest

from mounting import PATIENCE, look, message, run, until
from writing import (count_writes, describe, flush, folder_paths, gist, gists, items_of, lay_out,
                     mails, put, queue, shell, shown, subjects)

COUNT = 1000
DRAFT = message('Draft', body='first').replace(b'\r\n', b'\n')


def rsync(there, *words, status=0, seconds=90):
    """Returns the files that were transferred."""
    out = run('rsync', '-a', '--out-format=%i %n', *words, status=status,
              seconds=seconds * PATIENCE)
    return [line for line in out.out.splitlines() if line.startswith(('<f', '>f'))]


# rsync


def test_rsync_of_1000_and_again(written, somebody, there, tmp_path):
    source = lay_out(tmp_path / 'from', {
        ('%s/%s' % ('abc'[number % 3], name)): data
        for number, (name, data) in enumerate(mails(COUNT).items())})
    written.mark('rsync')
    assert len(rsync(there, source + '/', there.at('Inbox') + '/')) == COUNT
    flush(there, seconds=60)
    calls = count_writes(written, 'rsync')
    assert set(calls) <= {'CreateFolder', 'CreateItem', 'UpdateItem'}
    assert sum(calls.values()) <= 92
    written.mark('again')
    assert rsync(there, source + '/', there.at('Inbox') + '/') == []
    there.sync()
    assert rsync(there, source + '/', there.at('Inbox') + '/') == []
    there.remount()
    assert rsync(there, source + '/', there.at('Inbox') + '/') == []
    flush(there)
    assert count_writes(written, 'again') == {}
    found = {path: gists(somebody, path) for path in ('Inbox/a', 'Inbox/b', 'Inbox/c')}
    assert sum(map(len, found.values())) == COUNT
    back = str(tmp_path / 'back')
    rsync(there, there.at('Inbox') + '/', back + '/')
    run('diff', '-r', source, back)


@pytest.mark.parametrize('option', ['--inplace', '--partial', '--delay-updates', '--whole-file',
                                 '--temp-dir=.tmp', '--append-verify', '--checksum'])
def test_ways_of_rsync(written, somebody, there, tmp_path, option):
    files = mails(20)
    source = lay_out(tmp_path / 'from', files)
    if option.startswith('--temp-dir'):
        shell(there, 'mkdir Inbox/.tmp')
        option = '--temp-dir=' + there.at('Inbox/.tmp')
    written.mark('rsync')
    rsync(there, option, source + '/', there.at('Inbox') + '/')
    flush(there)
    assert gists(somebody, 'inbox') == sorted(map(gist, files.values()))
    calls = count_writes(written, 'rsync')
    assert calls['CreateItem'] <= 8 and sum(calls.values()) <= 11
    assert rsync(there, option, source + '/', there.at('Inbox') + '/') == []
    received = {describe(item)['name']: describe(item)['received']
                for item in items_of(somebody, 'inbox')}
    assert received['mail-001.eml'] == '2023-11-14T22:14:20Z'


def test_rsync_of_what_changed(written, somebody, there, tmp_path):
    files = mails(20)
    source = lay_out(tmp_path / 'from', files)
    rsync(there, source + '/', there.at('Inbox') + '/')
    flush(there)
    changed = message('Mail 3', body='another body')
    lay_out(tmp_path / 'from', {'mail-003.eml': changed})
    os.unlink(os.path.join(source, 'mail-004.eml'))
    written.mark('again')
    assert len(rsync(there, '--delete', source + '/', there.at('Inbox') + '/')) == 1
    flush(there)
    files['mail-003.eml'] = changed
    del files['mail-004.eml']
    assert gists(somebody, 'inbox') == sorted(map(gist, files.values()))
    assert subjects(somebody, 'deleteditems') == ['Mail 4']
    assert sum(count_writes(written, 'again').values()) <= 8


def test_an_rsync_that_was_killed_and_goes_on(written, somebody, there, tmp_path):
    files = mails(300)
    source = lay_out(tmp_path / 'from', files)
    run('timeout', '-s', 'KILL', '0.3', 'rsync', '-a', source + '/', there.at('Inbox') + '/',
        status=None)
    rsync(there, source + '/', there.at('Inbox') + '/')
    flush(there)
    assert gists(somebody, 'inbox') == sorted(map(gist, files.values()))


# Editors


def vim(there, path, *settings, text='changed by vim'):
    """Appends a line to a file and saves it, as a person does."""
    words = ['-c', 'normal Go' + text, '-c', 'wq']
    for setting in settings:
        words = ['--cmd', 'set ' + setting] + words
    run(VIM, '-N', '-u', 'NONE', '-i', 'NONE', '--not-a-term', '-es', *words, path,
        cwd=there.path, env=dict(os.environ, TERM='dumb'), seconds=60 * PATIENCE)


VIM = shutil.which('vim') or shutil.which('vim.tiny')
needs_vim = pytest.mark.skipif(not VIM, reason='no vim here')
needs_emacs = pytest.mark.skipif(not shutil.which('emacs'), reason='no emacs here')


@needs_vim
@pytest.mark.parametrize('settings', [
    ('backupcopy=yes',), ('backupcopy=no',), ('backupcopy=auto',), ('backupcopy=no', 'backup'),
    ('backupcopy=yes', 'backup'), ('nowritebackup',), ('backupcopy=no', 'noswapfile'),
    ('backupcopy=auto', 'patchmode=.orig')])
@pytest.mark.parametrize('is_sent', [False, True], ids=['new', 'on-the-server'])
def test_vim_saves_a_draft(written, somebody, there, settings, is_sent):
    put(there, 'Drafts/d.eml', DRAFT)
    if is_sent:
        flush(there)
    before = there.stat('Drafts/d.eml')
    written.mark('vim')
    vim(there, 'Drafts/d.eml', *settings)
    flush(there)
    assert there.cat('Drafts/d.eml').endswith(b'changed by vim\n')
    found = gists(somebody, 'drafts')
    assert found == [gist(there.cat('Drafts/d.eml'))]
    calls = count_writes(written, 'vim')
    # A new one may have left before vim began: it starts slowly.
    assert calls['CreateItem'] <= (1 if is_sent else 2)
    assert sum(calls.values()) <= 6
    assert gists(somebody, 'deleteditems') == []
    assert before['ino'] == there.stat('Drafts/d.eml')['ino'] or 'no' in settings[0]
    # Again, as a person saves many times.
    vim(there, 'Drafts/d.eml', *settings, text='and again')
    flush(there)
    assert gists(somebody, 'drafts') == [gist(there.cat('Drafts/d.eml'))]
    names = [name for name in there.names('Drafts') if not name.endswith(('~', '.orig'))]
    assert names == ['d.eml']


@needs_vim
def test_vim_with_a_message_of_the_server(written, somebody, there):
    somebody.create_item('drafts', message('Draft'), draft=True, categories=['Red'])
    there.sync()
    path = there.find('', 'Drafts')
    vim(there, path)
    flush(there)
    item, = items_of(somebody, 'drafts')
    assert describe(item)['categories'] == ['Red']
    assert b'changed by vim' in item.mime
    assert gists(somebody, 'deleteditems') == []


@needs_emacs
@pytest.mark.parametrize('setting', ['nil', 't'])
def test_emacs_saves_a_draft(written, somebody, there, setting):
    put(there, 'Drafts/d.eml', DRAFT)
    flush(there)
    written.mark('emacs')
    run('emacs', '-Q', '--batch', '--eval', '(setq backup-by-copying %s)' % setting,
        there.at('Drafts/d.eml'), '--eval',
        '(progn (goto-char (point-max)) (insert "changed by emacs\n") (save-buffer)'
        ' (insert "and again\n") (do-auto-save) (save-buffer))', seconds=60 * PATIENCE)
    flush(there)
    assert there.cat('Drafts/d.eml').endswith(b'and again\n')
    assert gists(somebody, 'drafts') == [gist(there.cat('Drafts/d.eml'))]
    assert gists(somebody, 'deleteditems') == []
    assert sum(count_writes(written, 'emacs').values()) <= 6


@pytest.mark.parametrize('command', [
    "sed -i s/Hello/Goodbye/ Drafts/d.eml", "sed -i.bak s/Hello/Goodbye/ Drafts/d.eml",
    "perl -i -pe s/Hello/Goodbye/ Drafts/d.eml", "perl -i.bak -pe s/Hello/Goodbye/ Drafts/d.eml",
    "cp --backup=numbered /dev/stdin Drafts/d.eml"])
def test_tools_that_replace(written, somebody, there, command):
    data = message('Draft')
    put(there, 'Drafts/d.eml', data)
    flush(there)
    written.mark('tool')
    expected = data.replace(b'Hello', b'Goodbye')
    shell(there, command, stdin=expected)
    flush(there)
    assert there.cat('Drafts/d.eml') == expected
    assert gists(somebody, 'drafts') == [gist(expected)]
    assert sum(count_writes(written, 'tool').values()) <= 6


@pytest.mark.skipif(not shutil.which('patch'), reason='no patch here')
def test_patch(somebody, there):
    data = message('Draft').replace(b'\r\n', b'\n')
    put(there, 'Drafts/d.eml', data)
    flush(there)
    lines = data.decode().count('\n')
    diff = '--- d.eml\n+++ d.eml\n@@ -%d +%d @@\n-Hello.\n+Goodbye.\n' % (lines, lines)
    run('patch', '-d', there.at('Drafts'), '-p0', stdin=diff.encode())
    flush(there)
    assert gists(somebody, 'drafts') == [gist(data.replace(b'Hello', b'Goodbye'))]


def test_a_backup_name_is_replaced_when_the_message_is_finished(written, somebody, there):
    """What vim does: the message goes to a scratch name, stays on the server, and goes when a
    finished one has its name."""
    somebody.create_item('inbox', message('Old'))
    there.sync()
    path = there.find('Old')
    written.mark('aside')
    shell(there, 'mv "$1" "$1~"', path)
    flush(there)
    assert subjects(somebody, 'inbox') == ['Old'] and count_writes(written, 'aside') == {}
    shell(there, 'cat >"$1"', path, stdin=message('New'))
    flush(there)
    assert subjects(somebody, 'inbox') == ['New']
    assert there.paths() in ([path], [path, path + '~'])


def test_a_message_put_aside_and_back(written, somebody, there):
    somebody.create_item('inbox', message('Old'))
    there.sync()
    path = there.find('Old')
    written.mark('aside')
    shell(there, 'mv "$1" "$1~"; mv "$1~" "$1"', path)
    flush(there)
    assert subjects(somebody, 'inbox') == ['Old'] and count_writes(written, 'aside') == {}
    assert there.paths() == [path]


def test_a_message_put_aside_and_unlinked(somebody, there):
    somebody.create_item('inbox', message('Old'))
    there.sync()
    path = there.find('Old')
    shell(there, 'mv "$1" "$1~"; rm "$1~"', path)
    flush(there)
    assert subjects(somebody, 'inbox') == []
    assert subjects(somebody, 'deleteditems') == ['Old']


@pytest.mark.skipif(not shutil.which('git'), reason='no git here')
def test_git_below_a_hidden_directory(written, somebody, there):
    """A repository is scratch: nothing of it goes to the server."""
    written.mark('git')
    run('git', 'init', '-q', there.at('Inbox/.repo'), status=None)
    flush(there)
    assert count_writes(written, 'git') == {}
    assert subjects(somebody, 'inbox') == []


def test_cp_a_of_a_tree_inside_the_mount(written, somebody, there):
    target = somebody.create_folder('inbox', 'From')
    somebody.create_item(target, list(mails(30).values()))
    there.sync()
    written.mark('cp')
    shell(there, 'cp -a Inbox/From Inbox/To', seconds=60 * PATIENCE)
    flush(there)
    assert gists(somebody, 'Inbox/To') == gists(somebody, 'Inbox/From')
    times = [sorted(e['mtime'] for e in there.files('Inbox/' + name).values())
             for name in ('From', 'To')]
    assert times[0] == times[1]
    assert sum(count_writes(written, 'cp').values()) <= 14


def test_a_tree_is_replaced(somebody, there, tmp_path):
    """rm -r and the same names again at once: a name is freed before it is used again."""
    files = mails(20)
    source = lay_out(tmp_path / 'Box', files)
    run('cp', '-r', source, there.at('Inbox'))
    flush(there)
    shell(there, 'rm -r Inbox/Box')
    run('cp', '-r', source, there.at('Inbox'))
    flush(there)
    assert gists(somebody, 'Inbox/Box') == sorted(map(gist, files.values()))
    assert 'Inbox/Box' in folder_paths(somebody)
    assert len(shown(there, 'Inbox/Box')) == 20
    until(lambda: queue(there) == [], 'an empty queue')


def test_what_is_listed_after_each_step(there):
    """Every program sees what others did at once."""
    for number in range(20):
        put(there, 'Inbox/%d.eml' % number, message('x', number=number))
        entries = look('tree', there.at('Inbox'))
        assert len(entries) == number + 2
