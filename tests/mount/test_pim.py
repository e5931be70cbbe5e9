# SPDX-License-Identifier: GPL-3.0-or-later
"""Calendars and contacts: what is called .ics and .vcf is iCalendar and vCard, whatever the server
gives; read by Python's libraries for both, and by the programs that people use (khal, khard,
vdirsyncer), each where it is installed.
"""
import base64
import errno
import os
import re
import shutil
import subprocess

import pytest

from mounting import message, program, run, shared_mail, until

EVENT = ('BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y//EN\r\nBEGIN:VEVENT\r\nUID:event-1\r\n'
         'DTSTAMP:20261101T080000Z\r\nSUMMARY:Regatta of Köln\r\nDTSTART:20261201T100000Z\r\n'
         'DTEND:20261201T110000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n').encode()
CARD = (b'BEGIN:VCARD\r\nVERSION:3.0\r\nUID:card-1\r\nFN:Bob Builder\r\nN:Builder;Bob;;;\r\n'
        b'EMAIL;TYPE=INTERNET:bob@example.com\r\nEND:VCARD\r\n')
LUNCH = (
    '<t:Subject>Lunch, and more; tea</t:Subject><t:Body BodyType="Text">one\ntwo</t:Body>'
    '<t:Start>2026-12-02T11:00:00Z</t:Start><t:End>2026-12-02T12:30:00Z</t:End>'
    '<t:LegacyFreeBusyStatus>Busy</t:LegacyFreeBusyStatus><t:Location>Größenwahn</t:Location>')
HOLIDAY = (
    '<t:Subject>Holiday</t:Subject><t:Start>2026-12-02T23:00:00Z</t:Start>'
    '<t:End>2026-12-04T23:00:00Z</t:End><t:IsAllDayEvent>true</t:IsAllDayEvent>')
WEEKLY = (
    '<t:Subject>Stand-up</t:Subject><t:Start>2026-12-07T08:00:00Z</t:Start>'
    '<t:End>2026-12-07T08:15:00Z</t:End><t:Recurrence><t:WeeklyRecurrence><t:Interval>1'
    '</t:Interval><t:DaysOfWeek>Monday</t:DaysOfWeek></t:WeeklyRecurrence><t:NumberedRecurrence>'
    '<t:StartDate>2026-12-07</t:StartDate><t:NumberOfOccurrences>3</t:NumberOfOccurrences>'
    '</t:NumberedRecurrence></t:Recurrence>')
PERSON = (
    '<t:Body BodyType="Text">met at sea</t:Body>'
    '<t:FileAs>Lovelace, Ada</t:FileAs><t:DisplayName>Ada Lovelace</t:DisplayName>'
    '<t:GivenName>Ada</t:GivenName><t:CompanyName>Engines; Ltd</t:CompanyName>'
    '<t:EmailAddresses><t:Entry Key="EmailAddress1">ada@example.com</t:Entry></t:EmailAddresses>'
    '<t:PhysicalAddresses><t:Entry Key="Home"><t:Street>1 High St</t:Street><t:City>London</t:City>'
    '<t:CountryOrRegion>England</t:CountryOrRegion></t:Entry></t:PhysicalAddresses>'
    '<t:PhoneNumbers><t:Entry Key="MobilePhone">+44 1</t:Entry></t:PhoneNumbers>'
    '<t:Birthday>1815-12-10T00:00:00Z</t:Birthday><t:Surname>Lovelace</t:Surname>')
TASK = (
    '<t:Subject>Paint the hull</t:Subject><t:DueDate>2026-12-05T00:00:00Z</t:DueDate>'
    '<t:PercentComplete>50</t:PercentComplete><t:StartDate>2026-12-01T00:00:00Z</t:StartDate>'
    '<t:Status>InProgress</t:Status>')
IN_A_MESSAGE = (b'MIME-Version: 1.0\r\nSubject: Regatta\r\nContent-Type: text/calendar;'
                b' charset=utf-8\r\n\r\n' + EVENT)


