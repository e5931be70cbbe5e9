#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""No statement of cache/ walks over all of node or item: they may have a million rows.

SQLite plans without knowing how many rows a table has (there is no ANALYZE), so that a join of the
journal with the tree may well begin with the tree. This gives every statement that stands in one
piece in a source of cache/ to SQLite, with our schema, and reads the plan.
"""
import re
import sqlite3

from tree import Problem, run, uncomment

MIGRATIONS = 'cache/db.c'
# Said once, where the cache directory was lost or has another's blobs in it.
ALLOWED = ('UPDATE node SET flags = flags & ~ ? WHERE flags & ? != 0',)

# "SELECT" " more" MACRO " more"
PIECES = re.compile(r'(?:"(?:[^"\\\n]|\\.)*"|\b[A-Z][A-Z_]{3,}\b|\s)+')
STRING = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
DEFINE = re.compile(r'#define[ \t]+(\w+)[ \t]+((?:[^\n]*\\\n)*[^\n]*)')
ARRAY = re.compile(r'\bmigrations\[\] = \{(.*?)\n\};', re.DOTALL)
STEP = re.compile(r'CACHE_(\w+)_SQL|"((?:[^"\\\n]|\\.)*)"')
WALK = re.compile(r'SCAN (?:TABLE )?(\w+)(?!.* USING )')


def statements(source, macros):
    text = uncomment(source.text)
    for match in PIECES.finditer(text):
        words = match.group()
        for _ in range(3):
            words = re.sub(r'\b[A-Z][A-Z_]{3,}\b(?=(?:[^"]*"[^"]*")*[^"]*$)',
                           lambda m: macros.get(m.group(), m.group()), words)
        statement = ''.join(STRING.findall(words))
        if re.match(r'\s*(SELECT|WITH|UPDATE|DELETE)\b', statement):
            lead = len(match.group()) - len(match.group().lstrip())
            yield text.count('\n', 0, match.start() + lead) + 1, statement


def plan(base, statement):
    """The lines of the plan; none for what is only a part of a statement."""
    numbers = [int(n) for n in re.findall(r'\?(\d+)', statement)]
    count = max(numbers) if numbers else statement.count('?')
    try:
        return [row[3] for row in base.execute('EXPLAIN QUERY PLAN ' + statement, [0] * count)]
    except (sqlite3.OperationalError, sqlite3.ProgrammingError):
        return []


def tables_of(statement):
    """Alias → table."""
    names = re.findall(r'\b(?:FROM|JOIN|UPDATE)\s+(\w+)(?:\s+(?:AS\s+)?(?!ON\b|WHERE\b|SET\b|JOIN\b'
                       r'|LEFT\b|CROSS\b|ORDER\b|INDEXED\b|NOT\b)(\w+))?', statement)
    return {alias or table: table for table, alias in names}


def schema(sources):
    """All that the migrations say, in their order; CACHE_NAME_SQL is the file name.sql."""
    texts = {source.path: source.text for source in sources}
    array = ARRAY.search(uncomment(texts[MIGRATIONS]))
    return '\n'.join(texts['cache/%s.sql' % name.lower()] if name else words
                     for name, words in STEP.findall(array.group(1)))


def check(sources):
    base = sqlite3.connect(':memory:')
    base.executescript(schema(sources))
    found = 0
    for source in sources:
        if source.room != 'cache' or source.kind not in ('.c', '.h'):
            continue
        macros = {name: re.sub(r'\\\n', ' ', text)
                  for name, text in DEFINE.findall(uncomment(source.text))}
        for line, statement in statements(source, macros):
            lines = plan(base, statement)
            found += 1 if lines else 0
            names = tables_of(statement)
            for walked in (WALK.search(text) for text in lines):
                if walked and names.get(walked.group(1), walked.group(1)) in ('node', 'item') \
                        and statement.strip() not in ALLOWED:
                    yield Problem(source.path, line, 'walks over all of %s: %s' % (
                        walked.group(1), statement[:60]))
    if found == 0:
        yield Problem('cache', 1, 'no statement could be planned')


SCHEMA = {'cache/db.c': 'static const char *const migrations[] = {\n\tCACHE_SCHEMA_SQL,\n'
                        '\t"ALTER TABLE local ADD COLUMN age INT;"\n};\n',
          'cache/schema.sql': 'CREATE TABLE node (id INTEGER PRIMARY KEY, flags INT, state INT);'
                              'CREATE INDEX left ON node (state) WHERE state > 0;'
                              'CREATE TABLE local (node INTEGER PRIMARY KEY, size INT);'}

CASES = (
    ('by key and by index', dict(SCHEMA, **{
        'cache/a.c': 'f("SELECT flags FROM node"\n " WHERE id = ?");\n'
                     'g("SELECT id FROM node WHERE state = 2 AND state > 0");\n'}), []),
    ('all of it', dict(SCHEMA, **{'cache/a.c': '\nf("SELECT id FROM node WHERE flags = ?");'}),
     ['cache/a.c:2: walks over all of node']),
    ('a join from the wrong side, through a macro and an alias', dict(SCHEMA, **{
        'cache/a.c': '#define FROM_BOTH "FROM local JOIN node AS n" \\\n " ON n.id = local.node"\n'
                     'f("SELECT size " FROM_BOTH " WHERE n.flags = 1");'}),
     ['cache/a.c:3: walks over all of n']),
    ('a column that came later', dict(SCHEMA, **{
        'cache/a.c': 'f("SELECT age FROM node JOIN local ON local.node = node.id + 1");'}),
     ['cache/a.c:1: walks over all of node']),
    ('the same from the right one', dict(SCHEMA, **{
        'cache/a.c': 'f("SELECT size FROM local CROSS JOIN node ON node.id = local.node"\n'
                     '" WHERE node.flags = 1");'}), []),
    ('a check that sees nothing', dict(SCHEMA, **{'cache/a.c': 'f(text);'}), ['no statement']),
)

if __name__ == '__main__':
    run(check, CASES)
