# SPDX-License-Identifier: GPL-3.0-or-later
"""What the benchmarks share: servers and mounts that end whatever happens, clocks, counters.

Nothing here touches a mount from its own process: what could hang is another process with a time
limit. Baselines are measured between the measurements that they are compared with, so that a
noisy machine is noisy for both.
"""
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'mount'))

from mounting import Mount, Server, run  # noqa: E402 pylint: disable=wrong-import-position

LIMIT_S = 600  # of one program under measurement


class Result:
    """What one row has to tell. A bound is (name, value, limit): reached when value <= limit."""

    def __init__(self, name, what):
        self.name = name
        self.what = what
        self.bounds = []
        self.facts = {}
        self.load = os.getloadavg()[0]

    def bound(self, name, value, limit):
        self.bounds.append((name, value, limit))

    def compare(self, took, base, limit):
        """Times of interleaved runs against those of the baseline."""
        ratio = statistics.median(a / b for a, b in zip(took, base))
        self.facts.update({'seconds': rounded(took), 'baseline': rounded(base)})
        self.bound('ratio', ratio, limit)

    @property
    def is_reached(self):
        return all(value <= limit for _, value, limit in self.bounds)

    def as_dict(self):
        return {'name': self.name, 'what': self.what, 'reached': self.is_reached,
                'bounds': [{'name': n, 'value': v, 'limit': l} for n, v, l in self.bounds],
                'facts': self.facts, 'loadavg': self.load}

    def lines(self):
        yield '%-14s %-3s  %s  (load %.1f)' % (
            self.name, 'yes' if self.is_reached else 'NO', self.what, self.load)
        for name, value, limit in self.bounds:
            yield '    %-22s %10.3f  to reach: %g' % (name, value, limit)
        for name, value in self.facts.items():
            yield '    %-22s %s' % (name, value)


def rounded(times):
    return [round(t, 4) for t in times]


class Bench:
    """Where one run of the benchmarks keeps its things, and what ends with it."""

    def __init__(self, build, repeat=3, is_long=False):
        self.repeat = repeat
        self.is_long = is_long
        self.bare_path = os.path.join(build, 'tests', 'bench', 'bare')
        self.render_path = os.path.join(build, 'tests', 'view', 'render')
        self.dir = os.path.realpath(tempfile.mkdtemp(prefix='ewsfs-bench-'))
        self.stack = contextlib.ExitStack()
        self.shared = {}

    def once(self, name, make):
        """A fixture that several rows share."""
        if name not in self.shared:
            self.shared[name] = make(self)
        return self.shared[name]

    def serve(self, *words):
        server = Server(*words, schema=False, timeout=300)
        self.stack.callback(server.remove)
        return server

    def mount(self, server, *flags, **options):
        """Not started yet."""
        mount = Mount(server.url, **dict({flag: True for flag in flags}, log_level='warning',
                                         timeout=60, **options))
        self.stack.callback(mount.remove)
        self.stack.callback(mount.finish)
        return mount

    def place(self, name):
        path = os.path.join(self.dir, name)
        os.makedirs(path, exist_ok=True)
        return path

    def bare(self, server, *words):
        """The bare loop; what it prints."""
        command = [self.bare_path, words[0], server.url, server.user, server.password, *words[1:]]
        return json.loads(run(*[str(w) for w in command], seconds=LIMIT_S).out)

    def render(self, directory):
        """Seconds that it takes to make texts of the messages there, and nothing else."""
        files = sorted(entry.path for entry in os.scandir(directory))
        with tempfile.TemporaryFile(dir=self.dir) as out:
            return timed(self.render_path, *files, out=out)

    def end(self):
        self.stack.close()
        self.shared.clear()
        subprocess.run(['rm', '-rf', self.dir], check=False)


def timed(*words, out=subprocess.DEVNULL, status=0):
    """Seconds that a program takes."""
    begin = time.perf_counter()
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=out, check=False,
                          timeout=LIMIT_S, env=dict(os.environ, LC_ALL='C'))
    took = time.perf_counter() - begin
    if done.returncode != status:
        raise RuntimeError('%s: status %d' % (' '.join(words), done.returncode))
    return took


def grep(directory):
    """Reads every byte below: nothing matches. (Not into /dev/null: grep knows that one.)"""
    with tempfile.TemporaryFile() as out:
        return timed('grep', '-r', '-F', 'no message says so', directory, out=out, status=1)


def interleave(times, *actions):
    """Runs the actions in turn; the lists of what each returned."""
    lists = [[] for _ in actions]
    for _ in range(times):
        for action, results in zip(actions, lists):
            results.append(action())
    return lists


# --- counters ----------------------------------------------------------------------------------


def replies(pid):
    """How often the process wrote, which without work behind it is how often it answered the
    kernel. Needs no privilege and costs nothing; what else it writes makes it a little high."""
    with open('/proc/%d/io' % pid, encoding='ascii') as file:
        return int(dict(line.split(': ') for line in file)['syscw'])


def rss_anon(pid):
    """MiB"""
    with open('/proc/%d/status' % pid, encoding='ascii', errors='replace') as file:
        fields = dict(line.split(':', 1) for line in file)
    return int(fields['RssAnon'].split()[0]) / 1024


class Peak:
    """The highest RssAnon while it is open."""

    def __init__(self, pid, interval_s=0.01):
        self.pid = pid
        self.interval_s = interval_s
        self.mib = 0
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.watch)

    def watch(self):
        while not self.is_over.wait(self.interval_s):
            self.mib = max(self.mib, rss_anon(self.pid))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.thread.join()
        self.mib = max(self.mib, rss_anon(self.pid))


class Requests:
    """What the server was asked from here on."""

    def __init__(self, server):
        self.server = server
        self.name = 'at %.6f' % time.monotonic()
        server.mark(self.name)

    def lines(self):
        return self.server.log(self.name)

    def counts(self):
        return self.server.ops(self.name)

    def batches(self, operation='GetItem'):
        return [line['items'] for line in self.lines() if line['op'] == operation]


def until_idle(mount, seconds=LIMIT_S):
    """Until no refresh and no prefetch runs. Asks seldom: asking is work too."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        status = mount.status()
        if not (status['refreshing'] or status['prefetching'] or status['server']['in_flight']
                or status['server']['queued']) and status['refreshed_at']:
            return status
        time.sleep(0.2)
    raise TimeoutError('ewsfs does not come to rest')
