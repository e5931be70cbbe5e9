# SPDX-License-Identifier: GPL-3.0-or-later
"""A mail address is enough: real names, real certificates, real redirects, in a network of its own
(names.py). Every combination of what may be missing is in tests/unit/test-ews-discover.c. Needs
root.
"""
import configparser
import json
import os
import pty
import select
import shutil
import signal
import subprocess
import tempfile
import time

import pytest

import names
from mounting import Mount, Server, is_mounted, message, program, run, until
from writing import subjects

ME, PASSWORD = 'ines@example.test', 'open sesame'
AUTO, MAIL = 'autodiscover.example.test', 'mail.example.test'
HOSTER = 'mail.hoster.test'
POX = '/autodiscover/autodiscover.xml'
SOAP = '/autodiscover/autodiscover.svc'
JSON = '/autodiscover/autodiscover.json/v1.0/'
EWS = '/EWS/Exchange.asmx'
CERTIFIED = ('example.test', AUTO, MAIL, 'new.example.test', HOSTER, 'autodiscover.new.test',
             'outlook.office365.com')
URL = 'https://' + MAIL + EWS
HTML = (200, {'Content-Type': 'text/html'}, '<html><body><p>Welcome!<br></body></html>')

pytestmark = pytest.mark.skipif(bool(names.why_not()), reason=str(names.why_not()))


def pox(url=None, **account):
    """What POX says."""
    text = ''.join('<%s>%s</%s>' % (name, value, name) for name, value in account.items())
    if url:
        text += ('<Protocol><Type>EXCH</Type><EwsUrl>https://inside.test/e</EwsUrl></Protocol>'
                 '<Protocol><Type>EXPR</Type><EwsUrl>%s</EwsUrl></Protocol>' % url)
    return (200, {'Content-Type': 'text/xml'},
            '<?xml version="1.0" encoding="utf-8"?><Autodiscover xmlns="http://schemas.microsoft'
            '.com/exchange/autodiscover/responseschema/2006"><Response><Account>%s</Account>'
            '</Response></Autodiscover>' % text)


def soap(url):
    return (200, {'Content-Type': 'text/xml'},
            '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
            '<GetUserSettingsResponseMessage><Response><UserResponses><UserResponse>'
            '<UserSettings><UserSetting><Name>ExternalEwsUrl</Name><Value>%s</Value>'
            '</UserSetting></UserSettings></UserResponse></UserResponses></Response>'
            '</GetUserSettingsResponseMessage></s:Body></s:Envelope>' % url)


def said(url):
    return (200, {'Content-Type': 'application/json'},
            json.dumps({'Protocol': 'EWS', 'Url': url}))


def moved(url):
    return (302, {'Location': url}, '')


def asking(page):
    """The same, for those who sign in."""
    def answer(handler):
        if handler.headers.get('Authorization', '').startswith('Basic '):
            handler.answer(*page)
        else:
            handler.answer(401, {'WWW-Authenticate': 'Basic realm="x"'})
    return answer


class DiscoverMount(Mount):
    """One whose ewsfs lives where the names are."""
    names = None

    def command(self, foreground=True):
        return self.names.namespace.words + super().command(foreground)

    def remembered(self):
        path = os.path.join(self.state, 'server')
        if not os.path.exists(path):
            return {}
        assert os.stat(path).st_mode & 0o777 == 0o600
        config = configparser.ConfigParser()
        config.read(path)
        return dict(config['server'])

    def age(self, seconds):
        """What is remembered was found that long ago."""
        path = os.path.join(self.state, 'server')
        with open(path, encoding='utf-8') as file:
            lines = file.readlines()
        with open(path, 'w', encoding='utf-8') as file:
            file.writelines('found=%d\n' % (time.time() - seconds)
                            if line.startswith('found=') else line for line in lines)


@pytest.fixture(name='there')
def make_names():
    directory = tempfile.mkdtemp(prefix='ewsfs-names-')
    made = names.Names(directory, CERTIFIED)
    made.host(MAIL)
    yield made
    made.close()
    shutil.rmtree(directory)


