# SPDX-License-Identifier: GPL-3.0-or-later
"""Mounting for tests: `Mount` is an ewsfs in directories of its own, `Somebody` is another user of
the mailbox. Nothing here touches a mount in the process of the tests: everything that could hang
is another process with a time limit.
"""
import collections
import contextlib
import errno
import glob
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, 'tests', 'ewsd'))

from ewsclient import Ews, Ewsd  # noqa: E402 pylint: disable=wrong-import-position

SAMPLE_MAIL = os.path.join(ROOT, 'contrib', 'sample-mail')
LIKE_REAL = os.environ.get('EWSFS_LIKE') == 'real'
# How much longer everything may take: sanitizers are slow.
PATIENCE = float(os.environ.get('EWSFS_PATIENCE', '1'))
TOOL_S = 20 * PATIENCE
# What a person is told when a message cannot be had because the server is away or refuses.
AWAY = {'EHOSTUNREACH', 'ETIMEDOUT', 'EIO', 'EBUSY', 'EAGAIN', 'EACCES'}

# Whoever started us may have had signals ignored (nohup, a job in the background), and programs
# that we start would ignore them too.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)

# ewsfs is looked at with all that its sanitizer has. The test server is not: its libraries keep
# some bytes to the end, and their locks are of a kind that ThreadSanitizer does not see.
SANITIZERS = {name: os.environ.get(name, '')
              for name in ('ASAN_OPTIONS', 'UBSAN_OPTIONS', 'TSAN_OPTIONS', 'LSAN_OPTIONS')}
os.environ['ASAN_OPTIONS'] = SANITIZERS['ASAN_OPTIONS'] + ':detect_leaks=0'
BAD_WORDS = re.compile(
    r'Sanitizer|runtime error:|ewsfs: (fatal|error): |[Aa]ssertion|CRITICAL|g_log: ')
WRITING = {'CreateItem', 'UpdateItem', 'DeleteItem', 'MoveItem', 'CopyItem', 'SendItem',
           'CreateFolder', 'UpdateFolder', 'MoveFolder', 'DeleteFolder', 'MarkAllItemsAsRead',
           'CreateAttachment', 'DeleteAttachment', 'ArchiveItem', 'EmptyFolder'}


def program(name):
    return os.environ.get(name.upper()) or shutil.which(name) or name


def shared_mail():
    """The directory of real messages beside the source tree, or None."""
    shared = os.environ.get('EWSFS_SHARED') or os.path.join(ROOT, '..', 'shared')
    path = os.path.join(shared, 'mail')
    return path if os.path.isdir(path) else None


def until(claim, what, seconds=15):
    """Waits for a condition; returns what it returned."""
    end = time.monotonic() + seconds * PATIENCE
    while True:
        found = claim()
        if found:
            return found
        assert time.monotonic() < end, 'not in time: ' + what
        time.sleep(0.02)


class Result:
    """How a program ended."""

    def __init__(self, words, status, out, err, took):
        self.words = words
        self.status = status
        self.raw = out
        self.out = out.decode('utf-8', 'replace')
        self.err = err.decode('utf-8', 'replace')
        self.took = took

    def __str__(self):
        return '%s: status %d in %.1f s\n%s%s' % (
            ' '.join(self.words), self.status, self.took, self.out[-3000:], self.err[-3000:])


def run(*words, status=0, seconds=None, stdin=b'', **more):
    """Runs a program to its end; `status` None: any will do. One that hangs is killed and fails."""
    begin = time.monotonic()
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, start_new_session=True, **more)
    try:
        out, err = process.communicate(stdin, timeout=(seconds or TOOL_S))
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise AssertionError('hangs: ' + ' '.join(words)) from None
    result = Result(words, process.returncode, out, err, time.monotonic() - begin)
    assert status is None or result.status == status, str(result)
    return result


def look(*words, stdin=b'', seconds=None):
    return json.loads(run(sys.executable, os.path.join(HERE, 'look.py'), *words, stdin=stdin,
                          seconds=seconds).out)


