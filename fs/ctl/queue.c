/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fs/ctl/ctl.h"
#include "fs/ctl/target.h"
#include "fs/json.h"
#include "fs/words.h"

/* queue, retry, discard and confirm: what waits, and what a person decides about it. */

#define IDS_MAX 500 /* in one command: its line is limited */
#define SHOWN_MAX 20 /* of what is to be discarded */

CtlExit ctl_do_queue(const CtlArguments *arguments)
{
	g_auto(CtlTarget) target = {0};
	g_autofree char *text = NULL;
	CtlExit status = ctl_target_meant(arguments, &target);

	if (status == CTL_EXIT_DONE)
		status = ctl_target_read(&target, arguments->is_json ? "queue.json" : "queue",
			&text);
	if (status == CTL_EXIT_DONE && (fputs(text, stdout) < 0 || fflush(stdout) != 0))
		status = ctl_say(CTL_EXIT_NOT_DONE, "%s", g_strerror(errno));
	return status;
}

/* --- which entries ------------------------------------------------------- */

/* A decision about some of them. */
typedef struct Choice {
	const char *command;
	const char *states[5]; /* of entries that it is for */
	JsonArray *queue;      /* borrowed */
	GPtrArray *chosen;     /* own, of JsonObject, borrowed from queue */
	CtlTarget target;
} Choice;

static bool is_for(const Choice *choice, JsonObject *entry)
{
	return g_strv_contains(choice->states, fs_json_get_text(entry, "state", ""));
}

static bool is_number(const char *word)
{
	return *word != '\0' && strspn(word, "0123456789") == strlen(word);
}

/* The number in ".ewsfs/failed/12-a.eml", else 0. */
static int64_t number_of_failed(const char *below)
{
	static const char place[] = ".ewsfs/failed/";

	return g_str_has_prefix(below, place)
		? g_ascii_strtoll(below + strlen(place), NULL, 10) : 0;
}

/* The path itself, and all below it. */
static bool is_at(JsonObject *entry, const char *below)
{
	const char *path = fs_json_get_text(entry, "path", "/") + 1;
	size_t len = strlen(below);

	return len == 0 ||
		(strncmp(path, below, len) == 0 && (path[len] == '\0' || path[len] == '/'));
}

/* Adds what @word names: a number, or a path in the mount. FALSE: nothing. */
static bool choose_one(Choice *choice, const char *word, const char *below)
{
	int64_t id = is_number(word) ? g_ascii_strtoll(word, NULL, 10) : number_of_failed(below);
	g_autofree char *valid = g_utf8_make_valid(below, -1);
	bool is_found = false;

	for (guint i = 0; i < json_array_get_length(choice->queue); i++) {
		JsonObject *entry = json_array_get_object_element(choice->queue, i);
		bool is_meant = id > 0 ? fs_json_get_number(entry, "id", 0) == id
			: is_at(entry, valid);
		if (!is_meant || !is_for(choice, entry))
			continue;
		is_found = true;
		if (!g_ptr_array_find(choice->chosen, entry, NULL))
			g_ptr_array_add(choice->chosen, entry);
	}
	return is_found;
}

static CtlExit choose(Choice *choice, char **operands)
{
	static char *everything[] = {NULL};

	if (operands[0] == NULL) {
		choose_one(choice, "", "");
		operands = everything;
	}
	for (char **word = operands; *word != NULL; word++) {
		g_auto(CtlTarget) place = {0};
		CtlExit status = is_number(*word) ? CTL_EXIT_DONE
			: ctl_target_find(*word, &place);
		if (status != CTL_EXIT_DONE)
			return status;
		if (place.mountpoint != NULL &&
			!g_str_equal(place.mountpoint, choice->target.mountpoint))
			return ctl_say(CTL_EXIT_USAGE, "%s is in another mount than %s", *word,
				choice->target.mountpoint);
		if (!choose_one(choice, *word, place.below != NULL ? place.below : ""))
			return ctl_say(CTL_EXIT_NOT_DONE, "%s: nothing to %s there; see \"ewsfsctl "
				"queue\"", *word, choice->command);
	}
	return CTL_EXIT_DONE;
}

/* By the first path that was given, else as without one. */
static CtlExit find_target(const CtlArguments *arguments, CtlTarget *ret_target)
{
	for (char **word = arguments->operands; *word != NULL; word++) {
		if (!is_number(*word))
			return ctl_target_find(*word, ret_target);
	}
	return ctl_target_choose(arguments->mount, ret_target);
}

/* --- telling the daemon -------------------------------------------------- */

static CtlExit tell(FsTalk *talk, JsonBuilder *command)
{
	g_autoptr(JsonObject) answer = NULL;
	const CtlAsk ask = {command, 60, NULL};

	json_builder_end_object(command);
	CtlExit status = ctl_talk_ask(talk, &ask, &answer);
	if (status == CTL_EXIT_DONE && !fs_json_get_flag(answer, "done"))
		status = ctl_say(CTL_EXIT_NOT_DONE, "%s",
			fs_json_get_text(answer, "error", "no reason given"));
	return status;
}

