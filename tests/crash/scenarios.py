# SPDX-License-Identifier: GPL-3.0-or-later
"""What people do to a mailbox, as scenarios for harness.py. The steps of one do not build on each
other but in their order, so that each can be looked for and done again by itself.
"""
import os

from harness import IS_LONG, Step, scenario
from mounting import message
from writing import lay_out, mails

RESTORED = 200 if IS_LONG else 60


def nothing(ews, directory):
    """An empty mailbox."""


def write(path, data):
    return Step('cat >"$1"', 'read(words[0]) == %r' % data, path, data=data)


def some_mail(ews, directory):
    ews.create_item('inbox', [message('One'), message('Two'), message('Three'), message('Four')],
                    categories=['Old'])


def some_drafts(ews, directory):
    for name in ('One', 'Two'):
        ews.create_item('drafts', message(name, body='old'), draft=True, categories=['Red'])


def create(directory):
    return [write('Inbox/%d.eml' % number, message('New', number=number, body=str(number)))
            for number in range(3)] + [write('Drafts/d.eml', message('A draft'))]


def overwrite(directory):
    """One way as a shell does it, one as an editor does it."""
    one, two = (message(name, body='new') for name in ('One', 'Two'))
    return [
        Step('cat >"$(find One Drafts)"', 'read(find("draft", "Drafts")) is not None and any('
             'read("Drafts/" + name) == %r for name in names("Drafts"))' % one, data=one),
        Step('f=$(for f in Drafts/*.eml; do grep -q "Subject: Two" "$f" && echo "$f"; done);'
             ' cat >Drafts/.new.tmp && mv Drafts/.new.tmp "$f"',
             'any(read("Drafts/" + name) == %r for name in names("Drafts"))' % two, data=two),
    ]


def move(directory):
    return [
        Step('mv "$(find One Inbox)" Drafts/',
             'find("One", "Drafts") and not find("One", "Inbox")'),
        Step('mv "$(find Two Inbox)" Inbox/two.eml', 'names("Inbox").count("two.eml") == 1'),
        Step('mv "$(find Three Inbox)" Drafts/three.eml',
             'names("Drafts").count("three.eml") == 1 and not find("Three", "Inbox")'),
    ]


def delete(directory):
    return [Step('rm "$(find %s Inbox)"' % name, 'not find("%s", "Inbox")' % name)
            for name in ('One', 'Two', 'Three')]


def flag(directory):
    return [Step('setfattr -n user.ewsfs.%s -v %s "$(find %s Inbox)"' % (name, value, part),
                 'attribute(find("%s", "Inbox"), "%s") == "%s"' % (part, name, value))
            for part, name, value in (('One', 'is_read', '0'), ('Two', 'categories', 'New'),
                                      ('Three', 'importance', 'high'), ('One', 'flag', 'flagged'))]


def fill_folder(directory):
    return [
        Step('mkdir -p Inbox/Box/Sub', 'names("Inbox/Box/Sub") is not None'),
        write('Inbox/Box/a.eml', message('In the box')),
        write('Inbox/Box/Sub/b.eml', message('Further down')),
        Step('mv "$(find One Inbox)" Inbox/Box/Sub/', 'find("One", "Inbox/Box/Sub")'),
        Step('rm "$(find Two Inbox)"', 'not find("Two", "Inbox")'),
    ]


def mail_to_restore(ews, directory):
    lay_out(os.path.join(directory, 'backup'), {
        '%s/%s' % (('Restored', 'Restored/Sub')[number % 2], name): data
        for number, (name, data) in enumerate(mails(RESTORED).items())})


def restore(directory):
    source = os.path.join(directory, 'backup')
    last = [name for name in mails(RESTORED)][-1]
    # Modes are the mount's own; what counts is that nothing would be transferred.
    claim = ('not any(line[1:2] == b"f" and line[:1] in b"<>" for line in __import__("subprocess")'
             '.run(["rsync", "-an", "--itemize-changes", words[0] + "/", "Inbox/"],'
             ' capture_output=True).stdout.splitlines())'
             ' and "%s" in (names("Inbox/Restored/Sub") or [])' % last)
    return [Step('rsync -a "$1/" Inbox/', claim, source, seconds=120)]


def one_draft(ews, directory):
    ews.create_item('drafts', message('Letter'), draft=True)


def send(directory):
    return [Step('mv "$(find draft Drafts)" .send/', 'names("Drafts") == []')]


ALL = {what.name: what for what in (
    scenario('create', nothing, create, ['CreateItem']),
    scenario('overwrite', some_drafts, overwrite, ['CreateItem', 'DeleteItem']),
    scenario('move', some_mail, move, ['MoveItem', 'UpdateItem']),
    scenario('delete', some_mail, delete, ['DeleteItem']),
    scenario('flag', some_mail, flag, ['UpdateItem']),
    scenario('mkdir-and-fill', some_mail, fill_folder,
             ['CreateFolder', 'CreateItem', 'MoveItem', 'DeleteItem']),
    scenario('restore', mail_to_restore, restore, ['CreateFolder', 'CreateItem']),
    scenario('send', one_draft, send, ['MoveItem', 'SendItem'], {'send': True}, mails=1),
)}
