# SPDX-License-Identifier: GPL-3.0-or-later
"""Random sequences of operations from several processes, compared with a model after each flush,
on the mount and on the server; with remounts, kills, losses of what is kept here and changes that
somebody else makes in between.

EWSFS_SEED is where it begins (printed), EWSFS_MODEL how many sequences there are. A sequence that
fails is tried again with parts taken out, and the smallest that still fails is printed.
"""
import concurrent.futures
import json
import os
import random
import threading

import harness
from comparing import Wrong, compare_mount, compare_server, is_scratch
from harness import SEED
from model import File, Model, Worker, draw
from mounting import Mount, Server, message, run
from writing import SETTLE_S, describe, flush, folder_paths, gist, items_of, queue

COUNT = int(os.environ.get('EWSFS_MODEL', '5000' if harness.IS_LONG else '200'))
PER_MOUNT = 20
WORKERS = 2
ROUNDS = 2
OPERATIONS = 8
SHRINK_TRIES = 40
DISTURBANCES = ['none'] * 12 + ['remount', 'kill', 'cache', 'state']
FAULTS = [''] * 14 + [
    'lose,op=CreateItem,count=1', 'late=500,op=CreateItem,count=1', 'lose,op=MoveItem,count=1',
    'cut=150,op=UpdateItem,count=1', 'stopbatch=1,op=CreateItem,count=1',
    'lose,op=CopyItem,count=1', 'lose,op=DeleteItem,count=1', 'busy=50,op=MoveItem,count=1',
    'lose,op=CreateFolder,count=1', 'lose,op=DeleteFolder,count=1',
    'lose,op=MoveFolder,count=1', 'lose,op=UpdateFolder,count=1']


class Stage:
    """A server, a mount and the processes that do the work, for some sequences: to start a process
    takes longer than what it does in one."""

    def __init__(self, **options):
        self.server = Server()
        self.server.is_written = True
        self.ews = self.server.somebody()
        self.there = Mount(self.server.url, settle=SETTLE_S, **options).start()
        self.workers = [Worker() for _ in range(WORKERS)]
        self.pool = concurrent.futures.ThreadPoolExecutor(WORKERS)

    def at_once(self, what, *words):
        """Each worker does it with its own of the words, and must be done in time."""
        timer = threading.Timer(60 * harness.PATIENCE, lambda: [
            worker.process.kill() for worker in self.workers])
        timer.start()
        try:
            return list(self.pool.map(what, self.workers, *words))
        finally:
            timer.cancel()

    def tops(self, top):
        """Where each has its own part."""
        return [self.there.at(top, 'w%d' % number) for number in range(WORKERS)]

    def close(self, is_wrong=False):
        for worker in self.workers:
            worker.end()
        self.pool.shutdown()
        if is_wrong:
            self.there.abort()
        problems = self.there.finish() + self.server.finish()
        self.there.remove()
        self.server.remove()
        if problems and not is_wrong:
            raise Wrong(problems)


def make_sequence(seed):
    """Rounds of what the workers do, what goes wrong, what others do and what comes then."""
    rng = random.Random(seed)
    number = 0
    rounds = []
    for _ in range(ROUNDS):
        work = []
        for _ in range(WORKERS):
            work.append([draw(rng, number + n) for n in range(OPERATIONS)])
            number += OPERATIONS
        others = [[rng.choice(['create', 'delete', 'move', 'categories']), rng.random(),
                   rng.random()] for _ in range(rng.randrange(3))]
        rounds.append({'work': work, 'others': others, 'fault': rng.choice(FAULTS),
                       'then': rng.choice(DISTURBANCES)})
    return rounds


# Doing


def do_work(worker, top, model, operations):
    """One process's part of a round."""
    todo, expected = [], []
    for words in operations:
        answer = model.apply(words)
        if answer is not None:
            todo.append(words)
            expected.append(answer)
    found = worker.do_in(top, todo)
    for words, wanted, answer in zip(todo, expected, found):
        if wanted != answer:
            raise Wrong('%s answers %s, not %s' % (words[:2], answer, wanted))


