# SPDX-License-Identifier: GPL-3.0-or-later
"""A Kerberos realm of its own, and Apache with mod_auth_gssapi as the front of a test server.

Everything lives in one temporary directory, listens on loopback and needs no privileges.
"""
import glob
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

REALM = 'EWSFS.TEST'
# The SPN is HTTP/ and the host's name as it stands in the address.
HOST = 'localhost'
WAIT_S = 20

KRB5_CONF = """\
[libdefaults]
    default_realm = {realm}
    dns_lookup_realm = false
    dns_lookup_kdc = false
    dns_canonicalize_hostname = false
    rdns = false
    udp_preference_limit = 1
    default_ccache_name = FILE:{dir}/ccache
[realms]
    {realm} = {{
        kdc = 127.0.0.1:{port}
        database_module = db
    }}
[domain_realm]
    {host} = {realm}
[dbmodules]
    db = {{
        db_library = db2
        database_name = {dir}/principal
    }}
[logging]
    kdc = FILE:{dir}/kdc.log
"""

KDC_CONF = """\
[kdcdefaults]
    kdc_ports = {port}
    kdc_tcp_listen = 127.0.0.1:{port}
    kdc_listen = 127.0.0.1:{port}
[realms]
    {realm} = {{
        database_name = {dir}/principal
        key_stash_file = {dir}/stash
        acl_file = {dir}/acl
        max_life = 10h 0m 0s
        supported_enctypes = aes256-cts:normal
    }}
"""

APACHE_CONF = """\
ServerRoot "{dir}"
ServerName {host}
PidFile "{dir}/apache.pid"
DefaultRuntimeDir "{dir}"
Mutex sem
{user}
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authn_core_module {modules}/mod_authn_core.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule authz_user_module {modules}/mod_authz_user.so
LoadModule proxy_module {modules}/mod_proxy.so
LoadModule proxy_http_module {modules}/mod_proxy_http.so
LoadModule auth_gssapi_module {modules}/mod_auth_gssapi.so
LoadModule ssl_module {modules}/mod_ssl.so
LoadModule headers_module {modules}/mod_headers.so
Listen 127.0.0.1:{port}
ErrorLog "{dir}/apache-error.log"
LogLevel info auth_gssapi:debug
LogFormat "%r|%>s|%{{Content-Length}}i|%u" short
CustomLog "{dir}/apache-access.log" short
KeepAlive On
{tls}
<Location "/">
    AuthType GSSAPI
    AuthName "EWS"
    GssapiCredStore keytab:{dir}/keytab
    {more}
    Require valid-user
    ProxyPass "{target}/"
    RequestHeader set Authorization "Basic {basic}"
</Location>
"""


def missing():
    """What this needs and is not here, in words; or None."""
    os.environ['PATH'] += ':/usr/sbin:/sbin'
    for program, package in (('krb5kdc', 'krb5-kdc'), ('kadmin.local', 'krb5-admin-server'),
                             ('kinit', 'krb5-user'), ('apache2', 'apache2-bin')):
        if not shutil.which(program):
            return 'no %s (package %s)' % (program, package)
    if not modules_with('mod_auth_gssapi.so'):
        return 'no mod_auth_gssapi (package libapache2-mod-auth-gssapi)'
    return None


def modules_with(name):
    found = glob.glob('/usr/lib/apache2/modules/' + name)
    return os.path.dirname(found[0]) if found else None


def free_port():
    with socket.socket() as one:
        one.bind(('127.0.0.1', 0))
        return one.getsockname()[1]


def await_port(port, process, log):
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        assert process.poll() is None, 'it ended: ' + read(log)
        try:
            socket.create_connection(('127.0.0.1', port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError('not in time: ' + read(log))


def read(path):
    try:
        with open(path, encoding='utf-8', errors='replace') as file:
            return file.read()
    except OSError:
        return ''


class Realm:
    """A KDC with the user `user` (password `secret`) and the service HTTP/localhost."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix='ewsfs-realm-')
        os.chmod(self.dir, 0o755)
        self.processes = []
        self.port = free_port()
        self.write('krb5.conf', KRB5_CONF)
        self.write('kdc.conf', KDC_CONF)
        self.write('acl', '')
        self.environment = {
            'KRB5_CONFIG': self.path('krb5.conf'),
            'KRB5_KDC_PROFILE': self.path('kdc.conf'),
            'KRB5CCNAME': 'FILE:' + self.path('ccache'),
        }
        self.run('kdb5_util', 'create', '-s', '-r', REALM, '-P', 'master')
        self.kadmin('addprinc -pw secret user')
        self.kadmin('addprinc -randkey HTTP/%s' % HOST)
        self.kadmin('ktadd -k %s HTTP/%s' % (self.path('keytab'), HOST))
        os.chmod(self.path('keytab'), 0o644)
        self.start(self.port, 'krb5kdc', '-n')

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text, **more):
        with open(self.path(name), 'w', encoding='ascii') as file:
            file.write(text.format(realm=REALM, host=HOST, dir=self.dir, port=self.port, **more)
                       if text else '')

    def run(self, *words, stdin=''):
        subprocess.run(words, env=dict(os.environ, **self.environment), input=stdin, text=True,
                       check=True, stdout=subprocess.DEVNULL, timeout=60)

    def kadmin(self, words):
        self.run('kadmin.local', '-r', REALM, '-q', words)

    def start(self, port, *words):
        log = self.path(words[0] + '.out')
        with open(log, 'wb') as out:
            process = subprocess.Popen(words, env=dict(os.environ, **self.environment),
                                       stdout=out, stderr=out, start_new_session=True)
        self.processes.append(process)
        await_port(port, process, log)
        return process

    def get_ticket(self):
        self.run('kinit', 'user', stdin='secret\n')

    def drop_ticket(self):
        self.run('kdestroy', '-q')

    def front(self, target, basic, more='', tls=None):
        """Apache on a port of its own that asks for a ticket and then passes on to `target`."""
        return Front(self, target, basic, more, tls)

    def finish(self):
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


class Front:
    """Apache, as Realm.front starts it."""

    def __init__(self, realm, target, basic, more, tls):
        self.realm = realm
        self.port = free_port()
        self.name = 'apache-%d' % self.port
        user = 'User nobody\nGroup nogroup' if os.getuid() == 0 else ''
        text = APACHE_CONF.replace('{port}', str(self.port)).replace('apache', self.name)
        text = text.replace('/usr/lib/%s/' % self.name, '/usr/lib/apache2/')
        realm.write(self.name + '.conf', text, modules='@MODULES@', user=user, target=target,
                    basic=basic, more=more, tls=tls or '')
        conf = realm.path(self.name + '.conf')
        with open(conf, encoding='ascii') as file:
            text = file.read()
        with open(conf, 'w', encoding='ascii') as file:
            file.write(text.replace('@MODULES@', modules_with('mod_auth_gssapi.so')))
        self.process = realm.start(self.port, 'apache2', '-X', '-f', conf)
        self.url = '%s://%s:%d/EWS/Exchange.asmx' % ('https' if tls else 'http', HOST, self.port)

    def log(self):
        """What was asked: (request line, status, Content-Length, user)."""
        return [tuple(line.split('|')) for line in
                read(self.realm.path(self.name + '-access.log')).splitlines()]