def mount_lines():
    with open('/proc/self/mountinfo', encoding='utf-8', errors='surrogateescape') as lines:
        return [line for line in lines if ' - fuse.ewsfs ' in line]


def is_mounted(path):
    return any(line.split()[4] == path for line in mount_lines())


def is_running(pid):
    try:
        with open('/proc/%d/stat' % pid, encoding='ascii', errors='replace') as file:
            return file.read().rpartition(')')[2].split()[0] not in 'ZX'
    except OSError:
        return False


class Holder:
    """A process that has a file open."""

    def __init__(self, path):
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(HERE, 'look.py'), 'hold', path], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.answer() == 'open'

    def answer(self):
        line = self.process.stdout.readline()
        assert line, 'the holder is gone'
        return json.loads(line)

    def ask(self, word):
        self.process.stdin.write(word + '\n')
        self.process.stdin.flush()
        return self.answer()

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class Reader:
    """A cat that may have to wait."""

    def __init__(self, path):
        self.begin = time.monotonic()
        self.process = subprocess.Popen(['cat', path], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)

    def is_waiting(self):
        return self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def result(self, seconds=None):
        """Once it has ended by itself."""
        try:
            out, err = self.process.communicate(timeout=seconds or TOOL_S)
        except subprocess.TimeoutExpired:
            raise AssertionError('hangs: cat') from None
        return Result(['cat'], self.process.returncode, out, err, time.monotonic() - self.begin)

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


