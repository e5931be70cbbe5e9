# SPDX-License-Identifier: GPL-3.0-or-later
"""A network that misbehaves: a TCP relay between a mount and its server, in the tests' process.

`Wire(port)` listens on a port of its own and passes bytes on. `trouble(kind)` breaks it for what is
open and what comes, `mend()` ends that. With `tls` it also ends TLS, so that certificates can be
had that no server would use. `met` counts the connections that trouble befell.
"""
import contextlib
import os
import re
import select
import socket
import ssl
import struct
import subprocess
import threading

BLOCK = 1 << 16
LINGER_NONE = struct.pack('ii', 1, 0)
NO_TLS = b'HTTP/1.0 400 Bad Request\r\n\r\n'
KINDS = ('refuse', 'reset', 'hole', 'cut', 'length', 'no-tls', 'expired')
# Enough for the head and the beginning of any answer.
CUT_BYTES = 700


class Certificates:
    """An authority, a server's certificate that is good, and one whose time is over."""

    def __init__(self, directory):
        self.authority = os.path.join(directory, 'ca.pem')
        key = os.path.join(directory, 'key.pem')
        self.openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj',
                     '/CN=Test authority', '-keyout', key, '-out', self.authority)
        self.good = self.make(directory, key, 'good')
        self.expired = self.make(directory, key, 'expired', '-startdate', '20200101000000Z',
                                 '-enddate', '20200102000000Z')

    @staticmethod
    def openssl(*words):
        subprocess.run(('openssl',) + words, check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def make(self, directory, key, name, *dates):
        """One for 127.0.0.1, with the authority's own key; `ca` is what can set dates."""
        at = os.path.join(directory, name)
        os.mkdir(at)
        with open(os.path.join(at, 'config'), 'w', encoding='ascii') as file:
            file.write('[ca]\ndefault_ca=a\n[a]\ndatabase=%s/index\nserial=%s/serial\n'
                       'new_certs_dir=%s\ndefault_md=sha256\npolicy=p\nx509_extensions=x\n'
                       'default_days=2\n[p]\ncommonName=supplied\n'
                       '[x]\nsubjectAltName=IP:127.0.0.1\n' % (at, at, at))
        with open(os.path.join(at, 'index'), 'w', encoding='ascii'):
            pass
        with open(os.path.join(at, 'serial'), 'w', encoding='ascii') as file:
            file.write('01\n')
        self.openssl('req', '-new', '-key', key, '-subj', '/CN=127.0.0.1', '-out', at + '/csr')
        self.openssl('ca', '-batch', '-config', at + '/config', '-cert', self.authority,
                     '-keyfile', key, '-in', at + '/csr', '-out', at + '/cert', *dates)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(at + '/cert', key)
        return context


def shut(sock, is_reset):
    if sock is None:
        return
    with contextlib.suppress(OSError):
        if is_reset:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NONE)
        sock.close()


class Wire:
    """Made, used and ended by one thread; each connection has a thread of its own."""

    def __init__(self, target, certificates=None):
        self.target = target
        self.certificates = certificates
        self.lock = threading.Lock()
        self.kind = None
        self.open = set()
        self.accepted = 0
        self.met = 0
        self.answers = 0
        self.port = 0
        self.listener = None
        self.listen()

    def listen(self):
        self.begin(socket.create_server(('127.0.0.1', self.port), backlog=64))

    def begin(self, listener):
        self.listener = listener
        self.port = listener.getsockname()[1]
        threading.Thread(target=self.accept, args=(listener,), daemon=True).start()

    def accept(self, listener):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    # Trouble

    def trouble(self, kind):
        assert kind in KINDS
        self.kind = kind
        if kind == 'refuse':
            with contextlib.suppress(OSError):
                self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
        if kind != 'hole':
            self.break_all()

    def mend(self):
        was, self.kind = self.kind, None
        if was == 'refuse':
            self.listen()
        if was == 'hole':
            self.break_all()

    def break_all(self):
        with self.lock:
            found = list(self.open)
        for sock in found:
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NONE)
                sock.shutdown(socket.SHUT_RDWR)
        self.met += len(found)

    def close(self):
        if self.kind != 'refuse':
            with contextlib.suppress(OSError):
                self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
        self.break_all()

    # One connection

    def serve(self, sock):
        there = None
        try:
            sock = self.greet(sock)
            if sock is None:
                return
            there = socket.create_connection(('127.0.0.1', self.target), timeout=30)
            there.settimeout(None)
            with self.lock:
                self.open |= {sock, there}
            self.relay(sock, there)
        except (OSError, ValueError):
            pass
        finally:
            with self.lock:
                self.open -= {sock, there}
            shut(there, False)
            shut(sock, self.kind in ('reset', 'cut', 'refuse'))

    def greet(self, sock):
        """TLS, if it is spoken here; None when that was the end."""
        kind = self.kind
        if kind:
            self.met += 1
        if kind == 'no-tls':
            sock.recv(BLOCK)
            sock.sendall(NO_TLS)
        if kind == 'reset':
            sock.recv(1)
        if kind in ('no-tls', 'reset'):
            shut(sock, kind == 'reset')
            return None
        if self.certificates is None or kind == 'hole':
            return sock
        is_expired = kind == 'expired'
        context = self.certificates.expired if is_expired else self.certificates.good
        return context.wrap_socket(sock, server_side=True)

    def relay(self, here, there):
        answered = 0
        answer = b''
        while True:
            for sock in wait_for(here, there):
                data = sock.recv(BLOCK)
                kind = self.kind
                if kind == 'hole':
                    self.met += 1
                    continue_in_silence(here, self)
                    return
                if not data:
                    return
                if sock is here:
                    there.sendall(data)
                    continue
                if kind == 'length':
                    answer = self.mislead(here, answer + data)
                    continue
                answered += len(data)
                if kind == 'cut' and answered > CUT_BYTES:
                    here.sendall(data[:max(CUT_BYTES - answered, 0)])
                    return
                here.sendall(data)

    def mislead(self, here, answer):
        """Once an answer is whole, gives it a Content-Length that is not its own: too long and then
        closed, too short the next time."""
        if not answer.endswith(b'\r\n0\r\n\r\n'):
            return answer
        head, _, rest = answer.partition(b'\r\n\r\n')
        body = b''
        while rest:
            size, _, rest = rest.partition(b'\r\n')
            body += rest[:int(size, 16)]
            rest = rest[int(size, 16) + 2:]
        self.answers += 1
        wrong = len(body) + 100 if self.answers % 2 else len(body) - 100
        head = re.sub(rb'(?i)transfer-encoding: chunked', b'Content-Length: %d' % wrong, head)
        here.sendall(head + b'\r\n\r\n' + body)
        raise ValueError('closed after an answer with a wrong length')


def wait_for(here, there):
    if isinstance(here, ssl.SSLSocket) and here.pending():
        return [here]
    return select.select([here, there], [], [])[0]


def continue_in_silence(here, wire):
    """Takes what comes and says nothing, until the network is mended."""
    while wire.kind == 'hole':
        ready, _, _ = select.select([here], [], [], 0.1)
        if ready and not here.recv(BLOCK):
            return
