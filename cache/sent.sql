-- SPDX-License-Identifier: GPL-3.0-or-later
-- Drafts that were sent, until it is known that they left (cache/sent.h).
CREATE TABLE sent (
	item_id TEXT PRIMARY KEY,
	since INTEGER NOT NULL,                -- when it was sent; microseconds since 1970
	look_at INTEGER NOT NULL               -- when it is looked for next
) WITHOUT ROWID;
