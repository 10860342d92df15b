/* tests/unit/options_test.c: the option table: what is taken, what is refused, and every message. */
#include "tools/cli/options.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>

struct values {
	bool flag, unflag;
	const char *text;
	struct text_list texts, hosts;
	uint16_t port;
	uint32_t count;
	uint64_t size;
	usec duration;
};

static char **operands;
static int operand_count;

static enum options_outcome parse(struct values *v, int argc, const char *const *words)
{
	const struct option_spec rows[] = {
		{ "flag", 'f', OPTION_FLAG, &v->flag, NULL, "a flag" },
		{ "no-flag", 0, OPTION_UNFLAG, &v->unflag, NULL, "not" },
		{ "A part", 0, OPTION_HEADING, NULL, NULL, NULL },
		{ "text", 't', OPTION_TEXT, &v->text, "TEXT", "a text" },
		{ "texts", 0, OPTION_TEXTS, &v->texts, "TEXT", "texts" },
		{ "hosts", 0, OPTION_HOSTS, &v->hosts, "HOST:PORT", "hosts" },
		{ "port", 0, OPTION_PORT, &v->port, "N", "a port" },
		{ "count", 0, OPTION_COUNT, &v->count, "N", "a count" },
		{ "size", 0, OPTION_SIZE, &v->size, "SIZE", "a size" },
		{ "duration", 0, OPTION_DURATION, &v->duration, "TIME", "a time\nin two lines" },
		{ 0 },
	};
	const struct command c = { "test", "Purpose.", "ARG\nOTHER", rows, "Notes.\n" };
	static char *argv[512];

	cr_assert(argc < 512);
	for (int i = 0; i < argc; i++)
		argv[i] = (char *)(uintptr_t)words[i];
	argv[argc] = NULL;
	return options_parse(&c, argc, argv, &operands, &operand_count);
}

#define PARSE(v, ...)                                                                      \
	parse(v, (int)(sizeof((const char *[]){ "test", __VA_ARGS__ }) / sizeof(char *)), \
	      (const char *[]){ "test", __VA_ARGS__ })

Test(options, every_kind_and_mixed_operands)
{
	struct values v = { .unflag = true };

	cr_assert_eq(PARSE(&v, "one", "--flag", "--no-flag", "-t", "x", "--text=y", "--texts", "a",
	                   "--texts=b", "--hosts", "h:1", "--port=6881", "--count", "7", "--size",
	                   "256K", "two", "--duration=90", "--", "--three"),
	             OPTIONS_RUN);
	cr_assert(v.flag);
	cr_assert_not(v.unflag);
	cr_assert_str_eq(v.text, "y");
	cr_assert_eq(v.texts.count, 2);
	cr_assert_str_eq(v.texts.texts[1], "b");
	cr_assert_eq(v.hosts.count, 1);
	cr_assert_eq(v.port, 6881);
	cr_assert_eq(v.count, 7);
	cr_assert_eq(v.size, 262144);
	cr_assert_eq(v.duration, 90 * USEC_PER_SEC);
	cr_assert_eq(operand_count, 3);
	cr_assert_str_eq(operands[0], "one");
	cr_assert_str_eq(operands[1], "two");
	cr_assert_str_eq(operands[2], "--three");
}

#define FAILS(message, ...)                                                 \
	do {                                                                \
		struct values v = { 0 };                                    \
		cr_redirect_stderr();                                       \
		cr_assert_eq(PARSE(&v, __VA_ARGS__), OPTIONS_WRONG);        \
		fflush(stderr);                                             \
		cr_assert_stderr_eq_str(message);                           \
	} while (0)

Test(options, unknown_long)
{
	FAILS("shoal test: unknown option --nope (see shoal test --help)\n", "--nope=3");
}

Test(options, unknown_letter)
{
	FAILS("shoal test: unknown option -z (see shoal test --help)\n", "-z");
}

Test(options, missing_value)
{
	FAILS("shoal test: option --text needs TEXT\n", "--text");
}

Test(options, missing_value_of_letter)
{
	FAILS("shoal test: option --text needs TEXT\n", "-t");
}

Test(options, value_not_wanted)
{
	FAILS("shoal test: option --flag takes no value\n", "--flag=1");
}

Test(options, bad_values_name_the_option)
{
	FAILS("shoal test: option --port: '65536' is not a port, 0 to 65535\n", "--port=65536");
}

Test(options, bad_host)
{
	FAILS("shoal test: option --hosts: 'nowhere' is not HOST:PORT\n", "--hosts", "nowhere");
}

Test(options, control_characters_stay_out_of_messages)
{
	FAILS("shoal test: option --count: '?[31m' is not a whole number\n", "--count", "\033[31m");
}

Test(options, empty_text)
{
	FAILS("shoal test: option --text needs TEXT\n", "--text=");
}

