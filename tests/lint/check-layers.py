#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may see whom: fs -> cache -> ews, and both fs and cache -> view, through doors, never back;
and each library has its home.

Linking already fails on an upward call (each room is a static library, and its unit tests link
only it and what is below). This reads the #include lines, which linking does not see, and the few
calls that belong to one file. The tests may look behind every door.
"""
import re

from tree import Problem, mask, run, uncomment

ROOMS = ('ews', 'cache', 'fs', 'view')

# What a room may include from the rooms below it. A room that is not named may not be seen at all.
DOORS = {
    'ews': {},
    'cache': {'ews': {'ews.h', 'types.h', 'error.h', 'inbox.h'}, 'view': {'pim.h'}},
    'fs': {'cache': {'cache.h'}, 'ews': {'error.h', 'inbox.h', 'redact.h', 'secret.h'},
           'view': {'parts.h', 'text.h'}},
    'view': {},
}
# The one file that starts and stops every room, and those who sign in.
MORE_DOORS = {
    'fs/main.c': {'ews/ews.h'},
    'fs/moved.c': {'ews/ews.h'},
    # And the one that asks before anything is mounted.
    'fs/enter.c': {'ews/ews.h'},
    'fs/discover.c': {'ews/discover.h'},
    # The time before there is a session, each by its own door.
    'fs/authority.h': {'ews/oauth.h'},
    'fs/token.c': {'ews/oauth.h'},
    'fs/route.c': {'ews/route.h'},
    'fs/signin.c': {'ews/offer.h'},
    'fs/signin.h': {'ews/access.h'},
    'fs/ctl/login.c': {'ews/oauth.h'},
}

LIBRARIES = (
    (re.compile(r'curl/'), ('ews',), 'libcurl'),
    (re.compile(r'libxml/'), ('ews', 'view'), 'libxml2'),
    (re.compile(r'gmime/'), ('ews', 'view'), 'GMime'),
    (re.compile(r'sqlite3'), ('cache',), 'SQLite'),
    (re.compile(r'fuse(3/|_|\.h)'), ('fs',), 'libfuse'),
    (re.compile(r'libsoup/'), ('tests',), 'libsoup'),
)

# Calls that belong to some files only: what, where it is right, why it is not elsewhere.
WORDS = (
    (re.compile(r'\bsqlite3_open(_v2|16)?\b'), {'cache/db.c'},
     'only cache/db.c opens the database'),
    (re.compile(r'\b(GMutex|GRecMutex|GRWLock|GCond|GAsyncQueue|g_mutex_\w+|g_rec_mutex_\w+'
                r'|g_rw_lock_\w+|g_cond_\w+|g_async_queue_\w+|g_atomic_rc_box_\w+)\b'), set(),
     'pthread locks, inboxes and stdatomic counts only: ThreadSanitizer cannot see into this'),
)

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.MULTILINE)


def may_see(path, room, target):
    there, _, name = target.partition('/')
    if there == room or target in MORE_DOORS.get(path, ()):
        return True
    return name in DOORS[room].get(there, ())


def why_not(source, quote, target):
    """What is wrong with one #include of a room's file, or None."""
    there = target.split('/', 1)[0]
    if quote == '"':
        if '/' not in target:
            return f'"{target}": name the room too, "{source.room}/{target}"'
        if there not in ROOMS:
            return f'"{target}": not in a room'
        if not may_see(source.path, source.room, target):
            return f'{source.room}/ may not see {target}'
        return None
    if there in ROOMS:
        return f'<{target}>: a header of ours goes in quotes'
    for pattern, homes, library in LIBRARIES:
        if pattern.match(target) and source.room not in homes:
            return f'{library} is for {"/ and ".join(homes)}/ only'
    return None


