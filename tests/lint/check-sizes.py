#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sizes nobody has to argue about: lines of a file and of a function, columns, nesting.

The first number is where to look again and only noted, the second is the limit.
"""
import re

from tree import Problem, mask, run

FILE_LINES = (600, 800)
FUNCTION_LINES = (60, 120)
COLUMNS = 100
NESTING = 4
TAB = 8

CODE = ('.c', '.h', '.py', '.sh')


def judge(path, line, what, size, limits):
    look, limit = limits
    if size > limit:
        yield Problem(path, line, f'{what} has {size} lines, the limit is {limit}')
    elif size > look:
        yield Problem(path, line, f'{what} has {size} lines: two jobs in one?', True)


def without_directives(text):
    """Macros and conditionals blanked out, with their continuation lines."""
    return re.sub(r'^[ \t]*#(?:[^\n]*\\\n)*[^\n]*',
                  lambda match: re.sub(r'[^\n]', ' ', match.group()), text, flags=re.MULTILINE)


class Function:
    def __init__(self, name, line):
        self.name = name
        self.line = line
        self.lines = 0
        self.nesting = 0


# A body begins with a brace in the first column below a line that ends a list of parameters.
HEAD = re.compile(r'(\w+)\s*\((?:[^(){};]|\([^(){};]*\))*\)\s*$')


# What would escape that.
HIDDEN_BODY = re.compile(r'^[A-Za-z_][^=\n]*\)[ \t]*\{', re.MULTILINE)


def functions(text):
    """The functions of masked C, measured from the line of the name to the closing brace."""
    lines = text.split('\n')
    depth = 0
    current = None
    before = ''
    for number, line in enumerate(lines, 1):
        if depth == 0 and line.startswith('{'):
            head = HEAD.search(before)
            if head:
                at = number - before[head.start(1):].count('\n')
                current = Function(head.group(1), at)
        depth += line.count('{')
        if current:
            current.nesting = max(current.nesting, depth - 1)
        depth = 0 if line.startswith('}') else depth - line.count('}')
        if current and depth <= 0:
            current.lines = number - current.line + 1
            yield current
            current = None
        if depth <= 0:
            depth = 0
            before = '' if re.search(r'[;}]\s*$', line) else before + line + '\n'


def check(sources):
    for source in sources:
        if source.kind not in CODE:
            continue
        for number, line in enumerate(source.lines, 1):
            columns = len(line.expandtabs(TAB))
            if columns > COLUMNS:
                yield Problem(source.path, number, f'{columns} columns, the limit is {COLUMNS}')
        yield from judge(source.path, 1, 'the file', source.text.count('\n'), FILE_LINES)
        if source.kind not in ('.c', '.h'):
            continue
        text = without_directives(mask(source.text))
        for match in HIDDEN_BODY.finditer(text):
            yield Problem(source.path, text.count('\n', 0, match.start()) + 1,
                          'the brace of a function goes on its own line')
        for function in functions(text):
            yield from judge(source.path, function.line, f'{function.name}()', function.lines,
                             FUNCTION_LINES)
            if function.nesting > NESTING:
                yield Problem(source.path, function.line, f'{function.name}() nests '
                              f'{function.nesting} deep, the limit is {NESTING}')


def body(lines, name='long_one'):
    return f'static bool\n{name}(int a,\n\tint b)\n{{\n' + '\tx();\n' * (lines - 4) + '}\n'


def nested(depth):
    opening = '\tif (a) {\n' * depth + '\tx("}}}", \'}\'); /* } */\n'
    return 'void f(void)\n{\n' + opening + '\t}\n' * depth + '}\n'


CASES = (
    ('small', {'ews/a.c': '/* { */\n#define X(a) do { \\\n\ta; \\\n} while (0)\n' + body(40)}, []),
    ('a long function', {'ews/a.c': '\n\n' + body(121)},
     ['ews/a.c:4: long_one() has 121 lines, the limit is 120']),
    ('a longish one is noted, at its own name',
     {'ews/a.c': body(20, 'short_one') + '\n' + body(62)}, ['note: long_one() has 62 lines']),
    ('parameters that are functions',
     {'ews/a.c': 'void f(void (*done)(int), int b)\n{\n' + 'x;\n' * 121 + '}\n'},
     ['a.c:1: f() has 124 lines']),
    ('a table is no function',
     {'ews/a.c': 'static const int table[] =\n{\n' + '\t1,\n' * 200 + '};\n'}, []),
    ('a brace that hides a function',
     {'ews/a.h': '\nstatic inline int f(int a) { return a; }\n'}, ['a.h:2: the brace of']),
    ('a long file', {'cache/a.h': '\n' * 801}, ['cache/a.h:1: the file has 801 lines']),
    ('a longish file', {'tests/a.py': '\n' * 601}, ['note: the file has 601 lines']),
    ('columns count a tab as eight', {'fs/a.c': '\t' * 12 + 'abcd\n' + '\t' * 12 + 'abcde\n'},
     ['fs/a.c:2: 101 columns']),
    ('four deep', {'fs/a.c': nested(4)}, []),
    ('five deep', {'fs/a.c': nested(5)}, ['f() nests 5 deep']),
    ('other files may be long', {'docs/a.md': 'x' * 200 + '\n' * 900}, []),
)

if __name__ == '__main__':
    run(check, CASES)
