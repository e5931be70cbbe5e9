# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a directory of the mount, and the folder behind it on the server, are as a model says."""
import os

from writing import describe, folder_paths, gist, items_of


class Wrong(Exception):
    """The mount or the server is not as the model."""


def is_scratch(path):
    return any(part.startswith('.') for part in path.split('/')) or path.endswith('~')


def compare_mount(seen, model):
    if set(seen) != set(model.nodes):
        raise Wrong('mount has %s, model has %s' % (
            sorted((path, seen[path]) for path in set(seen) - set(model.nodes)),
            sorted(set(model.nodes) - set(seen))))
    for path, file in model.files().items():
        mtime, subject, body, categories = seen[path]
        if (subject, body) != gist(file.data.encode()):
            raise Wrong('%s has other bytes: %s' % (path, subject))
        if file.mtime and mtime != file.mtime * 10**9:
            raise Wrong('%s: mtime %s, not %d' % (path, mtime, file.mtime))
        if file.categories and sorted(categories.split(', ')) != sorted(
                file.categories.split(', ')):
            raise Wrong('%s: categories %s, not %s' % (path, categories, file.categories))


def compare_server(ews, top, model):
    folders = {path[len(top):].lstrip('/'): folder for path, folder in folder_paths(ews).items()
               if path == top or path.startswith(top + '/')}
    if set(folders) != set(model.dirs()):
        raise Wrong('folders %s, model %s' % (sorted(folders), sorted(model.dirs())))
    for path, folder in folders.items():
        files = [file for name, file in model.files().items() if os.path.dirname(name) == path]
        unsure = {gist(file.data.encode()) for file in files if file.is_copy}

        def said(what, categories, unsure=unsure):
            return what + ('any' if what in unsure else ','.join(sorted(categories)),)
        found = sorted(said(what['gist'], what['categories'])
                       for what in map(describe, items_of(ews, folder)))
        wanted = sorted(said(gist(file.data.encode()), (file.categories or '').split(', '))
                        for file in files)
        if found != wanted:
            raise Wrong('server has in %r %s, model %s' % (path, found, wanted))
