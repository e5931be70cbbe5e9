# SPDX-License-Identifier: GPL-3.0-or-later
"""An OAuth2 authority, and a gate that lets only bearers of its tokens through to an ewsd.

The authority knows the device code, the authorization code with PKCE, refresh tokens that are good
for one use (one that comes twice ends the sign-in, as RFC 9700 wants it) and applications. What it
should do wrong next is put into `troubles`.
"""
import base64
import hashlib
import http.client
import http.server
import json
import secrets
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

CLIENT_ID = '11111111-2222-3333-4444-555555555555'
APP_SECRET = 'app-secret-of-the-tests'
DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code'


def challenge(verifier):
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip('=')


class Web:
    """An HTTP server on loopback in threads of its own; a subclass has do_GET and do_POST."""

    def __init__(self, port=0):
        self.port = port
        self.httpd = None
        self.start()

    def start(self):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def log_message(self, *_):
                pass

            def do_GET(self):
                outer.get(self)

            def do_POST(self):
                length = int(self.headers.get('Content-Length', 0))
                outer.post(self, self.rfile.read(length))

        self.httpd = http.server.ThreadingHTTPServer(('127.0.0.1', self.port), Handler)
        self.httpd.daemon_threads = True
        self.port = self.httpd.server_port
        threading.Thread(target=self.httpd.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        """Away: connections are refused."""
        if self.httpd:
            self.httpd.shutdown()
            self.httpd.server_close()
        self.httpd = None

    def get(self, request):
        self.answer(request, 404, b'')

    def post(self, request, body):
        self.answer(request, 404, b'')

    @staticmethod
    def answer(request, status, body, **headers):
        if isinstance(body, dict):
            body = json.dumps(body).encode()
            headers = dict({'Content-Type': 'application/json'}, **headers)
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name.replace('_', '-'), value)
        request.send_header('Content-Length', str(len(body)))
        request.end_headers()
        request.wfile.write(body)


class Authority(Web):
    def __init__(self, lifetime=3600, **more):
        self.lock = threading.RLock()
        self.lifetime = lifetime
        self.interval = 1
        self.troubles = []  # of the next answers: a status, an error's name, a function
        self.grants = []    # grant types that were asked for, in order
        self.access = {}    # token: until when
        self.refresh = {}   # token: its sign-in
        self.used = {}      # the same, used up
        self.dead = set()   # sign-ins that are over
        self.devices = {}   # user code: [device code, what became of it]
        self.codes = {}     # authorization code: (challenge, redirect)
        self.reuses = 0
        self.has_refresh = True
        self.needs_secret = False  # to renew what a person signed in to
        self.secrets = {APP_SECRET}  # all that was ever given out
        super().__init__(**more)

    @property
    def url(self):
        return 'http://127.0.0.1:%d/tenant/oauth2/v2.0' % self.port

    # Tokens

    def new(self, kind):
        token = kind + '-' + secrets.token_urlsafe(24)
        self.secrets.add(token)
        return token

    def give(self, sign_in=None, has_refresh=True):
        """An answer with tokens."""
        token = self.new('access')
        self.access[token] = time.time() + self.lifetime
        body = {'token_type': 'Bearer', 'expires_in': self.lifetime, 'access_token': token}
        if has_refresh and self.has_refresh:
            body['refresh_token'] = self.new('refresh')
            self.refresh[body['refresh_token']] = sign_in or secrets.token_hex(4)
        return 200, body

    def is_good(self, token):
        with self.lock:
            return self.access.get(token, 0) > time.time()

    def revoke_access(self):
        """All tokens that are out, as when an administrator says so."""
        with self.lock:
            self.access.clear()

    def revoke_all(self):
        with self.lock:
            self.access.clear()
            self.dead.update(self.refresh.values())

    # What a person does

    def enter(self, user_code, verdict='yes'):
        with self.lock:
            self.devices[user_code][1] = verdict

    @staticmethod
    def browse(address):
        """Signs in; where the browser ends."""
        class Stay(urllib.request.HTTPRedirectHandler):
            def redirect_request(self, *_):
                return None

        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), Stay)
        try:
            opener.open(address, timeout=10)
        except urllib.error.HTTPError as error:
            return error.headers['Location']
        raise AssertionError('no redirect')

    # Requests

    def get(self, request):
        path, _, query = request.path.partition('?')
        form = dict(urllib.parse.parse_qsl(query))
        if not path.endswith('/authorize') or form.get('client_id') != CLIENT_ID:
            self.answer(request, 404, b'')
            return
        assert form['code_challenge_method'] == 'S256' and form['response_type'] == 'code'
        with self.lock:
            code = self.new('code')
            self.codes[code] = (form['code_challenge'], form['redirect_uri'])
        target = form['redirect_uri'] + '?' + urllib.parse.urlencode(
            {'code': code, 'state': form['state'], 'session_state': 'x'})
        self.answer(request, 302, b'', Location=target)

    def post(self, request, body):
        form = dict(urllib.parse.parse_qsl(body.decode()))
        with self.lock:
            trouble = self.troubles.pop(0) if self.troubles else None
            if request.path.endswith('/token'):
                self.grants.append(form.get('grant_type'))
        if callable(trouble):
            trouble(self, request, form)
            return
        with self.lock:
            status, answer = self.troubled(trouble) or self.decide(request.path, form)
        self.answer(request, status, answer)

    @staticmethod
    def refuse(name, words='AADSTS00000: no.\r\nTrace ID: x'):
        return 400, {'error': name, 'error_description': words, 'error_codes': [0]}

    def troubled(self, trouble):
        if trouble is None:
            return None
        if isinstance(trouble, int):
            return trouble, b'<html>trouble</html>'
        if isinstance(trouble, tuple):
            return self.refuse(*trouble)
        return self.refuse(trouble)

    def decide(self, path, form):
        if form.get('client_id') != CLIENT_ID:
            return self.refuse('unauthorized_client', 'AADSTS700016: not found')
        if path.endswith('/devicecode'):
            return self.begin_device()
        if not path.endswith('/token'):
            return 404, b''
        grants = {DEVICE_GRANT: self.by_device, 'authorization_code': self.by_code,
                  'refresh_token': self.by_refresh, 'client_credentials': self.by_app}
        return grants.get(form.get('grant_type'), lambda _: self.refuse('bad'))(form)

    def begin_device(self):
        user_code, code = secrets.token_hex(4).upper(), self.new('device')
        self.devices[user_code] = [code, None]
        return 200, {'user_code': user_code, 'device_code': code, 'interval': self.interval,
                     'verification_uri': 'http://127.0.0.1:%d/device' % self.port,
                     'expires_in': 900, 'message': 'To sign in ...'}

    def by_device(self, form):
        for code, verdict in self.devices.values():
            if code == form.get('device_code'):
                if verdict is None:
                    return self.refuse('authorization_pending')
                return self.give() if verdict == 'yes' else self.refuse(verdict)
        return self.refuse('bad_verification_code')

    def by_code(self, form):
        wanted, redirect = self.codes.pop(form.get('code'), (None, None))
        self.secrets.add(form['code_verifier'])
        if wanted is None or redirect != form.get('redirect_uri') or \
                challenge(form['code_verifier']) != wanted:
            return self.refuse('invalid_grant', 'AADSTS501481: PKCE')
        return self.give()

    def by_refresh(self, form):
        if self.needs_secret and form.get('client_secret') != APP_SECRET:
            return self.refuse('invalid_client', 'AADSTS7000218: client_secret is missing')
        token = form.get('refresh_token')
        if token in self.used:
            self.reuses += 1
            self.dead.add(self.used[token])
        sign_in = self.refresh.pop(token, None)
        if sign_in is None or sign_in in self.dead:
            return self.refuse('invalid_grant', 'AADSTS70008: expired')
        self.used[token] = sign_in
        return self.give(sign_in)

    def by_app(self, form):
        if form.get('client_secret') != APP_SECRET:
            return self.refuse('invalid_client', 'AADSTS7000215: Invalid client secret')
        if not form.get('scope', '').endswith('/.default'):
            return self.refuse('invalid_scope', 'AADSTS70011: scope')
        return self.give(has_refresh=False)