@pytest.fixture(params=['exchange', 'grommunio'])
def sea(request, serve):
    """A server, and somebody with events, contacts and tasks on it."""
    grommunio = ['--like', 'grommunio'] if request.param == 'grommunio' else []
    server = serve(*grommunio)
    somebody = server.somebody()
    somebody.create_item('calendar', IN_A_MESSAGE if grommunio else EVENT,
                         item_class='IPM.Appointment', subject='Regatta')
    for inside in LUNCH, HOLIDAY, WEEKLY:
        somebody.create_own('calendar', 'CalendarItem', inside)
    somebody.create_own('contacts', 'Contact', PERSON)
    somebody.create_own('tasks', 'Task', TASK)
    return server


def content(there, part, top):
    path = there.find(part, top)
    data = there.cat(path)
    assert os.stat(there.at(path)).st_size == len(data)
    return data


def calendar(data):
    icalendar = pytest.importorskip('icalendar', reason='python3-icalendar is not installed')
    return icalendar.Calendar.from_ical(data)


def component(data, kind):
    return calendar(data).walk(kind)[0]


def card(data):
    vobject = pytest.importorskip('vobject', reason='python3-vobject is not installed')
    return vobject.readOne(data.decode())


def test_a_calendar_is_shown_as_the_server_has_it(sea, mount):
    assert content(mount(sea), 'Regatta', 'Calendar') == EVENT


def test_a_vcard_is_shown_as_the_server_has_it(server, somebody, mount):
    somebody.create_item('contacts', CARD, item_class='IPM.Contact', subject='Bob')
    assert content(mount(server), 'Bob', 'Contacts') == CARD


def test_an_event_of_properties(sea, mount):
    data = content(mount(sea), 'Lunch', 'Calendar')
    event = component(data, 'VEVENT')
    assert event['SUMMARY'] == 'Lunch, and more; tea'
    assert event['LOCATION'] == 'Größenwahn'
    assert event['DESCRIPTION'] == 'one\ntwo'
    assert str(event['DTSTART'].dt) == '2026-12-02 11:00:00+00:00'
    assert str(event['DTEND'].dt) == '2026-12-02 12:30:00+00:00'
    assert all(len(line) <= 75 for line in data.split(b'\r\n'))


def test_days_and_series(sea, mount):
    there = mount(sea)
    holiday = component(content(there, 'Holiday', 'Calendar'), 'VEVENT')
    assert (str(holiday['DTSTART'].dt), str(holiday['DTEND'].dt)) == ('2026-12-03', '2026-12-05')
    weekly = component(content(there, 'Stand-up', 'Calendar'), 'VEVENT')
    assert weekly['RRULE'].to_ical() == b'FREQ=WEEKLY;COUNT=3;BYDAY=MO'


def test_a_task(sea, mount):
    todo = component(content(mount(sea), 'Paint', 'Tasks'), 'VTODO')
    assert todo['SUMMARY'] == 'Paint the hull'
    assert (str(todo['DTSTART'].dt), str(todo['DUE'].dt)) == ('2026-12-01', '2026-12-05')
    assert (todo['STATUS'], int(todo['PERCENT-COMPLETE'])) == ('IN-PROCESS', 50)


def test_a_contact(sea, mount):
    there = mount(sea)
    ada = card(content(there, '.vcf', 'Contacts'))
    assert ada.fn.value == 'Ada Lovelace'
    assert (ada.n.value.family, ada.n.value.given) == ('Lovelace', 'Ada')
    assert ada.org.value == ['Engines; Ltd']
    assert ada.email.value == 'ada@example.com'
    assert (ada.tel.value, ada.tel.type_param) == ('+44 1', 'CELL')
    assert (ada.adr.value.street, ada.adr.value.city) == ('1 High St', 'London')
    assert (ada.bday.value, ada.note.value) == ('1815-12-10', 'met at sea')


