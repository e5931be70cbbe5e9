# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written over a connection that is signed in by a handshake, and an NTLM server of our
own: a gate in front of the test server that checks what NTLMv2 proves, connection by connection.
"""
import base64
import hashlib
import hmac
import http.client
import http.server
import os
import struct
import threading

MESSAGE = b'Subject: once\r\n\r\n' + 20000 * b'A line of some length, and another.\r\n'
CHALLENGE = b'ewsfstst'


def write_and_read(there, server):
    """A small message and a large one, each once on the server, and what is read is what it has."""
    for name in ('small.eml', 'large.eml'):
        body = MESSAGE if name[0] == 'l' else MESSAGE[:60]
        with open(os.path.join(there.path, 'Drafts', name), 'wb') as file:
            file.write(body)
            os.fsync(file.fileno())
    made = [line for line in server.log() if line['op'] == 'CreateItem']
    assert sum(line['items'] for line in made) == 2, made
    names = os.listdir(os.path.join(there.path, 'Drafts'))
    assert len([name for name in names if name.endswith('.eml')]) == 2, names


def md4(data):
    """RFC 1320; OpenSSL no longer has it everywhere."""
    mask = 0xffffffff
    state = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476]
    padded = data + b'\x80' + b'\0' * ((55 - len(data)) % 64) + struct.pack('<Q', 8 * len(data))
    rounds = (
        (lambda x, y, z: x & y | ~x & z, 0, range(16), (3, 7, 11, 19)),
        (lambda x, y, z: x & y | x & z | y & z, 0x5a827999,
         [4 * (i % 4) + i // 4 for i in range(16)], (3, 5, 9, 13)),
        (lambda x, y, z: x ^ y ^ z, 0x6ed9eba1,
         [0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15], (3, 9, 11, 15)),
    )
    for at in range(0, len(padded), 64):
        words = struct.unpack('<16I', padded[at:at + 64])
        a, b, c, d = state
        for mix, constant, order, shifts in rounds:
            for step, index in enumerate(order):
                total = (a + (mix(b, c, d) & mask) + words[index] + constant) & mask
                shift = shifts[step % 4]
                a, b, c, d = d, (total << shift | total >> (32 - shift)) & mask, b, c
        state = [(old + new) & mask for old, new in zip(state, (a, b, c, d))]
    return struct.pack('<4I', *state)


def challenge():
    """Unicode, NTLM, extended session security, target information."""
    target = 'CORP'.encode('utf-16-le')
    info = struct.pack('<HH', 2, len(target)) + target + struct.pack('<HH', 0, 0)
    return (b'NTLMSSP\0' + struct.pack('<IHHI', 2, len(target), len(target), 48) +
            struct.pack('<I', 0x00888205) + CHALLENGE + b'\0' * 8 +
            struct.pack('<HHI', len(info), len(info), 48 + len(target)) + target + info)


def is_proven(message, user, password):
    """Does the third message show that its sender knows the password?"""
    def field(at):
        length, _, offset = struct.unpack_from('<HHI', message, at)
        return message[offset:offset + length]

    response, domain, name = field(20), field(28), field(36)
    if name.decode('utf-16-le').lower() != user:
        return False
    key = hmac.new(md4(password.encode('utf-16-le')),
                   name.decode('utf-16-le').upper().encode('utf-16-le') + domain,
                   hashlib.md5).digest()
    proof = hmac.new(key, CHALLENGE + response[16:], hashlib.md5).digest()
    return hmac.compare_digest(proof, response[:16])


class NtlmGate:
    """Asks for NTLM, and passes on what comes over a connection that is signed in. Forgets who a
    connection is after `forgets` requests, if that is not 0."""

    def __init__(self, server, forgets=0):
        gate = self
        self.target = server.url.split('/')[2]
        self.basic = 'Basic ' + base64.b64encode(b'user:secret').decode()
        self.forgets = forgets
        self.passed = 0
        self.handshakes = 0

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'
            left = None

            def do_POST(self):  # pylint: disable=invalid-name
                gate.answer(self)

            def log_message(self, *words):  # pylint: disable=arguments-differ
                pass

        self.web = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.web.daemon_threads = True
        self.url = 'http://127.0.0.1:%d/EWS/Exchange.asmx' % self.web.server_port
        threading.Thread(target=self.web.serve_forever, daemon=True).start()

    def answer(self, request):
        body = request.rfile.read(int(request.headers['Content-Length']))
        words = request.headers.get('Authorization', '').split()
        message = base64.b64decode(words[1]) if words[:1] == ['NTLM'] else b''
        kind = message[8] if message else 0
        if kind == 1:
            self.refuse(request, ' ' + base64.b64encode(challenge()).decode())
            return
        if kind == 3 and is_proven(message, 'user', 'secret'):
            self.handshakes += 1
            request.left = self.forgets or -1
        if not request.left:
            self.refuse(request, '')
            return
        request.left -= 1
        self.pass_on(request, body)

    @staticmethod
    def refuse(request, more):
        request.send_response(401)
        request.send_header('WWW-Authenticate', 'NTLM' + more)
        request.send_header('Content-Length', '0')
        request.end_headers()

    def pass_on(self, request, body):
        self.passed += 1
        there = http.client.HTTPConnection(self.target, timeout=60)
        there.request('POST', '/EWS/Exchange.asmx', body, {
            'Content-Type': 'text/xml; charset=utf-8', 'Authorization': self.basic})
        answer = there.getresponse()
        data = answer.read()
        request.send_response(answer.status)
        request.send_header('Content-Type', answer.getheader('Content-Type', 'text/xml'))
        request.send_header('Content-Length', str(len(data)))
        request.end_headers()
        request.wfile.write(data)
        there.close()

    def stop(self):
        self.web.shutdown()
        self.web.server_close()
