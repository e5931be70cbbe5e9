# SPDX-License-Identifier: GPL-3.0-or-later
"""Mail programs on layout=maildir and maildir++, as people use them: read, mark, move, delete,
deliver, search; afterwards the server has what they meant. Those that are not installed are left
out.
"""
import os
import shutil

import pytest

from maildirs import listed, state, unique
from mounting import PATIENCE, message, run, until
from writing import SETTLE_S, count_writes, flush, folder_paths, shell, subjects


def needs(*names):
    missing = [name for name in names if not shutil.which(name)]
    return pytest.mark.skipif(bool(missing), reason='no ' + ', '.join(missing))


def fill(somebody, there, *names, inbox='Inbox', **how):
    """Messages of these subjects, unread, shown in the Inbox."""
    def count():
        return len(listed(there, 'new', inbox) + listed(there, 'cur', inbox))

    before = count()
    somebody.create_item('inbox', [message(name) for name in names], read=False, **how)
    until(lambda: count() == before + len(names), 'the messages')


def path_of(there, subject, folder='Inbox'):
    """Of the message, below the mount."""
    found = run('grep', '-rl', '^Subject: ' + subject, there.at(folder)).out.split('\n')[0]
    return os.path.relpath(found, there.path)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Programs keep to themselves what they note."""
    monkeypatch.setenv('HOME', str(tmp_path))
    monkeypatch.delenv('MAILDIR', raising=False)
    monkeypatch.delenv('MAIL', raising=False)
    return tmp_path


# mutt, neomutt


def check_mutt(somebody, there, home, name, inbox, kept):
    """`inbox` and `kept` are directories of the mount."""
    if not shutil.which(name) or not shutil.which('script'):
        pytest.skip('no %s, or no script' % name)
    fill(somebody, there, 'Read', 'Flag', 'Move', 'Delete', 'Untouched', inbox=inbox)
    shell(there, 'mkdir "$1"', kept)
    rc = home / 'rc'
    rc.write_text('''
set folder=%s mbox_type=Maildir spoolfile=+%s record= postponed= mail_check=0
set confirmappend=no confirmcreate=no delete=yes move=no quit=yes wait_key=no sleep_time=0
set resolve=no pager=builtin mark_old=no
push "<search>~s Read<enter><display-message><exit>\\
<search>~s Flag<enter><flag-message>\\
<search>~s Move<enter><save-message>=%s<enter>\\
<search>~s Delete<enter><delete-message><sync-mailbox><quit>"
''' % (there.path, inbox, kept))
    run('script', '-qec', '%s -n -F %s -f %s' % (name, rc, there.at(inbox)), '/dev/null',
        env=dict(os.environ, TERM='vt100'), seconds=30 * PATIENCE)
    flush(there)
    assert state(somebody) == {'Read': (True, 'NotFlagged'), 'Flag': (False, 'Flagged'),
                               'Untouched': (False, 'NotFlagged')}
    assert subjects(somebody, 'Kept') == ['Move']
    assert set(subjects(somebody, 'deleteditems')) == {'Move', 'Delete'}
    there.sync()
    assert listed(there, 'tmp', inbox) == [] and listed(there, 'tmp', kept) == []


@pytest.mark.parametrize('name', ['mutt', 'neomutt'])
def test_mutt(somebody, maildir, home, name):
    check_mutt(somebody, maildir, home, name, 'Inbox', 'Kept')


@pytest.mark.parametrize('name', ['mutt', 'neomutt'])
def test_mutt_with_dots(somebody, dotted, home, name):
    check_mutt(somebody, dotted, home, name, '.', '.Kept')


# notmuch


@needs('notmuch')
def test_notmuch(written, somebody, maildir, home, monkeypatch):
    config = home / 'config'
    config.write_text('[database]\npath=%s\nmail_root=%s\n[user]\nname=User\n'
                      'primary_email=user@example.org\n[new]\ntags=unread;inbox\n'
                      '[maildir]\nsynchronize_flags=true\n' % (home / 'index', maildir.path))
    (home / 'index').mkdir()
    monkeypatch.setenv('NOTMUCH_CONFIG', str(config))

    def notmuch(*words, **more):
        return run('notmuch', *words, seconds=30 * PATIENCE, **more).out.strip()

    def count(query):
        return int(notmuch('count', query))

    names = ['Mail %d' % i for i in range(20)]
    fill(somebody, maildir, *names)
    maildir.fetch()
    notmuch('new')
    assert count('*') == count('tag:unread') == 20
    assert notmuch('search', '--output=files', 'subject:"Mail 7"') == maildir.at(
        path_of(maildir, 'Mail 7'))
    written.mark('tagged')
    notmuch('tag', '-unread', '+flagged', '--', '*')
    flush(maildir)
    assert set(state(somebody).values()) == {(True, 'Flagged')}
    assert count_writes(written, 'tagged')['UpdateItem'] <= 4
    # What others do shows in the tags, and nothing is taken for lost or new.
    assert notmuch('new', '--quiet') == '' and count('*') == 20
    somebody.update_item(somebody.find_item('inbox')[3], read=False, flag='NotFlagged')
    until(lambda: len(listed(maildir, 'cur')) == 20 and any(
        name.endswith(':2,') for name in listed(maildir, 'cur')), 'the mark')
    notmuch('new')
    assert (count('*'), count('tag:unread'), count('tag:flagged')) == (20, 1, 19)
    notmuch('insert', '--folder=Inbox', '+inserted', stdin=message('Inserted'))
    flush(maildir)
    assert state(somebody)['Inserted'] == (False, 'NotFlagged')
    assert count('tag:inserted') == 1
    maildir.sync()
    notmuch('new')
    assert count('*') == 21


# mu


@needs('mu')
def test_mu(somebody, maildir, home):
    index = ['--muhome=' + str(home / 'mu')]

    def found(query):
        out = run('mu', 'find', *index, '--fields=s', query, status=None,
                  seconds=30 * PATIENCE).out.splitlines()
        return sorted(line for line in out if line)

    fill(somebody, maildir, 'Apple', 'Pear', 'Plum')
    maildir.fetch()
    run('mu', 'init', *index, '--maildir=' + maildir.path, seconds=30 * PATIENCE)
    run('mu', 'index', *index, seconds=30 * PATIENCE)
    assert found('maildir:/Inbox') == ['Apple', 'Pear', 'Plum']
    assert found('flag:unread subject:pear') == ['Pear']
    item = [item for item in somebody.find_item('inbox') if item.subject == 'Pear'][0]
    somebody.update_item(item, read=True, flag='Flagged')
    until(lambda: any(name.endswith(':2,FS') for name in listed(maildir, 'cur')), 'the marks')
    run('mu', 'index', *index, seconds=30 * PATIENCE)
    assert found('flag:unread') == ['Apple', 'Plum']
    assert found('flag:flagged') == ['Pear']
    run('mu', 'mkdir', maildir.at('Made'))
    flush(maildir)
    assert 'Made' in folder_paths(somebody)


# mblaze


@needs('mdeliver', 'minc', 'mlist', 'mflag', 'mrefile', 'magrep')
def test_mblaze(somebody, maildir, home):
    fill(somebody, maildir, 'Read', 'Flag', 'Move', 'Delete')
    shell(maildir, 'mkdir Kept; mdeliver Inbox', stdin=message('Delivered'))
    assert len(listed(maildir, 'new')) == 5
    shell(maildir, 'minc Inbox >/dev/null')
    assert listed(maildir, 'new') == [] and len(listed(maildir, 'cur')) == 5
    assert int(shell(maildir, 'mlist -N Inbox | wc -l').out) == 0
    shell(maildir, 'mlist Inbox | magrep subject:Read | mflag -S >/dev/null;'
                   'mlist Inbox | magrep subject:Flag | mflag -F >/dev/null;'
                   'mrefile "$(mlist Inbox | magrep subject:Move)" Kept;'
                   'rm "$(mlist Inbox | magrep subject:Delete)"')
    flush(maildir)
    assert state(somebody) == {'Read': (True, 'NotFlagged'), 'Flag': (False, 'Flagged'),
                               'Delivered': (False, 'NotFlagged')}
    assert subjects(somebody, 'Kept') == ['Move']
    assert 'Delete' in subjects(somebody, 'deleteditems')


# mbsync, both ways


@needs('mbsync')
@pytest.mark.parametrize('map_of', ['yes', 'no'])
def test_mbsync(written, somebody, maildir, home, map_of):
    """Its numbers in a map of its own, or in the names, which are the server's then."""
    local = home / 'local'
    (home / 'local').mkdir()
    config = home / 'mbsyncrc'
    config.write_text('''
MaildirStore far
Path %s/
Inbox %s/Inbox
SubFolders Verbatim
AltMap %s

MaildirStore near
Path %s/
Inbox %s/Inbox
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns INBOX
Create Near
Expunge Both
SyncState %s/state-
''' % (maildir.path, maildir.path, map_of, local, local, home))

    def sync():
        run('mbsync', '-c', str(config), 'all', seconds=60 * PATIENCE)

    def here():
        return {part: sorted(os.listdir(str(local / 'Inbox' / part))) for part in ('cur', 'new')}

    def mine(subject):
        return run('grep', '-rl', '^Subject: ' + subject, str(local / 'Inbox')).out.split('\n')[0]

    def mark(subject, letters):
        path = mine(subject)
        os.rename(path, str(local / 'Inbox' / 'cur' / unique(os.path.basename(path)))
                  + ':2,' + letters)

    fill(somebody, maildir, 'Read', 'Flag', 'Delete', 'Theirs', 'Gone')
    sync()
    assert sum(map(len, here().values())) == 5
    mark('Read', 'S')
    mark('Flag', 'FR')
    mark('Delete', 'ST')
    (local / 'Inbox' / 'cur' / '1700000000.1.host:2,S').write_bytes(message('Mine'))
    items = {item.subject: item for item in somebody.find_item('inbox')}
    somebody.update_item(items['Theirs'], read=True)
    somebody.delete_item(items['Gone'])
    until(lambda: len(listed(maildir, 'new') + listed(maildir, 'cur')) == 4 and any(
        name.endswith(':2,S') for name in listed(maildir, 'cur')), 'what others did')
    sync()
    flush(maildir)
    assert state(somebody) == {'Read': (True, 'NotFlagged'), 'Flag': (False, 'Flagged'),
                               'Theirs': (True, 'NotFlagged'), 'Mine': (True, 'NotFlagged')}
    assert 'Delete' in subjects(somebody, 'deleteditems')
    assert sorted(os.path.basename(mine(name)).partition(':2,')[2]
                  for name in ('Read', 'Flag', 'Theirs', 'Mine')) == ['FR', 'S', 'S', 'S']
    assert [name for name in listed(maildir, 'cur') if name.endswith(':2,FR')]
    # Nothing is left to be done, in either direction.
    maildir.sync()
    before, there = here(), maildir.tree('Inbox')
    written.mark('again')
    sync()
    flush(maildir)
    assert here() == before and set(maildir.tree('Inbox')) == set(there)
    assert count_writes(written, 'again') == {}


