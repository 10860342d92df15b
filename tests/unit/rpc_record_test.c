/* tests/unit/rpc_record_test.c: what RPC keeps of one torrent: settings by name,
 * labels, and the way to disk and back. */
#include "tools/rpc/record.h"

#include "tools/rpc/json_out.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct rpc_torrent *record;

static void setup(void)
{
	record = record_new((const uint8_t[SHA1_SIZE]){ 1 }, 7, 100);
}

static void teardown(void)
{
	record_free(record);
}

TestSuite(rpc_record, .init = setup, .fini = teardown);

static bool set(const char *name, json_t *value)
{
	bool changed = record_set(record, record_find(name), value);

	json_decref(value);
	return changed;
}

Test(rpc_record, settings_take_their_type_and_range)
{
	cr_assert(set("downloadLimit", json_integer(5)));
	cr_assert_not(set("downloadLimit", json_integer(5)), "the same");
	cr_assert_not(set("downloadLimit", json_integer(-1)));
	cr_assert_not(set("downloadLimit", json_string("9")));
	cr_assert_not(set("downloadLimit", json_real(1e300)));
	cr_assert_not(set("downloadLimit", NULL));
	cr_assert_eq(record->download_limit, 5);
	cr_assert(set("downloadLimited", json_true()));
	cr_assert(set("downloadLimited", json_integer(0)));
	cr_assert_not(set("bandwidthPriority", json_integer(2)));
	cr_assert(set("seedRatioLimit", json_real(1.5)));
	cr_assert(set("seedRatioLimit", json_integer(3)));
	cr_assert_eq(record->ratio_limit, 3);
	cr_assert_not(set("seedRatioMode", json_integer(3)));
	cr_assert_null(record_find("name"));
}

static const char *set_labels(const char *text)
{
	json_t *list = json_loads(text, 0, NULL);
	const char *problem = record_set_labels(record, list);

	json_decref(list);
	return problem;
}

Test(rpc_record, labels)
{
	cr_assert_null(set_labels("[\"tv\",\" hd\"]"));
	cr_assert_eq(json_array_size(record->labels), 2);
	cr_assert_str_eq(set_labels("[\"a\",\" \"]"), "labels cannot be empty");
	cr_assert_str_eq(set_labels("[\"a,b\"]"), "labels cannot contain comma (,) character");
	cr_assert_eq(json_array_size(record->labels), 2, "nothing changed");
	cr_assert_null(set_labels("[]"));
	cr_assert_eq(json_array_size(record->labels), 0);
}

Test(rpc_record, labels_are_bounded)
{
	json_t *list = json_array();

	for (int i = 0; i < RECORD_LABELS_MAX + 9; i++)
		json_array_append_new(list, json_string("x"));
	cr_assert_null(record_set_labels(record, list));
	cr_assert_eq(json_array_size(record->labels), RECORD_LABELS_MAX);
	json_decref(list);
}

Test(rpc_record, to_disk_and_back)
{
	struct rpc_torrent *again = record_new(record->info_hash, 8, 200);
	json_t *root;

	set("uploadLimit", json_integer(77));
	set("seedRatioLimit", json_real(0.5));
	set_labels("[\"tv\"]");
	record->uploaded_before = 12345;
	record->queue = 3;
	record_make_files(record, 4);
	record->wanted[1] = 0;
	record->priorities[1] = -1;
	record->priorities[2] = 1;
	root = record_to_json(record);
	record_from_json(again, root);
	json_decref(root);
	cr_assert_eq(again->upload_limit, 77);
	cr_assert_float_eq(again->ratio_limit, 0.5, 1e-9);
	cr_assert_eq(json_array_size(again->labels), 1);
	cr_assert_eq(again->uploaded_before, 12345);
	cr_assert_eq(again->queue, 3);
	cr_assert_eq(again->file_count, 4);
	cr_assert_arr_eq(again->wanted, record->wanted, 4);
	cr_assert_arr_eq(again->priorities, record->priorities, 4);
	record_free(again);
}

Test(rpc_record, a_damaged_file_changes_nothing_bad)
{
	json_t *root = json_loads("{\"queue\":-5,\"labels\":7,\"group\":1,\"files\":[\"x\",99,-1],"
	                          "\"seedRatioMode\":9}", 0, NULL);

	record_from_json(record, root);
	json_decref(root);
	cr_assert_eq(record->queue, INT64_MAX);
	cr_assert_eq(record->ratio_mode, 0);
	cr_assert_eq(record->file_count, 3);
	for (int i = 0; i < 3; i++)
		cr_assert(record->priorities[i] >= -1 && record->priorities[i] <= 1);
}

Test(rpc_record, settings_are_printed_in_their_type)
{
	struct json_out out = { .data = NULL };

	json_out_begin(&out, '[');
	record_print(record, record_find("downloadLimited"), &out);
	record_print(record, record_find("peer-limit"), &out);
	record_print(record, record_find("seedRatioLimit"), &out);
	json_out_end(&out, ']');
	cr_assert(bytes_equal_text(bytes_of(out.data, out.size), "[false,100,2]"));
	json_out_deinit(&out);
}