/* Only those that were seen: what has come to it since is not meant. */
static CtlExit tell_chosen(const Choice *choice)
{
	g_autoptr(FsTalk) talk = NULL;
	CtlExit status = ctl_target_talk(&choice->target, &talk);

	for (guint i = 0; i < choice->chosen->len && status == CTL_EXIT_DONE; i += IDS_MAX) {
		g_autoptr(JsonBuilder) command = ctl_command_new(choice->command);
		json_builder_set_member_name(command, "ids");
		json_builder_begin_array(command);
		for (guint j = i; j < MIN(choice->chosen->len, i + IDS_MAX); j++)
			json_builder_add_int_value(command,
				fs_json_get_number(g_ptr_array_index(choice->chosen, j), "id", 0));
		json_builder_end_array(command);
		status = tell(talk, command);
	}
	return status;
}

typedef CtlExit (*Question)(const Choice *choice, const CtlArguments *arguments);

static CtlExit decide(Choice *choice, const CtlArguments *arguments, Question question)
{
	g_autoptr(JsonObject) file = NULL;

	if (arguments->is_all && arguments->operands[0] != NULL)
		return ctl_say(CTL_EXIT_USAGE, "%s: either --all or which", choice->command);
	CtlExit status = find_target(arguments, &choice->target);
	if (status == CTL_EXIT_DONE)
		status = ctl_target_read_json(&choice->target, "queue.json", &file);
	if (status != CTL_EXIT_DONE)
		return status;
	JsonNode *queue = json_object_get_member(file, "queue");
	if (queue == NULL || !JSON_NODE_HOLDS_ARRAY(queue))
		return ctl_say(CTL_EXIT_NO_MOUNT, "the queue makes no sense");
	g_autoptr(GPtrArray) chosen = g_ptr_array_new();
	choice->queue = json_node_get_array(queue);
	choice->chosen = chosen;
	status = choose(choice, arguments->operands);
	if (status == CTL_EXIT_DONE && chosen->len == 0)
		return ctl_say(CTL_EXIT_DONE, "nothing to %s", choice->command);
	if (status == CTL_EXIT_DONE && question != NULL)
		status = question(choice, arguments);
	return status == CTL_EXIT_DONE ? tell_chosen(choice) : status;
}

/* --- the commands -------------------------------------------------------- */

CtlExit ctl_do_retry(const CtlArguments *arguments)
{
	Choice choice = {.command = "retry", .states = {"failed", "unfinished", NULL}};
	CtlExit status = decide(&choice, arguments, NULL);

	ctl_target_clear(&choice.target);
	return status;
}

static void show_chosen(const Choice *choice)
{
	for (guint i = 0; i < MIN(choice->chosen->len, SHOWN_MAX); i++) {
		JsonObject *entry = g_ptr_array_index(choice->chosen, i);
		g_autofree char *path = fs_words_line(fs_json_get_text(entry, "path", "?"));
		g_autofree char *size =
			fs_words_size((uint64_t)fs_json_get_number(entry, "bytes", 0));
		fprintf(stderr, "  %s, %s: %s (%s)\n", fs_json_get_text(entry, "state", "?"),
			fs_json_get_text(entry, "what", "?"), path, size);
	}
	if (choice->chosen->len > SHOWN_MAX)
		fprintf(stderr, "  and %u more\n", choice->chosen->len - SHOWN_MAX);
}

static CtlExit ask_first(const Choice *choice, const CtlArguments *arguments)
{
	char answer[16] = "";

	if (arguments->is_sure)
		return CTL_EXIT_DONE;
	if (!isatty(STDIN_FILENO))
		return ctl_say(CTL_EXIT_USAGE,
			"discard asks first, and there is no terminal to ask at: say --yes");
	show_chosen(choice);
	fputs("Discard? What was written is lost, what was deleted or moved comes back. [y/N] ",
		stderr);
	if (fgets(answer, sizeof(answer), stdin) != NULL && g_ascii_tolower(*answer) == 'y')
		return CTL_EXIT_DONE;
	return ctl_say(CTL_EXIT_NOT_DONE, "nothing was discarded");
}

CtlExit ctl_do_discard(const CtlArguments *arguments)
{
	Choice choice = {
		.command = "discard",
		.states = {"failed", "unfinished", "maybe-sent", "held", NULL},
	};

	if (arguments->is_sure && arguments->operands[0] == NULL && !arguments->is_all)
		return ctl_say(CTL_EXIT_USAGE, "discard --yes needs a PATH, an ID or --all");
	CtlExit status = decide(&choice, arguments, ask_first);
	ctl_target_clear(&choice.target);
	return status;
}

CtlExit ctl_do_confirm(const CtlArguments *arguments)
{
	g_auto(CtlTarget) target = {0};
	g_autoptr(FsTalk) talk = NULL;
	g_autoptr(JsonBuilder) command = ctl_command_new("confirm");
	CtlExit status = ctl_target_meant(arguments, &target);

	if (status == CTL_EXIT_DONE)
		status = ctl_target_talk(&target, &talk);
	return status == CTL_EXIT_DONE ? tell(talk, command) : status;
}
