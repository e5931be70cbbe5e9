# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates and redirects: who is believed to be the server, and what it is never told."""
import base64
import hashlib
import http.server
import socket
import ssl
import threading

import pytest
from mounting import run

OFFLINE, TLS = 3, 4



class Certificates:
    """An authority of its own, and what it signs."""

    def __init__(self, path):
        self.dir = path
        self.authority = self.make('ca', None, '/CN=Test CA')[0]

    def make(self, name, issuer, subject, *more):
        cert, key = str(self.dir / (name + '.pem')), str(self.dir / (name + '.key'))
        words = ['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', subject,
                 '-keyout', key, '-out', cert]
        if issuer:
            words[2:3] = []
            words[-1] = cert + '.csr'
            run(*words)
            extra = str(self.dir / (name + '.ext'))
            with open(extra, 'w', encoding='ascii') as file:
                file.write('subjectAltName=%s\n' % (more[0] if more else 'IP:127.0.0.1'))
            run('openssl', 'x509', '-req', '-in', cert + '.csr', '-CA', self.authority,
                '-CAkey', str(self.dir / 'ca.key'), '-CAcreateserial', '-extfile', extra,
                '-out', cert, *more[1:] or ('-days', '2'))
        else:
            run(*words, '-days', '2')
        return cert, key

    @staticmethod
    def pin(cert):
        """As curl writes it."""
        pem = run('openssl', 'x509', '-in', cert, '-pubkey', '-noout').raw
        der = run('openssl', 'pkey', '-pubin', '-outform', 'DER', stdin=pem).raw
        return 'sha256//' + base64.b64encode(hashlib.sha256(der).digest()).decode()


class Terminator:
    """TLS, as a test wants it, in front of a server."""

    def __init__(self, server, context):
        self.target = int(server.url.rpartition(':')[2].partition('/')[0])
        self.context = context
        self.listener = socket.create_server(('127.0.0.1', 0))
        port = self.listener.getsockname()[1]
        self.url = 'https://127.0.0.1:%d/EWS/Exchange.asmx' % port
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                raw, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.connect, args=(raw,), daemon=True).start()

    def connect(self, raw):
        try:
            near = self.context.wrap_socket(raw, server_side=True)
        except (OSError, ssl.SSLError):
            raw.close()
            return
        far = socket.create_connection(('127.0.0.1', self.target))
        threading.Thread(target=self.copy, args=(near, far), daemon=True).start()
        self.copy(far, near)

    @staticmethod
    def copy(source, to):
        try:
            while True:
                data = source.recv(65536)
                if not data:
                    break
                to.sendall(data)
        except (OSError, ssl.SSLError, ValueError):
            pass
        for one in (source, to):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def stop(self):
        self.listener.close()


@pytest.fixture
def certificates(tmp_path):
    return Certificates(tmp_path)


@pytest.fixture
def front(server, certificates):
    fronts = []

    def start(cert=None, change=None):
        cert, key = cert or certificates.make('good', True, '/CN=server')
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        if change:
            change(context)
        fronts.append(Terminator(server, context))
        return fronts[-1].url
    yield start
    for one in fronts:
        one.stop()


def refused(there, *words):
    out = there.try_start()
    assert out.status == TLS and out.err.count('\n') <= 2, str(out)
    for word in words:
        assert word in out.err, str(out)


def test_a_good_one(front, certificates, mount):
    assert 'Inbox' in mount(front(), cacert=certificates.authority).names()


def test_an_unknown_authority(front, mount):
    refused(mount(front(), start=False), 'certificate')


def test_expired(front, certificates, mount, server):
    old = certificates.make('old', True, '/CN=server', 'IP:127.0.0.1', '-days', '-1')
    refused(mount(front(old), cacert=certificates.authority, start=False), 'expired')
    assert server.log() == []


def test_of_another_host(front, certificates, mount, server):
    other = certificates.make('other', True, '/CN=server', 'DNS:mail.example.org')
    refused(mount(front(other), cacert=certificates.authority, start=False))
    assert server.log() == []


def test_a_pinned_key(front, certificates, mount, server):
    good = certificates.make('good', True, '/CN=server')
    url = front(good)
    pin = certificates.pin(good[0])
    wrong = certificates.pin(certificates.authority)
    there = mount(url, cacert=certificates.authority, pinned_pubkey=wrong, start=False)
    refused(there, 'public key')
    assert server.log() == []
    assert 'Inbox' in mount(url, cacert=certificates.authority, pinned_pubkey=pin).names()


def test_old_tls(front, certificates, mount, server):
    def only_old(context):
        context.set_ciphers('ALL:@SECLEVEL=0')
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    out = mount(front(change=only_old), cacert=certificates.authority, start=False).try_start()
    assert out.status in (OFFLINE, TLS), str(out)
    assert server.log() == []


def test_a_client_certificate(front, certificates, mount, server):
    def wants_one(context):
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(certificates.authority)
        # With 1.3 the client would hear of it only after it has sent its request.
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    url = front(change=wants_one)
    out = mount(url, cacert=certificates.authority, start=False).try_start()
    assert out.status in (OFFLINE, TLS), str(out)
    assert server.log() == []
    cert, key = certificates.make('me', True, '/CN=me')
    there = mount(url, cacert=certificates.authority, client_cert=cert, client_key=key)
    assert 'Inbox' in there.names()


@pytest.mark.parametrize('status', [301, 302, 307, 308])
def test_a_redirect_is_not_followed(mount, server, status):
    asked = []

    class Pointer(http.server.BaseHTTPRequestHandler):
        def do_POST(self):  # pylint: disable=invalid-name
            asked.append(dict(self.headers))
            self.rfile.read(int(self.headers['Content-Length']))
            self.send_response(status)
            self.send_header('Location', server.url.replace('127.0.0.1', 'localhost'))
            self.send_header('Content-Length', '0')
            self.end_headers()

        def log_message(self, *words):  # pylint: disable=arguments-differ
            pass

    web = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Pointer)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    try:
        url = 'http://127.0.0.1:%d/EWS/Exchange.asmx' % web.server_port
        out = mount(url, start=False, timeout=2).try_start()
    finally:
        web.shutdown()
        web.server_close()
    assert out.status != 0 and 'localhost' in out.err, str(out)
    assert asked and server.log() == []