class Mount:
    """An ewsfs with state, cache, log and mount point in a directory of its own."""

    def __init__(self, source, password='secret', **options):
        self.dir = os.path.realpath(tempfile.mkdtemp(prefix='ewsfs-test-'))
        self.source = source
        self.path = os.path.join(self.dir, 'mnt')
        self.state = os.path.join(self.dir, 'state')
        self.cache = os.path.join(self.dir, 'cache')
        self.log_path = os.path.join(self.dir, 'log')
        self.password_file = os.path.join(self.dir, 'password')
        self.config = os.path.join(self.dir, 'xdg-config', 'ewsfs', 'ewsfs.conf')
        self.options = dict({
            'user': 'user', 'password_file': self.password_file, 'state_dir': self.state,
            'cache_dir': self.cache, 'timeout': 10, 'log_level': 'debug'}, **options)
        self.process = None
        self.pid = None
        self.was_killed = False
        self.holders = []
        self.env = {}
        os.mkdir(self.path)
        with open(self.password_file, 'w', encoding='utf-8') as file:
            file.write(password + '\n')
        os.chmod(self.password_file, 0o600)

    # Starting and ending

    def command(self, foreground=True):
        words = [name if value is True else '%s=%s' % (name, value)
                 for name, value in self.options.items() if value not in (None, False)]
        return ([program('ewsfs')] + (['-f'] if foreground else [])
                + ['-o', ','.join(words), self.source, self.path])

    def environment(self):
        """Reports of sanitizers go to files, also from the background. The keyring of whoever runs
        the tests is left alone."""
        env = dict(os.environ, **{
            'XDG_%s_HOME' % kind.upper(): os.path.join(self.dir, 'xdg-' + kind)
            for kind in ('config', 'state', 'cache', 'data')},
            DBUS_SESSION_BUS_ADDRESS='disabled:')
        for name, value in SANITIZERS.items():
            env[name] = "%s:log_path='%s/sanitizer'" % (value, self.dir)
        return dict(env, **self.env)

    def launch(self):
        """In front; returns when the program runs, mounted or not."""
        with open(self.log_path, 'ab') as log:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, env=self.environment())
        self.pid = self.process.pid
        return self

    def start(self, seconds=20):
        """In front; returns when it is mounted."""
        self.launch()
        until(lambda: self.answers() or self.process.poll() is not None, 'the mount', seconds)
        assert self.process.poll() is None, 'ewsfs ended with %d: %s' % (
            self.process.returncode, self.log())
        return self

    def answers(self):
        """Whether this ewsfs is mounted; one that was killed before leaves a dead mount."""
        if not is_mounted(self.path):
            return False
        if not self.was_killed:
            return True
        out = run('cat', self.at('.ewsfs', 'status.json'), status=None)
        return out.status == 0 and json.loads(out.out)['pid'] == self.process.pid

    def start_behind(self):
        """Without -f; returns when the parent returned, which must be when the mount answers."""
        self.process = None
        run(*self.command(foreground=False), env=self.environment())
        assert is_mounted(self.path)
        self.pid = self.status()['pid']
        return self

    def try_start(self, seconds=None):
        """For one that is expected to fail; returns the Result."""
        return run(*self.command(foreground=False), env=self.environment(), status=None,
                   seconds=seconds)

    def wait_end(self, seconds=15):
        """For the end that somebody has asked for; returns the exit status, None if unknown."""
        until(lambda: not is_running(self.pid), 'the end of ewsfs', seconds)
        status = self.process.wait() if self.process else None
        self.process = self.pid = None
        return status

    def unmount(self):
        """As a person does; ewsfs must end well and leave nothing."""
        run('fusermount3', '-u', self.path)
        status = self.wait_end()
        assert status in (0, None), 'ewsfs ended with %s' % status
        assert not is_mounted(self.path)

    def kill(self):
        """kill -9, and nothing is cleaned up."""
        os.kill(self.pid, signal.SIGKILL)
        self.wait_end()
        self.was_killed = True

    def detach(self):
        """The last resort."""
        subprocess.run(['fusermount3', '-uzq', self.path], check=False, timeout=10)

    def remount(self):
        self.unmount()
        return self.start()

    def forget(self, state=True, cache=True):
        """Deletes what is kept here; only while not mounted."""
        if state:
            shutil.rmtree(self.state)
        if cache:
            shutil.rmtree(self.cache)

    def finish(self):
        """At the end of a test: unmounts, and says what was wrong in the end."""
        problems = []
        for holder in self.holders:
            holder.end()
        if self.pid is not None:
            try:
                self.unmount()
            except (AssertionError, OSError) as error:
                problems.append(str(error))
                self.abort()
        if self.was_killed and is_mounted(self.path):
            self.detach()
        while is_mounted(self.path):
            problems.append('still mounted')
            self.detach()
        return problems + self.complaints()

    def threads(self):
        """Where the threads of an ewsfs that does not end are, for those who want to know why."""
        lines = []
        for path in sorted(glob.glob('/proc/%d/task/*' % self.pid)):
            words = []
            for name in ('comm', 'wchan', 'syscall'):
                with contextlib.suppress(OSError), open(
                        os.path.join(path, name), encoding='ascii', errors='replace') as file:
                    words.append(file.read().strip())
            lines.append('thread %s: %s' % (os.path.basename(path), ' '.join(words)))
        return lines

    def abort(self):
        if self.pid is not None and is_running(self.pid):
            with open(self.log_path, 'a', encoding='utf-8') as log:
                log.write('\n'.join(self.threads()) + '\n')
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            with contextlib.suppress(AssertionError):
                self.wait_end()
        self.detach()

    def remove(self):
        """Behind whoever goes on: a cache has 256 directories, and some disks take a second."""
        subprocess.Popen(['rm', '-rf', '--one-file-system', self.dir], stdin=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL, start_new_session=True)

    # What it said

    def log(self):
        if not os.path.exists(self.log_path):
            return ''
        with open(self.log_path, encoding='utf-8', errors='replace') as file:
            return file.read()

    def sanitizer_reports(self):
        found = []
        for path in glob.glob(os.path.join(self.dir, 'sanitizer*')):
            with open(path, encoding='utf-8', errors='replace') as file:
                found.append(file.read())
        return found

    def complaints(self):
        return self.sanitizer_reports() + [
            line for line in self.log().splitlines() if BAD_WORDS.search(line)]

    # What it shows

    def at(self, *parts):
        return os.path.join(self.path, *parts)

    def tree(self, top='', seconds=None):
        """{path below top: attributes}; '' is top itself."""
        found = look('tree', self.at(top) if top else self.path, seconds=seconds)
        paths = {entry['path']: entry for entry in found}
        assert len(paths) == len(found), 'a name is listed twice'
        return paths

    def files(self, top=''):
        return {path: entry for path, entry in self.tree(top).items() if is_file(entry)}

    def names(self, top=''):
        """Names in one directory."""
        return sorted(run('ls', '-f', '-A', self.at(top) if top else self.path).out.splitlines()[:])

    def paths(self, top='Inbox'):
        """The same, below the mount."""
        return [os.path.join(top, name) for name in self.names(top)]

    def read_all(self, top='Inbox', **more):
        return self.read(self.paths(top), **more)

    def stat(self, *paths):
        answers = look('stat', *[self.at(path) for path in paths])
        return answers[0] if len(paths) == 1 else answers

    def read(self, paths, seconds=None):
        """{path: {'sha256', 'length', 'size'} or {'errno', 'call'}}"""
        paths = list(paths)
        answers = look('read', stdin=json.dumps([self.at(path) for path in paths]).encode(),
                       seconds=seconds)
        return dict(zip(paths, answers))

    def read_one(self, path):
        return self.read([path])[path]

    def cat(self, path, **more):
        return run('cat', self.at(path), **more).raw

    def xattrs(self, path):
        return look('xattr', self.at(path))

    def error_of(self, what, path):
        """The name of the errno of one system call, or 'done'."""
        return look('try', what, self.at(path))[0]

    def hold(self, path):
        holder = Holder(self.at(path))
        self.holders.append(holder)
        return holder

    def cat_behind(self, path):
        """A cat that is not waited for."""
        reader = Reader(self.at(path))
        self.holders.append(reader)
        return reader

    def find(self, part, top='Inbox'):
        """The one file whose name contains `part`, as a path below the mount."""
        found = [name for name in self.names(top) if part in name]
        assert len(found) == 1, '%d files with "%s": %s' % (len(found), part, self.names(top))
        return os.path.join(top, found[0])

    def status(self):
        return json.loads(run('cat', self.at('.ewsfs', 'status.json')).out)

    def is_fresh(self):
        """Whether it is mounted and nothing is being listed."""
        return self.answers() and not self.status()['refreshing']

    def sync(self, *words, seconds=15, status=0):
        """Until all is as new as now."""
        return run(program('ewsfsctl'), 'sync', '--wait=%d' % (seconds * PATIENCE), *words,
                   self.path, status=status, seconds=2 * seconds * PATIENCE)

    def fetch(self, seconds=30):
        return self.sync('--fetch', seconds=seconds)

    def wait_idle(self):
        """Until nothing is under way: no refresh, no prefetch, nothing on the wire."""
        def is_idle():
            status = self.status()
            return not (status['refreshing'] or status['prefetching']
                        or status['server']['in_flight'] or status['server']['queued'])
        until(is_idle, 'rest')


