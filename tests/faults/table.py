# SPDX-License-Identifier: GPL-3.0-or-later
"""The faults, one row each, as "Every fault" in docs/semantics.md has them (test_table.py holds the
two together). A row says what goes wrong, where that matters, and what may be seen of it.

`how`: "wire:KIND" is trouble of the network (wire.py), "dns" an unknown host, "admin:WHAT" an order
for the test server, anything else one of its faults (tests/ewsd/README.md), several divided by
" & ".
`reads`: what a call that needs the server may say while the fault lasts, besides "done".
`change`: "waits" is sent by itself when the fault is over; "refused" the server may have meant it:
parked or taken back, and a person does it again.
`home`: the activities that surely meet it. `meanwhile`: what somebody else does to the mailbox.
"""
import collections

READS = ('read small', 'read large', 'prefetch')
NEWS = ('first sync', 'refresh')
WRITES = ('create', 'overwrite', 'move', 'delete', 'flag', 'mkdir', 'rmdir', 'rename folder',
          'send')
BATCHED = ('create', 'move', 'delete', 'flag')
ACTIVITIES = NEWS + ('news', 'listing', 'search') + READS + WRITES + ('unmount',)
ANY = NEWS + READS + WRITES + ('unmount',)

Row = collections.namedtuple('Row', 'name how reads change home meanwhile')


def row(name, how, reads='', change='waits', home=ANY, meanwhile=None):
    return Row(name, how, reads.split(), change, home, meanwhile)


TABLE = (
    row('connection refused', 'wire:refuse', 'EHOSTUNREACH'),
    row('connection reset', 'wire:reset', 'EHOSTUNREACH'),
    row('connection cut in an answer', 'wire:cut', 'EHOSTUNREACH EIO'),
    row('black hole', 'wire:hole', 'EHOSTUNREACH'),
    row('host name unknown', 'dns', 'EHOSTUNREACH'),
    row('no TLS', 'wire:no-tls', 'EHOSTUNREACH'),
    row('certificate expired', 'wire:expired', 'EHOSTUNREACH'),
    row('wrong Content-Length', 'wire:length', 'EHOSTUNREACH EIO'),
    row('truncated XML', 'truncate', 'EIO EBUSY'),
    row('HTML instead of XML', 'garbage', 'EIO EBUSY'),
    row('302 to the error page', 'http=302,location=/ews/genericerrorpage.htm', 'EBUSY'),
    row('401 in the middle', 'http=401,count=1', 'EBUSY'),
    row('403', 'http=403', 'EACCES', 'refused'),
    row('404', 'http=404', 'EIO EBUSY'),
    row('413', 'http=413', 'EFBIG EIO', 'refused', meanwhile='mend'),
    row('429', 'http=429', 'EBUSY'),
    row('429 with Retry-After', 'http=429,retry=1', 'EBUSY'),
    row('503', 'http=503', 'EBUSY'),
    row('503 with Retry-After', 'http=503,retry=1', 'EBUSY'),
    row('busy fault with back-off', 'busy=700', 'EBUSY'),
    row('busy fault with 0', 'busy', 'EBUSY'),
    row('busy fault without', 'fault=ErrorServerBusy', 'EBUSY'),
    row('busy fault in HTTP 200', 'fault200=ErrorServerBusy', 'EBUSY'),
    row('busy item with back-off', 'busy200=700', 'EBUSY'),
    row('busy item with 0', 'busy200', 'EBUSY'),
    row('busy item without', 'itemerror=ErrorServerBusy', 'EBUSY'),
    row('ErrorTimeoutExpired', 'itemerror=ErrorTimeoutExpired', 'EBUSY EHOSTUNREACH'),
    row('pages that take too long',
        'itemerror=ErrorTimeoutExpired,op=SyncFolderItems,with=MaxChangesReturned>512',
        home=NEWS),
    row('more than a page may hold',
        'itemerror=ErrorExceededFindCountLimit,with=MaxEntriesReturned="5000"', home=NEWS),
    row('too many connections', 'itemerror=ErrorExceededConnectionCount,count=3', 'EBUSY'),
    row('408', 'http=408', 'EBUSY'),
    row('504', 'http=504', 'EBUSY'),
    row('ErrorBatchProcessingStopped', 'stopbatch,count=3', home=BATCHED + ('read small',)),
    row('ErrorInvalidSyncStateData', 'badstate', home=('refresh',)),
    row('state taken for none', 'silentstate', home=('refresh',)),
    row('empty page with more to come', 'emptypage', 'EIO', home=NEWS),
    row('ErrorItemNotFound', 'itemerror=ErrorItemNotFound,op=GetItem', 'ENOENT EIO', home=READS),
    row('ErrorMimeContentConversionFailed',
        'itemerror=ErrorMimeContentConversionFailed,op=GetItem', 'EIO', home=READS,
        meanwhile='mend'),
    row('response message missing', 'skip=1', 'EIO EHOSTUNREACH', home=ANY),
    row('ids repeated in a page', 'repeat', home=NEWS),
    row('ErrorQuotaExceeded', 'itemerror=ErrorQuotaExceeded,op=CreateItem', 'EDQUOT', 'refused',
        home=('create', 'overwrite'), meanwhile='make room'),
    row('mailbox moved', 'fault=ErrorMailboxMoveInProgress', 'EBUSY'),
    row('subscription lost', 'admin:drop-subscriptions', home=('news',)),
    row('stream dies silently', 'admin:silence', home=('news',)),
    row('work done after the cut', 'late=1000', 'EHOSTUNREACH EIO'),
    row('deleted folder syncs', 'ghost', home=(), meanwhile='delete folder'),
    row('read flags lost', 'loseread', home=(), meanwhile='flip read flags'),
    row('rename that did nothing', 'pretend,op=UpdateFolder', change='refused',
        home=('rename folder',)),
    row('bare 400 for one message', 'http=400,with=new-1.eml,count=2', 'EIO', home=('create',)),
)