def recorded(name):
    """The MIME in an answer that a grommunio gave."""
    path = os.path.join(os.path.dirname(shared_mail() or ''), 'ews', 'wire', name)
    if not os.path.exists(path):
        pytest.skip('no recorded answers here')
    with open(path, encoding='utf-8') as file:
        return base64.b64decode(re.search('<t:MimeContent[^>]*>([^<]*)<', file.read()).group(1))


@pytest.mark.parametrize('kind, item_class', [
    ('calendar', 'IPM.Appointment'), ('contacts', 'IPM.Contact'), ('tasks', 'IPM.Task')])
def test_as_recorded(server, somebody, mount, kind, item_class):
    mime = recorded('m4-GetItem-mime-%s.rsp.xml' % kind)
    somebody.create_item(kind, mime, item_class=item_class, subject='Zed')
    data = content(mount(server), 'Zed', kind.capitalize())
    if kind == 'contacts':
        assert card(data).fn.value == 'Zed'
    elif kind == 'tasks':
        assert component(data, 'VTODO')['SUMMARY'] == 'Zed'
    else:
        event = component(data, 'VEVENT')
        assert (event['SUMMARY'], str(event['DTSTART'].dt)) == ('appt', '2026-12-01 10:00:00+00:00')


def test_text_shows_them(sea, mount):
    there = mount(sea)
    name = os.path.basename(there.find('Lunch', 'Calendar'))
    with open(there.at('.text', 'Calendar', name + '.txt'), encoding='utf-8') as file:
        assert 'LOCATION:Größenwahn' in file.read()


def test_a_note_is_a_message(server, somebody, mount):
    somebody.create_item('notes', message('Shopping', body='milk'), item_class='IPM.StickyNote')
    there = mount(server)
    assert there.find('Shopping', 'Notes').endswith('.eml')
    assert content(there, 'Shopping', 'Notes').endswith(b'milk\r\n')


def test_few_requests(serve, mount):
    """Properties are asked for as MIME is: many at a time, and of nothing that needs none."""
    server = serve('--like', 'grommunio', '--fill', 'Inbox=100')
    somebody = server.somebody()
    for number in range(60):
        somebody.create_own('contacts', 'Contact', PERSON.replace('Ada', 'Ada%d' % number))
    there = mount(server)
    there.fetch()
    asked = server.asked('GetItem')
    # The server changes what was just made once more, and what was fetched by then comes again.
    assert 60 + 60 + 100 <= sum(line['items'] for line in asked) <= 2 * (60 + 60) + 100
    assert len(asked) <= 60


def rsync(there, target):
    """What rsync had to do."""
    return run('rsync', '-ai', '--delete', there.at('Calendar') + '/', target).out.splitlines()


@pytest.mark.skipif(not shutil.which('rsync'), reason='rsync is not installed')
def test_rsync_finds_nothing_new(sea, mount, tmp_path):
    there = mount(sea)
    # What is made is changed once more by some servers, and that moves the folder's time.
    there.fetch()
    there.sync()
    there.wait_idle()
    target = str(tmp_path / 'copy')
    assert len([line for line in rsync(there, target) if line.startswith('>f')]) == 4
    assert rsync(there, target) == []
    before = there.tree('Calendar')
    there.unmount()
    there.forget()
    there.start()
    assert rsync(there, target) == []
    keys = ('ino', 'size', 'mtime')
    after = there.tree('Calendar')
    assert {p: [e[k] for k in keys] for p, e in before.items() if p} == {
        p: [e[k] for k in keys] for p, e in after.items() if p}


def change_key(there, path):
    return os.getxattr(there.at(path), 'user.ewsfs.change_key')