def error_of_change(there, what, path):
    """The name of the errno that one system call on @path, or beside it, gives; or 'done'."""
    path = there.at(path)
    beside = os.path.join(os.path.dirname(path), 'x.txt')
    calls = {
        'write': lambda: open(path, 'r+b').close(),
        'truncate': lambda: os.truncate(path, 0),
        'unlink': lambda: os.unlink(path),
        'create': lambda: open(beside, 'wb').close(),
        'mkdir': lambda: os.mkdir(beside),
        'rename': lambda: os.rename(path, beside),
        'chmod': lambda: os.chmod(path, 0o600),
        'utime': lambda: os.utime(path, (1, 1)),
        'setxattr': lambda: os.setxattr(path, 'user.ewsfs.is_read', b'1'),
    }
    try:
        calls[what]()
    except OSError as error:
        return errno.errorcode[error.errno]
    return 'done'


CHANGES = ('write', 'truncate', 'unlink', 'create', 'mkdir', 'rename', 'chmod', 'utime',
           'setxattr')


def is_file(entry):
    return entry['mode'] & 0o170000 == 0o100000


def unreadable(answers):
    return {path: answer['errno'] for path, answer in answers.items() if 'errno' in answer}


def identity(tree):
    """What must be the same on every machine and after every loss of what is kept here."""
    return {path: (e['ino'], e['mode'], e['nlink'], e['size'], e['mtime'], e['ctime'])
            for path, e in tree.items()}


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def files_below(top):
    """The files that ewsd imports from a directory."""
    return sorted(os.path.join(where, name) for where, _, names in os.walk(top) for name in names)


