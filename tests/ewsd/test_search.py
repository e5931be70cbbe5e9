# SPDX-License-Identifier: GPL-3.0-or-later
"""What the test server finds, by AQS and by what real servers take instead."""
import base64

import pytest

from ewsclient import Ewsd, EwsError, find_ewsd

pytestmark = pytest.mark.skipif(not find_ewsd(), reason='no ewsd: set EWSD')

QUERIES = {
    'apple': ['Apple pie', 'apple juice'],
    'app*': ['Apple pie', 'apple juice'],
    'app': [],
    '"apple pie"': ['Apple pie'],
    'subject:"pie"': ['Apple pie'],
    'body:apple': [],
    'body:"pear text"': ['pear'],
    'from:sender': ['Apple pie', 'apple juice', 'pear'],
    '(apple AND (NOT juice))': ['Apple pie'],
    '(pie OR pear)': ['Apple pie', 'pear'],
    'isread:false': ['Apple pie'],
    'hasattachment:true': [],
    '(received:>=2026-02-01 AND received:<2026-03-01)': ['apple juice'],
}


def fill_to_find(ews):
    for subject, month, read in (('Apple pie', 1, False), ('apple juice', 2, True),
                                 ('pear', 3, True)):
        body = base64.b64encode(b'pear text' if subject == 'pear' else b'.')
        mime = ('From: The Sender <s@example.org>\r\nSubject: %s\r\nMIME-Version: 1.0\r\n'
                'Content-Type: text/plain; charset=utf-8\r\n'
                'Content-Transfer-Encoding: base64\r\n\r\n%s\r\n' % (subject, body.decode()))
        ews.create_item('inbox', mime.encode(), received='2026-%02d-02T03:04:05Z' % month,
                        read=read)


def test_query_strings():
    with Ewsd() as server:
        ews = server.client()
        fill_to_find(ews)
        for query, expected in QUERIES.items():
            found = sorted(i.subject for i in ews.find_item('inbox', query=query))
            assert found == expected, query
        for wrong in ('(apple', 'apple)', 'received:soon', 'isread:maybe', 'subject:""',
                      'apple OR'):
            with pytest.raises(EwsError, match='ErrorInvalidOperation'):
                ews.find_item('inbox', query=wrong)


def test_as_real_servers_search():
    with Ewsd('--like', 'real') as server:
        ews = server.client()
        fill_to_find(ews)
        assert len(ews.find_item('inbox', query='nothing-has-this')) == 3
        body = ('<t:Contains ContainmentMode="Substring" ContainmentComparison="IgnoreCase">%s'
                '<t:Constant Value="EAR T"/></t:Contains>')
        by_tag = '<t:ExtendedFieldURI PropertyTag="0x1000" PropertyType="String"/>'
        assert [i.subject for i in ews.find_item('inbox', body % by_tag)] == ['pear']
        date = ('<t:%s><t:FieldURI FieldURI="item:DateTimeReceived"/><t:FieldURIOrConstant>'
                '<t:Constant Value="2026-03-01T00:00:00Z"/></t:FieldURIOrConstant></t:%s>')
        assert len(ews.find_item('inbox', date % (('IsLessThan',) * 2))) == 2
        for wrong in (date % (('IsLessThanOrEqualTo',) * 2),
                      body % '<t:FieldURI FieldURI="item:Body"/>',
                      body % '<t:FieldURI FieldURI="message:ToRecipients"/>'):
            with pytest.raises(EwsError):
                ews.find_item('inbox', wrong)
