# SPDX-License-Identifier: GPL-3.0-or-later
"""Names on a network of the test's own: a network namespace in which the name server that this
machine is told to ask (/etc/resolv.conf) and every host are ours, with https on port 443, http on
port 80, and certificates. The servers are threads of the tests: only their sockets live there.
"""
import contextlib
import ctypes
import http.client
import http.server
import os
import shutil
import socket
import socketserver
import ssl
import struct
import subprocess
import threading
import time

CLONE_NEWNET = 0x40000000
HTTPS, HTTP, SILENT = '127.0.1.1', '127.0.1.1', '127.0.1.99'
A, SRV = 1, 33
NXDOMAIN = 3


def name_servers():
    with open('/etc/resolv.conf', encoding='utf-8') as file:
        words = [line.split() for line in file]
    return [line[1] for line in words if line[:1] == ['nameserver']] or ['127.0.0.1']


def why_not():
    """Why there can be no such thing here, or None."""
    if os.geteuid() != 0:
        return 'network namespaces need root'
    for program in ('ip', 'nsenter', 'unshare', 'openssl'):
        if not shutil.which(program):
            return 'there is no ' + program
    out = subprocess.run(['unshare', '-n', 'ip', 'link', 'set', 'lo', 'up'], capture_output=True,
                         check=False)
    if out.returncode != 0:
        return 'no network namespace: ' + out.stderr.decode()
    if any(':' in server for server in name_servers()):
        return 'the name server here is asked over IPv6'
    with open('/etc/nsswitch.conf', encoding='utf-8') as file:
        hosts = [line.split()[1:] for line in file if line.startswith('hosts:')]
    if hosts and (set(hosts[0]) & {'resolve', 'mymachines'} or 'dns' not in hosts[0]):
        return 'names are not looked up by DNS here'
    return None


def openssl(directory, *words):
    subprocess.run(['openssl', *words], cwd=directory, check=True, capture_output=True)


def make_certificate(directory, names):
    """ca.pem, and server.pem with server.key for these names."""
    openssl(directory, 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj',
            '/CN=Test', '-keyout', 'ca.key', '-out', 'ca.pem')
    openssl(directory, 'req', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=server', '-keyout',
            'server.key', '-out', 'server.csr')
    with open(os.path.join(directory, 'names'), 'w', encoding='ascii') as file:
        file.write('subjectAltName=' + ','.join('DNS:' + name for name in names))
    openssl(directory, 'x509', '-req', '-in', 'server.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key',
            '-CAcreateserial', '-days', '2', '-extfile', 'names', '-out', 'server.pem')


class Namespace:
    """Held by a process that sleeps: it ends with it."""

    def __init__(self):
        self.holder = subprocess.Popen(['unshare', '-n', 'sleep', 'infinity'])
        while os.readlink(self.path) == os.readlink('/proc/self/ns/net'):
            time.sleep(0.01)
        self.words = ['nsenter', '--net=' + self.path]
        self.run('ip', 'link', 'set', 'lo', 'up')

    @property
    def path(self):
        return '/proc/%d/ns/net' % self.holder.pid

    def run(self, *words):
        subprocess.run([*self.words, *words], check=True, timeout=20)

    @contextlib.contextmanager
    def inside(self):
        """A socket belongs to the namespace that its maker was in."""
        libc = ctypes.CDLL(None, use_errno=True)
        here = os.open('/proc/thread-self/ns/net', os.O_RDONLY)
        there = os.open(self.path, os.O_RDONLY)
        try:
            assert libc.setns(there, CLONE_NEWNET) == 0
            try:
                yield
            finally:
                assert libc.setns(here, CLONE_NEWNET) == 0
        finally:
            os.close(here)
            os.close(there)

    def close(self):
        self.holder.kill()
        self.holder.wait()


# --- DNS ------------------------------------------------------------------------------------------

def encode(name):
    return b''.join(bytes([len(part)]) + part.encode() for part in name.split('.') if part) + b'\0'


def decode(data, at):
    parts = []
    while data[at]:
        parts.append(data[at + 1:at + 1 + data[at]].decode())
        at += 1 + data[at]
    return '.'.join(parts).lower(), at + 1


class Dns(socketserver.ThreadingUDPServer):
    """Knows `hosts` (name: address) and `services` (name: [(priority, weight, port, host)])."""
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, address):
        self.hosts, self.services, self.asked = {}, {}, []
        super().__init__((address, 53), DnsAnswer)

    def records(self, name, kind):
        if kind == A and name in self.hosts:
            return [socket.inet_aton(self.hosts[name])]
        if kind == SRV:
            return [struct.pack('>HHH', *row[:3]) + encode(row[3])
                    for row in self.services.get(name, ())]
        return []


