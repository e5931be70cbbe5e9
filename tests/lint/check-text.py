#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every line of ours: licence line, blanks, tabs, no promises, no private places."""
import re

from tree import Problem, run, uncomment

LICENCE = 'SPDX-License-Identifier: GPL-3.0-or-later'
HASH = '# ' + LICENCE
FIRST_LINE = {
    '.c': f'/* {LICENCE} */',
    '.h': f'/* {LICENCE} */',
    '.sql': f'-- {LICENCE}',
    '.py': HASH,
    '.sh': HASH,
    '.supp': HASH,
    'meson.build': HASH,
    'meson_options.txt': HASH,
}

# The words are put together here so that this file does not hold them.
PROMISE = re.compile(r'\b(TO' r'DO|FIX' r'ME|XX' r'X|HA' r'CK)\b')
# Somebody's own directories; a path in the tree, in /usr, /etc or /tmp is nobody's.
PRIVATE = re.compile(
    r'(?<![\w.}$~/-])/(?:work|workspaces?|builds|root|Users|home/(?!USER|user|you|NAME)\w+)/\w')
# Up to seven blanks after tabs can be alignment, as clang-format makes it.
INDENT_BLANKS = re.compile(r'^(?: +|\t+ {8})')


def wanted_first_line(source):
    return FIRST_LINE.get(source.kind) or FIRST_LINE.get(source.path.rsplit('/', 1)[-1])


def check_start(source):
    wanted = wanted_first_line(source)
    lines = source.lines
    is_script = lines[0].startswith('#!')
    if is_script and not wanted:
        wanted = HASH
    if wanted and (lines[1] if is_script and len(lines) > 1 else lines[0]) != wanted:
        yield Problem(source.path, 2 if is_script else 1, f'not the licence line: {wanted}')
    if source.kind == '.h' and '#pragma once' not in lines:
        yield Problem(source.path, 1, 'a header without #pragma once')
    if not source.text.endswith('\n') or source.text.endswith('\n\n'):
        yield Problem(source.path, len(lines), 'one line end at the end of the file')


def check_line(source, line):
    """What is wrong with one line, as texts."""
    if line != line.rstrip():
        yield 'blanks at the end of the line'
    if any('\ud800' <= letter <= '\udfff' for letter in line):
        yield 'not UTF-8'
    if source.kind in ('.py', '.sh', '.build') and '\t' in line:
        yield 'a tab'
    if PROMISE.search(line):
        yield 'a promise: do it, or open an issue'
    if PRIVATE.search(line):
        yield "a path of somebody's own machine"


def check_indent(source):
    for number, line in enumerate(uncomment(source.text).split('\n'), 1):
        if line.strip() and INDENT_BLANKS.search(line):
            yield Problem(source.path, number, 'indented with blanks')


def check(sources):
    for source in sources:
        if not source.text:
            continue
        yield from check_start(source)
        for number, line in enumerate(source.lines, 1):
            for reason in check_line(source, line):
                yield Problem(source.path, number, reason)
        if source.kind in ('.c', '.h'):
            yield from check_indent(source)


C = FIRST_LINE['.c'] + '\n'
BAD_BYTE = b'\xe9'.decode('utf-8', errors='surrogateescape')

CASES = (
    ('good', {'ews/a.c': C + '/*\n * Why.\n */\nint a;\n\n\tint b; /* in\n\t * two */\n',
              'ews/a.h': C + '#pragma once\n', 'tests/a.py': HASH + '\n    pass\n',
              'contrib/a.sh': '#!/bin/sh\n' + HASH + '\n', '.ci/run': '#!/bin/sh\n' + HASH + '\n',
              'README.md': 'cd /usr/share/x; ls /tmp/x ~/root/x\n', 'docs/empty': ''}, []),
    ('no licence line',
     {'ews/a.c': '\n' + C, 'fs/meson.build': 'x\n', '.ci/run': '#!/bin/sh\nx\n'},
     ['ews/a.c:1: not the licence line', 'fs/meson.build:1: not the', '.ci/run:2: not the']),
    ('another licence', {'ews/a.c': C.replace('3.0', '2.0')}, ['not the licence line']),
    ('no pragma', {'ews/a.h': C}, ['#pragma once']),
    ('ends', {'docs/a.md': 'x', 'docs/b.md': 'x\n\n'}, ['one line end', 'one line end']),
    ('blanks at the end', {'ews/a.c': C + 'int a; \n', 'docs/a.md': 'x\t\n'},
     ['a.c:2: blanks at the end', 'a.md:1: blanks']),
    ('blanks in front',
     {'ews/b.c': C + '\t" of a string";\n',
      'ews/a.c': C + '    int b;\n\t    int c; /* here\n\t\t  it is */\n\t        int d;\n'},
     ['a.c:2: indented with', 'a.c:5: indented with']),
    ('carriage return', {'ews/a.c': C + 'int a;\r\n'}, ['a.c:2: blanks at the end']),
    ('tabs', {'tests/a.py': HASH + '\n\tpass\n'}, ['a.py:2: a tab']),
    ('not UTF-8', {'docs/a.md': BAD_BYTE + '\n'}, ['not UTF-8']),
    ('promises', {'ews/a.c': C + '/* TO' 'DO: x */\n/* XX' 'XXXX */\n'}, ['a.c:2: a promise']),
    ('private', {'docs/a.md': 'see /wo' 'rk/main\n`/home/jo' 'e/x`\n/home/you/Mail\n'},
     ['a.md:1: a path', 'a.md:2: a path']),
)

if __name__ == '__main__':
    run(check, CASES)
