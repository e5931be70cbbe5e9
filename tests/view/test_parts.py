# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of real mail: what view/ finds in a message against what Python's email package finds.

Of every message in $EWSFS_SHARED/mail, Python says which parts there are and what their bytes are,
out of the transfer encoding. Each must be among ours, with exactly those bytes; at least 98 in 100
messages must agree in all, and what does not is listed here with its reason.
"""
import email
import email.policy
import os
import re
import subprocess
import unicodedata

import pytest

from test_text import (FOLDED, GARBAGE, MAIL, UNDECODED, bytes_of, judge, messages,
                       text_of)

PARTS = os.environ['VIEW_PARTS']
MESSAGE, ATTACHMENTS, RAW, HEADERS, TEXT, HTML, ATTACHMENT = range(7)
DIRS = (MESSAGE, ATTACHMENTS)

TWO_TYPES = 'a part that says twice what it is: Python believes the first, GMime the last'
REASONS = {
    'bounces/bsd/lhost-office365-08.eml': FOLDED,
    'bounces/bsd/lhost-office365-09.eml': FOLDED,
    'bounces/bsd/lhost-office365-10.eml': FOLDED,
    'bounces/bsd/lhost-office365-11.eml': FOLDED,
    'bounces/bsd/lhost-office365-12.eml': FOLDED,
    'bounces/bsd/lhost-postfix-57.eml': FOLDED,
    'bounces/bsd/rhost-google-06.eml': UNDECODED,
    'mime/malformed/019.eml': GARBAGE,
    'mime/malformed/020.eml': TWO_TYPES,
    'mime/malformed/021.eml': TWO_TYPES,
    'mime/rfc/000.eml': GARBAGE,
    'mime/rfc/008.eml': UNDECODED,
    'mime/thirdparty/002.eml': GARBAGE,
    'mime/thirdparty/003.eml': UNDECODED,
    'mime/thirdparty/009.eml': UNDECODED,
    'mime/thirdparty/015.eml': FOLDED,
}


class Part:
    """One of ours: its kind, the number of its directory, its name and its bytes."""

    def __init__(self, kind, parent, name, data):
        self.kind, self.parent, self.name, self.data = kind, parent, name, data


def parts_of(paths):
    """The parts of each of @paths."""
    found = []
    for start in range(0, len(paths), 100):
        run = subprocess.run([PARTS, *map(str, paths[start:start + 100])], capture_output=True,
                             timeout=120, check=True)
        out = run.stdout
        at = 0
        while at < len(out):
            end = out.index(b'\n', at)
            count, at = int(out[at:end]), end + 1
            parts = []
            for _ in range(count):
                end = out.index(b'\n', at)
                kind, parent, size, name = map(int, out[at:end].split())
                at = end + 1
                parts.append(Part(kind, parent, out[at:at + name].decode('utf-8'),
                                  out[at + name:at + name + size]))
                at += name + size
            found.append(parts)
    assert len(found) == len(paths)
    return found


# --- what must always be so ----------------------------------------------------------------------

def check_shape(path, parts):
    """The names are safe and once in their directory, and the bytes of the message are there."""
    assert parts[0].kind == MESSAGE and parts[0].name == ''
    names = set()
    for number, part in enumerate(parts[1:], 1):
        assert part.parent < number and parts[part.parent].kind in DIRS
        assert (part.parent, part.name) not in names
        names.add((part.parent, part.name))
        assert 0 < len(part.name.encode()) <= 255
        assert '/' not in part.name and part.name[0] not in '.-'
        assert not [c for c in part.name if unicodedata.category(c) in ('Cc', 'Cf', 'Zl', 'Zp')]
    raw = [part for part in parts if part.kind == RAW]
    assert raw[0].data == path.read_bytes()
    # A message in a message is a piece of it.
    assert not [part.name for part in raw if part.data not in raw[0].data]


# --- what Python makes of it ---------------------------------------------------------------------

def leaves(part):
    """What has bytes of its own. A multipart whose boundary never comes has none to GMime; what is
    called a message and is none (what a server says of a delivery, a piece of one) is many messages
    to Python, and one part to us."""
    if part.get_content_maintype() == 'message' and part.get_content_type() != 'message/rfc822':
        return []
    if part.is_multipart():
        return [leaf for child in part.get_payload() for leaf in leaves(child)]
    return [part] if part.get_content_maintype() != 'multipart' else []


def read(path):
    """As GMime reads it: what has only the line ends of old machines has none to Python."""
    data = path.read_bytes()
    return data if b'\n' in data else data.replace(b'\r', b'\n')


def plain(data):
    """Without what line ends make different, a mark at the beginning, and zeros, which are in no
    text."""
    return re.sub(b'\r\n?', b'\n', data.removeprefix(b'\xef\xbb\xbf')).replace(b'\0', b'').strip()


def differences(path, parts):
    """The leaves that are not among ours: as they are, or as texts in UTF-8."""
    message = email.message_from_bytes(read(path), policy=email.policy.default)
    ours = {plain(part.data) for part in parts if part.kind == ATTACHMENT}
    texts = {plain(part.data) for part in parts if part.kind in (TEXT, HTML)}
    for leaf in leaves(message):
        data = bytes_of(leaf)
        if plain(data) in ours or not data.strip():
            continue
        if leaf.get_content_maintype() == 'text' and plain(text_of(leaf).encode()) in texts:
            continue
        yield leaf.get_content_type(), leaf.get('content-transfer-encoding'), data[:200]


@pytest.mark.skipif(not messages(), reason='no real mail here (EWSFS_SHARED)')
def test_what_python_finds():
    paths = messages()
    differing = {}
    for path, parts in zip(paths, parts_of(paths)):
        check_shape(path, parts)
        found = list(differences(path, parts))
        if found:
            differing[path] = found
    judge(differing, REASONS, len(paths))
