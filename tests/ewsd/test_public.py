# SPDX-License-Identifier: GPL-3.0-or-later
"""Public folders: what is not for them, and in which mailbox they are."""

import base64
import http.client
import xml.etree.ElementTree as ElementTree

import pytest

from ewsclient import NS, Ewsd, find_ewsd, folder_ref, item_ref
from test_ewsd import code_of, mail

pytestmark = pytest.mark.skipif(not find_ewsd(), reason='no ewsd: set EWSD')


def test_public_folders():
    with Ewsd('--public', '--fill', 'public:Team/Plans=4', '--fill', 'public:Team=2') as server:
        ews = server.client()
        team = ews.find_path('Team', 'publicfoldersroot')
        plans = ews.find_path('Team/Plans', 'publicfoldersroot')
        assert (team.total, plans.total) == (2, 4)
        # Deep, sync, subscriptions and Deleted Items are not for them.
        assert code_of(ews.find_folder, 'publicfoldersroot') == 'ErrorInvalidOperation'
        assert code_of(ews.sync, plans) == 'ErrorInvalidOperation'
        subscribe = ('<m:Subscribe><m:StreamingSubscriptionRequest><t:FolderIds>%s</t:FolderIds>'
                     '<t:EventTypes><t:EventType>CreatedEvent</t:EventType></t:EventTypes>'
                     '</m:StreamingSubscriptionRequest></m:Subscribe>' % folder_ref(plans))
        assert code_of(ews.call, subscribe) == 'ErrorInvalidOperation'
        item = ews.find_item(plans)[0]
        assert code_of(ews.delete_item, item, 'MoveToDeletedItems') == 'ErrorInvalidOperation'
        assert code_of(ews.delete_folder, plans, 'MoveToDeletedItems') == 'ErrorInvalidOperation'
        ews.move_item(item, team)
        assert len(ews.find_item(plans)) == 3 and len(ews.find_item(team)) == 3
        ews.delete_item(ews.find_item(plans)[0])
        assert ews.get_folder(plans).total == 2
        # What is said of the parent of those on top is not the folder that they were found in.
        node = ews.find_folder('publicfoldersroot', deep=False)[0].node
        root = ews.get_folder('publicfoldersroot')
        assert node.find('t:ParentFolderId', NS).get('Id') != root.id
        # They are nobody's mailbox.
        assert ews.get_folder('inbox').total == 0
        assert 'Team' not in [folder.name for folder in ews.find_folder()]
    with Ewsd() as server:
        assert code_of(server.client().get_folder, 'publicfoldersroot') == 'ErrorFolderNotFound'


def pox(server, address):
    """What autodiscover says of an address: the one that it goes by; None: nothing."""
    body = ('<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/'
            'requestschema/2006"><Request><EMailAddress>%s</EMailAddress></Request>'
            '</Autodiscover>' % address)
    connection = http.client.HTTPConnection('127.0.0.1', server.port, timeout=30)
    connection.request('POST', '/autodiscover/autodiscover.xml', body, {
        'Content-Type': 'text/xml', 'Authorization': server.client().auth})
    answer = connection.getresponse()
    assert answer.status == 200
    root = ElementTree.fromstring(answer.read())
    connection.close()
    for node in root.iter():
        if node.tag.endswith('}AutoDiscoverSMTPAddress'):
            return node.text
    return None


def test_contents_of_public_folders():
    with Ewsd('--public', '--fill', 'public:Team/Plans=4', '--fill', 'public:News=2',
              '--fill', 'public:Lost=1', '--content', 'public:Team/Plans=two',
              '--content', 'public:Lost=three,unlisted') as server:
        ews = server.client()
        folders = {name: ews.find_path(name, 'publicfoldersroot')
                   for name in ('Team', 'Team/Plans', 'News', 'Lost')}
        below = ews.create_folder(folders['Team/Plans'], 'Below')
        guids = {}
        for name, folder in list(folders.items()) + [('Below', below)]:
            told = ews.get_folder(folder, ext=((0x6698, 'Binary'),)).ext[0x6698]
            guids[name] = base64.b64decode(told).decode().rstrip('\0')
        assert guids['Below'] == guids['Team/Plans'] != guids['Lost'] != guids['News']
        assert guids['News'] == guids['Team']
        assert pox(server, guids['News'] + '@example.org') == 'publicfolders@example.org'
        assert pox(server, guids['Below'] + '@example.org') == 'two@example.org'
        assert pox(server, guids['Lost'] + '@example.org') is None
        # Whoever says nothing is led.
        items = {name: ews.find_item(folder)[0] for name, folder in folders.items()
                 if name != 'Team'}
        # In another mailbox the folder has nothing.
        def lead(name):
            ews.headers = {'X-AnchorMailbox': name + '@example.org',
                           'X-PublicFolderMailbox': name + '@example.org'}
        lead('two')
        assert len(ews.find_item(folders['Team/Plans'])) == 4
        assert ews.get_folder(folders['Team/Plans']).total == 4
        assert ews.get_mime(items['Team/Plans'].id)
        assert ews.find_item(folders['News']) == [] and ews.get_folder(folders['News']).total == 0
        for work in (ews.get_mime, ews.delete_item):
            assert code_of(work, items['News'].id) == 'ErrorItemNotFound'
        assert code_of(ews.create_item, folders['News'], mail('x')) == 'ErrorFolderNotFound'
        lead('publicfolders')
        assert code_of(ews.get_mime, items['Team/Plans'].id) == 'ErrorItemNotFound'
        assert code_of(ews.move_item, items['Lost'].id, folders['News']) == 'ErrorItemNotFound'
        ews.headers['X-AnchorMailbox'] = 'two@example.org'
        assert code_of(ews.get_mime, items['News'].id) == 'ErrorItemNotFound'
        # What goes from one to the other has an id that is not told.
        lead('two')
        place = ('<m:MoveItem><m:ToFolderId>%s</m:ToFolderId><m:ItemIds>%s</m:ItemIds>'
                 '</m:MoveItem>')
        moved = ews.call(place % (folder_ref(folders['News']), item_ref(items['Team/Plans'])))[0]
        assert moved.find('m:Items', NS) is not None and moved.find('.//t:ItemId', NS) is None
        ews.headers = {}
        assert len(ews.find_item(folders['News'])) == 3
