# SPDX-License-Identifier: GPL-3.0-or-later
"""Several processes at work on one mount while everything goes wrong: ewsfs is killed, the server
is killed, answers are lost, late, cut, refused, streams die. After each epoch the trouble stops,
all is flushed, and mount and server must be what the models say, byte by byte.

An operation that was under way when ewsfs died has happened or has not: what is found afterwards
must be the tree from before or the tree from after it, and of content that was being written
neither more nor less than that one file may be in question; the worker then does it again, as a
person would. All that was answered before must be there.
"""
import collections
import concurrent.futures
import contextlib
import copy
import itertools
import json
import os
import random
import signal
import sys
import threading
import time
from http.client import HTTPException
from xml.etree.ElementTree import ParseError

import harness
from comparing import Wrong, compare_mount, compare_server, is_scratch
from model import Model, Worker, draw
from mounting import PATIENCE, Mount, Server, message, run, until
from ewsclient import EwsError
from writing import SETTLE_S, describe, flush, folder_paths, gist, items_of, queue

TOP = 'Inbox'
OTHERS = 'Others'
# Between two operations of a worker: as fast as it goes would only fill the server.
PAUSE_S = 0.04
TROUBLE_S = (0.1, 0.9)
# Nothing that a program asks for may take longer: timeout= is 5, and one operation asks thrice.
STUCK_S = 60 * PATIENCE
# What a call may say when bytes or a listing are not here and the server is away.
PASSING = {'EHOSTUNREACH', 'EBUSY', 'EIO', 'ETIMEDOUT', 'EAGAIN'}
DEAD = {'ENOTCONN', 'ECONNABORTED', 'ENODEV', 'EIO', 'EINTR', 'ENOENT', 'ESTALE'}
# Operations in several steps: the file may be left as any of them left it.
CONTENT = {'write', 'replace', 'append', 'rewrite_many', 'copy'}
CHANGES = ['CreateItem', 'UpdateItem', 'DeleteItem', 'MoveItem', 'CopyItem', 'CreateFolder',
           'DeleteFolder', 'MoveFolder', 'UpdateFolder']
QUESTIONS = ['GetItem', 'SyncFolderItems', 'SyncFolderHierarchy', 'FindFolder', 'GetFolder',
             'Subscribe']
CUTS = ['lose', 'late=700', 'cut=0', 'cut=300', 'cut=1500', 'truncate']
# Such as pass: after others the tree shows what the server has, rightly.
REFUSALS = ['busy=200', 'busy', 'busy200=100', 'http=503', 'http=429,retry=1', 'http=500',
            'http=502', 'http=400', 'garbage', 'fault=ErrorTimeoutExpired', 'stopbatch=1',
            'slow=100', 'delay=1500', 'wrongtype']