@pytest.fixture(name='mailbox')
def make_mailbox(there, stage):
    server = Server(user=ME, password=PASSWORD)
    stage.servers.append(server)
    there.page(URL, names.hand_to(server.port))
    server.somebody().create_item('inbox', message('Hello'))
    return server


@pytest.fixture(name='me')
def make_me(there, mailbox, stage):
    """Not mounted yet."""
    mount = DiscoverMount(ME, password=PASSWORD, user=None, cacert=there.cacert, push='off')
    mount.names = there
    stage.mounts.append(mount)
    return mount


def mounts(mount):
    mount.start(60)
    assert [name for name in os.listdir(mount.at('Inbox')) if 'Hello' in name]
    return mount


# --- the ways -------------------------------------------------------------------------------------

def way_pox(there):
    there.host(AUTO)
    there.page('https://' + AUTO + POX, asking(pox(URL)))


def way_pox_at_the_domain(there):
    there.host('example.test')
    there.page('https://example.test' + POX, asking(pox(URL)))


def way_soap(there):
    there.host(AUTO)
    there.page('https://' + AUTO + SOAP, asking(soap(URL)))


def way_json(there):
    there.host(AUTO)
    there.page('https://' + AUTO + JSON + ME, said(URL))


def way_http(there):
    # What a site does that has one certificate: the name answers by plain http only.
    there.host(AUTO)
    for path in (POX, SOAP, JSON + ME):
        there.page('https://' + AUTO + path, 404)
    there.page('http://' + AUTO + POX, moved('https://' + MAIL + POX))
    there.page('https://' + MAIL + POX, asking(pox(URL)))


def way_srv(there):
    there.host('example.test')
    there.page('https://example.test' + POX, HTML)
    there.dns.services['_autodiscover._tcp.example.test'] = [
        (20, 0, 443, 'nowhere.example.test'), (10, 0, 443, MAIL)]
    there.page('https://' + MAIL + POX, asking(pox(URL)))


def way_redirects(there):
    there.host(AUTO, 'new.example.test')
    there.page('https://' + AUTO + POX, moved('https://new.example.test/a'))
    there.page('https://new.example.test/a', asking(pox(RedirectUrl='https://' + MAIL + POX)))
    there.page('https://' + MAIL + POX, asking(pox(URL)))


def way_microsoft(there):
    there.host('outlook.office365.com')
    there.page('https://outlook.office365.com' + JSON + ME, said(URL))


WAYS = [way_pox, way_pox_at_the_domain, way_soap, way_json, way_http, way_srv, way_redirects,
        way_microsoft]


@pytest.mark.parametrize('way', WAYS, ids=lambda way: way.__name__[4:])
def test_an_address_is_enough(there, me, way):
    way(there)
    mounts(me)
    assert me.remembered()['url'] == URL
    assert 'the server of %s is %s' % (ME, URL) in me.log()
    # Nobody heard the password but those who asked, over https.
    for scheme, host, _, path, who in there.log:
        assert not who or scheme == 'https' and (path == EWS or host in (AUTO, 'example.test', MAIL,
                                                                         'new.example.test'))
    assert not (there.asked('outlook.office365.com') and way is not way_microsoft)
    # The second time nobody is asked.
    me.unmount()
    there.log.clear()
    asked = len(there.dns.asked)
    mounts(me)
    assert {path for _, _, _, path, _ in there.log} <= {EWS}
    assert not [name for name in there.dns.asked[asked:] if 'autodiscover' in name]


def test_a_part_of_it(there, me):
    way_json(there)
    me.source = ME + ':Inbox'
    me.start(60)
    assert [name for name in os.listdir(me.path) if 'Hello' in name]


def test_an_account_without_url(there, me):
    way_json(there)
    me.source = 'work'
    os.makedirs(os.path.dirname(me.config))
    with open(me.config, 'w', encoding='utf-8') as file:
        file.write('[work]\nuser=%s\n' % ME)
    mounts(me)


def test_a_silent_host_is_not_waited_for_long(there, me):
    there.host('example.test', address=names.SILENT)
    way_json(there)
    begin = time.monotonic()
    mounts(me)
    assert time.monotonic() - begin < 9


def test_an_explicit_address_wins(there, me):
    way_json(there)
    me.options['url'] = URL
    mounts(me)
    assert not [name for name in there.dns.asked if 'autodiscover' in name]
    assert not me.remembered()