def message(subject, body='Hello.', sender='Ada Example <ada@example.com>', number=None):
    """A small message; `number` makes it another one with the same words."""
    token = re.sub('[^a-z0-9]', '-', subject.lower()) + ('-%s' % number if number else '')
    return ('From: %s\r\nTo: user@example.org\r\nSubject: %s\r\n'
            'Date: Fri, 2 Jan 2026 03:04:05 +0000\r\nMessage-ID: <%s@example.com>\r\n\r\n%s\r\n'
            % (sender, subject, token, body)).encode()


class Somebody(Ews):
    """Another user of the mailbox. Counts what he writes: the rest in the log was ours."""

    def __init__(self, *words, **more):
        super().__init__(*words, **more)
        self.wrote = collections.Counter()

    def call(self, body, check=True):
        operation = re.match(r'<m:(\w+)', body).group(1)
        self.wrote[operation] += 1
        return super().call(body, check)


def settle(ews, items):
    """Real servers move the ChangeKey, and the time, shortly after a create."""
    for item in items if LIKE_REAL else ():
        until(lambda i=item: ews.get_item(i, mime=False).change_key != i.change_key, 'the key')


class Server(Ewsd):
    """An ewsd that every client here knows, and that knows what it may be asked."""

    def __init__(self, *words, **more):
        like = ['--like', 'real'] if LIKE_REAL else []
        self.people = []
        self.notes = []
        # A test that writes says so, and how many mails it meant to send.
        self.is_written = False
        self.mails = 0
        super().__init__(*like, *words, **more)

    def somebody(self, **more):
        person = Somebody(self.url, **dict({'user': self.user, 'password': self.password}, **more))
        self.people.append(person)
        return person

    def finish(self):
        """At the end of a test: what was wrong with the requests of it."""
        problems = ['schema: ' + text for text in self.schema_errors()]
        allowed = sum((person.wrote for person in self.people), collections.Counter())
        asked = collections.Counter(line['op'] for line in self.log())
        for operation in () if self.is_written else WRITING:
            if asked[operation] > allowed[operation]:
                problems.append('a reader asked for ' + operation)
        for person in self.people:
            person.close()
        was_running = self.process is not None
        if was_running and self.stats()['sent'] + self.stats()['receipts'] > self.mails:
            problems.append('somebody got mail')
        status = self.stop()
        if status != 0:
            problems.append('ewsd ended with %d' % status)
        return problems

    def log(self, since=None):
        """A request is logged when it is answered: what was asked before the mark and answered
        after it is left out."""
        lines = super().log(since)
        if since is None:
            return lines
        with open(self.log_path, encoding='utf-8') as file:
            marks = [json.loads(line) for line in file if '"mark"' in line]
        begin = max((mark['time'] for mark in marks if mark.get('mark') == since), default=0)
        return [line for line in lines if line['time'] >= begin]

    def count(self, operation, since=None):
        return self.ops(since).get(operation, 0)

    def asked(self, operation, since=None):
        """The log's lines of one operation."""
        return [line for line in self.log(since) if line['op'] == operation]

    def story(self, last=60):
        return '\n'.join(json.dumps(line) for line in self.log()[-last:])


__all__ = [name for name in dir() if not name.startswith('_')]
