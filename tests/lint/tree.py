# SPDX-License-Identifier: GPL-3.0-or-later
"""The source tree as the checks beside this file see it, and the frame they run in.

A check is a function from a list of sources to problems. `run` gives it the tree named on the
command line, or, with --self-test, a table of tiny trees and what must be said about each: a check
that can no longer find anything would otherwise look like a tree without faults.
"""
import os
import re
import sys
from typing import NamedTuple

TOP = ('.ci', 'cache', 'contrib', 'docs', 'ews', 'fs', 'tests', 'view')
# Bytes kept as they came from a wire or a fuzzer; no text of ours.
FOREIGN = ('contrib/sample-mail/', 'tests/fuzz/corpus/', 'tests/wire/')
ROOT_FILES = ('meson.build', 'meson_options.txt', 'README.md')


class Source(NamedTuple):
    path: str           # from the root of the tree, with slashes
    text: str

    @property
    def room(self):
        return self.path.split('/', 1)[0]

    @property
    def kind(self):
        return os.path.splitext(self.path)[1]

    @property
    def lines(self):
        return self.text.split('\n')


class Problem(NamedTuple):
    path: str
    line: int
    text: str
    is_note: bool = False

    def __str__(self):
        note = 'note: ' if self.is_note else ''
        return f'{self.path}:{self.line}: {note}{self.text}'


def read(root, path):
    with open(os.path.join(root, path), 'rb') as file:
        return Source(path, file.read().decode('utf-8', errors='surrogateescape'))


def load(root):
    """Every file of ours below root; a folder of messages keeps only its README."""
    found = [read(root, name) for name in ROOT_FILES if os.path.exists(os.path.join(root, name))]
    for top in TOP:
        for directory, subdirectories, names in os.walk(os.path.join(root, top)):
            subdirectories[:] = [name for name in sorted(subdirectories) if name != '__pycache__']
            for name in sorted(names):
                full = os.path.join(directory, name)
                path = os.path.relpath(full, root).replace(os.sep, '/')
                if os.path.isfile(full) and is_ours(path):
                    found.append(read(root, path))
    return found


def is_ours(path):
    if path.startswith(FOREIGN):
        return path.endswith(('/README.md', '/meson.build', '.c', '.h', '.py'))
    return os.path.splitext(path)[1] not in ('.pyc', '.png', '.db')


HIDDEN = re.compile(
    r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


def mask(text):
    """C without comments and literals: blanks in their place, every line where it was."""
    return HIDDEN.sub(lambda match: re.sub(r'[^\n]', ' ', match.group()), text)


def uncomment(text):
    """As mask, but literals stay: the name in an #include line is one."""
    return HIDDEN.sub(lambda match: match.group() if match.group()[0] in '"\'' else
                      re.sub(r'[^\n]', ' ', match.group()), text)


def self_test(check, cases):
    """cases: (what it shows, {path: text}, what must be said, in order; nothing for a good tree)"""
    wrong = 0
    for title, files, expected in cases:
        said = [str(problem) for problem in check([Source(*item) for item in files.items()])]
        is_right = len(said) == len(expected) and all(
            part in line for part, line in zip(expected, said))
        if not is_right:
            wrong += 1
            print(f'{title}: expected {expected}, got {said}')
    print(f'{len(cases)} self-tests, {wrong} failed')
    return wrong == 0 and len(cases) > 0


def run(check, cases):
    if sys.argv[1:] == ['--self-test']:
        sys.exit(0 if self_test(check, cases) else 1)
    if len(sys.argv) != 2:
        sys.exit(f'usage: {os.path.basename(sys.argv[0])} ROOT | --self-test')
    problems = list(check(load(sys.argv[1])))
    for problem in problems:
        print(problem)
    sys.exit(1 if any(not problem.is_note for problem in problems) else 0)
