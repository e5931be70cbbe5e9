# SPDX-License-Identifier: GPL-3.0-or-later
"""Talking to an EWS server from tests, with nothing but the standard library.

`Ewsd` runs a server in a temporary directory; `Ews` is a client that does what somebody else
would do to the mailbox while a test looks on. Its requests are valid against the schema.

    with Ewsd('--fill', 'Inbox=100') as server:
        ews = server.client()
        inbox = ews.get_folder('inbox')
        item = ews.create_item(inbox.id, b'Subject: hello\\r\\n\\r\\nworld\\r\\n', read=False)
        server.fault('http=503,op=GetItem,count=1')
"""

import base64
import http.client
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.parse
import xml.etree.ElementTree as ElementTree
from xml.sax.saxutils import escape, quoteattr

NS = {
    's': 'http://schemas.xmlsoap.org/soap/envelope/',
    'm': 'http://schemas.microsoft.com/exchange/services/2006/messages',
    't': 'http://schemas.microsoft.com/exchange/services/2006/types',
    'e': 'http://schemas.microsoft.com/exchange/services/2006/errors',
}
ENVELOPE = (
    '<?xml version="1.0" encoding="utf-8"?>'
    '<s:Envelope xmlns:s="%(s)s" xmlns:m="%(m)s" xmlns:t="%(t)s"><s:Header>'
    '<t:RequestServerVersion Version="Exchange2013_SP1"/></s:Header><s:Body>' % NS)
ENVELOPE_END = '</s:Body></s:Envelope>'

# Which FieldURI and which element of t:Message a keyword of ours means.
FIELDS = {
    'subject': ('item:Subject', 'Subject'),
    'read': ('message:IsRead', 'IsRead'),
    'importance': ('item:Importance', 'Importance'),
    'categories': ('item:Categories', 'Categories'),
    'flag': ('item:Flag', 'Flag'),
    'item_class': ('item:ItemClass', 'ItemClass'),
    'mime': ('item:MimeContent', 'MimeContent'),
}
# t:ItemType and t:MessageType want their members in this order.
ORDER = ['mime', 'item_class', 'subject', 'categories', 'importance', 'ext', 'flag', 'read']


class EwsError(Exception):
    """A response code that is no success, or a SOAP fault, or an HTTP status."""

    def __init__(self, code, text='', status=200):
        super().__init__('%s (HTTP %d): %s' % (code, status, text))
        self.code = code
        self.status = status


class Folder:
    def __init__(self, node):
        self.id = node.find('t:FolderId', NS).get('Id')
        self.change_key = node.find('t:FolderId', NS).get('ChangeKey')
        self.element = node.tag.rpartition('}')[2]
        self.name = node.findtext('t:DisplayName', None, NS)
        self.folder_class = node.findtext('t:FolderClass', None, NS)
        self.total = int(node.findtext('t:TotalCount', '-1', NS))
        self.unread = int(node.findtext('t:UnreadCount', '-1', NS))
        self.children = int(node.findtext('t:ChildFolderCount', '-1', NS))
        parent = node.find('t:ParentFolderId', NS)
        self.parent = parent.get('Id') if parent is not None else None
        self.ext = ext_values(node)
        self.node = node


class Item:
    def __init__(self, node):
        self.id = node.find('t:ItemId', NS).get('Id')
        self.change_key = node.find('t:ItemId', NS).get('ChangeKey')
        self.element = node.tag.rpartition('}')[2]
        self.subject = node.findtext('t:Subject', None, NS)
        self.received = node.findtext('t:DateTimeReceived', None, NS)
        read = node.findtext('t:IsRead', None, NS)
        self.read = None if read is None else read == 'true'
        size = node.findtext('t:Size', None, NS)
        self.size = None if size is None else int(size)
        mime = node.findtext('t:MimeContent', None, NS)
        self.mime = None if mime is None else base64.b64decode(mime)
        self.ext = ext_values(node)
        self.node = node


class Change:
    def __init__(self, kind, item, item_id, read=None):
        self.kind = kind
        self.item = item
        self.id = item_id
        self.read = read


