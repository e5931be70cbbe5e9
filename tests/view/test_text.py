# SPDX-License-Identifier: GPL-3.0-or-later
"""Real mail as text: what view/ makes of it against what Python's email package makes of it.

Of every message in $EWSFS_SHARED/mail, Python says the headers that a person reads, and the texts:
every text/plain part that is not one of several alternatives, the plain one of those that are, and
the words of HTML where there is no plain one. Each must be in the rendering, blanks apart; at least
98 in 100 messages must agree in all, and what does not is listed here with its reason.
"""
import codecs
import datetime
import email
import email.header
import email.policy
import email.utils
import html.parser
import os
import pathlib
import re
import subprocess

import pytest

RENDER = os.environ['VIEW_RENDER']
SHARED = os.environ.get('EWSFS_SHARED') or str(pathlib.Path(__file__).parents[2].parent / 'shared')
MAIL = pathlib.Path(SHARED) / 'mail'
AGREEING = 0.98

HEADLESS = 'a message in it has no headers: GMime drops what text it has'
FOLDED = 'header lines that nothing marks as folded: Python ends the head there, GMime goes on'
UNDECODED = 'Python leaves it encoded'
GARBAGE = 'its head or its encoding is damaged: each saves what it can'
REASONS = {
    'bounces/bsd/arf-25.eml': HEADLESS,
    'bounces/bsd/lhost-exchange2007-04.eml': UNDECODED,
    'bounces/bsd/lhost-office365-08.eml': FOLDED,
    'bounces/bsd/lhost-office365-09.eml': FOLDED,
    'bounces/bsd/lhost-office365-10.eml': FOLDED,
    'bounces/bsd/lhost-office365-11.eml': FOLDED,
    'bounces/bsd/lhost-office365-12.eml': FOLDED,
    'bounces/bsd/lhost-postfix-30.eml': HEADLESS,
    'bounces/bsd/lhost-postfix-57.eml': FOLDED,
    'bounces/bsd/rfc3464-36.eml': HEADLESS,
    'mime/malformed/019.eml': GARBAGE,
    'mime/malformed/022.eml': HEADLESS,
    'mime/rfc/008.eml': UNDECODED,
    'mime/thirdparty/002.eml': GARBAGE,
    'mime/thirdparty/003.eml': UNDECODED,
    'mime/thirdparty/009.eml': UNDECODED,
    'mime/thirdparty/015.eml': FOLDED,
}

CONTROLS = re.compile('[\x00-\x08\x0b-\x1f\x7f-\x9f]')
# Takes no room, and is left out of HTML.
INVISIBLE = re.compile('[\xad\u034f\u200b\u2060\ufeff]')


def messages():
    return sorted(MAIL.rglob('*.eml'))


def rendered(paths):
    """The text of each of @paths."""
    texts = []
    for start in range(0, len(paths), 200):
        run = subprocess.run([RENDER, *map(str, paths[start:start + 200])], capture_output=True,
                             timeout=120, check=True)
        out = run.stdout
        while out:
            length, _, out = out.partition(b'\n')
            texts.append(out[:int(length)].decode('utf-8'))
            out = out[int(length):]
    assert len(texts) == len(paths)
    return texts


def plain(text):
    """Without what blanks and marks of quotes, controls and the invisible make different."""
    text = INVISIBLE.sub('', CONTROLS.sub(' ', text))
    return re.sub(r'\s+', '', text)


def plain_unquoted(text):
    """... of text that may have become part of a quote, or of a list."""
    return re.sub(r'^[> ]+', '', text, flags=re.MULTILINE)


# --- what Python makes of it ---------------------------------------------------------------------

class Words(html.parser.HTMLParser):
    """The words between the tags, one piece of text an entry."""
    SKIPPED = {'script', 'style', 'title', 'svg', 'object', 'iframe'}

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.pieces = []
        self.skipping = 0

    def handle_starttag(self, tag, attrs):
        if tag in self.SKIPPED:
            self.skipping += 1

    def handle_endtag(self, tag):
        if tag in self.SKIPPED:
            self.skipping = max(self.skipping - 1, 0)

    def handle_data(self, data):
        if not self.skipping and data.strip():
            self.pieces.append(data)


def bytes_of(part):
    return part.get_payload(decode=True) or b''


SUPERSETS = {'gb2312': 'gb18030',
             'ks_c_5601-1987': 'cp949', 'euc-kr': 'cp949', 'shift_jis': 'cp932'}


def one_by_one(error):
    """A byte that is not UTF-8 is windows-1252."""
    byte = error.object[error.start:error.start + 1]
    return byte.decode('cp1252', errors='replace'), error.start + 1


codecs.register_error('cp1252', one_by_one)


