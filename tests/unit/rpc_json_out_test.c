/* tests/unit/rpc_json_out_test.c: JSON as the RPC writes it, read back. */
#include "tools/rpc/json_out.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <sodium.h>

static struct json_out out;

static void assert_written(const char *text)
{
	cr_assert(bytes_equal_text(bytes_of(out.data, out.size), text), "%.*s is not %s",
	          (int)out.size, out.data, text);
	json_out_deinit(&out);
}

Test(rpc_json_out, structure)
{
	json_out_begin(&out, '{');
	json_out_key(&out, "a");
	json_out_begin(&out, '[');
	json_out_int(&out, -1);
	json_out_bool(&out, true);
	json_out_begin(&out, '{');
	json_out_end(&out, '}');
	json_out_end(&out, ']');
	json_out_key(&out, "b");
	json_out_text(&out, NULL);
	json_out_end(&out, '}');
	assert_written("{\"a\":[-1,true,{}],\"b\":\"\"}");
}

Test(rpc_json_out, numbers)
{
	json_out_begin(&out, '[');
	json_out_real(&out, 1.0);
	json_out_real(&out, 0.25);
	json_out_real(&out, -1.5);
	json_out_real(&out, NAN);
	json_out_real(&out, INFINITY);
	json_out_size(&out, UINT64_MAX);
	json_out_end(&out, ']');
	assert_written("[1,0.2500,-1.5000,-1,-1,9223372036854775807]");
}

Test(rpc_json_out, any_bytes_are_a_string)
{
	uint8_t all[257];

	for (int i = 0; i < 256; i++)
		all[i] = (uint8_t)i;
	all[256] = 0xe2; /* the beginning of a character */
	json_out_begin(&out, '[');
	json_out_bytes(&out, bytes_of(all, sizeof all));
	json_out_text(&out, "q\" b\\ \n \xc3\xa4 \xe2\x80\xa8");
	json_out_end(&out, ']');
	json_t *root = json_loadb(out.data, out.size, JSON_ALLOW_NUL, NULL);
	cr_assert_not_null(root);
	cr_assert_str_eq(json_string_value(json_array_get(root, 1)), "q\" b\\ \n \xc3\xa4 \xe2\x80\xa8");
	json_decref(root);
	json_out_deinit(&out);
}

Test(rpc_json_out, base64)
{
	cr_assert_geq(sodium_init(), 0);
	json_out_begin(&out, '[');
	json_out_base64(&out, bytes_of(NULL, 0));
	json_out_base64(&out, bytes_of("\xff", 1));
	json_out_base64(&out, bytes_of("abc", 3));
	json_out_raw(&out, bytes_of_text("{}"));
	json_out_end(&out, ']');
	assert_written("[\"\",\"/w==\",\"YWJj\",{}]");
}