@needs('mbsync')
def test_mbsync_with_dots(written, somebody, dotted, home):
    """Every folder, both ways, but for those in the Inbox: of them it says that it ignores them."""
    local = home / 'local'
    local.mkdir()
    (home / 'state').mkdir()
    config = home / 'mbsyncrc'
    config.write_text('''
MaildirStore far
Inbox %s
SubFolders Maildir++

MaildirStore near
Path %s/
Inbox %s/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
SyncState %s/state/
''' % (dotted.path, local, local, home))

    def sync():
        return run('mbsync', '-c', str(config), 'all', seconds=60 * PATIENCE)

    def here(folder):
        return sorted(name for part in ('cur', 'new') for name in os.listdir(
            str(local / folder / part)))

    sub = somebody.create_folder('inbox', 'Sub')
    somebody.create_item(somebody.create_folder('msgfolderroot', 'v1.0'), message('Dots'))
    somebody.create_item(sub, message('Below'), read=False)
    fill(somebody, dotted, 'Top', inbox='.')
    until(lambda: '.v1%2E0' in dotted.names() and listed(dotted, 'new', '.INBOX.Sub') and listed(
        dotted, 'cur', '.v1%2E0'), 'the folders')
    assert 'ignoring INBOX' in sync().err
    for folder in ('INBOX', 'v1%2E0'):
        assert len(here(folder)) == 1, folder
    (local / 'INBOX' / 'cur' / '1700000000.1.host:2,S').write_bytes(message('Mine'))
    for part in ('cur', 'new', 'tmp'):
        (local / 'Made' / 'Deep' / part).mkdir(parents=True)
    (local / 'Made' / 'Deep' / 'new' / '1700000001.1.host').write_bytes(message('Deep'))
    name, = os.listdir(str(local / 'INBOX' / 'new'))
    os.rename(str(local / 'INBOX' / 'new' / name), str(local / 'INBOX' / 'cur' / name) + ':2,FS')
    sync()
    flush(dotted)
    assert state(somebody) == {'Top': (True, 'Flagged'), 'Mine': (True, 'NotFlagged')}
    assert subjects(somebody, 'Made/Deep') == ['Deep']
    dotted.sync()
    written.mark('again')
    sync()
    flush(dotted)
    assert count_writes(written, 'again') == {}