def test_another_flag_is_no_other_content(sea, mount):
    """What an item was made of is fetched again; the same bytes come, and nothing moves."""
    there = mount(sea, refresh=1)
    path = there.find('Lunch', 'Calendar')
    before, was, key = there.cat(path), os.stat(there.at(path)), change_key(there, path)
    somebody = sea.people[0]
    item, = [i for i in somebody.find_item('calendar') if i.subject.startswith('Lunch')]
    somebody.update_item(item, importance='Normal')
    until(lambda: there.sync() and change_key(there, path) != key, 'the change')
    there.fetch()
    now = os.stat(there.at(path))
    assert there.cat(path) == before
    assert (now.st_size, now.st_mtime, now.st_ino) == (was.st_size, was.st_mtime, was.st_ino)


def test_a_moment_of_now_is_no_other_content(server, somebody, mount):
    """Exchange stamps what it renders with the time of day."""
    item = somebody.create_item('calendar', EVENT, item_class='IPM.Appointment', subject='Regatta')
    there = mount(server, refresh=1)
    path = there.find('Regatta', 'Calendar')
    assert there.cat(path) == EVENT
    was, key = os.stat(there.at(path)), change_key(there, path)
    stamped = EVENT.replace(b'DTSTAMP:20261101T080000Z', b'DTSTAMP:20261102T090000Z')
    item = somebody.update_item(item, mime=stamped)
    until(lambda: there.sync() and change_key(there, path) != key, 'the change')
    there.fetch()
    assert os.stat(there.at(path)).st_mtime == was.st_mtime
    other = stamped.replace(b'SUMMARY:Regatta', b'SUMMARY:Rugatta')
    somebody.update_item(item, mime=other)
    until(lambda: there.sync('--fetch') and there.cat(path) == other, 'the other content')
    assert os.stat(there.at(path)).st_mtime > was.st_mtime


# Writing


NEW = EVENT.replace(b'event-1', b'event-2').replace(b'Regatta', b'Race')


def test_an_event_is_created(sea, mount):
    """As the server takes it: what looks saved is there."""
    sea.is_written = True
    there = mount(sea)
    there.names('Calendar')
    with open(there.at('Calendar', 'race.ics'), 'wb') as file:
        file.write(NEW)
        file.flush()
        os.fsync(file.fileno())
    assert there.cat('Calendar/race.ics') == NEW
    there.unmount()
    there.forget()
    there.start()
    assert there.cat('Calendar/race.ics') == NEW


@pytest.mark.parametrize('name, data', [
    ('Contacts/new.vcf', CARD),
    ('Calendar/new.ics', b'BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VTODO\r\nUID:1\r\n'
                         b'END:VTODO\r\nEND:VCALENDAR\r\n')])
def test_what_no_server_takes_does_not_look_saved(sea, mount, name, data):
    sea.is_written = True
    there = mount(sea)
    there.names(os.path.dirname(name))
    file = os.open(there.at(name), os.O_WRONLY | os.O_CREAT)
    os.write(file, data)
    with pytest.raises(OSError) as raised:
        os.close(file)
    assert raised.value.errno == errno.EINVAL
    with open(there.at('temporary'), 'wb') as temporary:
        temporary.write(data)
    with pytest.raises(OSError) as raised:
        os.rename(there.at('temporary'), there.at(os.path.dirname(name), 'other' + name[-4:]))
    assert raised.value.errno == errno.EINVAL
    assert 'take' in os.getxattr(there.at(name), 'user.ewsfs.error').decode()
    assert there.cat(name) == data
    os.unlink(there.at(name))
    os.unlink(there.at('temporary'))
    assert sea.count('CreateItem') == sea.people[0].wrote['CreateItem']


def test_a_contact_may_be_moved_and_renamed(sea, mount):
    sea.is_written = True
    there = mount(sea)
    path = there.find('.vcf', 'Contacts')
    before = there.cat(path)
    there.names('Deleted Items')
    os.rename(there.at(path), there.at('Contacts', 'Ada.vcf'))
    os.rename(there.at('Contacts', 'Ada.vcf'), there.at('Deleted Items', 'Ada.vcf'))
    run(program('ewsfsctl'), 'flush', there.path, seconds=60)
    assert there.cat('Deleted Items/Ada.vcf') == before


