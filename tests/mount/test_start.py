# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting: one line and an exit status for everything that can go wrong, the background, accounts
of the configuration file, and what a killed one left behind.
"""
import http.server
import os
import re
import signal
import socket
import subprocess
import threading

import pytest

from mounting import is_mounted, is_running, look, message, mount_lines, program, run, until

USAGE, MOUNTPOINT, OFFLINE, TLS, AUTH, NOT_EWS, MAILBOX, LOCAL = range(1, 9)


def assert_refused(there, status, *words):
    """Ends with that status and one line that has these words."""
    out = there.try_start()
    assert out.status == status, str(out)
    assert out.out == '' and out.err.count('\n') == 1, str(out)
    assert out.err.startswith('ewsfs: ')
    for word in words:
        assert word in out.err, str(out)
    assert not is_mounted(there.path)
    return out


@pytest.fixture
def there(server, mount):
    """A mount that was not started yet."""
    return mount(server, start=False)


@pytest.fixture
def web():
    """A web server that knows no EWS."""
    httpd = http.server.ThreadingHTTPServer(('127.0.0.1', 0), http.server.SimpleHTTPRequestHandler)
    httpd.RequestHandlerClass.log_message = lambda *_: None
    thread = threading.Thread(target=httpd.serve_forever)
    thread.start()
    yield 'http://127.0.0.1:%d/EWS/Exchange.asmx' % httpd.server_port
    httpd.shutdown()
    thread.join()
    httpd.server_close()


@pytest.fixture
def certificate(tmp_path):
    """A certificate for 127.0.0.1 that nobody trusts, and its key."""
    cert, key = str(tmp_path / 'cert.pem'), str(tmp_path / 'key.pem')
    run('openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj',
        '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', key,
        '-out', cert)
    return cert, key


# What can go wrong


def test_a_wrong_password(server, there):
    with open(there.password_file, 'w', encoding='ascii') as file:
        file.write('wrong\n')
    assert_refused(there, AUTH, 'password')
    # One without a password, to see what is offered; and the password once.
    assert len(server.log()) == 2


def test_an_unknown_user(server, mount):
    assert_refused(mount(server, start=False, user='nobody'), AUTH)


def test_an_unknown_host(mount):
    assert_refused(mount('https://no-such-host.invalid/EWS/Exchange.asmx', start=False), OFFLINE,
                   'no-such-host.invalid')


def test_a_port_where_nobody_listens(mount):
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    assert_refused(mount('http://127.0.0.1:%d/EWS/Exchange.asmx' % port, start=False), OFFLINE,
                   'no connection')


def test_a_certificate_of_its_own(serve, mount, certificate):
    cert, key = certificate
    server = serve('--tls-cert', cert, '--tls-key', key)
    assert_refused(mount(server, start=False), TLS, 'certificate', 'cacert=')
    there = mount(server, cacert=cert)
    assert 'Inbox' in there.names()
    other = server.url.replace('127.0.0.1', 'localhost')
    assert 'Inbox' in mount(other, cacert=cert).names()


def test_a_certificate_of_another_host(serve, mount, tmp_path):
    cert, key = str(tmp_path / 'c'), str(tmp_path / 'k')
    run('openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj',
        '/CN=mail.example.org', '-addext', 'subjectAltName=DNS:mail.example.org', '-keyout', key,
        '-out', cert)
    server = serve('--tls-cert', cert, '--tls-key', key)
    assert_refused(mount(server, start=False, cacert=cert), TLS)
    out = mount(server, start=False, cacert=str(tmp_path / 'none')).try_start()
    assert out.status in (USAGE, TLS) and str(tmp_path / 'none') in out.err, str(out)


def test_plain_http_where_https_is_spoken(serve, mount, certificate):
    server = serve('--tls-cert', certificate[0], '--tls-key', certificate[1])
    out = mount(server.url.replace('https:', 'http:'), start=False).try_start()
    assert out.status in (OFFLINE, NOT_EWS) and out.err.count('\n') == 1, str(out)
    plain = serve()
    out = mount(plain.url.replace('http:', 'https:'), start=False, timeout=1).try_start()
    assert out.status in (OFFLINE, TLS) and out.err.count('\n') == 1, str(out)


def test_no_ews_server(web, mount):
    assert_refused(mount(web, start=False), NOT_EWS, '/EWS/Exchange.asmx')


def test_another_path_of_the_right_server(server, mount):
    assert_refused(mount(server.url.replace('/EWS/', '/nothing/'), start=False), NOT_EWS)


def test_a_server_that_forbids(server, mount):
    server.fault('http=403')
    assert_refused(mount(server, start=False), AUTH)


def test_no_mailbox(server, mount):
    server.fault('itemerror=ErrorNonExistentMailbox,op=GetFolder')
    assert_refused(mount(server, start=False), MAILBOX)


def test_no_such_folder(server, somebody, mount):
    somebody.create_folder('inbox', 'Projects')
    assert_refused(mount(server, start=False, folder='Inbox/Project'), MAILBOX, 'Inbox/Project')
    assert mount(server, folder='Inbox/Projects').names() == []


def test_mount_points(server, mount, tmp_path):
    for kind, word in (('missing', 'No such file'), ('file', 'not a directory')):
        there = mount(server, start=False)
        os.rmdir(there.path)
        if kind == 'file':
            with open(there.path, 'w', encoding='ascii'):
                pass
        assert_refused(there, MOUNTPOINT, word, there.path)
    assert server.log() == []
    full = mount(server, start=False)
    with open(os.path.join(full.path, 'something'), 'w', encoding='ascii'):
        pass
    full.start()
    assert 'something' not in full.names()


def test_a_busy_mount_point(server, mount):
    first = mount(server)
    second = mount(server, start=False)
    os.rmdir(second.path)
    second.path = first.path
    out = second.try_start()
    assert out.status == MOUNTPOINT and 'busy' in out.err, str(out)
    assert 'Inbox' in first.names()
    second.path = second.dir


@pytest.mark.parametrize('option, words', [
    ({'nonsense': 'x'}, ['nonsense']), ({'passwort_file': 'x'}, ['passwort_file', 'password_file']),
    ({'password': 'x'}, ['password_file=']), ({'refresh': 'x'}, ['refresh']),
    ({'refresh': '-1'}, ['refresh']), ({'size': 'small'}, ['size', 'exact']),
    ({'cache_size': '10X'}, ['cache_size']), ({'umask': '9'}, ['umask']),
    ({'uid': 'no-such-user'}, ['no-such-user']), ({'max_conns': '0'}, ['max_conns']),
    ({'prefetch': 'maybe'}, ['prefetch']), ({'log_level': 'loud'}, ['log_level'])])
def test_options_that_are_none(there, option, words):
    there.options.update(option)
    assert_refused(there, USAGE, *words)


def test_words_of_fstab_are_accepted(server, mount):
    there = mount(server, start=False)
    words = there.command()
    words[3] += ',rw,_netdev,nofail,noauto,user,x-systemd.automount,x-gvfs-show,defaults,noatime'
    run(*[w for w in words if w != '-f'])
    there.pid = there.status()['pid']
    assert 'Inbox' in there.names()


def test_wrong_usage(there):
    for words in ([], ['one'], ['a', 'b', 'c'], ['-z', 'a', 'b']):
        out = run(program('ewsfs'), *words, status=USAGE)
        assert out.err.startswith('ewsfs: ') and out.err.count('\n') == 1, str(out)
    assert 'Usage: ewsfs' in run(program('ewsfs'), '--help').out
    assert re.fullmatch(r'ewsfs \d+\.\d+\.\d+\n', run(program('ewsfs'), '--version').out)
    there.source = 'ftp://example.org/'
    assert_refused(there, USAGE, 'https://')
    there.source = 'https://me:pw@example.org/EWS/Exchange.asmx'
    assert 'pw@' not in assert_refused(there, USAGE, 'password_file=').err


# Passwords


def test_a_password_file_that_others_may_read(server, there):
    os.chmod(there.password_file, 0o644)
    assert_refused(there, AUTH, there.password_file, 'chmod 600')
    os.chmod(there.password_file, 0o600)
    os.unlink(there.password_file)
    assert_refused(there, AUTH, there.password_file, 'No such file')
    with open(there.password_file, 'w', encoding='ascii'):
        pass
    os.chmod(there.password_file, 0o600)
    assert_refused(there, AUTH, 'empty')
    assert server.log() == []


def test_a_password_command(server, mount):
    there = mount(server, start=False, password_file=None, password_command='echo secret')
    there.start()
    assert 'Inbox' in there.names()
    bad = mount(server, start=False, password_file=None, password_command='exit 3')
    assert_refused(bad, AUTH, 'password_command', '3')


def test_no_password_and_no_terminal(server, mount):
    assert_refused(mount(server, start=False, password_file=None), AUTH, 'password')


def test_the_password_is_nowhere_to_be_seen(server, mount):
    there = mount(server, password='secret')
    with open('/proc/%d/cmdline' % there.pid, encoding='ascii') as file:
        assert 'secret' not in file.read()
    # Which nobody but root may look at.
    if os.geteuid() == 0:
        with open('/proc/%d/environ' % there.pid, encoding='utf-8', errors='replace') as file:
            assert 'secret' not in file.read()
    assert 'secret' not in there.log() + there.cat('.ewsfs/status.json').decode()
    assert not any('secret' in line for line in mount_lines())
    run('grep', '-r', 'secret', there.state, status=1)


def test_http_is_for_loopback_only(mount):
    there = mount('http://192.0.2.1/EWS/Exchange.asmx', start=False, timeout=1)
    assert_refused(there, USAGE, 'https')
    there.options['insecure_http'] = True
    assert there.try_start().status == OFFLINE


# The background


def test_in_the_background_it_answers_when_the_parent_returns(serve, mount):
    server = serve('--fill', 'Inbox=2000')
    there = mount(server, start=False)
    out = run(*there.command(foreground=False), env=there.environment())
    assert (out.out, out.err) == ('', '')
    assert len(there.names('Inbox')) == 2000
    there.pid = there.status()['pid']
    # Nothing of it hangs on to where it was started, as far as root can see.
    if os.geteuid() != 0:
        return
    assert os.readlink('/proc/%d/cwd' % there.pid) == '/'
    for number in (0, 1, 2):
        assert os.readlink('/proc/%d/fd/%d' % (there.pid, number)) == '/dev/null'


def test_relative_paths_in_the_background(server, mount):
    there = mount(server, start=False)
    there.options.update(password_file='password', state_dir='state', cache_dir='cache')
    words = there.command(foreground=False)
    words[-1] = 'mnt'
    run(*words, cwd=there.dir, env=there.environment())
    there.pid = there.status()['pid']
    assert 'Inbox' in there.names()
    assert os.path.isdir(there.state) and os.path.isdir(there.cache)


def test_what_it_makes_belongs_to_one_alone(server, somebody, mount):
    somebody.create_item('inbox', message('Private'))
    there = mount(server)
    there.fetch()
    for top in (there.state, there.cache):
        for where, _, names in os.walk(top):
            assert os.stat(where).st_mode & 0o077 == 0, where
            for name in names:
                assert os.lstat(os.path.join(where, name)).st_mode & 0o077 == 0, name


def test_the_directories_of_xdg(server, mount):
    there = mount(server, start=False, state_dir=None, cache_dir=None)
    there.start_behind()
    for kind in ('state', 'cache'):
        assert len(os.listdir(os.path.join(there.dir, 'xdg-' + kind, 'ewsfs'))) == 1


# Accounts


def write_config(there, text):
    os.makedirs(os.path.dirname(there.config), exist_ok=True)
    with open(there.config, 'w', encoding='utf-8') as file:
        file.write(text)


def test_an_account_of_the_configuration_file(server, somebody, mount):
    projects = somebody.create_folder('inbox', 'Projects')
    somebody.create_item(projects, message('Inside'))
    there = mount(server, start=False)
    write_config(there, '# mine\n[home]\nurl=%s\nuser=user\npassword_file=%s\nsize=exact\n'
                 '[other]\nurl=https://example.org/\n' % (server.url, there.password_file))
    there.options = {}
    words = [program('ewsfs'), 'home:Inbox/Projects', there.path]
    run(*words, env=there.environment())
    there.pid = there.status()['pid']
    assert there.find('Inside', '')
    assert there.status()['size'] == 'exact'
    there.unmount()
    run(program('ewsfs'), '-o', 'size=auto', 'home', there.path, env=there.environment())
    there.pid = there.status()['pid']
    assert there.status()['size'] == 'auto'
    assert 'Inbox' in there.names()


def test_mistakes_in_the_configuration_file(server, mount):
    there = mount(server, start=False)
    there.source = 'home'
    assert_refused(there, USAGE, 'home')
    write_config(there, '[home]\nurl=%s\nusr=me\n' % server.url)
    assert_refused(there, USAGE, 'usr')
    write_config(there, '[home]\nuser=me\n')
    assert_refused(there, USAGE, 'url')
    write_config(there, '[home]\nurl=%s\nsize=huge\n' % server.url)
    assert_refused(there, USAGE, 'huge')
    write_config(there, 'nonsense\n')
    assert_refused(there, USAGE, 'ewsfs.conf')
    there.source = 'work'
    write_config(there, '[home]\nurl=%s\n' % server.url)
    assert_refused(there, USAGE, 'work')


# Two at once, and what was left


def test_a_second_one_with_the_same_state_is_refused(server, mount):
    first = mount(server)
    second = mount(server, start=False, state_dir=first.state)
    out = assert_refused(second, LOCAL, str(first.pid))
    assert first.state in out.err
    assert 'Inbox' in first.names()
    first.unmount()
    second.start()


def test_two_mounts_of_one_mailbox(serve, mount):
    server = serve('--fill', 'Inbox=20')
    one, two = mount(server), mount(server)
    one.fetch()
    two.fetch()
    assert one.tree() == two.tree()


@pytest.mark.parametrize('is_looked_at', [False, True])
def test_a_dead_mount_is_recovered(server, mount, is_looked_at):
    there = mount(server)
    if is_looked_at:
        run('ls', '-la', there.path, there.at('Inbox'))
        look('stat', there.path)
    there.kill()
    assert is_mounted(there.path)
    there.start()
    assert 'Inbox' in there.names()
    assert len([line for line in mount_lines() if line.split()[4] == there.path]) == 1


def test_a_dead_mount_is_recovered_from_the_background(server, mount):
    there = mount(server, start=False).start_behind()
    there.kill()
    there.start_behind()
    assert 'Inbox' in there.names()


def test_an_index_of_another_mailbox_is_not_shown(serve, mount):
    one = mount(serve('--fill', 'Inbox/One=3'))
    one.fetch()
    one.unmount()
    two = mount(serve('--fill', 'Inbox/Two=3', user='two'), start=False, user='two',
                state_dir=one.state, cache_dir=one.cache)
    out = two.try_start()
    if out.status == 0:
        two.pid = two.status()['pid']
        assert two.names('Inbox') == ['Two']
    else:
        assert out.status == LOCAL and out.err.count('\n') == 1, str(out)


def test_a_damaged_index_is_an_error_or_made_anew(serve, mount):
    server = serve('--fill', 'Inbox=20')
    there = mount(server)
    there.fetch()
    before = there.tree()
    there.unmount()
    for where, _, names in os.walk(there.state):
        for name in names:
            path = os.path.join(where, name)
            if os.path.getsize(path) > 4096:
                with open(path, 'r+b') as file:
                    file.seek(100)
                    file.write(b'damage' * 2000)
    out = there.try_start()
    if out.status == 0:
        there.pid = there.status()['pid']
        assert there.tree() == before
    else:
        assert out.status == LOCAL and out.err.count('\n') == 1, str(out)


def test_a_parent_that_is_interrupted_leaves_nothing(server, mount):
    server.latency(600000)
    there = mount(server, start=False, timeout=60)
    process = subprocess.Popen(there.command(foreground=False), env=there.environment(),
                               start_new_session=True, stderr=subprocess.DEVNULL)
    children = '/proc/%d/task/%d/children' % (process.pid, process.pid)
    def child():
        with open(children, encoding='ascii') as file:
            return file.read().split()
    pid = int(until(child, 'a child')[0])
    os.kill(process.pid, signal.SIGINT)
    process.wait(10)
    until(lambda: not is_running(pid), 'the end of the child')
    assert not is_mounted(there.path)


def test_no_space_for_the_state(server, mount):
    there = mount(server, start=False)
    there.options['state_dir'] = '/proc/no-such-place'
    assert_refused(there, LOCAL, '/proc/no-such-place')
