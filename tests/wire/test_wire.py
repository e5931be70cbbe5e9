# SPDX-License-Identifier: GPL-3.0-or-later
"""ews/ against what real servers said, against the schema, and against ewsd when it misbehaves.

The recorded answers and the schema are not part of the tree: they are looked for in the directory
that EWSFS_SHARED names, or in ../shared beside the source tree, and what needs them is skipped
where they are not.
"""
import hashlib
import json
import os
import pathlib
import subprocess
import time
import urllib.request
import xml.etree.ElementTree as ET

import pytest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
SHARED = pathlib.Path(os.environ.get('EWSFS_SHARED', SOURCE.parent / 'shared'))
RECORDED = SHARED / 'ews' / 'wire'
SCHEMA = SHARED / 'ews' / 'schema' / 'soap-envelope.xsd'
CASES = SOURCE / 'tests' / 'wire'
TOOLS = {name: os.environ.get(f'WIRE_{name.upper()}')
         for name in ('run', 'read', 'probe', 'writes')}
EWSD = os.environ.get('EWSD')

S = '{http://schemas.xmlsoap.org/soap/envelope/}'
M = '{http://schemas.microsoft.com/exchange/services/2006/messages}'
T = '{http://schemas.microsoft.com/exchange/services/2006/types}'

# The operation of an answer, by the name of its element, and the words that make such an op.
READERS = {
    'GetItemResponse': ('get-item X', 'get-item-mime X'),
    'SyncFolderItemsResponse': ('sync-items X',),
    'SyncFolderHierarchyResponse': ('sync-hierarchy',),
    'FindFolderResponse': ('find-folder X',),
    'GetFolderResponse': ('get-folder X',),
    'ResolveNamesResponse': ('resolve X',),
    'CreateItemResponse': ('create-item F message sent x',),
    'UpdateItemResponse': ('update-item X - message read=1',),
    'DeleteItemResponse': ('delete-item X trash',),
    'MoveItemResponse': ('move-item X F',),
    'CopyItemResponse': ('copy-item X F',),
    'SendItemResponse': ('send-item X',),
    'CreateFolderResponse': ('create-folder F x',),
    'UpdateFolderResponse': ('update-folder X - x',),
    'MoveFolderResponse': ('move-folder X F',),
    'DeleteFolderResponse': ('delete-folder X trash',),
    'SubscribeResponse': ('subscribe pull',),
    'UnsubscribeResponse': ('unsubscribe X',),
    'GetEventsResponse': ('get-events X',),
}


def recorded():
    return sorted(RECORDED.glob('*.rsp.xml')) if RECORDED.is_dir() else []


def read(words, path, piece=None):
    command = [TOOLS['read'], words, str(path)] + ([str(piece)] if piece else [])
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=60)
    return done.stdout.decode()


def attribute_id(element, tag):
    found = element.find(T + tag)
    return None if found is None else found.get('Id')


def expected_sync(message, tag):
    """What a page of changes must read as: kind and id of each."""
    names = {'Create': 'create', 'Update': 'update', 'Delete': 'delete',
             'ReadFlagChange': 'read-flag'}
    for change in message.find(M + 'Changes'):
        kind = change.tag[len(T):]
        holder = change if change.find(T + tag) is not None else change[0]
        yield names[kind], attribute_id(holder, tag)


@pytest.mark.skipif(not recorded(), reason='no recorded answers here')
def test_recorded_answers():
    """Every recorded answer of our operations reads as ElementTree reads it, in any pieces."""
    seen = 0
    for path in recorded():
        try:
            body = ET.parse(path).getroot().find(S + 'Body')
        except ET.ParseError:
            continue
        name = body[0].tag.split('}')[1]
        for words in READERS.get(name, ()):
            seen += 1
            whole = read(words, path)
            assert whole == read(words, path, 1) == read(words, path, 1000), path
            check_answer(words, body[0], whole, path)
    assert seen > 100


NEWS = ('subscribe', 'unsubscribe', 'get-events', 'get-stream')


def expected_news(message):
    """What a response message without an error must read as."""
    subscription = message.find(M + 'SubscriptionId')
    if subscription is not None:
        return 'ok id=' + subscription.text
    if not any(message.iter(M + 'Notification')) and message.find(M + 'Notifications') is None:
        return 'ok'
    tags = [T + tag for tag in ('FolderId', 'ParentFolderId', 'OldParentFolderId')]
    folders = {found.get('Id') for tag in tags for found in message.iter(tag)}
    more = any(element.text == 'true' for element in message.iter(T + 'MoreEvents'))
    closed = message.findtext(M + 'ConnectionStatus') == 'Closed'
    return 'ok folders=%s%s%s' % (','.join(sorted(folders)), ' more' if more else '',
                                  ' closed' if closed else '')