def ext_values(node):
    """Extended properties: by number of their tag, or by name."""
    values = {}
    for prop in node.findall('t:ExtendedProperty', NS):
        uri = prop.find('t:ExtendedFieldURI', NS)
        tag = uri.get('PropertyTag')
        key = int(tag, 0) if tag else uri.get('PropertyName') or int(uri.get('PropertyId'))
        many = prop.find('t:Values', NS)
        values[key] = (prop.findtext('t:Value', '', NS) if many is None
                       else [v.text or '' for v in many])
    return values


def ext_uri(key):
    """(tag, type) or (set id, name, type) as an ExtendedFieldURI."""
    if len(key) == 2:
        return '<t:ExtendedFieldURI PropertyTag="0x%04X" PropertyType="%s"/>' % key
    return ('<t:ExtendedFieldURI PropertySetId="%s" PropertyName=%s PropertyType="%s"/>'
            % (key[0], quoteattr(key[1]), key[2]))


def ext_property(key, value):
    return ('<t:ExtendedProperty>%s<t:Value>%s</t:Value></t:ExtendedProperty>'
            % (ext_uri(key), escape(str(value))))


def folder_ref(folder):
    """A Folder, an id, or the name of a distinguished folder, as `inbox`; of another mailbox's, as
    `ada@example.org/inbox`."""
    if isinstance(folder, Folder):
        folder = folder.id
    if '@' in folder:
        address, _, name = folder.partition('/')
        return ('<t:DistinguishedFolderId Id="%s"><t:Mailbox><t:EmailAddress>%s</t:EmailAddress>'
                '</t:Mailbox></t:DistinguishedFolderId>' % (name, escape(address)))
    if len(folder) > 40:
        return '<t:FolderId Id="%s"/>' % folder
    return '<t:DistinguishedFolderId Id="%s"/>' % folder


def item_ref(item):
    if isinstance(item, Item):
        item = item.id
    return '<t:ItemId Id="%s"/>' % item


def many(things):
    return list(things) if isinstance(things, (list, tuple)) else [things]


def properties(props):
    """Keywords (see FIELDS; `ext` is {key: value}) as members of t:Message, in order."""
    parts = []
    for name in ORDER:
        value = props.get(name)
        if value is None:
            continue
        if name == 'ext':
            parts += [ext_property(key, text) for key, text in value.items()]
        else:
            parts.append(one_property(name, value))
    unknown = set(props) - set(ORDER)
    if unknown:
        raise TypeError('unknown properties: %s' % ', '.join(sorted(unknown)))
    return ''.join(parts)


def one_property(name, value):
    element = FIELDS[name][1]
    if name == 'categories':
        inside = ''.join('<t:String>%s</t:String>' % escape(v) for v in value)
    elif name == 'flag':
        inside = '<t:FlagStatus>%s</t:FlagStatus>' % value
    elif name == 'read':
        inside = 'true' if value else 'false'
    elif name == 'mime':
        inside = base64.b64encode(value).decode()
    else:
        inside = escape(value)
    return '<t:%s>%s</t:%s>' % (element, inside, element)


def shape(base, fields=(), ext=(), mime=False, kind='Item'):
    more = ''.join('<t:FieldURI FieldURI="%s"/>' % f for f in fields)
    more += ''.join(ext_uri(key) for key in ext)
    return '<m:%sShape><t:BaseShape>%s</t:BaseShape>%s%s</m:%sShape>' % (
        kind, base, '<t:IncludeMimeContent>true</t:IncludeMimeContent>' if mime else '',
        '<t:AdditionalProperties>%s</t:AdditionalProperties>' % more if more else '', kind)