# Dovecot


def post_on(written, mount, layout):
    """(mount, directory) of somebody who is not root, whom Dovecot would refuse."""
    user, group = (65534, 65534) if os.getuid() == 0 else (os.getuid(), os.getgid())
    owner = {'uid': user, 'gid': group, 'allow_other': True} if os.getuid() == 0 else {}
    there = mount(written, layout=layout, settle=SETTLE_S, **owner)
    there.sync()
    directory = os.path.join(there.dir, 'post')
    os.mkdir(directory)
    if owner:
        os.chmod(there.dir, 0o755)
        os.chown(directory, user, group)
    return there, directory, user, group


@pytest.fixture
def post(written, mount):
    return post_on(written, mount, 'maildir')


@pytest.fixture
def dotted_post(written, mount):
    return post_on(written, mount, 'maildir++')


def doveadm_of(post, location):
    """The program for this mail_location."""
    _, home, user, group = post
    config = home + '/dovecot.conf'
    with open(config, 'w', encoding='utf-8') as file:
        file.write('''
base_dir = %s
log_path = /dev/stderr
first_valid_uid = 0
first_valid_gid = 0
mail_uid = %d
mail_gid = %d
mail_home = %s
ssl = no
mail_location = %s
namespace inbox {
  inbox = yes
}
''' % (home, user, group, home, location))

    def doveadm(*words, **more):
        return run('doveadm', '-c', config, *words, seconds=30 * PATIENCE,
                   cwd=home, env=dict(os.environ, USER='user', HOME=home), **more).out
    return doveadm


