# SPDX-License-Identifier: GPL-3.0-or-later
"""What is going on when a fault strikes. An activity is a class: `prepare` makes all ready and
leaves ewsfs mounted and idle, `act` does it while the fault lasts, `again` does what of it is not
done.
"""
import os

from mounting import message, program, run, until
from writing import put, queue

# The longest that it takes to be well again, once the server is.
RECOVERY_S = 60

NEW = ['Inbox/new-%d.eml' % number for number in range(3)]


def new_message(number):
    return message('New', body='Body %d' % number, number=number + 1).decode()


class Activity:
    options = {}
    mails = 0
    # What may be asked for besides: twice for each message of many.
    requests = 0
    # A call may say what the fault's row allows; others must succeed.
    waits = ('read', 'search', 'fsync')
    # What else it may say than the row allows.
    says = ()

    def __init__(self, cell):
        self.cell = cell

    @property
    def there(self):
        return self.cell.there

    def fill(self, ews):
        """What is there before, besides the usual."""

    def prepare(self):
        self.there.start()
        self.there.sync()
        self.there.wait_idle()

    def before(self):
        """Just before the fault: what somebody else does to the mailbox."""

    def act(self):
        raise NotImplementedError

    def afterwards(self):
        """The server is well again, and nobody has asked for anything yet."""

    def again(self):
        """By a person, when the server is well and had refused it."""

    def decide(self):
        """What only a person can, of what does not go by itself; True when he did."""
        return False

    def find(self, part, top='Inbox'):
        return self.cell.names[part]


class FirstSync(Activity):
    def prepare(self):
        """Nothing is known yet."""

    def act(self):
        self.there.launch()
        limit = 2 * self.cell.deadline
        until(lambda: self.there.answers() or self.there.process.poll() is not None,
              'a mount or an end', limit)
        if self.there.process.poll() is None:
            self.cell.call(['walk', '.'], waits=('walk',))
            return
        assert self.there.wait_end() != 0
        lines = [line for line in self.there.log().splitlines() if line.startswith('ewsfs: ')]
        assert lines, 'it ended without a word'

    def again(self):
        if self.there.process is None:
            self.there.start()


class Refresh(Activity):
    def before(self):
        cell = self.cell
        ews = cell.ews
        ews.create_item('inbox', [message('News %d' % number) for number in range(3)])
        ews.delete_item(cell.items['Mail 1'])
        ews.move_item(cell.items['Mail 2'], cell.folders['Sub'])
        ews.update_item(cell.items['Mail 3'].id, read=False)
        ews.update_folder(cell.folders['Empty'], 'Renamed')

    def act(self):
        cell = self.cell
        self.there.sync(seconds=cell.deadline, status=None)


class News(Activity):
    """Nobody asks for anything; somebody else sends a mail, and it has to be seen by itself."""
    def prepare(self):
        super().prepare()
        until(self.is_told, 'news by a stream')
        self.there.wait_idle()

    def is_told(self):
        return self.there.status()['news']['by'] == 'stream'

    def arrive(self):
        self.cell.ews.create_item('inbox', message('Arrived'))

    def is_about_streams(self):
        return self.cell.how.startswith('admin:')

    def before(self):
        """Most faults are everybody's. What is told a moment before is looked for during it."""
        if not self.is_about_streams():
            self.arrive()

    def act(self):
        if self.is_about_streams():
            self.arrive()
            self.until_seen()

    def afterwards(self):
        self.until_seen()

    def until_seen(self):
        until(lambda: any('_Arrived.' in name for name in self.there.names('Inbox')), 'the news',
              RECOVERY_S)


class Listing(Activity):
    # Each message is asked for three times, where every call is answered wrongly.
    requests = 30

    def act(self):
        self.cell.call(['walk', '.'], waits=())


class ReadSmall(Activity):
    def act(self):
        self.cell.call(*[['read', self.find('Mail %d' % number)] for number in (4, 5, 6)])


class ReadLarge(Activity):
    def act(self):
        self.cell.call(['read', self.find('Large')])


class Search(Activity):
    # What was found is not asked for again while it is new.
    options = {'refresh': 1}
    # What a batch of folders is not answered for is asked of each of them.
    requests = 60
    # So many of them fail that the server is left alone for a while.
    says = ('EBUSY',)
    queries = [['search', '.search/subject:Mail', 8], ['search', '.search/in:Inbox/Below', 1],
               ['search', '.search/nowhere', 0]]

    def act(self):
        self.cell.call(*self.queries)

    def afterwards(self):
        top = self.there.at(self.queries[0][1])
        until(lambda: run('ls', top, status=None).status == 0, 'a search', RECOVERY_S)
        self.cell.call(*self.queries, waits=())