class Ews:
    """A client on one kept connection; not for several threads at once."""

    def __init__(self, url, user='user', password='secret', timeout=60):
        self.url = urllib.parse.urlsplit(url)
        self.auth = 'Basic ' + base64.b64encode(('%s:%s' % (user, password)).encode()).decode()
        self.timeout = timeout
        self.headers = {}  # of each request, beside those that all have
        self.connection = None

    # The wire

    def open(self):
        kind = (http.client.HTTPSConnection if self.url.scheme == 'https'
                else http.client.HTTPConnection)
        return kind(self.url.hostname, self.url.port, timeout=self.timeout)

    def post(self, body):
        """Posts a whole envelope; returns (HTTP status, headers, bytes)."""
        if self.connection is None:
            self.connection = self.open()
        try:
            self.connection.request('POST', self.url.path, body, {
                'Content-Type': 'text/xml; charset=utf-8', 'Authorization': self.auth,
                **self.headers})
            answer = self.connection.getresponse()
            return answer.status, answer.headers, answer.read()
        except (OSError, http.client.HTTPException):
            self.close()
            raise

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def stream(self, body):
        """Posts, and returns the open http.client response to read as it comes."""
        connection = self.open()
        connection.request('POST', self.url.path, ENVELOPE + body + ENVELOPE_END, {
            'Content-Type': 'text/xml; charset=utf-8', 'Authorization': self.auth})
        answer = connection.getresponse()
        answer.connection = connection
        return answer

    def call(self, body, check=True):
        """Posts an operation; returns its response messages."""
        status, _, data = self.post((ENVELOPE + body + ENVELOPE_END).encode())
        if status not in (200, 500):
            raise EwsError('HTTP', data[:200].decode('utf-8', 'replace'), status)
        root = ElementTree.fromstring(data)
        fault = root.find('s:Body/s:Fault', NS)
        if fault is not None:
            raise EwsError(fault.findtext('detail/e:ResponseCode', 'Fault', NS),
                           fault.findtext('faultstring', '', NS), status)
        messages = list(root.find('s:Body', NS)[0].find('m:ResponseMessages', NS))
        if check:
            for message in messages:
                self.check(message)
        return messages

    @staticmethod
    def code(message):
        return message.findtext('m:ResponseCode', '', NS)

    @classmethod
    def check(cls, message):
        if cls.code(message) != 'NoError':
            raise EwsError(cls.code(message), message.findtext('m:MessageText', '', NS))

    # Folders

    @staticmethod
    def folders_in(message):
        return [Folder(n) for n in message.find('.//m:Folders', NS) or []]

    FOLDER_FIELDS = ('folder:ParentFolderId', 'folder:FolderClass', 'folder:DisplayName',
                     'folder:TotalCount', 'folder:UnreadCount', 'folder:ChildFolderCount')

    def get_folder(self, folder, ext=(), fields=FOLDER_FIELDS):
        answer = self.call('<m:GetFolder>%s<m:FolderIds>%s</m:FolderIds></m:GetFolder>' % (
            shape('IdOnly', fields, ext, kind='Folder'), folder_ref(folder)))
        return self.folders_in(answer[0])[0]

    def find_folder(self, parent='msgfolderroot', deep=True, ext=(), offset=0, count=1000):
        """Folders below parent, all pages."""
        found = []
        while True:
            answer = self.call(
                '<m:FindFolder Traversal="%s">%s<m:IndexedPageFolderView'
                ' MaxEntriesReturned="%d" Offset="%d" BasePoint="Beginning"/>'
                '<m:ParentFolderIds>%s</m:ParentFolderIds></m:FindFolder>' % (
                    'Deep' if deep else 'Shallow',
                    shape('IdOnly', self.FOLDER_FIELDS, ext, kind='Folder'), count, offset,
                    folder_ref(parent)))
            root = answer[0].find('m:RootFolder', NS)
            found += [Folder(n) for n in root.find('t:Folders', NS)]
            if root.get('IncludesLastItemInRange') == 'true':
                return found
            offset = int(root.get('IndexedPagingOffset'))

    def find_path(self, path, top='msgfolderroot'):
        """The folder at NAME/NAME below the visible root."""
        at = top
        folder = None
        for name in path.split('/'):
            folder = next(f for f in self.find_folder(at, deep=False) if f.name == name)
            at = folder.id
        return folder

    def create_folder(self, parent, name, folder_class='IPF.Note', element='Folder'):
        answer = self.call(
            '<m:CreateFolder><m:ParentFolderId>%s</m:ParentFolderId><m:Folders><t:%s>%s'
            '<t:DisplayName>%s</t:DisplayName></t:%s></m:Folders></m:CreateFolder>' % (
                folder_ref(parent), element,
                '<t:FolderClass>%s</t:FolderClass>' % folder_class if folder_class else '',
                escape(name), element))
        return self.folders_in(answer[0])[0].id

    def update_folder(self, folder, name):
        self.call(
            '<m:UpdateFolder><m:FolderChanges><t:FolderChange>%s<t:Updates><t:SetFolderField>'
            '<t:FieldURI FieldURI="folder:DisplayName"/><t:Folder><t:DisplayName>%s'
            '</t:DisplayName></t:Folder></t:SetFolderField></t:Updates></t:FolderChange>'
            '</m:FolderChanges></m:UpdateFolder>' % (folder_ref(folder), escape(name)))

    def move_folder(self, folder, to):
        self.call('<m:MoveFolder><m:ToFolderId>%s</m:ToFolderId><m:FolderIds>%s</m:FolderIds>'
                  '</m:MoveFolder>' % (folder_ref(to), folder_ref(folder)))

    def delete_folder(self, folder, how='HardDelete'):
        self.call('<m:DeleteFolder DeleteType="%s"><m:FolderIds>%s</m:FolderIds>'
                  '</m:DeleteFolder>' % (how, folder_ref(folder)))

    def sync_hierarchy(self, state=None):
        """One call; returns (state, [Change])."""
        answer = self.call(
            '<m:SyncFolderHierarchy>%s<m:SyncFolderId>%s</m:SyncFolderId>%s'
            '</m:SyncFolderHierarchy>' % (
                shape('IdOnly', self.FOLDER_FIELDS, kind='Folder'),
                folder_ref('msgfolderroot'),
                '<m:SyncState>%s</m:SyncState>' % state if state else ''))[0]
        changes = []
        for node in answer.find('m:Changes', NS):
            kind = node.tag.rpartition('}')[2]
            folder = None if kind == 'Delete' else Folder(node[0])
            changes.append(Change(kind, folder, folder.id if folder else node[0].get('Id')))
        return answer.findtext('m:SyncState', None, NS), changes

    # Items

    @staticmethod
    def items_in(message):
        return [Item(n) for n in message.find('m:Items', NS) or []]

    def create_item(self, folder, mime, received=None, sent=None, read=True, draft=False,
                    check=True, **props):
        """Saves one message, or a list of them; returns Item or list."""
        one = not isinstance(mime, (list, tuple))
        messages = []
        for data in many(mime):
            ext = {(0x0E07, 'Integer'): int(read) + 8 * int(draft)}
            if received:
                ext[(0x0E06, 'SystemTime')] = received
            if sent:
                ext[(0x0039, 'SystemTime')] = sent
            ext.update(props.get('ext') or {})
            messages.append('<t:Message>%s</t:Message>' % properties(
                dict(props, mime=data, read=read, ext=ext)))
        answer = self.call(
            '<m:CreateItem MessageDisposition="SaveOnly"><m:SavedItemFolderId>%s'
            '</m:SavedItemFolderId><m:Items>%s</m:Items></m:CreateItem>' % (
                folder_ref(folder), ''.join(messages)), check)
        if not check:
            return answer
        items = [self.items_in(a)[0] for a in answer]
        return items[0] if one else items

    def create_other(self, folder, element, subject):
        """Something without MIME: a Contact, a Task, a CalendarItem."""
        answer = self.call(
            '<m:CreateItem MessageDisposition="SaveOnly" SendMeetingInvitations="SendToNone">'
            '<m:SavedItemFolderId>%s</m:SavedItemFolderId><m:Items><t:%s><t:Subject>%s'
            '</t:Subject></t:%s></m:Items></m:CreateItem>' % (
                folder_ref(folder), element, escape(subject), element))
        return self.items_in(answer[0])[0]

    def create_own(self, folder, element, inside):
        """A CalendarItem, Contact or Task with the properties of its own, as XML."""
        answer = self.call(
            '<m:CreateItem MessageDisposition="SaveOnly" SendMeetingInvitations="SendToNone">'
            '<m:SavedItemFolderId>%s</m:SavedItemFolderId><m:Items><t:%s>%s</t:%s></m:Items>'
            '</m:CreateItem>' % (folder_ref(folder), element, inside, element))
        return self.items_in(answer[0])[0]

    def get_item(self, items, mime=True, base='AllProperties', fields=(), ext=(), check=True):
        """One Item, a list of them, or with check=False the response messages."""
        answer = self.call('<m:GetItem>%s<m:ItemIds>%s</m:ItemIds></m:GetItem>' % (
            shape(base, fields, ext, mime), ''.join(item_ref(i) for i in many(items))), check)
        if not check:
            return answer
        found = [self.items_in(a)[0] for a in answer]
        return found if isinstance(items, (list, tuple)) else found[0]

    def get_mime(self, item):
        return self.get_item(item, base='IdOnly').mime

    def update_item(self, items, conflict='AlwaysOverwrite', suppress=True, check=True, **props):
        """Sets properties; the ChangeKey goes along when `items` are Items."""
        changes = []
        for item in many(items):
            key = ' ChangeKey="%s"' % item.change_key if isinstance(item, Item) else ''
            updates = ''
            for name in ORDER:
                if props.get(name) is None:
                    continue
                if name == 'ext':
                    updates += ''.join(
                        '<t:SetItemField>%s<t:Message>%s</t:Message></t:SetItemField>' % (
                            ext_uri(k), ext_property(k, v)) for k, v in props['ext'].items())
                else:
                    updates += ('<t:SetItemField><t:FieldURI FieldURI="%s"/><t:Message>%s'
                                '</t:Message></t:SetItemField>' % (
                                    FIELDS[name][0], one_property(name, props[name])))
            changes.append('<t:ItemChange><t:ItemId Id="%s"%s/><t:Updates>%s</t:Updates>'
                           '</t:ItemChange>' % (getattr(item, 'id', item), key, updates))
        answer = self.call(
            '<m:UpdateItem ConflictResolution="%s" MessageDisposition="SaveOnly"'
            ' SuppressReadReceipts="%s"><m:ItemChanges>%s</m:ItemChanges></m:UpdateItem>' % (
                conflict, 'true' if suppress else 'false', ''.join(changes)), check)
        return answer if not check else self.items_in(answer[0])[0]

    def delete_item(self, items, how='HardDelete', check=True):
        return self.call(
            '<m:DeleteItem DeleteType="%s" SendMeetingCancellations="SendToNone"'
            ' AffectedTaskOccurrences="AllOccurrences" SuppressReadReceipts="true">'
            '<m:ItemIds>%s</m:ItemIds></m:DeleteItem>' % (
                how, ''.join(item_ref(i) for i in many(items))), check)

    def _place(self, operation, items, to):
        answer = self.call(
            '<m:%s><m:ToFolderId>%s</m:ToFolderId><m:ItemIds>%s</m:ItemIds></m:%s>' % (
                operation, folder_ref(to), ''.join(item_ref(i) for i in many(items)),
                operation))
        found = [self.items_in(a)[0] for a in answer]
        return found if isinstance(items, (list, tuple)) else found[0]

    def move_item(self, items, to):
        return self._place('MoveItem', items, to)

    def copy_item(self, items, to):
        return self._place('CopyItem', items, to)

    def send_item(self, item):
        self.call('<m:SendItem SaveItemToFolder="true"><m:ItemIds>%s</m:ItemIds></m:SendItem>'
                  % item_ref(item))

    def find_item(self, folder, restriction='', fields=('item:Subject',), ext=(), offset=0,
                  count=1000, traversal='Shallow', all_pages=True, query=None):
        """Items of a folder; `restriction` is the inside of m:Restriction, `query` AQS."""
        found = []
        while True:
            answer = self.call(
                '<m:FindItem Traversal="%s">%s<m:IndexedPageItemView MaxEntriesReturned="%d"'
                ' Offset="%d" BasePoint="Beginning"/>%s<m:ParentFolderIds>%s'
                '</m:ParentFolderIds>%s</m:FindItem>' % (
                    traversal, shape('IdOnly', fields, ext), count, offset,
                    '<m:Restriction>%s</m:Restriction>' % restriction if restriction else '',
                    folder_ref(folder),
                    '<m:QueryString>%s</m:QueryString>' % escape(query) if query else ''))
            root = answer[0].find('m:RootFolder', NS)
            found += [Item(n) for n in root.find('t:Items', NS)]
            if not all_pages or root.get('IncludesLastItemInRange') == 'true':
                return found
            offset = int(root.get('IndexedPagingOffset'))

    def sync_page(self, folder, state=None, count=512, base='IdOnly', fields=(), ext=()):
        """One page; returns (state, [Change], whether it was the last)."""
        answer = self.call(
            '<m:SyncFolderItems>%s<m:SyncFolderId>%s</m:SyncFolderId>%s'
            '<m:MaxChangesReturned>%d</m:MaxChangesReturned></m:SyncFolderItems>' % (
                shape(base, fields, ext), folder_ref(folder),
                '<m:SyncState>%s</m:SyncState>' % state if state else '', count))[0]
        changes = []
        for node in answer.find('m:Changes', NS):
            kind = node.tag.rpartition('}')[2]
            if kind in ('Delete', 'ReadFlagChange'):
                read = node.findtext('t:IsRead', None, NS)
                changes.append(Change(kind, None, node[0].get('Id'), read == 'true'))
            else:
                item = Item(node[0])
                changes.append(Change(kind, item, item.id))
        return (answer.findtext('m:SyncState', None, NS), changes,
                answer.findtext('m:IncludesLastItemInRange', '', NS) == 'true')

    def sync(self, folder, state=None, **shape_args):
        """All pages; returns (state, [Change])."""
        changes = []
        while True:
            state, page, is_last = self.sync_page(folder, state, **shape_args)
            changes += page
            if is_last:
                return state, changes

    # Events

    EVENTS = ('CopiedEvent', 'CreatedEvent', 'DeletedEvent', 'ModifiedEvent', 'MovedEvent',
              'NewMailEvent')

    def subscribe(self, streaming=True, events=EVENTS, timeout=10):
        """To all folders; returns (id, watermark or None)."""
        types = '<t:EventTypes>%s</t:EventTypes>' % ''.join(
            '<t:EventType>%s</t:EventType>' % e for e in events)
        body = ('<m:StreamingSubscriptionRequest SubscribeToAllFolders="true">%s'
                '</m:StreamingSubscriptionRequest>' % types if streaming else
                '<m:PullSubscriptionRequest SubscribeToAllFolders="true">%s<t:Timeout>%d'
                '</t:Timeout></m:PullSubscriptionRequest>' % (types, timeout))
        answer = self.call('<m:Subscribe>%s</m:Subscribe>' % body)[0]
        return (answer.findtext('m:SubscriptionId', None, NS),
                answer.findtext('m:Watermark', None, NS))

    def get_events(self, subscription, watermark):
        """Returns (names of events, watermark)."""
        answer = self.call(
            '<m:GetEvents><m:SubscriptionId>%s</m:SubscriptionId><m:Watermark>%s</m:Watermark>'
            '</m:GetEvents>' % (subscription, watermark))[0]
        events = [n for n in answer.find('m:Notification', NS)
                  if n.tag.endswith('Event')]
        return ([n.tag.rpartition('}')[2] for n in events],
                events[-1].findtext('t:Watermark', None, NS))

    def get_streaming_events(self, subscription, minutes=1):
        return self.stream(
            '<m:GetStreamingEvents><m:SubscriptionIds><t:SubscriptionId>%s</t:SubscriptionId>'
            '</m:SubscriptionIds><m:ConnectionTimeout>%d</m:ConnectionTimeout>'
            '</m:GetStreamingEvents>' % (subscription, minutes))

    def unsubscribe(self, subscription):
        self.call('<m:Unsubscribe><m:SubscriptionId>%s</m:SubscriptionId></m:Unsubscribe>'
                  % subscription)