# --- what is remembered ---------------------------------------------------------------------------

def test_the_last_answer_serves_offline(there, me):
    way_json(there)
    mounts(me)
    me.unmount()
    there.dns.hosts.clear()
    for age in (3600, 30 * 86400):
        me.age(age)
        mounts(me)
        me.unmount()


def test_after_a_week_it_is_asked_anew(there, me, mailbox):
    way_json(there)
    mounts(me)
    me.unmount()
    there.host('new.example.test')
    url = 'https://new.example.test' + EWS
    there.page('https://' + AUTO + JSON + ME, said(url))
    there.page(url, names.hand_to(mailbox.port))
    me.age(6 * 86400)
    mounts(me)
    me.unmount()
    assert me.remembered()['url'] == URL
    me.age(8 * 86400)
    # The same mailbox: its index is the same as before.
    before = there.asked('new.example.test')
    mounts(me)
    assert me.remembered()['url'] == url and not before and there.asked('new.example.test')


def test_what_leads_nowhere_is_asked_anew(there, me):
    """Also before there is anything to show."""
    way_json(there)
    me.options['timeout'] = 1
    there.page('https://' + AUTO + JSON + ME, said('https://gone.example.test' + EWS))
    assert me.try_start().status == 3
    there.page('https://' + AUTO + JSON + ME, said(URL))
    # Not a minute after it was found.
    assert me.try_start().status == 3
    me.age(4000)
    assert me.try_start().status == 3
    me.start_behind()
    assert me.remembered()['url'] == URL


def move_away(there, me, mailbox):
    """From one moment to the next it is not at the former host."""
    me.age(4000)
    there.page(URL, (404, {}, 'Who?'))
    mailbox.is_written = True
    with open(me.at('Inbox', 'new.eml'), 'wb') as file:
        file.write(message('Written meanwhile'))


def is_sent(me, mailbox):
    run(program('ewsfsctl'), 'flush', me.path)
    return 'Written meanwhile' in subjects(mailbox.somebody(), 'inbox')


def test_a_mount_follows_its_mailbox(there, me, mailbox):
    """To another server, while programs use it."""
    way_json(there)
    me.options.update(refresh=1, settle=2)
    mounts(me)
    there.host('new.example.test')
    url = 'https://new.example.test' + EWS
    there.page('https://' + AUTO + JSON + ME, said(url))
    there.page(url, names.hand_to(mailbox.port))
    move_away(there, me, mailbox)
    until(lambda: me.status()['url'] == url, 'it has moved', 60)
    mailbox.somebody().create_item('inbox', message('News'))
    until(lambda: 'News' in run('ls', me.at('Inbox')).out, 'news', 60)
    assert is_sent(me, mailbox) and me.remembered()['url'] == url


def test_a_mount_does_not_follow_to_a_stranger(there, me, mailbox):
    """Nobody can be asked there and then; the mount stays where it was, and goes on there."""
    way_json(there)
    me.options.update(refresh=1, settle=2)
    mounts(me)
    there.page('https://' + AUTO + JSON + ME, (404, {}, ''))
    way_hoster(there)
    move_away(there, me, mailbox)
    until(lambda: 'the server is looked for anew' in me.log(), 'it was looked for', 60)
    assert me.status()['url'] == URL and not there.asked(HOSTER)
    there.page(URL, names.hand_to(mailbox.port))
    until(lambda: me.status()['server']['state'] == 'online', 'it is back', 60)
    assert is_sent(me, mailbox)


# --- others' hosts --------------------------------------------------------------------------------

def way_hoster(there):
    there.host(HOSTER)
    there.dns.services['_autodiscover._tcp.example.test'] = [(0, 0, 443, HOSTER)]
    there.page('https://' + HOSTER + POX, asking(pox(URL)))


def test_another_host_is_not_believed_without_a_person(there, me):
    way_hoster(there)
    out = me.try_start(60)
    assert out.status == 5
    assert 'https://' + HOSTER in out.err and '-o url=' in out.err
    assert not there.asked(HOSTER)


