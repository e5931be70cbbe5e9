# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests of writing share: doing things to a mount from other processes, and looking at what
became of it on the server.

A message is told by its gist, subject and body: a server may write the header anew. `mailbox` is
the whole of a mailbox in a form that can be compared; nothing in it depends on ids or times of day.
"""
import collections
import hashlib
import json
import os
import sys
import time

from mounting import PATIENCE, WRITING, message, program, run, until
from ewsclient import NS, EwsError

PROPERTY_SET = 'c11ff724-aa03-4555-9952-8fa248a11c3e'
FILE_NAME = (PROPERTY_SET, 'ewsfs-name', 'String')
MESSAGE_FLAGS = (0x0E07, 'Integer')
RECEIVED = (0x0E06, 'SystemTime')
# The server settles in seconds here, and is late by less.
SETTLE_S = 2
LATE_MS = 1000


def gist(data):
    """Subject and the body's hash, whatever the line ends and the rest of the header."""
    header, _, body = data.replace(b'\r\n', b'\n').partition(b'\n\n')
    subject = [line for line in header.split(b'\n') if line.lower().startswith(b'subject:')]
    text = subject[0][8:].strip().decode('utf-8', 'replace') if subject else ''
    return text, hashlib.sha256(body.rstrip(b'\n')).hexdigest()[:16]


# The server's side


def folder_paths(ews):
    """{path: Folder} of what a mount shows."""
    top = ews.get_folder('msgfolderroot').id
    folders = {folder.id: folder for folder in ews.find_folder()}

    def path_of(folder):
        if folder.parent == top:
            return folder.name
        return path_of(folders[folder.parent]) + '/' + folder.name
    return {path_of(folder): folder for folder in folders.values()
            if folder.folder_class != 'IPF.Configuration' and folder.element != 'SearchFolder'}


def describe(item):
    """What a message is, apart from its ids and from when things happened to it."""
    node = item.node
    flags = int(item.ext.get(0x0E07, 0))
    return {
        'gist': gist(item.mime or b''),
        'read': item.read,
        'draft': bool(flags & 8),
        'categories': sorted(n.text for n in node.findall('t:Categories/t:String', NS)),
        'importance': node.findtext('t:Importance', 'Normal', NS),
        'flag': node.findtext('t:Flag/t:FlagStatus', 'NotFlagged', NS),
        'class': node.findtext('t:ItemClass', '', NS),
        'received': item.ext.get(0x0E06, item.received),
        'name': item.ext.get('ewsfs-name'),
    }


def items_of(ews, folder):
    """Items with everything, of a Folder or of a distinguished one."""
    while True:
        try:
            found = ews.find_item(folder)
            items = []
            for begin in range(0, len(found), 100):
                items += ews.get_item(found[begin:begin + 100],
                                      ext=(FILE_NAME, MESSAGE_FLAGS, RECEIVED))
            return items
        except EwsError as error:
            # It went between two questions.
            if error.code != 'ErrorItemNotFound':
                raise


def mailbox(ews, *fields):
    """{folder path: sorted descriptions}; `fields`: only those."""
    def chosen(item):
        what = describe(item)
        return json.dumps({name: what[name] for name in fields or what}, sort_keys=True)
    while True:
        try:
            return {path: sorted(chosen(item) for item in items_of(ews, folder))
                    for path, folder in folder_paths(ews).items()}
        except EwsError as error:
            # It went between two questions.
            if error.code != 'ErrorFolderNotFound':
                raise


def gists(ews, folder):
    """Sorted gists of a folder, given by its path or its distinguished name."""
    where = folder_paths(ews)[folder] if '/' in folder or folder[0].isupper() else folder
    return sorted(describe(item)['gist'] for item in items_of(ews, where))


def subjects(ews, folder):
    return [what[0] for what in gists(ews, folder)]


def count_writes(server, since=None):
    """How many requests of each kind changed something."""
    return collections.Counter({name: count for name, count in server.ops(since).items()
                                if name in WRITING})