class Chaos:
    """One server, one mount, some workers, and whoever torments them. `rng` decides what goes
    wrong; when it does so is the clock's business."""

    def __init__(self, seed, workers=4):
        self.seed = seed
        self.rng = random.Random(seed)
        self.counts = collections.Counter()
        self.slowest = 0
        self.server = Server(state=True)
        self.server.is_written = True
        self.connect()
        self.ews.create_folder('inbox', OTHERS)
        self.there = Mount(self.server.url, settle=SETTLE_S, timeout=5).start()
        # Set while there is a mount that can be asked.
        self.is_up = threading.Event()
        self.life = 0
        self.is_over = threading.Event()
        self.workers = [Busy(self, number) for number in range(workers)]
        self.is_up.set()

    def close(self, is_wrong):
        for worker in self.workers:
            worker.end()
        if is_wrong:
            self.there.abort()
        if self.server.process is None:
            self.server.start()
        problems = self.there.finish() + self.server.finish()
        if not is_wrong:
            self.there.remove()
            self.server.remove()
        if problems and not is_wrong:
            raise Wrong(problems)

    # Trouble

    def kill_mount(self):
        self.is_up.clear()
        self.there.kill()
        self.there.detach()
        self.there.start(60)
        self.life += 1
        self.is_up.set()
        self.counts['ewsfs killed'] += 1

    def kill_server(self):
        self.server.kill()
        time.sleep(self.rng.uniform(0, 2))
        self.server.start()
        self.counts['server killed'] += 1

    def suspend_mount(self):
        os.kill(self.there.pid, signal.SIGSTOP)
        time.sleep(self.rng.uniform(0, 1))
        os.kill(self.there.pid, signal.SIGCONT)
        self.counts['ewsfs stopped for a moment'] += 1

    def fault(self, kinds, operations, counts):
        spec = '%s,op=%s,count=%d' % tuple(map(self.rng.choice, (kinds, operations, counts)))
        self.note(spec)
        self.server.fault(spec)

    def cut(self):
        self.fault(CUTS, CHANGES * 2 + QUESTIONS, [1, 1, 2, 4])
        self.counts['answers lost, late or cut'] += 1

    def refuse(self):
        self.fault(REFUSALS, CHANGES + QUESTIONS, [1, 2, 5])
        self.counts['refusals'] += 1

    def stream(self):
        what = self.rng.choice(['drop-subscriptions', 'close-streams', 'corrupt-states'])
        self.server.admin('POST', what)
        self.counts[what] += 1

    def clear(self):
        self.server.clear()

    def change_elsewhere(self):
        """Somebody else is at work too, in a folder of his own, and meets the same trouble. What
        became of it is looked up in the end."""
        with contextlib.suppress(OSError, EwsError, HTTPException, ParseError):
            folder = folder_paths(self.ews)[TOP + '/' + OTHERS]
            items = self.ews.find_item(folder)
            if items and self.rng.random() < 0.4:
                self.ews.delete_item(self.rng.choice(items))
            else:
                self.ews.create_item(folder, message('Other %d' % self.rng.randrange(10**9)))
            self.counts['changes by others'] += 1

    def torment(self, end):
        kinds = [self.cut] * 9 + [self.refuse] * 5 + [self.kill_mount] * 3 + [
            self.kill_server, self.suspend_mount, self.stream, self.clear, self.clear
            ] + [self.change_elsewhere] * 4
        while time.monotonic() < end and not self.is_over.is_set():
            time.sleep(self.rng.uniform(*TROUBLE_S))
            what = self.rng.choice(kinds)
            self.note(what.__name__)
            what()

    # Epochs

    def run_epoch(self, seconds):
        end = time.monotonic() + seconds
        with concurrent.futures.ThreadPoolExecutor(len(self.workers) + 1) as pool:
            jobs = [pool.submit(worker.work, end) for worker in self.workers]
            jobs.append(pool.submit(self.torment, end))
            done, _ = concurrent.futures.wait(
                jobs, return_when=concurrent.futures.FIRST_EXCEPTION)
            if any(job.exception() for job in done):
                self.is_over.set()
            for job in jobs:
                job.result()
        self.compare()

    def compare(self):
        self.clear()
        self.connect()
        for worker in self.workers:
            worker.end()
        until(lambda: self.there.sync(status=None).status == 0, 'the server again', 90)
        out = flush(self.there, status=None, seconds=90)
        left = [entry for entry in queue(self.there) if entry['state'] != 'scratch']
        if left or out.status != 0:
            raise Wrong('flush: %s queue: %s' % (out.err, left))
        for worker in self.workers:
            compare_mount(worker.look(), worker.model)
            compare_server(self.ews, worker.top, worker.model)
        self.compare_others()
        self.counts['comparisons'] += 1

    def connect(self):
        """His connection may have met some of the trouble too."""
        self.ews = self.server.somebody()

    def compare_others(self):
        path = TOP + '/' + OTHERS
        there = sorted(describe(item)['gist'] for item in items_of(
            self.ews, folder_paths(self.ews)[path]))
        here = sorted(gist(self.there.cat(name)) for name in self.there.paths(path))
        if there != here:
            raise Wrong('the others have %s, shown is %s' % (there, here))

    def note(self, words):
        """Into the log of ewsfs, so that one story tells both."""
        with open(self.there.log_path, 'a', encoding='utf-8') as log:
            log.write('chaos: %.3f %s\n' % (time.time(), words))

    def story(self):
        last = self.there.log().splitlines()[-40:]
        return 'kept: %s %s\n%s' % (self.there.dir, self.server.dir, '\n'.join(last))