CHANGES = ('create', 'update', 'delete', 'move', 'copy', 'send')


def check_new_id(message, head, path):
    ids = [element for element in message.iter()
           if element.tag in (T + 'ItemId', T + 'FolderId')]
    wanted = f'ok id="{ids[0].get("Id")}" key="{ids[0].get("ChangeKey")}"' if ids else 'ok'
    assert head == wanted, path


def check_answer(words, response, text, path):
    messages = list(response.find(M + 'ResponseMessages') or response.find(M + 'Responses') or ())
    heads = [line for line in text.splitlines() if line.startswith(('ok', 'error'))]
    assert text.splitlines()[-1] == 'whole', path
    assert len(heads) == len(messages), path
    for message, head in zip(messages, heads):
        if message.get('ResponseClass') == 'Error':
            assert head.startswith('error'), path
        elif words.startswith('get-item-mime'):
            has_mime = message.find(f'{M}Items/*/{T}MimeContent') is not None
            assert head.startswith('ok' if has_mime else 'error corrupt'), path
        elif '26-SyncFolderItems-max0' not in path.name:
            assert head.startswith('ok'), path
        if words.startswith(NEWS) and head.startswith('ok'):
            assert head == expected_news(message), path
        if head.startswith('ok') and words.split('-')[0] in CHANGES:
            check_new_id(message, head, path)
    if words.startswith('sync-') and heads[0].startswith('ok'):
        tag = 'ItemId' if words.startswith('sync-items') else 'FolderId'
        lines = [line.split() for line in text.splitlines() if line.startswith('  ')]
        got = [(line[0], line[1][len('id="'):-1]) for line in lines]
        assert got == list(expected_sync(messages[0], tag)), path


def envelopes(path):
    """The documents of a stream, parsed one by one; what is behind the last is none."""
    parts = path.read_text(encoding='utf-8').split('</SOAP:Envelope>')
    return [ET.fromstring(part + '</SOAP:Envelope>') for part in parts[:-1]], parts[-1].strip()


@pytest.mark.skipif(not recorded(), reason='no recorded answers here')
def test_recorded_streams():
    """The same for answers that are many documents."""
    events = 0
    for path in recorded():
        if b'<m:GetStreamingEventsResponse ' not in path.read_bytes():
            continue
        documents, rest = envelopes(path)
        text = read('get-stream X', path)
        assert text == read('get-stream X', path, 1) == read('get-stream X', path, 1000), path
        lines = text.splitlines()
        assert lines.pop() == 'whole' or rest, path
        messages = [message for document in documents
                    for message in document.iter(M + 'GetStreamingEventsResponseMessage')]
        assert len(lines) == len(messages) > 0, path
        for message, line in zip(messages, lines):
            events += len(list(message.iter(T + 'TimeStamp')))
            if message.get('ResponseClass') == 'Error':
                assert line.startswith('error stale'), path
            else:
                assert line == expected_news(message), path
    assert events > 5


@pytest.mark.skipif(not recorded(), reason='no recorded answers here')
@pytest.mark.parametrize('name, said', [
    ('a5-GetEvents-badsub', 'fault -'), ('o1-Subscribe-badfolder', 'fault ErrorInvalidId')])
def test_recorded_refusals(name, said):
    words = 'get-events X' if 'GetEvents' in name else 'subscribe pull'
    text = read(words, RECORDED / (name + '.rsp.xml'))
    assert text.splitlines()[-1] == said


@pytest.mark.skipif(not recorded(), reason='no recorded answers here')
def test_recorded_answers_cut_anywhere():
    """No prefix of an answer reads as whole, none crashes, and what ended before is the same."""
    path = RECORDED / '22-SyncFolderItems-page0.rsp.xml'
    data = path.read_bytes()
    part = pathlib.Path(os.environ.get('TMPDIR', '/tmp')) / f'wire-part-{os.getpid()}.xml'
    try:
        for end in range(0, len(data) - 1, 97):
            part.write_bytes(data[:end])
            text = read('sync-items X', part)
            assert 'broken: ' in text
            assert text.startswith('ok') == (b'</m:SyncFolderItemsResponseMessage>' in data[:end])
    finally:
        part.unlink()


@pytest.mark.skipif(not SCHEMA.exists(), reason='no schema here')
def test_requests_are_valid(tmp_path):
    """Every request that the cases provoke is what Microsoft's schema wants."""
    cases = [case for pattern in ('0[1-4]*.case', '0[89]*.case', '1*.case')
             for case in sorted(CASES.glob(pattern))]
    subprocess.run([TOOLS['run'], '--requests', str(tmp_path)] + [str(c) for c in cases],
                   stdout=subprocess.DEVNULL, check=True, timeout=120)
    requests = sorted(str(path) for path in tmp_path.glob('*.xml'))
    assert len(requests) > 60
    subprocess.run(['xmllint', '--nonet', '--huge', '--noout', '--schema', str(SCHEMA)] + requests,
                   stderr=subprocess.PIPE, check=True, timeout=120)


