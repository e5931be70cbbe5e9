/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>
#include <string.h>

#include "tests/unit/test-cache-kit.h"

/*
 * A mailbox made up at random, told to the cache as a server would: folder by folder, in any
 * order, while it goes on changing. Whenever all was told and nothing changed since, the tree is
 * the mailbox: no message missing, none twice, and those that were only moved are the same files
 * with the same bytes.
 */

#define FOLDERS 5

typedef struct Mail {
	unsigned uid;    /* what it is itself by, for the model: stays over moves */
	int folder;      /* -1: deleted */
	EwsItem *item;   /* own */
	int64_t node;    /* when all was quiet last; 0: not there yet */
	unsigned moves;  /* since then */
	bool is_renamed; /* its subject changed: its name tells of an earlier one */
} Mail;

typedef struct Model {
	Kit kit;
	GRand *rand;               /* own */
	GPtrArray *mails;          /* own; of Mail */
	GHashTable *shared;        /* own; keys that ever had two bearers */
	GHashTable *told[FOLDERS]; /* own; ItemId → EwsItem as the folder told it last (own) */
	unsigned next_id;
	int64_t run;
} Model;

static void mail_free(void *data)
{
	Mail *mail = data;
	ews_item_free(mail->item);
	g_free(mail);
}

static const char *folder_id(int folder)
{
	static const char *const ids[FOLDERS] = {"F0", "F1", "F2", "F3", "F4"};
	return ids[folder];
}

static void model_open(Model *model, guint32 seed)
{
	memset(model, 0, sizeof *model);
	kit_open(&model->kit);
	model->rand = g_rand_new_with_seed(seed);
	model->mails = g_ptr_array_new_with_free_func(mail_free);
	model->shared = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	model->run = 1;
	for (int i = 0; i < FOLDERS; i++) {
		model->told[i] = g_hash_table_new_full(g_str_hash, g_str_equal, NULL,
			(GDestroyNotify)ews_item_free);
		kit_folder(&model->kit, folder_id(i), KIT_TOP, folder_id(i));
	}
}

static void model_close(Model *model)
{
	for (int i = 0; i < FOLDERS; i++)
		g_hash_table_unref(model->told[i]);
	g_hash_table_unref(model->shared);
	g_ptr_array_unref(model->mails);
	g_rand_free(model->rand);
	kit_close(&model->kit);
}

static int roll(Model *model, int sides)
{
	return g_rand_int_range(model->rand, 0, sides);
}

static char *key_of(const EwsItem *item)
{
	return g_strndup((const char *)item->search_key, item->search_key_len);
}

/* --- what people and servers do --------------------------------------------------------- */

static Mail *pick(Model *model)
{
	for (int tries = 0; tries < 10 && model->mails->len > 0; tries++) {
		Mail *mail = model->mails->pdata[roll(model, (int)model->mails->len)];
		if (mail->folder >= 0)
			return mail;
	}
	return NULL;
}

/* New ids, as at each move. */
static void renew(Model *model, EwsItem *item)
{
	g_free(item->id);
	g_free(item->change_key);
	/* Ids are not in the order of their making. */
	item->id = g_strdup_printf("%08x-%u", g_rand_int(model->rand), model->next_id++);
	item->change_key = g_strdup_printf("%s/1", item->id);
}

static void create(Model *model)
{
	Mail *mail = g_new0(Mail, 1);
	mail->uid = model->mails->len;
	mail->folder = roll(model, FOLDERS);
	g_autofree char *key = g_strdup_printf("key-%u", mail->uid);
	mail->item = kit_make_item("", key);
	mail->item->created = KIT_TIME + (int64_t)mail->uid;
	renew(model, mail->item);
	g_ptr_array_add(model->mails, mail);
}

static void copy(Model *model, const Mail *from)
{
	Mail *mail = g_new0(Mail, 1);
	mail->uid = model->mails->len;
	mail->folder = roll(model, FOLDERS);
	mail->item = kit_copy_item(from->item);
	mail->item->created = KIT_TIME + (int64_t)mail->uid;
	renew(model, mail->item);
	g_ptr_array_add(model->mails, mail);
	g_hash_table_add(model->shared, key_of(mail->item));
}