class Busy:
    """A process at work below a directory of its own, and the model of what it did."""

    def __init__(self, chaos, number):
        self.chaos = chaos
        self.rng = random.Random('%s %d' % (chaos.seed, number))
        self.top = '%s/w%d' % (TOP, number)
        self.numbers = itertools.count(number * 10**6)
        self.model = Model()
        self.process = None
        self.life = -1
        run('mkdir', chaos.there.at(self.top))

    def end(self):
        if self.process:
            self.process.end()
        self.process = None

    def worker(self):
        """One that stands in the mount as it is now."""
        self.chaos.is_up.wait()
        if self.process is None or self.life != self.chaos.life:
            self.end()
            self.life = self.chaos.life
            self.process = Worker(self.chaos.there.at(self.top))
        return self.process

    def do(self, words):
        """The answer, or None when ewsfs died meanwhile."""
        try:
            worker = self.worker()
        except OSError:
            return None
        begin = time.monotonic()
        timer = threading.Timer(STUCK_S, worker.process.kill)
        timer.start()
        try:
            answer = worker.do([words])[0]
        except (ValueError, OSError):
            answer = None
        timer.cancel()
        took = time.monotonic() - begin
        if took >= STUCK_S:
            raise Wrong('stuck: %s' % words[:2])
        self.chaos.slowest = max(self.chaos.slowest, took)
        if answer is None:
            self.end()
        return answer

    def look(self):
        """What the mount shows, when it can show it all."""
        def seen():
            self.chaos.is_up.wait()
            life = self.chaos.life
            out = run(sys.executable, os.path.join(harness.HERE, 'model.py'), 'look',
                      self.chaos.there.at(self.top), status=None, seconds=STUCK_S)
            is_whole = life == self.chaos.life and self.chaos.is_up.is_set()
            return out.status == 0 and is_whole and [json.loads(out.out)[0]]
        found = until(seen, 'a look at ' + self.top, 120)[0]
        return {path: what for path, what in found if not is_scratch(path)}

    def work(self, end):
        while time.monotonic() < end and not self.chaos.is_over.is_set():
            time.sleep(self.rng.uniform(0, 2 * PAUSE_S))
            self.step(draw(self.rng, next(self.numbers)))

    def step(self, words):
        before = copy.deepcopy(self.model)
        expected = self.model.apply(words)
        if expected is None:
            return
        life = self.chaos.life
        answer = self.do(words)
        self.chaos.counts['operations'] += 1
        self.chaos.note('%s: %s' % (self.top, [word[:40] for word in map(str, words)]))
        if answer == expected:
            return
        is_dead = answer is None or answer in DEAD and (
            life != self.chaos.life or not self.chaos.is_up.is_set())
        if not is_dead and answer not in PASSING:
            raise Wrong('%s in %s answers %s, not %s' % (words[:3], self.top, answer, expected))
        self.chaos.counts['operations interrupted' if is_dead else 'operations refused'] += 1
        self.chaos.note('%s: %s answers %s' % (self.top, words, answer))
        self.find_out(words, before)

    def find_out(self, words, before):
        """Which of the two it is; then what is half done is taken away, or done again: bytes that
        are all there may not have been closed."""
        self.chaos.is_up.wait()
        seen = self.look()
        wrong = []
        for model in (self.model, before):
            try:
                compare_mount(seen, model)
                self.model = model
                break
            except Wrong as error:
                wrong.append(str(error))
        else:
            self.repair(words, before, seen, wrong)
        self.remove_temporary()
        self.write_again(words)

    def write_again(self, words):
        path = words[2] if words[0] == 'copy' else words[1]
        if words[0] in CONTENT and self.model.is_file(path):
            again = ['write', path, self.model.nodes[path].data]
            self.model.apply(again)
            self.insist(again)

    def repair(self, words, before, seen, wrong):
        path = words[2] if words[0] == 'copy' else words[1]
        if words[0] not in CONTENT:
            raise Wrong('%s in %s: neither before nor after: %s' % (words[:3], self.top, wrong))
        rest = copy.deepcopy(before)
        rest.nodes.pop(path, None)
        compare_mount({name: what for name, what in seen.items() if name != path}, rest)
        self.insist(['unlink', path])
        self.model = rest

    def insist(self, words):
        """Done, or nothing to do, whatever happens meanwhile."""
        until(lambda: self.do(words) in ('done', 'ENOENT'), ' '.join(words[:2]), 60)

    def remove_temporary(self):
        """What an interrupted process of ours left beside the file."""
        found = run('find', self.chaos.there.at(self.top), '-name', '.new.*', status=None)
        top = self.chaos.there.at(self.top) + '/'
        for path in found.out.splitlines():
            self.insist(['unlink', path[len(top):]])


def torment(seed, seconds, epoch_s=20):
    """(counts of what was done and went wrong, seconds of the slowest call); raises Wrong at the
    first difference."""
    chaos = Chaos(seed)
    is_wrong = True
    try:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            chaos.run_epoch(min(epoch_s, max(end - time.monotonic(), 5)))
        is_wrong = False
    except (Wrong, AssertionError) as error:
        raise Wrong('EWSFS_SEED=%s after %s: %s\n%s' % (
            seed, dict(chaos.counts), error, chaos.story())) from error
    finally:
        chaos.is_over.set()
        chaos.close(is_wrong)
    return chaos.counts, chaos.slowest