# --- ewsd ------------------------------------------------------------------------------------

class Server:
    """ewsd with a mailbox, as long as a test lasts."""

    def __init__(self, directory, *options, fill='Inbox=200'):
        self.log = directory / 'log'
        self.port_file = directory / 'port'
        command = [EWSD, '--port', '0', '--port-file', str(self.port_file), '--user', 'me:secret',
                   '--log', str(self.log), '--fill', fill, *options]
        if SCHEMA.exists():
            command += ['--schema', str(SCHEMA.parent)]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)

    def url(self):
        for _ in range(600):
            if self.port_file.exists() and self.port_file.read_text().strip():
                break
            assert self.process.poll() is None, 'ewsd ended'
            subprocess.run(['sleep', '0.05'], check=True)
        return f'http://127.0.0.1:{self.port_file.read_text().strip()}/EWS/Exchange.asmx'

    def probe(self, *options, folder='Inbox', password='secret', timeout=90):
        command = [TOOLS['probe'], *options, self.url(), 'me', password, folder]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=timeout)
        lines = done.stdout.decode().splitlines()
        return json.loads(lines[-1]), [line.split(' ') for line in lines[:-1]]

    def writes(self, count, *options, timeout=90):
        """What came of each step, by its name."""
        command = [TOOLS['writes'], *options, self.url(), 'me', 'secret', str(count)]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=False, timeout=timeout)
        reports = [json.loads(line) for line in done.stdout.decode().splitlines()]
        return {report['step']: report for report in reports}

    def stats(self):
        url = self.url().replace('/EWS/Exchange.asmx', '/ewsd/stats')
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)

    def requests(self, op=None):
        entries = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [entry for entry in entries if op in (None, entry['op'])]

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


@pytest.fixture
def serve(tmp_path):
    if not EWSD:
        pytest.skip('no ewsd')
    servers = []

    def start(*options, **keywords):
        servers.append(Server(tmp_path, *options, **keywords))
        return servers[-1]
    yield start
    for server in servers:
        server.stop()


def faults(*specs):
    return [word for spec in specs for word in ('--fault', spec)]


def test_all_is_well(serve):
    """Everything is listed and fetched, in batches that grow."""
    report, items = serve().probe('--items')
    assert report['listed'] == report['fetched'] == 200
    assert report['errors'] == {}
    assert len({item[1] for item in items}) == 200
    assert report['requests'] < 20


def test_mail_comes_as_it_is(serve, tmp_path):
    """The bytes are those that were imported."""
    mail = tmp_path / 'mail'
    mail.mkdir()
    wanted = set()
    for number in range(20):
        data = (f'Message-ID: <{number}@x>\r\nSubject: {number}\r\n\r\n'.encode()
                + bytes(range(256)) * number)
        (mail / f'{number}.eml').write_bytes(data)
        wanted.add(hashlib.sha256(data).hexdigest())
    report, items = serve('--mail', f'Inbox={mail}', fill='Other=1').probe('--items')
    assert report['fetched'] == 20
    assert {item[1] for item in items} == wanted


def test_wrong_password_is_tried_once(serve):
    server = serve()
    report, _ = server.probe(password='wrong')
    assert report['errors'] == {'auth': 1}
    assert report['state'] == 4
    assert len(server.requests()) == 1


@pytest.mark.parametrize('spec', [
    'cut=20000,op=GetItem,count=3',
    'cut=0,op=GetItem,count=1',
    'lose,op=GetItem,count=1',
    'truncate,op=GetItem,count=3',
    'garbage,op=GetItem,count=3',
    'http=500,op=GetItem,count=4',
    'http=400,op=GetItem,count=3',
    'http=503,op=GetItem,count=1',
    'http=429,op=GetItem,count=1',
    'busy,op=GetItem,count=1',
    'busy=1500,op=GetItem,count=1',
    'stopbatch,op=GetItem,count=3',
    'delay=100,op=GetItem',
])
def test_passing_trouble_leaves_no_trace(serve, spec):
    """What goes away by itself, or with smaller batches, is nobody's error."""
    report, items = serve(*faults(spec)).probe('--items')
    assert report['errors'] == {}, report
    assert report['fetched'] == 200
    assert len({item[1] for item in items}) == 200


def test_one_bad_item_is_alone(serve):
    """An item error hits that item; bad base64 likewise."""
    report, _ = serve(*faults('itemerror=ErrorMimeContentConversionFailed,op=GetItem,count=1',
                              'badbase64,op=GetItem,after=3,count=1')).probe()
    assert set(report['errors']) == {'corrupt'}
    assert report['fetched'] == 200 - report['errors']['corrupt']
    assert report['fetched'] > 0


