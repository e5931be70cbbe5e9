# SPDX-License-Identifier: GPL-3.0-or-later
"""A directory as a plain dict, random operations on it, and processes that do the same to a mount.

An operation is a list of words, as JSON. What it should answer ('done' or the name of an errno) and
leave is a function of the model alone, for any operation in any state, so that a sequence stays
meaningful when parts of it are taken out. `None` for an answer: it depends on more than the model
knows, and the operation is not done at all.

Run as a program: a process that does operations in a directory, one line each (`cd` and `look`,
which says what is in one, are two more); with `look`, one that only says what is in some.
"""
import contextlib
import errno
import hashlib
import json
import os
import subprocess
import sys

DIRS = ['d0', 'd1', 'd0/e0']
NAMES = ['a.eml', 'b.eml', 'c.eml', 'd.eml']
SCRATCH = ['.t.tmp', 'b.eml~']
CATEGORIES = ['Red', 'Blue, Green']
WEIGHTS = {'write': 8, 'replace': 3, 'append': 2, 'rename': 6, 'unlink': 4, 'mkdir': 3, 'rmdir': 1,
           'rename_dir': 1, 'categories': 2, 'touch': 2, 'copy': 2, 'scratch': 1, 'rewrite_many': 1}


class File:
    """What is known of a message: its bytes, and what was said of it since."""

    def __init__(self, data):
        self.data = data
        self.categories = None
        self.mtime = None
        self.is_copy = False  # the server's copy takes along what is said of the other till then


class Model:
    """{path: File or None for a directory}; '' is the top. Scratch is only told apart by its path:
    it keeps a directory from being removed."""

    def __init__(self):
        self.nodes = {'': None}
        self.scratch = set()

    # Looking

    def has(self, path):
        return path in self.nodes

    def is_dir(self, path):
        return path in self.nodes and self.nodes[path] is None

    def is_file(self, path):
        return self.nodes.get(path) is not None

    def below(self, path):
        return [name for name in self.nodes if name.startswith(path + '/')]

    def files(self):
        return {path: node for path, node in self.nodes.items() if node is not None}

    def dirs(self):
        return [path for path, node in self.nodes.items() if node is None]

    # Operations; each answers

    def apply(self, words):
        return getattr(self, 'do_' + words[0])(*words[1:])

    def parent_error(self, path):
        parent = os.path.dirname(path)
        if self.is_dir(parent):
            return None
        return 'ENOTDIR' if self.is_file(parent) else 'ENOENT'

    def do_write(self, path, text):
        wrong = self.parent_error(path)
        if wrong or self.is_dir(path):
            return wrong or 'EISDIR'
        if not self.has(path):
            self.nodes[path] = File(text)
        self.nodes[path].data = text
        self.nodes[path].mtime = None
        return 'done'

    # Through a temporary name beside it: what the old one had stays with the name.
    do_replace = do_write
    do_rewrite_many = do_write

    def do_append(self, path, text):
        if not self.is_file(path):
            return self.parent_error(path) or ('EISDIR' if self.is_dir(path) else 'ENOENT')
        self.nodes[path].data += text
        self.nodes[path].mtime = None
        return 'done'

    def do_rename(self, path, to):
        if not self.is_file(path):
            return None if self.is_dir(path) else self.parent_error(path) or 'ENOENT'
        wrong = self.parent_error(to)
        if wrong or self.is_dir(to):
            return wrong or 'EISDIR'
        if path == to:
            return 'done'
        if self.has(to) and (self.nodes[path].categories or self.nodes[to].categories
                             or self.nodes[path].mtime or self.nodes[to].mtime
                             or self.nodes[to].is_copy):
            # Whose they are then depends on what the server has already.
            return None
        self.nodes[to] = self.nodes.pop(path)
        return 'done'

    def do_unlink(self, path):
        if not self.is_file(path):
            return self.parent_error(path) or ('EISDIR' if self.is_dir(path) else 'ENOENT')
        del self.nodes[path]
        return 'done'

    def do_mkdir(self, path):
        wrong = self.parent_error(path)
        if wrong or self.has(path):
            return wrong or 'EEXIST'
        self.nodes[path] = None
        return 'done'

    def do_rmdir(self, path):
        if not self.is_dir(path):
            return self.parent_error(path) or ('ENOTDIR' if self.is_file(path) else 'ENOENT')
        if self.below(path) or any(name.startswith(path + '/') for name in self.scratch):
            return 'ENOTEMPTY'
        del self.nodes[path]
        return 'done'

    def do_rename_dir(self, path, to):
        if not self.is_dir(path) or self.has(to) or (to + '/').startswith(path + '/'):
            return None
        wrong = self.parent_error(to)
        if wrong:
            return wrong
        for name in [path] + self.below(path):
            self.nodes[to + name[len(path):]] = self.nodes.pop(name)
        self.scratch = {to + name[len(path):] if name.startswith(path + '/') else name
                        for name in self.scratch}
        return 'done'

    def do_categories(self, path, text):
        if not self.is_file(path):
            return None if self.is_dir(path) else self.parent_error(path) or 'ENOENT'
        self.nodes[path].categories = text
        return 'done'

    def do_touch(self, path, seconds):
        if not self.is_file(path):
            return None if self.is_dir(path) else self.parent_error(path) or 'ENOENT'
        self.nodes[path].mtime = seconds
        return 'done'

    def do_copy(self, path, to):
        if not self.is_file(path) or self.has(to) or self.nodes[path].categories:
            return None
        wrong = self.parent_error(to)
        if wrong:
            return wrong
        self.nodes[to] = File(self.nodes[path].data)
        self.nodes[to].is_copy = True
        return 'done'

    def do_scratch(self, path, _):
        wrong = self.parent_error(path)
        if not wrong:
            self.scratch.add(path)
        return wrong or 'done'


