/* tools/cli/dht_values.c: shoal dht put, get and key: values of BEP 44, under
 * the hash of their content or under a publisher's key. */
#include "tools/cli/dht.h"

#include "dht/item.h"
#include "proto/bencode.h"
#include "proto/hash.h"
#include "proto/sign.h"
#include "tools/cli/cli.h"
#include "tools/cli/dht_ask.h"
#include "tools/io/files.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { KEY_FILE_MAX = 256 };

struct value_options {
	const char *key, *salt, *seq, *cas;
	bool raw;
};

/* ---- keys ---- */

static int make_key(const char *path)
{
	uint8_t seed[SIGN_SEED_SIZE], public_key[SIGN_PUBLIC_SIZE], secret[SIGN_SECRET_SIZE];
	char text[2 * SIGN_SEED_SIZE + 2], hex[2 * SIGN_PUBLIC_SIZE + 1], reason[FILES_REASON_MAX];
	struct stat st;
	bool good;

	if (lstat(path, &st) == 0)
		return cli_fail(CLI_ERROR, "dht key", "%s: there already; a key is never overwritten",
		                path);
	if (sodium_init() < 0)
		return cli_fail(CLI_ERROR, "dht key", "libsodium does not start");
	randombytes_buf(seed, sizeof seed);
	sign_keys(seed, public_key, secret);
	hex_encode(bytes_of(seed, sizeof seed), text);
	strcat(text, "\n");
	good = files_save(path, bytes_of_text(text), FILES_PRIVATE, reason);
	sodium_memzero(seed, sizeof seed);
	sodium_memzero(secret, sizeof secret);
	sodium_memzero(text, sizeof text);
	if (!good)
		return cli_fail(CLI_ERROR, "dht key", "%s", reason);
	puts(hex_encode(bytes_of(public_key, sizeof public_key), hex));
	return cli_finish_output("dht key");
}

int dht_make_key(int argc, char **argv)
{
	const struct option_spec rows[] = { { 0 } };
	const struct command c = {
		"dht key",
		"Make a secret key in FILE, readable by its owner only, and print the public\n"
		"key under which 'shoal dht put --key FILE' stores and others fetch.",
		"new FILE", rows, "Exit codes:\n  0 made    1 another error    2 wrong usage\n"
	};
	char **operands;
	int count;

	switch (options_parse(&c, argc, argv, &operands, &count)) {
	case OPTIONS_HELP:
		return cli_finish_output("dht key");
	case OPTIONS_WRONG:
		return CLI_USAGE;
	case OPTIONS_RUN:
		break;
	}
	if (count != 2 || strcmp(operands[0], "new") != 0)
		return cli_fail(CLI_USAGE, "dht key", "the form is: shoal dht key new FILE");
	return make_key(operands[1]);
}

/* The secret of a key file, expanded. CLI_OK or a printed failure. */
static int load_key(struct ask *a, const char *path)
{
	char reason[FILES_REASON_MAX];
	uint8_t seed[SIGN_SEED_SIZE], *file;
	size_t size;
	bool good;

	file = files_load(path, KEY_FILE_MAX, &size, reason);
	if (file == NULL)
		return cli_fail(CLI_ERROR, a->command, "%s", reason);
	file[strcspn((char *)file, "\r\n")] = '\0';
	good = hex_decode((char *)file, seed, sizeof seed);
	sodium_memzero(file, size);
	free(file);
	if (!good)
		return cli_fail(CLI_ERROR, a->command, "%s: not a key of shoal dht key new", path);
	sign_keys(seed, a->item.key, a->secret);
	sodium_memzero(seed, sizeof seed);
	return CLI_OK;
}

static int set_salt(struct ask *a, const char *salt)
{
	size_t size = salt == NULL ? 0 : strlen(salt);

	if (size > DHT_SALT_MAX)
		return cli_fail(CLI_USAGE, a->command, "option --salt: longer than %d bytes",
		                DHT_SALT_MAX);
	if (size > 0)
		memcpy(a->item.salt, salt, size);
	a->item.salt_size = (uint32_t)size;
	return CLI_OK;
}

static struct bytes salt_of(const struct ask *a)
{
	return bytes_of(a->item.salt, a->item.salt_size);
}

/* ---- get ---- */

static dht_search start_get(struct ask *a, struct dht_node *node, usec now)
{
	return dht_node_get_item(node, a->target, a->by_key ? a->item.key : NULL, salt_of(a), now);
}

static void on_item(struct ask *a, const struct dht_output *o)
{
	if (o->kind != DHT_OUT_ITEM)
		return;
	if (!a->has_best || o->item->seq >= a->best.seq)
		a->best = *o->item;
	a->has_best = true;
	a->results++;
	if (!a->by_key && !a->putting) /* its hash fits: there is no better one */
		ask_finish(a, CLI_OK);
}

