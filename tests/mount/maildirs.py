# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of layout=maildir and maildir++ share."""
import os

from mounting import message
from writing import describe, items_of, refusal, shell

MAIL = message('Delivered', body='by a program')


def listed(there, part, folder='Inbox'):
    return there.names(os.path.join(folder, part))


def error_of_stat(there, path):
    """The name of the errno, or 'done'."""
    return refusal(there, 'os.stat("%s")' % path)


def unique(name):
    return name.partition(':')[0]


def state(ews, folder='inbox'):
    """{subject: (read, flag)}"""
    return {what['gist'][0]: (what['read'], what['flag'])
            for what in map(describe, items_of(ews, folder))}


def deliver(there, name, data=MAIL, part='new', folder='Inbox'):
    """By tmp and rename."""
    shell(there, 'cat >"$1/tmp/$2" && mv "$1/tmp/$2" "$1/$3/$4"', folder, unique(name), part, name,
          stdin=data)