def draw(rng, number):
    """One operation; `number` makes what is written unlike all else."""
    def path(names=NAMES):
        return os.path.join(rng.choice([''] * 3 + DIRS), rng.choice(names))
    what = rng.choices(list(WEIGHTS), WEIGHTS.values())[0]
    text = 'Subject: s%d\n\nbody %d\n' % (number, number) + 'x' * rng.choice([0, 10, 5000])
    if what in ('write', 'replace', 'rewrite_many'):
        return [what, path(), text]
    if what == 'append':
        return [what, path(), 'line %d\n' % number]
    if what in ('rename', 'copy'):
        return [what, path(), path()]
    if what in ('mkdir', 'rmdir'):
        return [what, rng.choice(DIRS)]
    if what == 'rename_dir':
        return [what, rng.choice(DIRS), rng.choice(DIRS)]
    if what == 'categories':
        return [what, path(), rng.choice(CATEGORIES)]
    if what == 'touch':
        return [what, path(), rng.randrange(10**9, 1700000000)]
    if what == 'scratch':
        return [what, path(SCRATCH), text]
    return [what, path()]


# The other side: a process


@contextlib.contextmanager
def opened(path, flags):
    fd = os.open(path, flags, 0o600)
    try:
        yield fd
    finally:
        os.close(fd)


def write(path, data, flags=os.O_TRUNC):
    with opened(path, os.O_WRONLY | os.O_CREAT | flags) as fd:
        os.write(fd, data.encode())


def replace(path, data):
    temp = os.path.join(os.path.dirname(path), '.new.%d' % os.getpid())
    write(temp, data)
    try:
        os.rename(temp, path)
    except OSError:
        os.unlink(temp)
        raise


def append(path, data):
    with opened(path, os.O_WRONLY | os.O_APPEND) as fd:
        os.write(fd, data.encode())


def rewrite_many(path, data):
    """In pieces, with closes and truncates between."""
    write(path, 'Subject: not yet\n\n' * 3)
    write(path, data[:12])
    with opened(path, os.O_RDWR) as fd:
        os.pwrite(fd, data.encode(), 0)
        os.truncate(path, len(data))


def copy(path, to):
    with opened(path, os.O_RDONLY) as source:
        with opened(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL) as target:
            while os.copy_file_range(source, target, 1 << 20) > 0:
                pass


def rename_dir(path, to):
    os.rename(path, to)


ACTIONS = {
    'write': write, 'replace': replace, 'append': append, 'rename': os.rename, 'unlink': os.unlink,
    'mkdir': os.mkdir, 'rmdir': os.rmdir, 'rename_dir': rename_dir, 'copy': copy, 'scratch': write,
    'rewrite_many': rewrite_many, 'link': os.link,
    'categories': lambda path, text: os.setxattr(path, 'user.ewsfs.categories', text.encode()),
    'touch': lambda path, seconds: os.utime(path, (seconds, seconds)),
    'cd': os.chdir, 'look': lambda top: list(look(top)),
}


def serve():
    for line in sys.stdin:
        words = json.loads(line)
        try:
            answer = ACTIONS[words[0]](*words[1:]) or 'done'
        except OSError as error:
            answer = errno.errorcode[error.errno]
        print(json.dumps(answer), flush=True)


def attribute(path, name):
    try:
        return os.getxattr(path, 'user.ewsfs.' + name).decode()
    except OSError:
        return ''


def look(top):
    """[path, None for a directory or [mtime, subject, hash of the body, categories]], unsorted."""
    for where, _, names in os.walk(top):
        yield '' if where == top else os.path.relpath(where, top), None
        for name in names:
            path = os.path.join(where, name)
            with open(path, 'rb') as file:
                what = gist(file.read())
            yield os.path.relpath(path, top), [os.stat(path).st_mtime_ns, *what,
                                               attribute(path, 'categories')]


def gist(data):
    """As tests/mount/writing.py has it, which a process at work does not need for anything else."""
    header, _, body = data.replace(b'\r\n', b'\n').partition(b'\n\n')
    subject = [line for line in header.split(b'\n') if line.lower().startswith(b'subject:')]
    text = subject[0][8:].strip().decode('utf-8', 'replace') if subject else ''
    return text, hashlib.sha256(body.rstrip(b'\n')).hexdigest()[:16]


class Worker:
    """A process that does operations below a directory. One that outlives a mount is told with
    each where that is (`do_in`), and is nowhere in between: it would keep the mount busy."""

    def __init__(self, directory='/'):
        self.process = subprocess.Popen([sys.executable, __file__], cwd=directory, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def do(self, operations):
        """Operations may be many; the answers."""
        lines = ''.join(json.dumps(words) + '\n' for words in operations)
        self.process.stdin.write(lines)
        self.process.stdin.flush()
        return [json.loads(self.process.stdout.readline()) for _ in operations]

    def do_in(self, directory, operations):
        return self.do([['cd', directory], *operations, ['cd', '/']])[1:-1]

    def look(self, directory):
        """As `look`, in a list."""
        return self.do([['look', directory]])[0]

    def end(self):
        self.process.kill()
        self.process.wait()
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.stdout.close()


if __name__ == '__main__':
    if sys.argv[1:2] == ['look']:
        print(json.dumps([list(look(top)) for top in sys.argv[2:]]))
    else:
        serve()