@needs('doveadm')
@pytest.mark.parametrize('notes', [True, False], ids=['notes-elsewhere', 'notes-here'])
def test_dovecot(written, somebody, post, notes):
    """What it notes for itself is elsewhere, as its manual advises, or in the folders."""
    maildir, home, _, _ = post
    elsewhere = ':INDEX=%s:CONTROL=%s' % (home + '/index', home + '/control') if notes else ''
    doveadm = doveadm_of(post, 'maildir:%s:LAYOUT=fs:INBOX=%s/Inbox%s' % (
        maildir.path, maildir.path, elsewhere))

    fill(somebody, maildir, 'Read', 'Flag', 'Move', 'Delete')
    assert {'INBOX', 'Drafts'} <= set(doveadm('mailbox', 'list').split())
    doveadm('mailbox', 'create', 'Kept')
    assert doveadm('mailbox', 'status', 'messages unseen', 'INBOX').split() == [
        'INBOX', 'messages=4', 'unseen=4']
    written.mark('marked')
    doveadm('flags', 'add', '\\Seen', 'mailbox', 'INBOX', 'subject', 'Read')
    doveadm('flags', 'add', '\\Flagged \\Answered', 'mailbox', 'INBOX', 'subject', 'Flag')
    doveadm('move', 'Kept', 'mailbox', 'INBOX', 'subject', 'Move')
    doveadm('expunge', 'mailbox', 'INBOX', 'subject', 'Delete')
    doveadm('save', '-m', 'INBOX', stdin=message('Delivered'))
    flush(maildir)
    assert state(somebody) == {'Read': (True, 'NotFlagged'), 'Flag': (False, 'Flagged'),
                               'Delivered': (False, 'NotFlagged')}
    assert subjects(somebody, 'Kept') == ['Move']
    item = [item for item in somebody.find_item('inbox') if item.subject == 'Read'][0]
    somebody.update_item(item, read=False)
    until(lambda: not any('S' in name.partition(':2,')[2] for name in listed(maildir, 'cur')),
          'unread')
    found = doveadm('fetch', 'hdr.subject flags', 'mailbox', 'INBOX', 'ALL')
    assert 'hdr.subject: Read' in found and '\\Seen' not in found and '\\Answered' in found
    assert doveadm('search', 'mailbox', 'INBOX', 'subject', 'Delivered').strip()


