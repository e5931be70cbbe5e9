#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The form of commit messages: "room/file: say what changes", an empty line, why.

Looked at are the commits that the upstream branch does not have yet, since what is published can
no longer be mended; where there is no upstream, the newest few. Without git, or without a history,
there is nothing to check: status 77, skipped.
"""
import re
import subprocess
import sys

SUBJECT_COLUMNS = 60
BODY_COLUMNS = 100
NEWEST = 20

SUBJECT = re.compile(r'[\w.*{},/+-]+(?:, [\w.*{},/+-]+)*: (?P<what>\S.*)')
# Lines that cannot be folded: quotations, addresses, and what git or tools add.
LONG_LINE = re.compile(r'^(?:[ \t>|]|\S+$|[A-Z][\w-]+: )|://')


def judge(message):
    """What is wrong with one message, as texts."""
    lines = message.rstrip('\n').split('\n')
    subject = lines[0]
    match = SUBJECT.fullmatch(subject)
    if subject.startswith(('fixup!', 'squash!', 'amend!')):
        yield 'not folded into the commit it mends'
    elif subject.startswith('Revert "'):
        return
    elif not match:
        yield 'the subject is not "room/file: say what changes"'
    elif re.match(r'[A-Z][a-z]', match['what']):
        yield 'lower case after the colon'
    if len(subject) > SUBJECT_COLUMNS:
        yield f'the subject has {len(subject)} columns, the limit is {SUBJECT_COLUMNS}'
    if subject.endswith('.'):
        yield 'no full stop after the subject'
    if len(lines) < 3:
        yield 'the message does not say why'
    elif lines[1]:
        yield 'an empty line goes between subject and body'
    for line in lines[2:]:
        if len(line) > BODY_COLUMNS and not LONG_LINE.search(line):
            yield f'a line of {len(line)} columns, the limit is {BODY_COLUMNS}'
            break


def git(root, *arguments):
    try:
        done = subprocess.run(['git', '-C', root, *arguments], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.decode('utf-8', errors='replace')


def messages(root):
    """(short hash, message) of the commits to look at, or None."""
    upstream = git(root, 'rev-parse', '--verify', '-q', '@{upstream}')
    which = [f'{upstream.strip()}..HEAD'] if upstream else [f'-{NEWEST}', 'HEAD']
    log = git(root, 'log', '--no-merges', '--format=%h%x00%B%x01', *which)
    if log is None:
        return None
    return [entry.strip('\n').split('\0', 1) for entry in log.split('\x01') if '\0' in entry]


CASES = (
    ('ews/http: say what changes\n\nWhy it does.\n', []),
    ('cache/{node,name}.c, docs: keep names\n\nWhy.\n\nFixes: 123 ("x")', []),
    ('Revert "ews/http: x"\n\nIt was wrong.', []),
    ('ews/http: MIME is read\n\nhttps://example.org/' + 'x' * 80, []),
    ('Say what changes\n\nWhy.', ['room/file']),
    ('ews/http:no blank\n\nWhy.', ['room/file']),
    ('ews/http: Upper case\n\nWhy.', ['lower case']),
    ('ews/http: ' + 'x' * 51 + '\n\nWhy.', ['61 columns']),
    ('ews/http: stop.\n\nWhy.', ['full stop']),
    ('ews/http: no reason\n', ['why']),
    ('ews/http: glued\nWhy.\nMore.', ['empty line']),
    ('ews/http: wide\n\n' + 'word ' * 21, ['a line of 105 columns']),
    ('fixup! ews/http: x\n\nWhy.', ['not folded']),
)


def self_test():
    wrong = 0
    for message, expected in CASES:
        said = list(judge(message))
        if len(said) != len(expected) or not all(a in b for a, b in zip(expected, said)):
            wrong += 1
            print(f'{message!r}: expected {expected}, got {said}')
    print(f'{len(CASES)} self-tests, {wrong} failed')
    return wrong == 0


def main():
    if sys.argv[1:] == ['--self-test']:
        sys.exit(0 if self_test() else 1)
    if len(sys.argv) != 2:
        sys.exit('usage: check-commits.py ROOT | --self-test')
    found = messages(sys.argv[1])
    if found is None:
        print('no git history here')
        sys.exit(77)
    wrong = 0
    for commit, message in found:
        for reason in judge(message):
            wrong += 1
            print(f'{commit} {message.splitlines()[0]}: {reason}')
    print(f'{len(found)} commits looked at')
    sys.exit(1 if wrong else 0)


if __name__ == '__main__':
    main()
