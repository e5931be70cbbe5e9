# SPDX-License-Identifier: GPL-3.0-or-later
"""The row about .text/: messages that are here, as text."""
import os
import shutil

from benching import Result, grep, rounded, timed, until_idle

MESSAGES = 5000
SIZE = 8192


def fetch_all(mount):
    """Every message is here, and nobody ever asked for a text. Only while not mounted."""
    for place in (mount.state, mount.cache):
        shutil.rmtree(place, ignore_errors=True)
        os.makedirs(place)
    mount.start(60)
    mount.sync('--fetch', seconds=300)
    until_idle(mount)


def row_text(bench):
    """grep -r in .text over 5,000 cached messages, ro,size=exact: first and second pass"""
    result = Result('text', row_text.__doc__)
    server = bench.serve('--fill', 'Inbox=%d,%d' % (MESSAGES, SIZE))
    mount = bench.mount(server, 'ro', size='exact')
    messages, texts = bench.place('messages'), bench.place('texts')
    first, loop, second, local = [], [], [], []
    for _ in range(bench.repeat):
        fetch_all(mount)
        text = mount.at('.text', 'Inbox')
        first.append(grep(text))
        second.append(min(grep(text) for _ in range(3)))
        timed('rsync', '-a', '--delete', mount.at('Inbox') + '/', messages)
        timed('rsync', '-a', '--delete', text + '/', texts)
        mount.unmount()
        grep(texts)
        local.append(min(grep(texts) for _ in range(3)))
        loop.append(bench.render(messages))
    shutil.rmtree(messages)
    shutil.rmtree(texts)
    ratios = sorted(a / b for a, b in zip(second, local))
    result.bound('second pass', ratios[len(ratios) // 2], 1.3)
    ratios = sorted(a / b for a, b in zip(first, loop))
    result.bound('first pass', ratios[len(ratios) // 2], 1.5)
    result.facts.update({'first, seconds': rounded(first), 'loop': rounded(loop),
                         'second, seconds': rounded(second), 'local': rounded(local)})
    return result


ROWS = [row_text]