def pick(things, at):
    things = sorted(things)
    return things[int(at * len(things))] if things else None


class Other:
    """Somebody else, who changes what is on the server and tells the model."""

    def __init__(self, ews, top, model):
        self.ews = ews
        self.top = top
        self.model = model

    def folder(self, path):
        return folder_paths(self.ews)[os.path.join(self.top, path).rstrip('/')]

    def item(self, path):
        wanted = gist(self.model.nodes[path].data.encode())
        found = [item for item in items_of(self.ews, self.folder(os.path.dirname(path)))
                 if describe(item)['gist'] == wanted]
        return found[0] if found else None

    def do(self, what, one, two):
        files = self.model.files()
        unique = [path for path in files if [f.data for f in files.values()].count(
            files[path].data) == 1]
        path, folder = pick(unique, one), pick(self.model.dirs(), two)
        if what == 'create':
            self.create(folder, 'others %s' % str(one)[2:8])
        elif path is None or self.item(path) is None:
            return
        elif what == 'delete':
            self.ews.delete_item(self.item(path))
            del self.model.nodes[path]
        elif what == 'categories':
            self.ews.update_item(self.item(path).id, categories=['Other'])
            self.model.nodes[path].categories = 'Other'
            # The message is fetched anew, and may have other bytes than were uploaded.
            self.model.nodes[path].mtime = None
        elif os.path.dirname(path) != folder:
            target = os.path.join(folder, os.path.basename(path))
            if not self.model.has(target):
                self.ews.move_item(self.item(path), self.folder(folder))
                self.model.nodes[target] = self.model.nodes.pop(path)
                # The same here, where no sync came between our last word on it and the move.
                self.model.nodes[target].mtime = None

    def create(self, folder, subject):
        data = message(subject)
        self.ews.create_item(self.folder(folder), data)
        self.model.nodes[os.path.join(folder, '?' + subject)] = File(data.decode())


def learn_names(stage, top, models):
    """What names the mount gave to what others created."""
    if not any('?' in path for model in models for path in model.nodes):
        return
    for model, seen in zip(models, look_at(stage, stage.tops(top))):
        for path in [path for path in model.files() if '?' in path]:
            folder = os.path.dirname(path)
            wanted = gist(model.nodes[path].data.encode())
            found = [name for name, what in seen.items() if what and tuple(what[1:3]) == wanted
                     and os.path.dirname(name) == folder]
            if len(found) != 1:
                raise Wrong('%s: shown %d times' % (path, len(found)))
            model.nodes[found[0]] = model.nodes.pop(path)


def look_at(stage, tops):
    """What the mount shows in each: {path: None or [mtime, subject, hash, categories]}."""
    found = stage.at_once(Worker.look, tops)
    if any(isinstance(seen, str) for seen in found):
        raise Wrong('looking answers %s' % found)
    return [{path: what for path, what in seen if not is_scratch(path)} for seen in found]


def disturb(there, what):
    if what == 'remount':
        there.remount()
    elif what == 'kill':
        there.kill()
        there.detach()
        there.start()
    elif what in ('cache', 'state'):
        there.unmount()
        there.forget(state=what == 'state')
        there.start()
        there.sync()


def compare(stage, top, models):
    out = flush(stage.there, status=None, seconds=60)
    left = [entry for entry in queue(stage.there) if entry['state'] != 'scratch']
    if left or out.status != 0:
        raise Wrong('flush: %s queue: %s' % (out.err, left))
    for number, (model, seen) in enumerate(zip(models, look_at(stage, stage.tops(top)))):
        compare_mount(seen, model)
        compare_server(stage.ews, '%s/w%d' % (top, number), model)


# Sequences