def at_terminal(mount, replies, words=None, seconds=60):
    """Runs it with a terminal of its own, where what is asked is answered: {question: reply}. What
    it said, and how it ended."""
    pid, terminal = pty.fork()
    if pid == 0:
        command = words or mount.command(foreground=False)
        os.execvpe(command[0], command, mount.environment() if mount else dict(os.environ))
    text, end = '', time.monotonic() + seconds
    while time.monotonic() < end:
        if not select.select([terminal], [], [], 0.2)[0]:
            continue
        try:
            text += os.read(terminal, 4096).decode()
        except OSError:
            break
        for question in [word for word in replies if word in text]:
            os.write(terminal, replies.pop(question).encode() + b'\n')
    else:
        os.kill(pid, signal.SIGKILL)
    status = os.waitpid(pid, 0)[1]
    os.close(terminal)
    return text, os.waitstatus_to_exitcode(status)


def test_a_person_may_accept_it(there, me):
    way_hoster(there)
    text, status = at_terminal(me, {'[y/N]': 'n'})
    assert status == 5 and 'https://' + HOSTER + POX in text
    assert not there.asked(HOSTER)
    text, status = at_terminal(me, {'[y/N]': 'y'})
    assert status == 0, text
    me.pid = me.status()['pid']
    me.unmount()
    # From then on it is known.
    assert me.remembered()['accepted'].strip(';') == HOSTER
    me.age(30 * 86400)
    there.log.clear()
    me.start_behind()
    assert [path for _, _, _, path, _ in there.asked(HOSTER)]


def test_no_certificate_no_password(there, me):
    """A host with a name that its certificate does not have."""
    there.host('autodiscover.example.test')
    me.options['cacert'] = None
    there.page('https://' + AUTO + POX, asking(pox(URL)))
    out = me.try_start(60)
    assert out.status == 4, out.err
    assert not [line for line in there.log if line[0] == 'https']


def test_never_to_plain_http(there, me):
    there.host(AUTO)
    there.page('http://' + AUTO + POX, moved('http://' + MAIL + POX))
    there.page('http://' + MAIL + POX, asking(pox(URL)))
    there.page('https://' + AUTO + POX, asking(pox('http://' + MAIL + EWS)))
    out = me.try_start(60)
    assert out.status != 0 and 'only https' in out.err
    assert not there.asked(MAIL)


def test_a_wrong_password_is_not_tried_everywhere(there, me):
    for way in (way_pox, way_pox_at_the_domain, way_srv):
        way(there)
    there.page('https://example.test' + POX, 401)
    for host in (AUTO, MAIL):
        there.page('https://' + host + POX, 401)
    out = me.try_start(60)
    assert out.status == 5, out.err
    assert len([line for line in there.log if line[4]]) == 2


def test_what_was_tried_is_told(me):
    out = me.try_start(60)
    assert out.status == 3, out.err
    assert 'https://' + AUTO in out.err and '_autodiscover._tcp' in out.err
    assert len(out.err.splitlines()) < 14
    assert not is_mounted(me.path)


# --- ewsfsctl -------------------------------------------------------------------------------------

def ask_ctl(there, *words, status=0):
    return run(*there.namespace.words, program('ewsfsctl'), 'discover', '-o',
               'cacert=' + there.cacert, *words, status=status, seconds=60)


def test_ewsfsctl_shows_the_steps(there):
    way_json(there)
    out = ask_ctl(there, ME)
    assert out.out == URL + '\n'
    assert 'https://' + AUTO + JSON + ME in out.err


def test_ewsfsctl_asks_for_the_password(there):
    way_pox(there)
    out = ask_ctl(there, ME, status=1)
    assert 'it wants to know who asks' in out.err and out.out == ''
    words = there.namespace.words + [program('ewsfsctl'), 'discover', '-o',
                                    'cacert=' + there.cacert, ME]
    text, status = at_terminal(None, {'Password': PASSWORD}, words)
    assert status == 0 and URL in text.splitlines() and PASSWORD not in text


def test_ewsfsctl_wants_an_address(there):
    assert ask_ctl(there, 'EXAMPLE\\ines', status=2).out == ''
    assert subprocess.run([program('ewsfsctl'), 'discover'], capture_output=True,
                          check=False).returncode == 2