def test_silence_is_found_out(serve):
    """A server that takes longer than the timeout for a batch gets smaller ones."""
    server = serve(*faults('slow=150,op=GetItem,count=1'), fill='Inbox=10')
    report, _ = server.probe('--timeout', '1')
    assert report['fetched'] == 10, report
    assert report['errors'] == {}


def test_known_offline_answers_at_once(serve):
    """A server that is gone is asked once or twice, not once an op."""
    server = serve(*faults('cut=0,op=GetItem'))
    report, _ = server.probe()
    assert report['fetched'] == 0
    assert set(report['errors']) == {'offline'}
    assert report['errors']['offline'] == 200
    assert report['state'] == 3
    # Four that were on their way (curl repeats each whose connection was an old one), one more.
    assert len(server.requests('GetItem')) <= 9


def test_bad_password_later_gets_one_more_try(serve):
    """401 after the credentials have worked: once more, then it is meant."""
    server = serve(*faults('http=401,op=GetItem,count=1'))
    report, _ = server.probe('--conns', '1')
    assert report['errors'] == {}
    assert report['fetched'] == 200


def test_bad_password_later_stops(serve):
    server = serve(*faults('http=401,op=GetItem'))
    report, _ = server.probe('--conns', '1')
    assert report['errors'] == {'auth': 200}
    assert len(server.requests('GetItem')) == 2


def test_background_and_waiting_get_all_too(serve):
    server = serve()
    for priority in ('waiting', 'background'):
        report, _ = server.probe('--priority', priority)
        assert report['fetched'] == 200


# --- changes ---------------------------------------------------------------------------------

OPS = {'make-folder': 'CreateFolder', 'create': 'CreateItem', 'update': 'UpdateItem',
       'copy': 'CopyItem', 'move': 'MoveItem', 'delete': 'DeleteItem',
       'rename-folder': 'UpdateFolder', 'delete-folder': 'DeleteFolder'}


def check_sent_once(server, reports):
    """The server heard of every call exactly once."""
    for step, op in OPS.items():
        calls = sum(report['calls'] for name, report in reports.items()
                    if name in (step, step + '-again'))
        assert len(server.requests(op)) == calls, (step, reports)


def test_changes(serve):
    """Every change is done, in calls that grow, and nobody hears of any."""
    server = serve(fill='Inbox=1')
    reports = server.writes(200)
    for step in OPS:
        count = 1 if 'folder' in step else 200
        assert reports[step]['done'] == count, reports[step]
    assert reports['delete-again']['failed'] == 200
    assert reports['create']['calls'] <= 12
    check_sent_once(server, reports)
    stats = server.stats()
    assert stats['sent'] == stats['receipts'] == stats['schema_errors'] == 0


@pytest.mark.parametrize('spec, certain', [
    ('lose,op=CreateItem,after=1,count=1', False),
    ('late=10,op=CreateItem,after=1,count=1', False),
    ('cut=0,op=CreateItem,after=1,count=1', False),
    ('cut=900,op=CreateItem,after=1,count=1', False),
    ('truncate,op=CreateItem,after=1,count=1', False),
    ('garbage,op=CreateItem,after=1,count=1', False),
    ('http=500,op=CreateItem,after=1,count=1', False),
    ('fault=ErrorInternalServerError,op=CreateItem,after=1,count=1', False),
    ('skip=2,op=CreateItem,after=1,count=1', False),
    ('http=503,op=CreateItem,after=1,count=1', True),
    ('busy,op=CreateItem,after=1,count=1', True),
    ('busy200,op=CreateItem,after=1,count=1', True),
    ('fault=ErrorSchemaValidation,op=CreateItem,after=1,count=1', True),
    ('stopbatch=3,op=CreateItem,after=1,count=1', True),
])
def test_trouble_is_told_and_not_repeated(serve, spec, certain):
    """What may have been done is in doubt, what was not is not; each call is sent once."""
    server = serve(*faults(spec), fill='Inbox=1')
    report = server.writes(40)['create']
    missing = 40 - report['done']
    assert 0 < missing <= 15, report
    assert report['doubted'] == (0 if certain else missing), report
    for _ in range(100):
        # What is done late is logged late.
        if len(server.requests('CreateItem')) >= report['calls']:
            break
        time.sleep(0.05)
    assert len(server.requests('CreateItem')) == report['calls']


def test_slow_changes_are_in_doubt(serve):
    """Silence is not refusal."""
    server = serve(*faults('slow=300,op=MoveItem,count=1'), fill='Inbox=1')
    reports = server.writes(10, '--timeout', '1')
    assert reports['move']['doubted'] + reports['move']['done'] == 10
    assert len(server.requests('MoveItem')) <= 1