def play(stage, top, rounds):
    models = [Model() for _ in range(WORKERS)]
    run('mkdir', '-p', *stage.tops(top))
    for part in rounds:
        if part['fault']:
            stage.server.fault(part['fault'])
        stage.at_once(do_work, stage.tops(top), models, part['work'])
        if part['then'] == 'kill':
            disturb(stage.there, 'kill')
        compare(stage, top, models)
        stage.server.clear()
        for number, (what, one, two) in enumerate(part['others']):
            model = models[number % WORKERS]
            Other(stage.ews, '%s/w%d' % (top, number % WORKERS), model).do(what, one, two)
        stage.there.sync()
        learn_names(stage, top, models)
        if part['then'] != 'kill':
            disturb(stage.there, part['then'])
        if part['then'] == 'state':
            for model in models:
                model.scratch.clear()
        if part['then'] == 'cache':
            # The server's bytes are others than those that were uploaded: the content moved, and
            # with it the time. An index that is new knows of no others.
            for model in models:
                for file in model.files().values():
                    file.mtime = None
        compare(stage, top, models)


def fails(rounds):
    """Why a sequence fails on a mount of its own, or None."""
    stage = Stage()
    error = None
    try:
        play(stage, 'Inbox/again', rounds)
    except (Wrong, AssertionError, ValueError, KeyError) as found:
        error = str(found)[:2000]
    stage.close(is_wrong=error is not None)
    return error


def without_parts(rounds):
    """Smaller ones: without a round, without others, without an operation."""
    for number in range(len(rounds)):
        yield rounds[:number] + rounds[number + 1:]
    for number, part in enumerate(rounds):
        def put(number=number, **change):
            return rounds[:number] + [dict(rounds[number], **change)] + rounds[number + 1:]
        if part['others']:
            yield put(others=[])
        if part['then'] != 'none':
            yield put(then='none')
        if part['fault']:
            yield put(fault='')
        for worker, operations in enumerate(part['work']):
            halves = [operations[:len(operations) // 2], operations[len(operations) // 2:]]
            ones = [operations[:n] + operations[n + 1:] for n in range(len(operations))]
            for smaller in halves + ones:
                if smaller != operations:
                    yield put(work=part['work'][:worker] + [smaller] + part['work'][worker + 1:])


def shrink(rounds):
    """The smallest that was found to fail still, and why."""
    error = fails(rounds)
    tries = 0
    is_smaller = error is not None
    while is_smaller:
        is_smaller = False
        for smaller in without_parts(rounds):
            tries += 1
            found = fails(smaller) if tries <= SHRINK_TRIES else None
            if found:
                rounds, error, is_smaller = smaller, found, True
                break
    return rounds, error


def play_some(seeds, play_one, **options):
    """On one mount; the first seed that fails, why, and what the mount said, or None."""
    stage = Stage(**options)
    try:
        for seed in seeds:
            try:
                play_one(stage, seed)
            except (Wrong, AssertionError, ValueError, KeyError, IndexError) as error:
                story = '\n'.join(stage.there.log().splitlines()[-40:])
                stage.close(is_wrong=True)
                stage = None
                return seed, str(error)[:3000], story
    finally:
        if stage:
            stage.close()
    return None


def play_all(count, play_one, **options):
    """So many seeds, some on each mount; how many mounts there were, and what failed."""
    print('EWSFS_SEED=%d EWSFS_MODEL=%d' % (SEED, count))
    seeds = list(range(SEED, SEED + count))
    parts = [seeds[n:n + PER_MOUNT] for n in range(0, count, PER_MOUNT)]
    with concurrent.futures.ThreadPoolExecutor(harness.AT_ONCE) as pool:
        found = pool.map(lambda part: play_some(part, play_one, **options), parts)
        return len(parts), [failure for failure in found if failure]


def test_the_tree_is_as_the_model():
    parts, failures = play_all(COUNT, lambda stage, seed: play(
        stage, 'Inbox/s%d' % seed, make_sequence(seed)))
    if not failures:
        return
    seed, error, story = failures[0]
    rounds, again = shrink(make_sequence(seed))
    others = ''.join('EWSFS_SEED=%d: %s\n' % (other[0], other[1][:500]) for other in failures[1:])
    raise AssertionError(
        '%d of %d parts fail; EWSFS_SEED=%d EWSFS_MODEL=1: %s\nsmallest: %s\n%s\n%s\n%s' % (
            len(failures), parts, seed, error, json.dumps(rounds), again or 'not alone',
            others, story))