# The mount's side


def put(there, path, data, status=0):
    """cat >PATH"""
    return run('sh', '-c', 'cat >"$1"', 'sh', there.at(path), stdin=data, status=status)


def shell(there, script, *words, status=0, seconds=None, stdin=b''):
    """A script in the root of the mount."""
    return run('sh', '-euc', script, 'sh', *words, cwd=there.path, status=status, seconds=seconds,
               stdin=stdin)


def python(there, script, *words, status=0, seconds=None):
    """Python in the root of the mount; os, sys and errno are there."""
    return run(sys.executable, '-c', 'import errno, os, sys\n' + script, *words, cwd=there.path,
               status=status, seconds=seconds)


def refusal(there, call):
    """The name of the errno of a Python expression in the root of the mount, or 'done'."""
    out = python(there, 'try:\n  %s\n  print("done")\nexcept OSError as e:\n'
                        '  print(errno.errorcode[e.errno])' % call)
    return out.out.strip().replace('ENOTSUP', 'EOPNOTSUPP')


def flush(there, status=0, seconds=30):
    """Until the server has everything. An item is done before the end of the answer that it is in,
    and the test server logs an answer at its end: that is waited for too."""
    out = run(program('ewsfsctl'), 'flush', '--timeout=%d' % (seconds * PATIENCE), there.path,
              status=status, seconds=2 * seconds * PATIENCE)
    end = time.monotonic() + 2
    while out.status == 0 and time.monotonic() < end:
        found = run('cat', there.at('.ewsfs', 'status.json'), status=None)
        if found.status != 0 or not json.loads(found.out)['server']['in_flight']:
            break
        time.sleep(0.02)
    return out


def ctl(there, verb, *words, status=0, stdin=b'', seconds=None):
    return run(program('ewsfsctl'), verb, *words, status=status, stdin=stdin, cwd=there.path,
               seconds=seconds)


def queue(there, *states):
    """What is only here: [{'id', 'state', 'what', 'path', 'error', …}]."""
    found = json.loads(run('cat', there.at('.ewsfs', 'queue.json')).out)['queue']
    return [entry for entry in found if not states or entry['state'] in states]


def until_queued(there, state, count=1, seconds=15):
    return until(lambda: len(queue(there, state)) == count and queue(there, state),
                 '%d %s' % (count, state), seconds)


def shown(there, top=''):
    """{path: gist} of the messages that a mount shows, scratch left out."""
    files = there.files(top)
    paths = [os.path.join(top, path) for path in files
             if path.lower().endswith(('.eml', '.ics', '.vcf'))]
    script = ('for path in sys.argv[1:]:\n'
              '  sys.stdout.buffer.write(open(path, "rb").read() + b"\\0\\0\\0")')
    found = {}
    for begin in range(0, len(paths), 200):
        some = paths[begin:begin + 200]
        raw = python(there, script, *some).raw.split(b'\0\0\0')
        found.update(zip(some, map(gist, raw)))
    return found


def assert_same(there, ews, folder='Inbox'):
    """What the mount shows is what the server has, and nothing waits."""
    assert sorted(shown(there, folder).values()) == gists(ews, folder)
    assert [entry for entry in queue(there) if entry['state'] != 'scratch'] == []


def mails(count, prefix='Mail', body='Body'):
    """{name: bytes} of new messages."""
    return {'%s-%03d.eml' % (prefix.lower(), number): message(
        '%s %d' % (prefix, number), body='%s %d' % (body, number), number=number)
        for number in range(count)}


def lay_out(directory, files):
    """Writes {relative path: bytes} below a local directory, with times that are no accident."""
    for number, (name, data) in enumerate(sorted(files.items())):
        path = os.path.join(str(directory), name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'wb') as file:
            file.write(data)
        os.utime(path, (1700000000 + number, 1700000000 + 60 * number))
    return str(directory)


__all__ = [name for name in dir() if not name.startswith('_')]
