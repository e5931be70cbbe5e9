# SPDX-License-Identifier: GPL-3.0-or-later
"""Random work of two mail programs on layout=maildir, compared with what they think they have after
each flush, on the mount and on the server; with remounts, kills, losses of what is kept here and
marks that somebody else sets in between.

EWSFS_SEED is where it begins (printed), EWSFS_MODEL how many sequences there are.
"""
import os
import random

import harness
from comparing import Wrong
from model import Worker
from mounting import run
from test_model import FAULTS, WORKERS, disturb, look_at, play_all
from writing import describe, flush, folder_paths, gist, items_of, queue

COUNT = int(os.environ.get('EWSFS_MODEL', '1000' if harness.IS_LONG else '30'))
ROUNDS = 3
OPERATIONS = 8
FOLDERS = ['f0', 'f1']
LETTERS = 'DFPRST'
ON_SERVER = {'S': 'read', 'F': 'flag'}
DISTURBANCES = ['none'] * 6 + ['remount', 'kill', 'cache', 'state']
WEIGHTS = {'deliver': 5, 'mark': 6, 'move': 3, 'remove': 2}


class Mail:
    def __init__(self, unique, folder, text):
        self.unique = unique
        self.folder = folder
        self.text = text
        self.letters = set()
        self.is_taken = False

    def path(self):
        if not self.letters and not self.is_taken:
            return os.path.join(self.folder, 'new', self.unique)
        return os.path.join(self.folder, 'cur',
                            self.unique + ':2,' + ''.join(sorted(self.letters)))


class Program:
    """What one of them has, and the calls that lead there; all of these must be done."""

    def __init__(self, rng, number):
        self.rng = rng
        self.number = number
        self.mails = []
        self.delivered = 0

    def some_letters(self):
        return set(self.rng.sample(LETTERS, self.rng.choice([0, 1, 1, 2, 3])))

    def draw(self):
        what = self.rng.choices(list(WEIGHTS), WEIGHTS.values())[0]
        if what == 'deliver' or not self.mails:
            return self.deliver()
        return getattr(self, what)(self.rng.choice(self.mails))

    def deliver(self):
        rng = self.rng
        self.delivered += 1
        unique = '17.w%d_%d.host' % (self.number, self.delivered)
        mail = Mail(unique, rng.choice(FOLDERS), 'Subject: w%d-%d\n\nbody %d\n%s' % (
            self.number, self.delivered, self.delivered, 'x' * rng.choice([0, 10, 5000])))
        if rng.random() < 0.3:
            mail.letters, mail.is_taken = self.some_letters(), True
        self.mails.append(mail)
        temporary = os.path.join(mail.folder, 'tmp', unique)
        calls = [['write', temporary, mail.text]]
        if rng.random() < 0.3:
            return calls + [['link', temporary, mail.path()], ['unlink', temporary]]
        return calls + [['rename', temporary, mail.path()]]

    def mark(self, mail):
        return self.rename(mail, mail.folder, self.some_letters(), True)

    def move(self, mail):
        is_out = bool(mail.letters) or mail.is_taken
        return self.rename(mail, self.rng.choice(FOLDERS), mail.letters, is_out)

    def rename(self, mail, folder, letters, is_taken):
        before = mail.path()
        other = Mail(mail.unique, folder, mail.text)
        other.letters, other.is_taken = letters, is_taken
        if other.path() == before:
            return []
        mail.folder, mail.letters, mail.is_taken = folder, letters, is_taken
        return [['rename', before, mail.path()]]

    def remove(self, mail):
        self.mails.remove(mail)
        return [['unlink', mail.path()]]


class Others:
    """Somebody who knows nothing of Maildirs."""

    def __init__(self, stage, top, rng):
        self.stage = stage
        self.top = top
        self.rng = rng

    def mark(self, mail):
        folder = folder_paths(self.stage.ews)['%s/%s' % (self.top, mail.folder)]
        wanted = gist(mail.text.encode())
        item = [item for item in items_of(self.stage.ews, folder)
                if describe(item)['gist'] == wanted][0]
        letter = self.rng.choice(list(ON_SERVER))
        mail.letters ^= {letter}
        if letter == 'S':
            self.stage.ews.update_item(item.id, read='S' in mail.letters)
        else:
            self.stage.ews.update_item(item.id, flag='Flagged' if 'F' in mail.letters
                                       else 'NotFlagged')


def compare(stage, top, programs):
    out = flush(stage.there, status=None, seconds=60)
    left = [entry for entry in queue(stage.there) if entry['state'] != 'scratch']
    if left or out.status != 0:
        raise Wrong('flush: %s queue: %s' % (out.err, left))
    mails = [mail for program in programs for mail in program.mails]
    compare_mount(look_at(stage, [stage.there.at(top)])[0], mails)
    for folder in FOLDERS:
        compare_server(stage.ews, '%s/%s' % (top, folder),
                       [mail for mail in mails if mail.folder == folder])


def compare_mount(seen, mails):
    found = {path: tuple(what[1:3]) for path, what in seen.items() if what is not None}
    wanted = {mail.path(): gist(mail.text.encode()) for mail in mails}
    if found != wanted:
        raise Wrong('mount has %s, the programs have %s' % (
            sorted(set(found.items()) - set(wanted.items())),
            sorted(set(wanted.items()) - set(found.items()))))


def compare_server(ews, path, mails):
    found = sorted((what['gist'], what['read'], what['flag'] == 'Flagged')
                   for what in map(describe, items_of(ews, folder_paths(ews)[path])))
    wanted = sorted((gist(mail.text.encode()), 'S' in mail.letters, 'F' in mail.letters)
                    for mail in mails)
    if found != wanted:
        raise Wrong('server has in %s %s, the programs have %s' % (path, found, wanted))


def do_all(stage, top, calls):
    found = stage.at_once(Worker.do_in, [stage.there.at(top)] * WORKERS, calls)
    for wanted, answers in zip(calls, found):
        for words, answer in zip(wanted, answers):
            if answer != 'done':
                raise Wrong('%s answers %s' % (words, answer))


def disturb_all(stage, what, programs):
    disturb(stage.there, what)
    if what != 'state':
        return
    # What is kept here only.
    for program in programs:
        for mail in program.mails:
            mail.letters &= set(ON_SERVER)
            mail.is_taken = False


def play(stage, seed):
    rng = random.Random(seed)
    top = 'Inbox/s%d' % seed
    programs = [Program(rng, number) for number in range(WORKERS)]
    others = Others(stage, top, rng)
    run('mkdir', '-p', *[stage.there.at(top, folder) for folder in FOLDERS])
    for _ in range(ROUNDS):
        fault, then = rng.choice(FAULTS), rng.choice(DISTURBANCES)
        calls = [[call for _ in range(OPERATIONS) for call in program.draw()]
                 for program in programs]
        if fault:
            stage.server.fault(fault)
        do_all(stage, top, calls)
        if then == 'kill':
            disturb_all(stage, then, programs)
        compare(stage, top, programs)
        stage.server.clear()
        for mail in rng.sample(programs[0].mails, min(2, len(programs[0].mails))):
            others.mark(mail)
        stage.there.sync()
        if then != 'kill':
            disturb_all(stage, then, programs)
        compare(stage, top, programs)


def test_mail_programs():
    parts, failures = play_all(COUNT, play, layout='maildir')
    assert not failures, '%d of %d parts fail: %s' % (len(failures), parts, '\n'.join(
        'EWSFS_SEED=%d EWSFS_MODEL=1: %s\n%s' % failure for failure in failures))