def text_of(part):
    """What a part says, in the charset that it declares if that is right, else guessed."""
    data = bytes_of(part)
    charset = part.get_content_charset()
    if charset == 'iso-8859-1':
        return data.decode('cp1252', errors='replace')
    try:
        return data.decode(SUPERSETS.get(charset, charset))
    except (LookupError, TypeError, UnicodeDecodeError):
        return data.decode('utf-8', errors='cp1252')


def is_attachment(part):
    return part.get_content_disposition() == 'attachment' or bool(part.get_filename())


def readable(part):
    """How good a part is to be read: 2 plain text, 1 HTML, 0 nothing."""
    if part.is_multipart() and part.get_content_maintype() == 'multipart':
        return max((readable(child) for child in part.get_payload()), default=0)
    if part.is_multipart() or is_attachment(part):
        return 0
    kind = part.get_content_type()
    if kind == 'text/html':
        return 1
    is_text = part.get_content_maintype() == 'text' and kind not in (
        'text/rtf', 'text/richtext', 'text/calendar')
    return 2 if is_text and bytes_of(part).strip() else 0


def leaves(part):
    """The parts whose text must be there, in their order."""
    if part.get_content_type() == 'multipart/alternative' and part.is_multipart():
        children = part.get_payload()
        best = max(children, key=readable, default=None)
        return leaves(best) if best is not None else []
    if part.is_multipart():
        return [leaf for child in part.get_payload() for leaf in leaves(child)]
    return [part] if part.get_content_maintype() == 'text' else []


# --- comparing -----------------------------------------------------------------------------------

def head_of(text):
    """The lines above the text, by name."""
    head = {}
    for line in text.split('\n\n', 1)[0].split('\n'):
        name, colon, value = line.partition(': ')
        if colon:
            head.setdefault(name, value)
    return head


def words_of(value):
    """Names and addresses, in whatever order and marks they are written."""
    return sorted(CONTROLS.sub(' ', re.sub(r'["\\\\<>,;:()]', ' ', value)).lower().split())


def raw_text(name, message):
    """What decode_header makes of all headers of that name, comments included."""
    values = []
    for key, value in message.raw_items():
        if key.lower() != name.lower():
            continue
        data = value.encode('utf-8', errors='surrogateescape')
        for piece, charset in email.header.decode_header(data.decode('latin-1')):
            piece = piece if isinstance(piece, bytes) else piece.encode('latin-1')
            values.append(piece.decode(charset or 'utf-8', errors='cp1252'))
        values.append(' ')
    return ''.join(values)


def utc(date):
    if date.tzinfo is None:
        date = date.replace(tzinfo=datetime.timezone.utc)
    return date.astimezone(datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ')


def header_differs(name, message, head):
    values = message.get_all(name, [])
    ours = head.get(name, '')
    if not values:
        return ours.strip() != ''
    if name == 'Date':
        try:
            theirs = utc(email.utils.parsedate_to_datetime(str(values[0])))
        except ValueError:
            return ours == ''
        return theirs not in ours
    if name in ('From', 'To', 'Cc'):
        return words_of(' '.join(map(str, values))) != words_of(ours) and \
            words_of(raw_text(name, message)) != words_of(ours)
    return plain(ours) not in (plain(str(values[0])), plain(raw_text(name, message)))


def differences(path, text):
    """What does not agree: (what, theirs, ours)."""
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    head = head_of(text)
    body = plain(text)
    unquoted = plain(plain_unquoted(text))
    for name in ('From', 'To', 'Cc', 'Subject', 'Date', 'Message-ID'):
        if header_differs(name, message, head):
            yield name, message.get_all(name), head.get(name)
    for leaf in leaves(message):
        kind = leaf.get_content_type()
        if kind in ('text/rtf', 'text/richtext'):
            continue
        if kind == 'text/html':
            words = Words()
            words.feed(text_of(leaf))
            pieces = words.pieces
        else:
            pieces = [text_of(leaf)]
        for piece in pieces:
            if plain(piece) not in body and plain(plain_unquoted(piece)) not in unquoted:
                yield kind, piece[:300], ''


def judge(differing, reasons, count):
    """@differing are few of @count, and of each one knows why."""
    unknown = 0
    for path, found in differing.items():
        name = str(path.relative_to(MAIL))
        unknown += name not in reasons
        print(f'{name}: {reasons.get(name, "NO REASON KNOWN")}')
        for what in found:
            print(f'   {what!r}')
    assert not unknown
    assert len(differing) <= (1 - AGREEING) * count


@pytest.mark.skipif(not messages(), reason='no real mail here (EWSFS_SHARED)')
def test_what_python_says():
    paths = messages()
    differing = {}
    for path, text in zip(paths, rendered(paths)):
        found = list(differences(path, text))
        if found:
            differing[path] = found
    judge(differing, REASONS, len(paths))
