# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that lies: a relay in front of ewsd that passes requests on and falsifies the answers.

`Liar(port, seed, rate)` answers on a port of its own; each answer is false with the probability
`rate`, in a way that the seed chooses. `told` counts the lies by name. LIES_IN_XML change what an
answer says and leave it well-formed, LIES_IN_BYTES make it something else altogether.
"""
import collections
import gzip
import http.client
import random
import re
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import escape

NAMES = [
    '../../../../../../tmp/ewsfs-was-here', '/tmp/ewsfs-was-here', '..', '.', '', ' ', '.ewsfs',
    '.send', '.ewsfs/status', 'a/../../b', '%2e%2e%2f', '%00', '%', '%zz', '-rf', '*', '~', '$(id)',
    '\u202egpj.exe', '\u2066\u2069', '\ufeff', '\u0085', 'a\nb', 'a\tb', 'e\u0301' * 300,
    '\U0001f4e7' * 64, 'x' * 255, 'x' * 4096, '\u00df' * 70000, '&#27;]0;owned&#7;', '&#0;',
    'a&#10;b', '\ud7ff\ue000', 'CON', 'state', 'index.db', '\u2024\u2024\u2044',
]
NUMBERS = ['0', '-1', '1', '512', '2147483647', '2147483648', '4294967295', '4294967296',
           '9223372036854775807', '9223372036854775808', '-9223372036854775808',
           '99999999999999999999999', '1e9', 'NaN', '', ' 7 ', '0x10', '7.5']
DATES = ['0001-01-01T00:00:00Z', '9999-12-31T23:59:59Z', '1601-01-01T00:00:00Z',
         '+292278994-08-17T07:12:55Z', '2026-02-30T25:61:61Z', '-2026-01-01T00:00:00Z',
         'yesterday', '', '2026-11-22T10:15:00+99:99', '2026-11-22T10:15:00.' + '9' * 5000 + 'Z']
CLASSES = ['IPM.Appointment', 'IPM.Contact', 'IPM.Note/../..', '', 'x' * 70000,
           'REPORT.IPM.Note.NDR']
CODES = ['NoError', 'ErrorServerBusy', 'ErrorItemNotFound', 'ErrorInternalServerError',
         'ErrorNoSuchCode', '', 'ErrorQuotaExceeded', 'ErrorAccessDenied', 'x' * 5000]
MIME_BYTES = 48 << 20
BOMB_BYTES = 1 << 30
DRIP_S = 0.2

NAMED = ('DisplayName', 'Subject', 'Name', 'EmailAddress', 'Value', 'DisplayTo', 'Keywords')
COUNTED = ('Size', 'TotalCount', 'UnreadCount', 'ChildFolderCount', 'Importance',
           'BackOffMilliseconds')
DATED = ('DateTimeReceived', 'DateTimeSent', 'DateTimeCreated', 'LastModifiedTime')


def texts(xml, names, find, rate=0.5):
    """Other text into elements with these names."""
    pattern = re.compile(r'(<t:(?:%s)(?: [^>]*)?>)([^<]*)(</t:)' % '|'.join(names))
    return pattern.sub(lambda m: m[1] + find(m[2]) + m[3], xml)


class Lies:
    """Falsehoods about one answer, drawn from one generator."""

    def __init__(self, rng):
        self.rng = rng

    def some(self, words, was, is_markup=False):
        if self.rng.random() < 0.5:
            return was
        word = self.rng.choice(words)
        return word if is_markup or '&#' in word else escape(word)

    def names(self, xml):
        return texts(xml, NAMED, lambda was: self.some(NAMES, was))

    def numbers(self, xml):
        xml = re.sub(r'((?:TotalItemsInView|IndexedPagingOffset)=")[^"]*',
                     lambda m: m[1] + self.some(NUMBERS, '3'), xml)
        return texts(xml, COUNTED, lambda was: self.some(NUMBERS, was))

    def dates(self, xml):
        return texts(xml, DATED, lambda was: self.some(DATES, was))

    def classes(self, xml):
        return texts(xml, ('ItemClass', 'FolderClass'), lambda was: self.some(CLASSES, was))

    def codes(self, xml):
        return re.sub(r'(<m:ResponseCode>)[^<]*', lambda m: m[1] + self.some(CODES, 'NoError'), xml)

    def ids(self, xml):
        """Swapped, repeated, empty, long, somebody else's."""
        known = re.findall(r' Id="([^"]*)"', xml) or ['x']
        strange = ['', '../x', 'A' * 512, 'A' * 4000, 'A' * 9000, '&quot;', "'; DROP TABLE node;--"]
        return re.sub(r'( (?:Id|ChangeKey)=")[^"]*',
                      lambda m: m[1] + self.rng.choice(known + strange), xml)

    def parents(self, xml):
        """Folders inside each other, in a ring."""
        known = re.findall(r'<t:FolderId Id="([^"]*)"', xml) or ['x']
        return re.sub(r'(<t:ParentFolderId Id=")[^"]*',
                      lambda m: m[1] + self.rng.choice(known), xml)

    def last(self, xml):
        """Never the last page, or always."""
        word = self.rng.choice(('true', 'false'))
        xml = re.sub(r'(IncludesLast(?:Item|Folder)InRange(?:>|="))(?:true|false)', r'\g<1>' + word,
                     xml)
        return re.sub(r'(<m:MoreEvents>|<t:MoreEvents>)(?:true|false)', r'\g<1>true', xml)

    def states(self, xml):
        state = self.rng.choice(('', 'A' * 100, 'A' * (15 << 20), 'A' * (20 << 20)))
        return re.sub(r'(<m:SyncState>)[^<]*', lambda m: m[1] + state, xml)

    def messages(self, xml):
        """Response messages and changes left out, repeated, in another order."""
        pattern = (r'<m:\w+ResponseMessage .*?</m:\w+ResponseMessage>' if self.rng.random() < 0.5
                   else r'<t:(?:Create|Update|Delete)>.*?</t:(?:Create|Update|Delete)>')
        found = list(re.finditer(pattern, xml, re.S))
        if not found:
            return xml
        bodies = [match[0] for match in found]
        self.rng.shuffle(bodies)
        bodies = bodies[:self.rng.randrange(len(bodies) + 1)] * self.rng.choice((1, 2, 40))
        return xml[:found[0].start()] + ''.join(bodies) + xml[found[-1].end():]

    def mime(self, xml):
        """Other bytes than any size spoke of."""
        content = self.rng.choice((
            '', '!' * 1000, 'QQ==' * 1000, 'QUJD' * (MIME_BYTES // 3),
            'WC1BOiBiDQo=' * 200000, ' \n\t' * 100000))
        return re.sub(r'(<t:MimeContent(?: [^>]*)?>)[^<]*', lambda m: m[1] + content, xml)

    def elements(self, xml):
        """One element too many: unknown, deep, wide, with attributes."""
        extra = self.rng.choice((
            '<t:Unknown/>' * 100000, '<t:a>' * 100 + '</t:a>' * 100,
            '<t:a>' * 5000 + '</t:a>' * 5000, '<t:Categories>' + '<t:String>c</t:String>' * 50000
            + '</t:Categories>', '<t:a %s/>' % ' '.join('a%d="1"' % i for i in range(2000)),
            '<!-- %s -->' % ('c' * (2 << 20)), '<t:Subject>%s</t:Subject>' % ('s' * (2 << 20))))
        at = [match.end() for match in re.finditer(r'<t:(?:Message|Folder)>|<m:Changes>', xml)]
        place = self.rng.choice(at or [len(xml)])
        return xml[:place] + extra + xml[place:]


LIES_IN_XML = [name for name in vars(Lies) if not name.startswith('_') and name != 'some']


def bomb(words):
    """A billion bytes that travel as a million."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = words * ((1 << 20) // len(words))
    parts = [packer.compress(block) for _ in range(BOMB_BYTES // len(block))]
    return b''.join(parts) + packer.flush()


BOMBS = {}


def bomb_of(kind):
    if kind not in BOMBS:
        words = {'space': b' ' * 64, 'element': b'<t:a></t:a>' * 8, 'text': b'QUJD' * 16}[kind]
        BOMBS[kind] = bomb(words)
    return BOMBS[kind]


ENTITIES = ('<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' + ''.join(
    '<!ENTITY %s "%s">' % (chr(98 + i), '&%s;' % chr(97 + i) * 10) for i in range(9))
    + ']><x>&j;</x>').encode()
OUTSIDE = (b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">'
           b'<!ENTITY % b SYSTEM "http://127.0.0.1:1/x"> %b;]><x>&a;</x>')


class Wild:
    """Answers that are no answers. Each gets the handler and the true answer."""

    def __init__(self, rng):
        self.rng = rng

    def entities(self, to, xml):
        to.give(self.rng.choice((ENTITIES, OUTSIDE)))

    def bombs(self, to, xml):
        packed = bomb_of(self.rng.choice(('space', 'element', 'text')))
        head = xml[:xml.find(b'<s:Body>') + 8] or b'<a>'
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        # Several gzip members one after the other are one answer.
        to.give(packer.compress(head) + packer.flush() + packed, ('Content-Encoding', 'gzip'))

    def bad_gzip(self, to, xml):
        packed = bytearray(gzip.compress(xml))
        packed[len(packed) // 2] ^= 0x55
        to.give(bytes(packed), ('Content-Encoding', 'gzip'))

    def deep(self, to, xml):
        to.give(b'<a>' * 500000)

    def tag(self, to, xml):
        to.give(b'<' + b'a' * (8 << 20))

    def noise(self, to, xml):
        to.give(self.rng.randbytes(100000))

    def utf(self, to, xml):
        end = b'</t:Subject>'
        to.give(self.rng.choice((xml.replace(b'<t:', b'<t:\xff\xfe'), xml.decode().encode('utf-16'),
                                 xml.replace(end, b'\xed\xa0\x80\xc0\xaf' + end))))

    def flipped(self, to, xml):
        """Some bytes are others."""
        data = bytearray(xml)
        for _ in range(self.rng.randrange(1, 20)):
            data[self.rng.randrange(len(data))] = self.rng.randrange(256)
        to.give(bytes(data))

    def status(self, to, xml):
        to.give(xml, status=self.rng.choice((100, 204, 301, 307, 400, 403, 404, 500, 503, 599)))

    def away(self, to, xml):
        """Elsewhere, with the password."""
        there = self.rng.choice(('http://127.0.0.1:1/', 'file:///etc/passwd', '//evil.example/', '',
                                 'https://' + 'a' * 8000, 'gopher://127.0.0.1:25/x'))
        to.give(b'', ('Location', there), status=self.rng.choice((301, 302, 303, 307, 308)))

    def headers(self, to, xml):
        to.give(xml, *[('X-Header-%d' % i, 'v' * 200) for i in range(3000)])

    def cookies(self, to, xml):
        to.give(xml, *[('Set-Cookie', 'c%d=%s; Domain=example.org; Path=/' % (i, 'v' * 3000))
                       for i in range(30)])

    def wait(self, to, xml):
        when = self.rng.choice(('99999999999', '-5', 'Fri, 31 Dec 9999 23:59:59 GMT'))
        to.give(xml, ('Retry-After', when), status=503)

    def length(self, to, xml):
        to.give(xml, ('Content-Length', self.rng.choice(('0', '99999999999999999999', '-1', '1'))))

    def drip(self, to, xml):
        """A byte now and then, and never an end."""
        to.head(200, [('Content-Length', str(1 << 30))])
        for byte in (xml * 100)[:2000]:
            to.wfile.write(bytes((byte,)))
            if to.server.liar.is_over.wait(DRIP_S):
                break

    def flood(self, to, xml):
        """More and more of the same, as fast as it goes."""
        to.head(200, [('Transfer-Encoding', 'chunked')])
        block = self.rng.choice((b' ', b'<t:a/>', xml)) * 4096
        for _ in range((96 << 20) // len(block)):
            to.wfile.write(b'%x\r\n%s\r\n' % (len(block), block))


LIES_IN_BYTES = [name for name in vars(Wild) if not name.startswith('_')]


class Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *words):  # pylint: disable=arguments-differ
        pass

    def head(self, status, headers):
        self.send_response(status)
        names = {name for name, _ in headers}
        if 'Content-Type' not in names:
            self.send_header('Content-Type', 'text/xml; charset=utf-8')
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.close_connection = True

    def give(self, body, *headers, status=200):
        headers = list(headers)
        if not any(name == 'Content-Length' for name, _ in headers):
            headers.append(('Content-Length', str(len(body))))
        self.head(status, headers)
        self.wfile.write(body)

    def do_POST(self):  # pylint: disable=invalid-name
        liar = self.server.liar
        body = self.rfile.read(int(self.headers.get('Content-Length', 0)))
        try:
            status, answer = liar.ask(self.path, body, dict(self.headers))
            liar.answer(self, status, answer)
        except OSError:
            self.close_connection = True


class Quiet(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        """Who is lied to hangs up; that is no news."""


class Liar:
    """Made, used and ended by one thread; each connection has a thread of its own."""

    def __init__(self, port, seed, rate=0.5, only=None):
        self.target = port
        self.rng = random.Random(seed)
        self.rate = rate
        self.only = only
        self.lock = threading.Lock()
        self.told = collections.Counter()
        self.is_over = threading.Event()
        self.server = Quiet(('127.0.0.1', 0), Handler)
        self.server.liar = self
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def ask(self, path, body, headers):
        there = http.client.HTTPConnection('127.0.0.1', self.target, timeout=60)
        try:
            headers = {name: value for name, value in headers.items()
                       if name.lower() in ('authorization', 'content-type')}
            there.request('POST', path, body, headers)
            answer = there.getresponse()
            return answer.status, answer.read()
        finally:
            there.close()

    def draw(self):
        """What is false this time, and a generator for it; None: nothing."""
        with self.lock:
            if self.rng.random() >= self.rate:
                return None, None
            names = self.only or LIES_IN_XML * 3 + LIES_IN_BYTES
            name = self.rng.choice(names)
            self.told[name] += 1
            return name, random.Random(self.rng.random())

    def answer(self, to, status, xml):
        name, rng = self.draw()
        if name is None or status != 200:
            to.give(xml, status=status)
        elif name in LIES_IN_BYTES:
            getattr(Wild(rng), name)(to, xml)
        else:
            lie = getattr(Lies(rng), name)
            to.give(lie(xml.decode()).encode('utf-8', 'surrogatepass'))

    def end_lies(self):
        self.rate = 0

    def close(self):
        self.is_over.set()
        self.server.shutdown()
        self.server.server_close()