def check(sources):
    for source in sources:
        if source.room not in ROOMS or source.kind not in ('.c', '.h'):
            continue
        text = uncomment(source.text)
        for match in INCLUDE.finditer(text):
            reason = why_not(source, match.group(1), match.group(2))
            if reason:
                yield Problem(source.path, text.count('\n', 0, match.start()) + 1, reason)
        for number, line in enumerate(mask(source.text).split('\n'), 1):
            for pattern, homes, reason in WORDS:
                if pattern.search(line) and source.path not in homes:
                    yield Problem(source.path, number, reason)


CASES = (
    ('downwards through doors',
     {'cache/fetch.c': '#include "cache/fetch.h"\n#include <sqlite3.h>\n#include "ews/ews.h"\n',
      'fs/file.c': '#include <fuse_lowlevel.h>\n#include "cache/cache.h"\n#include "ews/error.h"\n',
      'fs/main.c': '#include "ews/ews.h"\n',
      'fs/text.c': '#include "view/text.h"\n', 'cache/pim.c': '#include "view/pim.h"\n',
      'view/text.c': '#include "view/html.h"\n#include <gmime/gmime.h>\n',
      'ews/http.c': '#include <curl/curl.h>\n#include "ews/op/shape.h"\n'}, []),
    ('a room beside the others',
     {'view/a.c': '#include "cache/cache.h"\n#include "ews/error.h"\n#include <sqlite3.h>\n',
      'cache/b.c': '#include "view/text.h"\n', 'fs/c.c': '#include "view/html.h"\n'},
     ['view/ may not see cache/cache.h', 'view/ may not see ews/error.h', 'SQLite is for cache/',
      'cache/ may not see view/text.h', 'fs/ may not see view/html.h']),
    ('upwards',
     {'ews/queue.c': '\n#include "cache/cache.h"\n', 'cache/sync.c': '#include "fs/fs.h"'},
     ['ews/queue.c:2: ews/ may not see cache/cache.h', 'cache/ may not see fs/fs.h']),
    ('past the door', {'cache/node.c': '# include "ews/batch.h"\n', 'fs/dir.c':
                       '#include "cache/db.h"\n#include "ews/ews.h"\n#include "ews/types.h"\n'},
     ['may not see ews/batch.h', 'dir.c:1: fs/ may not see cache/db.h',
      'dir.c:2: fs/ may not see ews/ews.h', 'dir.c:3: fs/ may not see ews/types.h']),
    ('a door does not open for headers below it', {'cache/a.c': '#include "ews/op/types.h"\n'},
     ['may not see ews/op/types.h']),
    ('libraries away from home',
     {'cache/a.c': '#include <curl/curl.h>\n#include <libxml/parser.h>\n#include <fuse3/fuse.h>\n',
      'fs/b.h': '#include <sqlite3.h>\n', 'ews/c.c': '#include <libsoup/soup.h>\n'},
     ['libcurl is for ews/', 'libxml2 is for ews/ and view/', 'libfuse is for fs/',
      'SQLite is for cache/',
      'libsoup is for tests/']),
    ('without a room, in the wrong marks, from the tests',
     {'ews/a.c': '#include "types.h"\n#include <ews/types.h>\n#include "tests/x.h"\n'},
     ['name the room too', 'in quotes', 'not in a room']),
    ('tests are free',
     {'tests/unit/a.c': '#include "cache/db.h"\n#include <sqlite3.h>\nsqlite3_open(a)'}, []),
    ('the database',
     {'cache/db.c': 'sqlite3_open_v2(a);\n', 'cache/node.c': '\nsqlite3_open(a);\n'},
     ['cache/node.c:2: only cache/db.c']),
    ('locks', {'ews/a.c': 'static GMutex lock;\ng_async_queue_pop(q);\n'},
     ['a.c:1: pthread', 'a.c:2: pthread']),
    ('what is said in comments and strings does not count',
     {'ews/a.c': '/*\n#include "fs/fs.h"\n GMutex */ char *s = "sqlite3_open(";\n'}, []),
)

if __name__ == '__main__':
    run(check, CASES)