# The programs


def session(home, *words):
    """One call of a program that has its own home."""
    env = dict(os.environ, HOME=str(home), XDG_CONFIG_HOME=str(home), XDG_DATA_HOME=str(home),
               XDG_CACHE_HOME=str(home), LC_ALL='C.UTF-8', TZ='UTC')
    done = subprocess.run(words, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=60, check=False)
    assert done.returncode == 0, done.stdout.decode()
    return done.stdout.decode()


@pytest.mark.skipif(not shutil.which('khal'), reason='khal is not installed')
def test_khal(sea, mount, tmp_path):
    there = mount(sea)
    (tmp_path / 'khal').mkdir()
    (tmp_path / 'khal' / 'config').write_text(
        '[calendars]\n[[exchange]]\npath = %s\nreadonly = True\n'
        '[locale]\nlocal_timezone = UTC\ndefault_timezone = UTC\ntimeformat = %%H:%%M\n'
        'dateformat = %%Y-%%m-%%d\nlongdateformat = %%Y-%%m-%%d\n'
        'datetimeformat = %%Y-%%m-%%d %%H:%%M\nlongdatetimeformat = %%Y-%%m-%%d %%H:%%M\n'
        % there.at('Calendar'))
    said = session(tmp_path, 'khal', 'list', '--format', '{start} {title} @{location}',
                   '--day-format', '', '2026-12-01', '2026-12-31').split('\n')
    lines = [line.strip() for line in said if line.strip()]
    assert '2026-12-01 10:00 Regatta of Köln @' in lines
    assert '2026-12-02 11:00 Lunch, and more; tea @Größenwahn' in lines
    assert [line for line in lines if 'Stand-up' in line] == [
        '2026-12-%s 08:00 Stand-up @' % day for day in ('07', '14', '21')]
    assert len([line for line in lines if 'Holiday' in line]) == 2


@pytest.mark.skipif(not shutil.which('khard'), reason='khard is not installed')
def test_khard(sea, mount, tmp_path):
    there = mount(sea)
    (tmp_path / 'khard').mkdir()
    (tmp_path / 'khard' / 'khard.conf').write_text(
        '[addressbooks]\n[[exchange]]\npath = %s\n[general]\ndefault_action = list\n'
        % there.at('Contacts'))
    assert 'ada@example.com' in session(tmp_path, 'khard', 'email', '--parsable', 'ada')
    shown = session(tmp_path, 'khard', 'show', 'lovelace')
    assert 'Ada Lovelace' in shown and '1 High St' in shown and '+44 1' in shown


@pytest.mark.skipif(not shutil.which('vdirsyncer'), reason='vdirsyncer is not installed')
def test_vdirsyncer(sea, mount, tmp_path):
    there = mount(sea)
    (tmp_path / 'vdirsyncer').mkdir()
    (tmp_path / 'vdirsyncer' / 'config').write_text(
        '[general]\nstatus_path = "%s/status"\n'
        '[pair c]\na = "exchange"\nb = "local"\ncollections = null\n'
        '[storage exchange]\ntype = "filesystem"\npath = "%s"\nfileext = ".ics"\n'
        'read_only = true\n'
        '[storage local]\ntype = "filesystem"\npath = "%s/local"\nfileext = ".ics"\n'
        % (tmp_path, there.at('Calendar'), tmp_path))
    (tmp_path / 'local').mkdir()
    session(tmp_path, 'vdirsyncer', 'discover')
    session(tmp_path, 'vdirsyncer', 'sync')
    copies = {p.read_bytes() for p in (tmp_path / 'local').iterdir()}
    assert copies == {there.cat(p) for p in there.paths('Calendar')}
    again = session(tmp_path, 'vdirsyncer', 'sync')
    assert 'Copying' not in again and 'Deleting' not in again