# Troubles that are no answers


def cut(authority, request, form):
    request.close_connection = True
    request.connection.close()


def slow(seconds):
    def wait(authority, request, form):
        time.sleep(seconds)
        with authority.lock:
            status, answer = authority.decide(request.path, form)
        authority.answer(request, status, answer)
    return wait


class Gate(Web):
    """In front of an ewsd: 401 for who has no token that is good now."""

    def __init__(self, server, authority, **more):
        self.server = server
        self.authority = authority
        self.refusals = 0   # so many of the next requests are refused, whatever they have
        self.refused = []   # tokens that were
        self.seen = []      # tokens that came, in order
        self.impersonated = []
        super().__init__(**more)

    @property
    def url(self):
        return 'http://127.0.0.1:%d/EWS/Exchange.asmx' % self.port

    def may(self, token):
        with self.authority.lock:
            self.seen.append(token)
            if self.refusals > 0:
                self.refusals -= 1
            elif token and self.authority.is_good(token):
                return True
            self.refused.append(token)
            return False

    def post(self, request, body):
        kind, _, token = request.headers.get('Authorization', '').partition(' ')
        if not self.may(token if kind == 'Bearer' else ''):
            self.answer(request, 401, b'', WWW_Authenticate='Bearer error="invalid_token"')
            return
        if b'ExchangeImpersonation' in body:
            self.impersonated.append(request.headers.get('X-AnchorMailbox'))
        self.forward(request, body)

    def forward(self, request, body):
        basic = base64.b64encode(b'%s:%s' % (self.server.user.encode(),
                                             self.server.password.encode())).decode()
        headers = {name: request.headers[name] for name in
                   ('Content-Type', 'Accept', 'User-Agent') if name in request.headers}
        there = http.client.HTTPConnection('127.0.0.1', self.server.port)
        try:
            there.request('POST', request.path, body,
                          dict(headers, Authorization='Basic ' + basic))
            self.pass_on(request, there.getresponse())
        except (OSError, http.client.HTTPException):
            request.close_connection = True
        finally:
            there.close()

    @staticmethod
    def pass_on(request, response):
        """As it comes: it may be a stream."""
        request.send_response(response.status)
        request.send_header('Content-Type', response.headers.get('Content-Type', 'text/xml'))
        request.send_header('Transfer-Encoding', 'chunked')
        request.end_headers()
        while data := response.read1(65536):
            request.wfile.write(b'%x\r\n%s\r\n' % (len(data), data))
        request.wfile.write(b'0\r\n\r\n')