def find_schema():
    """The directory of the EWS schema, or None."""
    here = os.path.dirname(os.path.abspath(__file__))
    shared = os.environ.get('EWSFS_SHARED') or os.path.join(here, '..', '..', '..', 'shared')
    path = os.path.join(shared, 'ews', 'schema')
    return path if os.path.exists(os.path.join(path, 'soap-envelope.xsd')) else None


def find_ewsd():
    """The program: $EWSD, or on the path."""
    return os.environ.get('EWSD') or shutil.which('ewsd')


def without_leaks():
    """The environment for ewsd: its libraries keep a socket or two to the end."""
    options = os.environ.get('ASAN_OPTIONS', '') + ':detect_leaks=0'
    return {**os.environ, 'ASAN_OPTIONS': options}


class Ewsd:
    """A running server. Everything that it writes is in a directory that goes with it."""

    def __init__(self, *args, user='user', password='secret', schema=True, program=None,
                 state=False, start=True, timeout=60):
        self.dir = tempfile.mkdtemp(prefix='ewsd-')
        self.user = user
        self.password = password
        self.program = program or find_ewsd()
        if not self.program:
            raise FileNotFoundError('ewsd: set EWSD to the program')
        self.log_path = os.path.join(self.dir, 'log')
        self.state_path = os.path.join(self.dir, 'state')
        self.port = 0
        self.process = None
        self.timeout = timeout
        self.args = list(args)
        if state:
            self.args += ['--state', self.state_path]
        if schema and find_schema() and '--schema' not in args:
            self.args += ['--schema', find_schema()]
        if start:
            self.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()

    def start(self):
        """Starts, or starts again on the same port."""
        port_file = os.path.join(self.dir, 'port')
        if os.path.exists(port_file):
            os.unlink(port_file)
        self.process = subprocess.Popen(
            [self.program, '--port', str(self.port), '--port-file', port_file,
             '--user', '%s:%s' % (self.user, self.password), '--log', self.log_path]
            + self.args, env=without_leaks())
        end = time.monotonic() + self.timeout
        while not os.path.exists(port_file):
            if self.process.poll() is not None:
                raise RuntimeError('ewsd ended with %d' % self.process.returncode)
            if time.monotonic() > end:
                self.kill()
                raise TimeoutError('ewsd does not listen')
            time.sleep(0.01)
        with open(port_file, encoding='ascii') as file:
            self.port = int(file.read())

    @property
    def url(self):
        scheme = 'https' if '--tls-cert' in self.args else 'http'
        return '%s://127.0.0.1:%d/EWS/Exchange.asmx' % (scheme, self.port)

    def client(self, **args):
        return Ews(self.url, **dict({'user': self.user, 'password': self.password}, **args))

    def stop(self):
        """Ends it as a person would; returns the exit status."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        self.process = None
        return status

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def remove(self):
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)

    # While it runs

    def admin(self, method, what, body=''):
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=30)
        if '--tls-cert' in self.args:
            import ssl
            connection = http.client.HTTPSConnection(
                '127.0.0.1', self.port, timeout=30,
                context=ssl._create_unverified_context())  # pylint: disable=protected-access
        try:
            connection.request(method, '/ewsd/' + what, body)
            answer = connection.getresponse()
            data = answer.read().decode()
        finally:
            connection.close()
        if answer.status != 200:
            raise ValueError('%s: %s' % (what, data))
        return data

    def fault(self, spec):
        self.admin('POST', 'fault', spec)

    def clear(self):
        self.admin('DELETE', 'fault')

    def latency(self, ms):
        self.admin('POST', 'latency', str(ms))

    def mark(self, text):
        self.admin('POST', 'mark', text)

    def stats(self):
        return json.loads(self.admin('GET', 'stats'))

    def log(self, since=None):
        """The log's lines as dicts; with `since`, those after that mark."""
        lines = []
        if os.path.exists(self.log_path):
            with open(self.log_path, encoding='utf-8') as file:
                lines = [json.loads(line) for line in file if line.endswith('\n')]
        if since is not None:
            marks = [i for i, line in enumerate(lines) if line.get('mark') == since]
            lines = lines[marks[-1] + 1:] if marks else []
        return [line for line in lines if 'op' in line]

    def ops(self, since=None):
        """How often each operation was asked for."""
        count = {}
        for line in self.log(since):
            count[line['op']] = count.get(line['op'], 0) + 1
        return count

    def schema_errors(self):
        return [line['schema_error'] for line in self.log() if 'schema_error' in line]