static void change(Model *model, Mail *mail, bool is_state)
{
	EwsItem *item = mail->item;
	g_autofree char *old = item->change_key;
	item->change_key = g_strdup_printf("%s+", old);
	item->modified++;
	if (is_state) {
		item->is_read = !item->is_read;
		return;
	}
	g_autofree char *subject = item->subject;
	item->subject = g_strdup_printf("%s!", subject);
	mail->is_renamed = true;
}

static void act(Model *model)
{
	Mail *mail = pick(model);
	int what = roll(model, 10);
	if (mail == NULL || what < 3) {
		create(model);
	} else if (what < 6) {
		mail->folder = (mail->folder + 1 + roll(model, FOLDERS - 1)) % FOLDERS;
		mail->moves++;
		renew(model, mail->item);
	} else if (what < 7) {
		copy(model, mail);
	} else if (what < 8) {
		mail->folder = -1;
	} else {
		change(model, mail, what == 8);
	}
}

/* --- how the cache is told -------------------------------------------------------------- */

/* What SyncFolderItems would say: the difference to what it said last. */
static GPtrArray *differences(Model *model, int folder)
{
	GPtrArray *changes = g_ptr_array_new_with_free_func((GDestroyNotify)ews_item_change_free);
	g_autoptr(GHashTable) now = g_hash_table_new(g_str_hash, g_str_equal);
	GHashTableIter iter;
	gpointer key;
	for (guint i = 0; i < model->mails->len; i++) {
		const Mail *mail = model->mails->pdata[i];
		if (mail->folder != folder)
			continue;
		g_hash_table_add(now, mail->item->id);
		const EwsItem *old = g_hash_table_lookup(model->told[folder], mail->item->id);
		if (old == NULL)
			g_ptr_array_add(changes, kit_change(EWS_CHANGE_CREATE, mail->item));
		else if (strcmp(old->change_key, mail->item->change_key) != 0)
			g_ptr_array_add(changes, kit_change(EWS_CHANGE_UPDATE, mail->item));
	}
	g_hash_table_iter_init(&iter, model->told[folder]);
	while (g_hash_table_iter_next(&iter, &key, NULL)) {
		if (g_hash_table_contains(now, key))
			continue;
		g_autoptr(EwsItem) gone = ews_item_new();
		gone->id = g_strdup(key);
		g_ptr_array_add(changes, kit_change(EWS_CHANGE_DELETE, gone));
	}
	return changes;
}

static void remember(Model *model, int folder)
{
	g_hash_table_remove_all(model->told[folder]);
	for (guint i = 0; i < model->mails->len; i++) {
		const Mail *mail = model->mails->pdata[i];
		if (mail->folder != folder)
			continue;
		EwsItem *told = kit_copy_item(mail->item);
		g_hash_table_insert(model->told[folder], told->id, told);
	}
}

static void shuffle(GRand *rand, GPtrArray *array)
{
	for (guint i = array->len; i > 1; i--) {
		guint k = (guint)g_rand_int_range(rand, 0, (gint32)i);
		gpointer swap = array->pdata[i - 1];
		array->pdata[i - 1] = array->pdata[k];
		array->pdata[k] = swap;
	}
}

/* Pages of any size. */
static void tell_pages(Kit *kit, GRand *rand, const char *folder, GPtrArray *changes, int64_t run)
{
	for (guint at = 0; at < changes->len;) {
		guint part = (guint)g_rand_int_range(rand, 1, (gint32)(changes->len - at) + 1);
		g_autoptr(GPtrArray) page = g_ptr_array_new();
		for (guint i = 0; i < part; i++)
			g_ptr_array_add(page, changes->pdata[at + i]);
		kit_page(kit, folder, page, run);
		at += part;
	}
}

