-- SPDX-License-Identifier: GPL-3.0-or-later
-- Version 2 of the index: what was changed here and is not on the server yet.

-- Bytes that are only here (cache/local.h), in state_dir/files/NODE.
CREATE TABLE local (
	node INTEGER PRIMARY KEY,
	size INTEGER NOT NULL DEFAULT 0,       -- when it was last safe
	is_dirty INTEGER NOT NULL DEFAULT 0,   -- written since then
	is_finished INTEGER NOT NULL DEFAULT 0,
	sha256 TEXT,                           -- of a finished one
	fields INTEGER NOT NULL DEFAULT 0,     -- CACHE_FIELD_ bits that were set on a scratch file
	error TEXT                             -- why it is no message
);

-- One row per node that the server is to be told something of (cache/intent.h). The tree (node,
-- item) already shows how it is to be; this says what is still to do for it.
CREATE TABLE intent (
	node INTEGER PRIMARY KEY,
	seq INTEGER NOT NULL,                  -- order of first mention
	state INTEGER NOT NULL,                -- CacheIntentState
	todo INTEGER NOT NULL,                 -- CacheTodo, steps left
	doing INTEGER NOT NULL DEFAULT 0,      -- the step that was sent and is not answered
	fields INTEGER NOT NULL DEFAULT 0,     -- CACHE_FIELD_, CACHE_INTENT_ bits to set
	sent_fields INTEGER NOT NULL DEFAULT 0, -- ... that are on their way
	sent_folder INTEGER NOT NULL DEFAULT 0, -- folder.id that the step on its way leads to
	sent_sha256 TEXT,                      -- of the bytes that are on their way
	is_urgent INTEGER NOT NULL DEFAULT 0,  -- somebody waits: no linger
	is_trash INTEGER NOT NULL DEFAULT 0,   -- deleted from inside Deleted Items
	is_confirmed INTEGER NOT NULL DEFAULT 0, -- a delete that a person has confirmed
	after INTEGER NOT NULL DEFAULT 0,      -- the node whose intent must be over first
	source INTEGER NOT NULL DEFAULT 0,     -- the node that it is a copy of
	old_id TEXT,                           -- the item that it replaces: hidden, removed after;
	                                       -- of a directory, its FolderId
	old_folder INTEGER NOT NULL DEFAULT 0, -- folder.id of that item; of the folder that a
	                                       -- directory leaves
	old_print INTEGER NOT NULL DEFAULT 0,  -- item.print of that item as we know it; 0: unknown
	old_parent INTEGER NOT NULL DEFAULT 0, -- where it was, for who takes it back
	old_name TEXT,
	guid TEXT,                             -- of the create, without the attempt
	attempt INTEGER NOT NULL DEFAULT 0,
	sent_at INTEGER NOT NULL DEFAULT 0,    -- microseconds since 1970: when it left, or was cut
	since INTEGER NOT NULL,                -- first asked for
	touched INTEGER NOT NULL,              -- last asked for: it lingers after
	not_before INTEGER NOT NULL DEFAULT 0, -- after a temporary error
	tries INTEGER NOT NULL DEFAULT 0,
	item_class TEXT,                       -- for a second try with the class the MIME tells
	error TEXT                             -- the server's words
);
CREATE INDEX intent_state ON intent (state, seq);
CREATE INDEX intent_old_id ON intent (old_id) WHERE old_id IS NOT NULL;
CREATE INDEX intent_guid ON intent (guid) WHERE guid IS NOT NULL;
CREATE INDEX intent_after ON intent (after) WHERE after > 0;

-- A message that a program put aside under a scratch name (an editor's backup): on the server it
-- is untouched, under its old name.
CREATE TABLE aside (
	node INTEGER PRIMARY KEY,
	parent INTEGER NOT NULL,
	name TEXT NOT NULL
);

-- Creates that were sent more than once: should twins turn up, one goes.
CREATE TABLE twin (
	guid TEXT PRIMARY KEY,
	attempt INTEGER NOT NULL,              -- the one that was taken
	item_id TEXT NOT NULL,
	until INTEGER NOT NULL                 -- microseconds since 1970
) WITHOUT ROWID;

-- Distinguished folders: what the server says they are, by name ("drafts").
CREATE TABLE distinguished (
	name TEXT PRIMARY KEY,
	folder_id TEXT NOT NULL
) WITHOUT ROWID;

-- When we wrote to it last (microseconds since 1970): what its ChangeKey does within a minute is
-- the server's own doing.
ALTER TABLE item ADD COLUMN written_at INTEGER NOT NULL DEFAULT 0;
-- 1: made by ewsfs, here or elsewhere (it bears our GUID).
ALTER TABLE item ADD COLUMN is_made INTEGER NOT NULL DEFAULT 0;
-- What we wrote to and no sync has named since: it may have gone elsewhere between two looks.
CREATE INDEX item_unnamed ON item (folder) WHERE print = 0;

-- The directory that stands for "send this": found by its name, in no listing.
INSERT INTO node (parent, kind, name, ino, rights, mtime, ctime, flags)
	VALUES (-1, 0, '.send', 3, 31, 0, 0, 1);

-- Items that are to go: made twice, or replaced by what was replaced in turn.
CREATE TABLE stray (
	item_id TEXT PRIMARY KEY
) WITHOUT ROWID;

-- Deletes of the last ten minutes, for delete_max=.
CREATE TABLE deletion (
	node INTEGER PRIMARY KEY,
	at INTEGER NOT NULL
);