class DnsAnswer(socketserver.BaseRequestHandler):
    def handle(self):
        data, sock = self.request
        name, end = decode(data, 12)
        kind, = struct.unpack('>H', data[end:end + 2])
        server = self.server
        server.asked.append(name)
        records = server.records(name, kind)
        is_known = name in server.hosts or name in server.services
        head = data[:2] + struct.pack('>HHHHH', 0x8180 | (0 if is_known else NXDOMAIN), 1,
                                      len(records), 0, 0)
        body = b''.join(b'\xc0\x0c' + struct.pack('>HHIH', kind, 1, 5, len(record)) + record
                        for record in records)
        sock.sendto(head + data[12:end + 4] + body, self.client_address)


# --- HTTP -----------------------------------------------------------------------------------------

class Web(http.server.ThreadingHTTPServer):
    """Every host at once: `pages` is {(scheme, host, path): what answers}, where that is a function
    of the Handler, a status, or (status, headers, body). Paths end at the `?`."""
    daemon_threads = True

    def __init__(self, address, scheme, names):
        self.scheme, self.names = scheme, names
        super().__init__(address, Handler)

    def server_bind(self):
        """Without asking the name server, which does not answer yet, what we are called."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]

    def handle_error(self, request, client_address):
        pass


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, format, *args):  # pylint: disable=redefined-builtin
        pass

    def answer(self, status, headers=None, body=b''):
        body = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def serve(self):
        self.body = self.rfile.read(int(self.headers.get('Content-Length', 0)))
        host = self.headers.get('Host', '').lower()
        path = self.path.split('?')[0]
        names = self.server.names
        names.log.append((self.server.scheme, host, self.command, path,
                          self.headers.get('Authorization')))
        page = names.pages.get((self.server.scheme, host, path), 404)
        if callable(page):
            page(self)
        elif isinstance(page, int):
            self.answer(page)
        else:
            self.answer(*page)

    do_GET = do_POST = serve  # pylint: disable=invalid-name


def hand_to(port):
    """A page that is what a server on our own loopback answers."""
    def page(handler):
        link = http.client.HTTPConnection('127.0.0.1', port, timeout=60)
        headers = {name: value for name, value in handler.headers.items()
                   if name.lower() not in ('host', 'content-length', 'connection')}
        link.request(handler.command, handler.path, handler.body, headers)
        got = link.getresponse()
        body = got.read()
        skipped = ('content-length', 'transfer-encoding', 'connection', 'date', 'server')
        handler.answer(got.status, {name: value for name, value in got.getheaders()
                                    if name.lower() not in skipped}, body)
        link.close()
    return page


class Names:
    """All of it."""

    def __init__(self, directory, certified):
        make_certificate(directory, certified)
        self.cacert = os.path.join(directory, 'ca.pem')
        self.pages, self.log, self.servers = {}, [], []
        self.namespace = Namespace()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.path.join(directory, 'server.pem'),
                                os.path.join(directory, 'server.key'))
        addresses = name_servers()
        for address in addresses:
            if not address.startswith('127.'):
                self.namespace.run('ip', 'addr', 'add', address + '/32', 'dev', 'lo')
        with self.namespace.inside():
            self.dns = Dns(addresses[0])
            web = Web((HTTPS, 443), 'https', self)
            web.socket = context.wrap_socket(web.socket, server_side=True,
                                             do_handshake_on_connect=False)
            plain = Web((HTTP, 80), 'http', self)
            # One who takes what is said and never answers.
            self.silent = socket.create_server((SILENT, 443), backlog=64)
        self.servers = [self.dns, web, plain]
        for server in self.servers:
            threading.Thread(target=server.serve_forever, daemon=True).start()

    def host(self, *names, address=HTTPS):
        for name in names:
            self.dns.hosts[name] = address

    def page(self, url, what):
        scheme, rest = url.split('://')
        host, slash, path = rest.partition('/')
        self.pages[scheme, host, slash + path] = what

    def asked(self, host=None):
        """[(scheme, host, method, path, who signs in)]"""
        return [line for line in self.log if host in (None, line[1])]

    def close(self):
        for server in self.servers:
            server.shutdown()
            server.server_close()
        self.silent.close()
        self.namespace.close()