/* The state was lost: everything is told anew, and what was not named is gone. */
static void tell_all(Model *model, int folder)
{
	Kit *kit = &model->kit;
	const char *id = folder_id(folder);
	g_hash_table_remove_all(model->told[folder]);
	g_autoptr(GPtrArray) changes = differences(model, folder);
	shuffle(model->rand, changes);
	model->run++;
	tell_pages(kit, model->rand, id, changes, model->run);
	for (;;) {
		g_autofree char *unnamed = kit_text(kit,
			"SELECT item_id FROM item JOIN node ON node.id = item.node WHERE "
			"node.parent ="
			" %lld AND node.state = 0 AND item.run != %lld",
			kit_dir(kit, id), model->run);
		if (unnamed == NULL)
			break;
		kit_say_gone(kit, id, unnamed);
	}
	/* A later full run must not take these for its own. */
	kit_run(kit, "UPDATE item SET run = 0");
	remember(model, folder);
}

static void tell(Model *model, int folder)
{
	if (roll(model, 12) == 0) {
		tell_all(model, folder);
		return;
	}
	g_autoptr(GPtrArray) changes = differences(model, folder);
	shuffle(model->rand, changes);
	tell_pages(&model->kit, model->rand, folder_id(folder), changes, 1);
	remember(model, folder);
}

/* One refresh; @acts: what happens meanwhile, at most. */
static void refresh(Model *model, int acts)
{
	int order[FOLDERS];
	for (int i = 0; i < FOLDERS; i++)
		order[i] = i;
	for (int i = FOLDERS; i > 1; i--) {
		int k = roll(model, i);
		int swap = order[i - 1];
		order[i - 1] = order[k];
		order[k] = swap;
	}
	for (int i = 0; i < FOLDERS; i++) {
		tell(model, order[i]);
		kit_list(&model->kit, folder_id(order[i]));
		for (int k = acts > 0 ? roll(model, acts) : 0; k > 0; k--)
			act(model);
	}
	kit_settle(&model->kit);
}

/* --- what must be ----------------------------------------------------------------------- */

static bool is_shared(Model *model, const EwsItem *item)
{
	g_autofree char *key = key_of(item);
	return g_hash_table_contains(model->shared, key);
}

static void check_mail(Model *model, Mail *mail)
{
	Kit *kit = &model->kit;
	int64_t node = kit_node(kit, mail->item->id);
	g_assert_cmpint(node, !=, 0);
	g_autoptr(CacheNode) found = kit_get(kit, node);
	g_assert_cmpint(found->parent, ==, kit_dir(kit, folder_id(mail->folder)));
	g_autofree char *bytes = g_strdup_printf("bytes of %u", mail->uid);
	/* Who moved once between two quiet moments, and shares nothing, is the same file; who did
	 * not move is so whoever else was about. */
	bool is_certain = mail->moves == 0 || (mail->moves == 1 && !is_shared(model, mail->item));
	if (mail->node != 0 && is_certain) {
		g_autofree char *here = kit_read(kit, node);
		g_assert_cmpint(node, ==, mail->node);
		g_assert_cmpstr(here, ==, bytes);
	}
	kit_store(kit, node, bytes);
	mail->node = node;
	mail->moves = 0;
}

static void check(Model *model)
{
	int64_t count = 0;
	kit_check(&model->kit);
	for (guint i = 0; i < model->mails->len; i++) {
		Mail *mail = model->mails->pdata[i];
		if (mail->folder < 0)
			continue;
		check_mail(model, mail);
		count++;
	}
	g_assert_cmpint(kit_int(&model->kit,
				"SELECT count(*) FROM node WHERE kind = 1 AND state = 0"),
		==, count);
	g_assert_cmpint(kit_int(&model->kit, "SELECT count(*) FROM node WHERE state = 1"), ==, 0);
	g_assert_cmpint(kit_int(&model->kit,
				"SELECT count(*) FROM item JOIN node ON node.id = item.node WHERE"
				" node.state = 0 AND is_provisional = 1"),
		==, 0);
}

static void settle_down(Model *model)
{
	refresh(model, 0);
	refresh(model, 0);
	check(model);
}

static void test_mailbox(void)
{
	for (guint32 seed = 1; seed <= 6; seed++) {
		Model model;
		model_open(&model, seed);
		for (int i = 0; i < 20; i++)
			act(&model);
		settle_down(&model);
		for (int step = 0; step < 12; step++) {
			for (int k = roll(&model, 3); k >= 0; k--)
				refresh(&model, 1 + roll(&model, 5));
			if (step % 5 == 4)
				kit_reopen(&model.kit);
			settle_down(&model);
		}
		model_close(&model);
	}
}

