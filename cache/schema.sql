-- SPDX-License-Identifier: GPL-3.0-or-later
-- The index: what is known here of the mailbox. Version 1 (PRAGMA user_version).
-- A later version is a further block in db.c's list of migrations, never an edit of this one.

-- Single facts: epoch (pairs index and blob directory), mailbox, root_id, hierarchy_state,
-- hierarchy_print.
CREATE TABLE meta (
	key TEXT PRIMARY KEY,
	value TEXT NOT NULL
) WITHOUT ROWID;

-- One row per directory entry that exists, or existed until a while ago (gone.h). Everything that a
-- listing or a stat needs is in this row; what is asked for rarely is in item and folder.
-- AUTOINCREMENT: an id is never used again, for the kernel may still hold pages under it.
CREATE TABLE node (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	parent INTEGER NOT NULL,              -- 0: of the root, or not in the tree
	state INTEGER NOT NULL DEFAULT 0,     -- NodeState: 0 live, 1 tombstone, 2 gone
	kind INTEGER NOT NULL,                -- CacheKind
	name TEXT NOT NULL,
	ino INTEGER NOT NULL,
	content INTEGER NOT NULL DEFAULT 0,   -- content number
	rights INTEGER NOT NULL,
	size INTEGER NOT NULL DEFAULT -1,     -- exact; -1: never fetched
	size_hint INTEGER NOT NULL DEFAULT 0,
	mtime INTEGER NOT NULL,               -- microseconds, as all times here
	ctime INTEGER NOT NULL,
	subdirs INTEGER NOT NULL DEFAULT 0,
	flags INTEGER NOT NULL DEFAULT 0,     -- NodeFlag
	want INTEGER                          -- 1: the prefetch worker should fetch it; 2: at the next
	                                      -- start, since what came now made no sense
);
CREATE UNIQUE INDEX node_name ON node (parent, name) WHERE state = 0 AND parent > 0;
CREATE INDEX node_children ON node (parent) WHERE state = 0 AND parent > 0;
CREATE INDEX node_want ON node (mtime) WHERE want = 1;
CREATE INDEX node_want_later ON node (want) WHERE want = 2;
CREATE INDEX node_left ON node (state) WHERE state > 0;

-- The folder that is mounted is node 1 from the beginning.
INSERT INTO node (id, parent, kind, name, ino, rights, mtime, ctime)
	VALUES (1, 0, 0, '', 1, 31, 0, 0);

CREATE TABLE folder (
	id INTEGER PRIMARY KEY,
	folder_id TEXT NOT NULL UNIQUE,
	parent_id TEXT NOT NULL,
	display_name TEXT NOT NULL,
	folder_class TEXT NOT NULL,
	is_shown INTEGER NOT NULL,            -- 0: hidden, or a search folder
	rights INTEGER NOT NULL,
	node INTEGER UNIQUE,                  -- NULL: not in the mounted part
	-- as FindFolder last said; -1: not said
	total_count INTEGER NOT NULL DEFAULT -1,
	size INTEGER NOT NULL DEFAULT -1,
	commit_time INTEGER NOT NULL DEFAULT -1,
	deleted_count INTEGER NOT NULL DEFAULT -1,
	-- the same at the start of the last item sync that completed
	synced_total INTEGER NOT NULL DEFAULT -2,
	synced_commit INTEGER NOT NULL DEFAULT -2,
	synced_deleted INTEGER NOT NULL DEFAULT -2,
	as_of INTEGER NOT NULL DEFAULT 0,
	youngest INTEGER NOT NULL DEFAULT 0,  -- the latest DateTimeCreated that came (apply.c)
	sync_state TEXT,
	run INTEGER NOT NULL DEFAULT 0,       -- number of the item sync that is under way, or last was
	is_full INTEGER NOT NULL DEFAULT 1,   -- that run began without a state: sweep at its end
	is_unchecked INTEGER NOT NULL DEFAULT 0, -- synced since its count was last compared
	miscount INTEGER NOT NULL DEFAULT 0,  -- TotalCount minus ours that a full run did not mend
	mark INTEGER NOT NULL DEFAULT 0       -- hierarchy sync that last named it
);

CREATE TABLE item (
	node INTEGER PRIMARY KEY,
	folder INTEGER NOT NULL,              -- folder.id, of a tombstone the one it left
	id_hash INTEGER NOT NULL,             -- CacheIdent.hash of item_id
	key_hash INTEGER NOT NULL,            -- CacheIdent.hash of search_key; 0: it has none
	item_id TEXT NOT NULL,
	change_key TEXT NOT NULL,
	search_key BLOB,
	by_key INTEGER NOT NULL,              -- 1: named by its search key, 0: by its ItemId
	is_provisional INTEGER NOT NULL DEFAULT 0, -- may be a move whose Delete is still to come
	item_class TEXT NOT NULL,
	subject TEXT,
	from_name TEXT,
	from_address TEXT,
	display_to TEXT,
	message_id TEXT,
	categories TEXT,
	received INTEGER NOT NULL,
	sent INTEGER NOT NULL,
	created INTEGER NOT NULL,
	modified INTEGER NOT NULL,
	importance INTEGER NOT NULL,
	flag INTEGER NOT NULL,
	is_read INTEGER NOT NULL,
	is_draft INTEGER NOT NULL,
	has_attachments INTEGER NOT NULL,
	print INTEGER NOT NULL,               -- hash of what an update of content would change
	run INTEGER NOT NULL,                 -- folder.run that last named it
	round INTEGER NOT NULL,               -- refresh that made it a tombstone or provisional
	digest BLOB,                          -- of the content, boundaries replaced by ordinals
	error TEXT,                           -- why the content cannot be had
	error_key TEXT,                       -- ChangeKey at that time
	error_at INTEGER
);
CREATE INDEX item_id_hash ON item (id_hash);
CREATE INDEX item_key_hash ON item (key_hash) WHERE key_hash != 0;
CREATE INDEX item_provisional ON item (folder) WHERE is_provisional = 1;
CREATE INDEX item_error ON item (folder) WHERE error IS NOT NULL;

-- Items whose change came without properties: to be completed by GetItem before their folder
-- counts as listed.
CREATE TABLE pending (
	item_id TEXT PRIMARY KEY,
	folder INTEGER NOT NULL
) WITHOUT ROWID;

-- The blob files that are here.
CREATE TABLE blob (
	node INTEGER PRIMARY KEY,
	bytes INTEGER NOT NULL,
	used INTEGER NOT NULL                 -- for eviction, least recently used first
);
CREATE INDEX blob_used ON blob (used);