static bool finish_get(struct ask *a, const struct dht_output *done)
{
	if (a->has_best)
		return true;
	if (done->replied == 0)
		return false;
	a->code = show_failure(&a->show, CLI_NOT_FOUND, "no such value: %" PRIu32 " nodes asked",
	                       done->replied);
	return true;
}

static int print_value(const struct ask *a, bool raw)
{
	struct bytes value = raw ? bytes_of(a->best.value, a->best.value_size)
	                         : ask_plain_value(&a->best);
	struct json_line j;

	if (a->json) {
		json_init(&j);
		json_begin(&j, "item", show_unix_time());
		json_bytes(&j, "value", value);
		json_hex(&j, "bencoded", bytes_of(a->best.value, a->best.value_size));
		if (a->best.mutable_item) {
			json_int(&j, "seq", a->best.seq);
			json_hex(&j, "key", bytes_of(a->best.key, SIGN_PUBLIC_SIZE));
		}
		json_end(&j, stdout);
		json_deinit(&j);
	} else {
		fwrite(value.data, 1, value.size, stdout);
	}
	return cli_finish_output(a->command);
}

int dht_ask_get(int argc, char **argv)
{
	struct value_options v = { 0 };
	struct ask a;
	const struct option_spec rows[] = {
		{ "key", 'k', OPTION_TEXT, &v.key, "HEX", "the public key it is stored under" },
		{ "salt", 0, OPTION_TEXT, &v.salt, "TEXT", "which of the key's values" },
		{ "raw", 0, OPTION_FLAG, &v.raw, NULL, "print it bencoded, as it is stored" },
		ASK_OPTIONS(&a),
	};
	const struct command c = {
		"dht get",
		"Fetch a value from the DHT (BEP 44): by the hash of its content, or the newest\n"
		"that was stored under a key. It is printed as it was put.",
		"TARGET [options]\n--key HEX [--salt TEXT] [options]", rows,
		"Exit codes:\n  0 found    2 wrong usage    3 no such value    7 no answer in time\n"
	};
	char **operands;
	int count, code;

	ask_init(&a, c.name);
	switch (options_parse(&c, argc, argv, &operands, &count)) {
	case OPTIONS_HELP:
		return cli_finish_output(c.name);
	case OPTIONS_WRONG:
		return CLI_USAGE;
	case OPTIONS_RUN:
		break;
	}
	if (count != (v.key == NULL ? 1 : 0))
		return cli_fail(CLI_USAGE, c.name, "give either TARGET or --key HEX");
	if (set_salt(&a, v.salt) != CLI_OK)
		return CLI_USAGE;
	a.by_key = v.key != NULL;
	if (a.by_key && !hex_decode(v.key, a.item.key, SIGN_PUBLIC_SIZE))
		return cli_fail(CLI_USAGE, c.name, "option --key: not 64 hex digits");
	if (!a.by_key && !ask_target(&a, operands[0]))
		return CLI_USAGE;
	if (a.by_key)
		item_target_of_key(a.item.key, salt_of(&a), a.target);
	a.start = start_get;
	a.result = on_item;
	a.finish = finish_get;
	code = ask_run(&a);
	return code == CLI_OK && a.has_best ? print_value(&a, v.raw) : code;
}

/* ---- put ---- */

/* stdin into the item, bencoded as one string, or as it is with --raw. */
static int read_value(struct ask *a, bool raw)
{
	uint8_t input[DHT_VALUE_MAX + 1];
	struct bencode_token tokens[DHT_VALUE_MAX];
	size_t size = fread(input, 1, sizeof input, stdin);
	struct bencode b;
	struct writer w;

	writer_init(&w, a->item.value, sizeof a->item.value);
	if (raw)
		write_bytes(&w, bytes_of(input, size));
	else
		bencode_put_string(&w, bytes_of(input, size));
	a->item.value_size = (uint32_t)writer_bytes(&w).size;
	if (w.failed || ferror(stdin))
		return cli_fail(CLI_ERROR, a->command, "standard input: %s",
		                w.failed ? "the value is above 1000 bytes, bencoded" : "read error");
	if (!bencode_parse(&b, bytes_of(a->item.value, a->item.value_size), tokens, DHT_VALUE_MAX, 0))
		return cli_fail(CLI_ERROR, a->command, "standard input: --raw, but not bencoded: %s",
		                b.error);
	return CLI_OK;
}

/* Without --seq, what is stored is asked for first, so that ours is newer. */
static dht_search start_put(struct ask *a, struct dht_node *node, usec now)
{
	a->putting = !a->by_key || a->has_seq;
	if (!a->putting)
		return start_get(a, node, now);
	if (a->by_key)
		item_sign(&a->item, a->secret);
	return dht_node_put_item(node, &a->item, a->has_cas, a->cas, now);
}