/* --- another machine, or after the cache was lost ----------------------------------------- */

static void test_again(void)
{
	for (guint32 seed = 21; seed <= 24; seed++) {
		Model model;
		model_open(&model, seed);
		for (int step = 0; step < 6; step++) {
			refresh(&model, 8);
			settle_down(&model);
		}
		Model fresh;
		model_open(&fresh, seed + 100);
		g_ptr_array_unref(fresh.mails);
		fresh.mails = g_ptr_array_ref(model.mails);
		refresh(&fresh, 0);
		for (guint i = 0; i < model.mails->len; i++) {
			const Mail *mail = model.mails->pdata[i];
			if (mail->folder < 0 || mail->is_renamed || is_shared(&model, mail->item))
				continue;
			g_autoptr(CacheNode) here =
				kit_get(&model.kit, kit_node(&model.kit, mail->item->id));
			g_autoptr(CacheNode) there =
				kit_get(&fresh.kit, kit_node(&fresh.kit, mail->item->id));
			g_assert_cmpstr(here->name, ==, there->name);
			g_assert_cmpuint(here->ino, ==, there->ino);
			g_assert_cmpint(here->mtime, ==, there->mtime);
		}
		model_close(&fresh);
		model_close(&model);
	}
}

/* --- copies in a first listing ------------------------------------------------------------ */

/* "NAME INO" of every item, in order of ItemId. */
static char *list_once(GRand *rand, const GPtrArray *items, bool with_users_name)
{
	Kit kit = {0};
	GString *out = g_string_new(NULL);
	kit_open(&kit);
	kit_folder(&kit, "F0", KIT_TOP, "F0");
	g_autoptr(GPtrArray) changes =
		g_ptr_array_new_with_free_func((GDestroyNotify)ews_item_change_free);
	for (guint i = 0; i < items->len; i++) {
		EwsItemChange *change = kit_change(EWS_CHANGE_CREATE, items->pdata[i]);
		if (with_users_name)
			change->item->file_name = g_strdup("Some report.eml");
		g_ptr_array_add(changes, change);
	}
	shuffle(rand, changes);
	tell_pages(&kit, rand, "F0", changes, 1);
	kit_check(&kit);
	for (guint i = 0; i < items->len; i++) {
		const EwsItem *item = items->pdata[i];
		g_autoptr(CacheNode) node = kit_get(&kit, kit_node(&kit, item->id));
		g_string_append_printf(out, "%s %s %" G_GUINT64_FORMAT "\n", item->id, node->name,
			node->ino);
	}
	kit_close(&kit);
	return g_string_free(out, FALSE);
}

static GPtrArray *make_copies(unsigned count)
{
	GPtrArray *items = g_ptr_array_new_with_free_func((GDestroyNotify)ews_item_free);
	for (unsigned i = 0; i < count; i++) {
		g_autofree char *id = g_strdup_printf("I%u", i);
		EwsItem *item = kit_make_item(id, "the same");
		/* Some of one time: then the id decides. */
		item->created = KIT_TIME + (int64_t)(i * 7 % 5 / 2);
		g_ptr_array_add(items, item);
	}
	return items;
}

static void check_any_order(bool with_users_name)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(5);
	g_autoptr(GPtrArray) items = make_copies(7);
	g_autofree char *first = list_once(rand, items, with_users_name);
	for (int i = 0; i < 10; i++) {
		g_autofree char *again = list_once(rand, items, with_users_name);
		g_assert_cmpstr(again, ==, first);
	}
	/* The oldest has what comes from the key, and the plain name. */
	if (with_users_name)
		g_assert_nonnull(strstr(first, "I0 Some report.eml "));
}

static void test_copies_any_order(void)
{
	check_any_order(false);
}

static void test_users_copies_any_order(void)
{
	check_any_order(true);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/cache/model/tree-is-the-mailbox", test_mailbox);
	g_test_add_func("/cache/model/another-machine-sees-the-same", test_again);
	g_test_add_func("/cache/model/copies-in-any-order", test_copies_any_order);
	g_test_add_func("/cache/model/copies-with-a-users-name-in-any-order",
		test_users_copies_any_order);
	return g_test_run();
}