class Prefetch(Activity):
    options = {'prefetch': 'on'}
    requests = 400

    def prepare(self):
        super().prepare()
        cell = self.cell
        self.there.fetch()
        # More than it has under way when the fault begins, however late that is.
        cell.ews.create_item('inbox', [message('Ahead %d' % number) for number in range(200)])
        cell.server.fault('delay=2000,op=GetItem')
        self.there.sync()
        cell.server.clear()

    def act(self):
        """It does so by itself."""


class Create(Activity):
    def act(self):
        self.cell.call(*[['write', path, new_message(n)] for n, path in enumerate(NEW)])
        self.cell.call(['fsync', NEW[0]])

    def again(self):
        for number, path in enumerate(NEW):
            if not os.path.basename(path) in self.there.names('Inbox'):
                put(self.there, path, new_message(number).encode())


class Overwrite(Activity):
    words = message('Draft', body='Anew').decode()

    def act(self):
        path = self.find('Draft', 'Drafts')
        self.cell.call(['write', path, self.words],
                       ['write', 'Inbox/.over.tmp', message('Over', body='Over').decode()],
                       ['rename', 'Inbox/.over.tmp', self.find('Mail 7')])

    def again(self):
        path = self.find('Draft', 'Drafts')
        if self.there.cat(path) != self.words.encode():
            put(self.there, path, self.words.encode())


class Simple(Activity):
    """Calls that are done again if what they do is not there."""

    def calls(self):
        raise NotImplementedError

    def is_done(self, call):
        raise NotImplementedError

    def act(self):
        self.cell.call(*self.calls())

    def again(self):
        left = [call for call in self.calls() if not self.is_done(call)]
        if left:
            self.cell.call(*left)

    def exists(self, path):
        return os.path.basename(path) in self.there.names(os.path.dirname(path))


class Move(Simple):
    def calls(self):
        paths = [self.find('Mail %d' % number) for number in (4, 5)]
        return [['rename', path, 'Inbox/Sub/' + os.path.basename(path)] for path in paths]

    def is_done(self, call):
        return self.exists(call[2])


class Delete(Simple):
    def calls(self):
        return [['unlink', self.find('Mail %d' % number)] for number in (4, 5)]

    def is_done(self, call):
        return not self.exists(call[1])


class Flag(Simple):
    def calls(self):
        return [['set', self.find('Mail 4'), 'is_read', '0'],
                ['set', self.find('Mail 5'), 'categories', 'Red'],
                ['set', self.find('Mail 6'), 'flag', 'flagged']]

    def is_done(self, call):
        out = run('getfattr', '--only-values', '-n', 'user.ewsfs.' + call[2],
                  self.there.at(call[1]), status=None)
        return out.out == call[3]


class MakeFolder(Simple):
    def calls(self):
        return [['mkdir', 'Inbox/Box'], ['mkdir', 'Inbox/Box/Inner'],
                ['write', 'Inbox/Box/Inner/new-1.eml', new_message(1)]]

    def is_done(self, call):
        return self.exists(call[1])


class RemoveFolder(Simple):
    def calls(self):
        return [['rmdir', 'Inbox/Empty']]

    def is_done(self, call):
        return not self.exists(call[1])


class RenameFolder(Simple):
    def calls(self):
        return [['rename', 'Inbox/Sub', 'Inbox/Other']]

    def is_done(self, call):
        return self.exists(call[2])


class Send(Simple):
    options = {'send': True}
    mails = 1

    def calls(self):
        return [['rename', self.find('Draft', 'Drafts'), '.send/letter.eml']]

    def is_done(self, call):
        return self.cell.server.stats()['sent'] == 1 or queue(self.there)

    def decide(self):
        """What may have been sent is never sent again by itself: he looks, and it was not."""
        if not queue(self.there, 'maybe-sent') or self.cell.server.stats()['sent']:
            return False
        run(program('ewsfsctl'), 'discard', '--yes', '--all', cwd=self.there.path)
        self.cell.ctl('flush')
        path = self.there.paths('Drafts')[0]
        self.cell.call(['rename', path, '.send/letter.eml'])
        return True


class Unmount(Activity):
    options = {'flush_timeout': 3}

    def act(self):
        self.cell.call(*[['write', path, new_message(n)] for n, path in enumerate(NEW)])
        run('fusermount3', '-u', self.there.path)
        self.there.wait_end(self.cell.deadline)

    def again(self):
        if self.there.process is None:
            self.there.start()
        Create.again(self)


CLASSES = {
    'first sync': FirstSync, 'refresh': Refresh, 'news': News, 'listing': Listing,
    'search': Search, 'read small': ReadSmall, 'read large': ReadLarge, 'prefetch': Prefetch,
    'create': Create, 'overwrite': Overwrite, 'move': Move, 'delete': Delete, 'flag': Flag,
    'mkdir': MakeFolder, 'rmdir': RemoveFolder, 'rename folder': RenameFolder, 'send': Send,
    'unmount': Unmount,
}