static void print_stored(struct ask *a, const struct dht_output *done)
{
	struct json_line *j = show_event(&a->show, "stored");
	char target[HEX_SHA1], key[2 * SIGN_PUBLIC_SIZE + 1];

	hex_encode(bytes_of(a->target, DHT_ID_SIZE), target);
	hex_encode(bytes_of(a->item.key, SIGN_PUBLIC_SIZE), key);
	if (j != NULL) {
		json_text(j, "target", target);
		if (a->by_key) {
			json_text(j, "key", key);
			json_int(j, "seq", a->item.seq);
		}
		json_uint(j, "stored", done->announced);
		show_emit(&a->show);
	}
	if (a->by_key)
		show_say(&a->show, "%s\t%s\tseq %" PRId64 "\t%" PRIu32 " nodes", target, key,
		         a->item.seq, done->announced);
	else
		show_say(&a->show, "%s\t%" PRIu32 " nodes", target, done->announced);
}

static bool finish_put(struct ask *a, const struct dht_output *done)
{
	if (!a->putting) {
		if (done->replied > 0) {
			a->item.seq = a->has_best ? a->best.seq + 1 : 1;
			a->has_seq = true;
			a->again_at = 0;
		}
		return false;
	}
	if (done->announced > 0) {
		print_stored(a, done);
		return true;
	}
	if (done->error == 0)
		return false;
	a->code = show_failure(&a->show, CLI_ERROR, "not stored: %s",
	                       done->error == 301   ? "the stored seq is not that of --cas"
	                       : done->error == 302 ? "a newer value is stored; give a higher --seq"
	                                            : "the nodes refused it");
	return true;
}

static bool parse_seq(const char *text, int64_t *out)
{
	char *end;

	*out = strtoll(text, &end, 10);
	return *end == '\0' && *out >= 0 && *text != '-' && *text != '+' && *text != ' ';
}

static int prepare_put(struct ask *a, const struct value_options *v)
{
	int code;

	a->by_key = v->key != NULL;
	if (!a->by_key && (v->salt != NULL || v->seq != NULL || v->cas != NULL))
		return cli_fail(CLI_USAGE, a->command, "options --salt, --seq and --cas need --key");
	a->has_seq = v->seq != NULL;
	a->has_cas = v->cas != NULL;
	if (a->has_seq && !parse_seq(v->seq, &a->item.seq))
		return cli_fail(CLI_USAGE, a->command, "option --seq: '%s' is not a number", v->seq);
	if (a->has_cas && !parse_seq(v->cas, &a->cas))
		return cli_fail(CLI_USAGE, a->command, "option --cas: '%s' is not a number", v->cas);
	code = set_salt(a, v->salt);
	if (code == CLI_OK && a->by_key)
		code = load_key(a, v->key);
	if (code == CLI_OK)
		code = read_value(a, v->raw);
	a->item.mutable_item = a->by_key;
	item_target(&a->item, a->target);
	return code;
}

int dht_ask_put(int argc, char **argv)
{
	struct value_options v = { 0 };
	struct ask a;
	const struct option_spec rows[] = {
		{ "key", 'k', OPTION_TEXT, &v.key, "FILE", "store under this secret key" },
		{ "salt", 0, OPTION_TEXT, &v.salt, "TEXT", "which of the key's values" },
		{ "seq", 0, OPTION_TEXT, &v.seq, "N",
		  "its sequence number (default: one above the stored one)" },
		{ "cas", 0, OPTION_TEXT, &v.cas, "N", "only where the stored number is N" },
		{ "raw", 0, OPTION_FLAG, &v.raw, NULL, "the input is bencoded already" },
		ASK_OPTIONS(&a),
	};
	const struct command c = {
		"dht put",
		"Store the standard input, up to 1000 bytes, in the DHT (BEP 44): under the hash\n"
		"of its content, or with --key under the public key, where it can be replaced.\n"
		"Prints the target to get it by. It is kept for about two hours.",
		"[--key FILE [--salt TEXT] [--seq N] [--cas N]] [options] < VALUE", rows,
		"Exit codes:\n  0 stored    1 refused, another error    2 wrong usage    7 no answer in time\n"
	};
	char **operands;
	int count, code;

	ask_init(&a, c.name);
	switch (options_parse(&c, argc, argv, &operands, &count)) {
	case OPTIONS_HELP:
		return cli_finish_output(c.name);
	case OPTIONS_WRONG:
		return CLI_USAGE;
	case OPTIONS_RUN:
		break;
	}
	if (count != 0)
		return cli_fail(CLI_USAGE, c.name, "unexpected '%s'; the value is read from stdin",
		                operands[0]);
	code = prepare_put(&a, &v);
	if (code != CLI_OK)
		return code;
	a.start = start_put;
	a.result = on_item;
	a.finish = finish_put;
	code = ask_run(&a);
	sodium_memzero(a.secret, sizeof a.secret);
	return code;
}