@needs('doveadm')
def test_dovecot_with_dots(somebody, dotted_post):
    """As it expects a Maildir to be; what it notes is in the folders."""
    there = dotted_post[0]
    doveadm = doveadm_of(dotted_post, 'maildir:%s:UTF-8' % there.path)
    for name in ('v1.0', 'R&D', 'Ölfässer', 'text'):
        somebody.create_folder('msgfolderroot', name)
    somebody.create_item(somebody.create_folder('inbox', 'Sub'), message('Below'), read=False)
    fill(somebody, there, 'Read', 'Move', inbox='.')
    until(lambda: '.INBOX.Sub' in there.names() and listed(there, 'new', '.INBOX.Sub'), 'all')
    assert {'INBOX', 'INBOX.Sub', 'Drafts', 'v1%2E0', 'R&D', 'Ölfässer', '%74ext'} <= set(
        doveadm('mailbox', 'list').splitlines())
    assert doveadm('mailbox', 'status', 'messages', 'INBOX.Sub').split()[-1] == 'messages=1'
    doveadm('mailbox', 'create', 'Kept.Deep')
    doveadm('mailbox', 'create', 'INBOX.New')
    doveadm('flags', 'add', '\\Seen', 'mailbox', 'INBOX', 'subject', 'Read')
    doveadm('move', 'Kept.Deep', 'mailbox', 'INBOX', 'subject', 'Move')
    doveadm('save', '-m', 'INBOX.New', stdin=message('Delivered'))
    doveadm('mailbox', 'rename', 'Kept', 'Held')
    doveadm('mailbox', 'delete', 'INBOX.Sub')
    flush(there)
    assert state(somebody) == {'Read': (True, 'NotFlagged')}
    assert subjects(somebody, 'Held/Deep') == ['Move']
    assert subjects(somebody, 'Inbox/New') == ['Delivered']
    paths = folder_paths(somebody)
    assert not {'Kept', 'Kept/Deep', 'Inbox/Sub'} & set(paths)
    doveadm('mailbox', 'delete', '-r', 'Held')
    flush(there)
    assert 'Held' not in folder_paths(somebody)


# Two at once


@needs('notmuch', 'mdeliver')
def test_two_at_once(somebody, maildir, home, monkeypatch):
    config = home / 'config'
    config.write_text('[database]\npath=%s\nmail_root=%s\n[user]\nprimary_email=u@example.org\n'
                      '[maildir]\nsynchronize_flags=true\n' % (home / 'index', maildir.path))
    (home / 'index').mkdir()
    monkeypatch.setenv('NOTMUCH_CONFIG', str(config))
    fill(somebody, maildir, *['Mail %d' % i for i in range(10)])
    maildir.fetch()
    run('notmuch', 'new', seconds=30 * PATIENCE)
    shell(maildir, '''
( for i in 1 2 3 4 5; do mdeliver Inbox <"$1"; done ) &
( for name in Inbox/new/1*; do mv "$name" "Inbox/cur/${name##*/}:2,F" || :; done ) &
notmuch tag -unread -- '*' || :
wait
''', str(write_mail(home)), seconds=60 * PATIENCE)
    flush(maildir)
    found = state(somebody)
    assert len(subjects(somebody, 'inbox')) == 15
    names = listed(maildir, 'new') + listed(maildir, 'cur')
    assert len(names) == len(set(map(unique, names))) == 15
    assert sum(':2,' in name and 'S' in name.partition(':2,')[2] for name in names) == sum(
        read for read, _ in found.values())


def write_mail(home):
    path = home / 'mail'
    path.write_bytes(message('Delivered'))
    return path