Test(options, list_is_bounded)
{
	const char *words[1 + OPTION_TEXTS_MAX + 1] = { "test" };
	struct values v = { 0 };

	for (int i = 1; i <= OPTION_TEXTS_MAX + 1; i++)
		words[i] = "--texts=x";
	cr_assert_eq(parse(&v, OPTION_TEXTS_MAX + 1, words), OPTIONS_RUN);
	cr_assert_eq(v.texts.count, OPTION_TEXTS_MAX);
	cr_redirect_stderr();
	v.texts.count = 0;
	cr_assert_eq(parse(&v, OPTION_TEXTS_MAX + 2, words), OPTIONS_WRONG);
}

Test(options, help_comes_from_the_table)
{
	struct values v = { 0 };

	cr_redirect_stdout();
	cr_assert_eq(PARSE(&v, "--help"), OPTIONS_HELP);
	fflush(stdout);
	cr_assert_stdout_eq_str("Usage: shoal test ARG\n"
	                        "       shoal test OTHER\n"
	                        "\nPurpose.\n"
	                        "\nOptions:\n"
	                        "  -f, --flag                a flag\n"
	                        "      --no-flag             not\n"
	                        "\nA part:\n"
	                        "  -t, --text TEXT           a text\n"
	                        "      --texts TEXT          texts\n"
	                        "      --hosts HOST:PORT     hosts\n"
	                        "      --port N              a port\n"
	                        "      --count N             a count\n"
	                        "      --size SIZE           a size\n"
	                        "      --duration TIME       a time\n"
	                        "                            in two lines\n"
	                        "  -h, --help                this text\n"
	                        "\nNotes.\n");
}

/* ---- values ---- */

Test(options, sizes)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {
		{ "0", 0 },
		{ "262144", 262144 },
		{ "256K", 262144 },
		{ "256k", 262144 },
		{ "64KiB", 65536 },
		{ "4M", 4 << 20 },
		{ "1.5G", 3ull << 29 },
		{ "2T", 2ull << 40 },
		{ "10B", 10 },
		{ "9223372036854775807", INT64_MAX },
	};
	static const char *const bad[] = { "", "K", "-1", "1X", "1.5", "1.K", " 1", "1 K", "1KB2",
		                           "9223372036854775808", "99999999999999999999",
		                           "8388608T", "1e3", "0x10" };
	uint64_t bytes;

	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		cr_expect(parse_size(good[i].text, &bytes), "%s", good[i].text);
		cr_expect_eq(bytes, good[i].bytes, "%s", good[i].text);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		cr_expect_not(parse_size(bad[i], &bytes), "%s", bad[i]);
}

Test(options, durations)
{
	static const struct {
		const char *text;
		usec value;
	} good[] = {
		{ "0", 0 },
		{ "90", 90 * USEC_PER_SEC },
		{ "0.5", USEC_PER_SEC / 2 },
		{ "250ms", 250 * USEC_PER_MS },
		{ "90s", 90 * USEC_PER_SEC },
		{ "1m30s", 90 * USEC_PER_SEC },
		{ "1.5m", 90 * USEC_PER_SEC },
		{ "2h", 120 * USEC_PER_MIN },
		{ "1d", 24 * 60 * USEC_PER_MIN },
	};
	static const char *const bad[] = { "", "s", "-1", "1x", "1m30", "1 s", "1.", ".5", "inf",
		                           "99999999999999999999", "9999999999999d" };
	usec value;

	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		cr_expect(parse_duration(good[i].text, &value), "%s", good[i].text);
		cr_expect_eq(value, good[i].value, "%s", good[i].text);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		cr_expect_not(parse_duration(bad[i], &value), "%s", bad[i]);
}

Test(options, hosts)
{
	static const char *const good[] = { "127.0.0.1:6881", "[::1]:1", "router.example.org:6881",
		                            "host_1:65535" };
	static const char *const bad[] = { "",        "host",      ":1",      "host:",
		                           "host:0",  "host:65536", "host:1x", "::1:80",
		                           "[]:80",   "[::1]80",   "a b:1",   "a/b:1",
		                           "[::1:80", "[::g]:80" };

	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		cr_expect(parse_host_port(good[i]), "%s", good[i]);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		cr_expect_not(parse_host_port(bad[i]), "%s", bad[i]);
}

Test(options, counts_and_ports)
{
	uint32_t count;
	uint16_t port;

	cr_expect(parse_count("4294967295", &count));
	cr_expect_eq(count, UINT32_MAX);
	cr_expect_not(parse_count("4294967296", &count));
	cr_expect_not(parse_count("", &count));
	cr_expect_not(parse_count("+1", &count));
	cr_expect(parse_port("0", &port));
	cr_expect_not(parse_port("65536", &port));
}
