/* tests/unit/swarm_figure_test.c: tools/lab/swarm_figure.c */
#include "tools/lab/swarm_figure.h"

#include <criterion/criterion.h>
#include <stdlib.h>

Test(swarm_figure, the_example_is_the_textbooks)
{
	cr_assert_float_eq(1000 * swarm_figure_client_server_bound(100), 100000, 1e-6);
	cr_assert_float_eq(1000 * swarm_figure_bound(100), 1000, 1e-6);
	cr_assert_float_eq(swarm_figure_bound(1), 1, 1e-9);
}

static uint32_t count_of(const char *text, const char *what)
{
	uint32_t count = 0;

	for (const char *at = text; (at = strstr(at, what)) != NULL; at++)
		count++;
	return count;
}

Test(swarm_figure, draws_every_point)
{
	const struct swarm_figure_point swarm[] = { { 1, 1.01 }, { 50, 1.06 }, { 100, 1.07 } };
	const struct swarm_figure_point server[] = { { 1, 1.01 }, { 100, 100.5 } };
	const struct swarm_figure f = { swarm, server, 3, 2, "Measured by hand" };
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	swarm_figure_write(&f, out);
	fclose(out);
	cr_assert_eq(strncmp(text, "<svg ", 5), 0);
	cr_assert_eq(strcmp(text + size - 7, "</svg>\n"), 0);
	cr_assert_eq(count_of(text, "<title>N = "), 5);
	cr_assert_eq(count_of(text, "N = 50: 1.060 F/u"), 1);
	cr_assert_eq(count_of(text, "100,000 s, more than a day"), 1);
	cr_assert_eq(count_of(text, "Measured by hand"), 1);
	cr_assert_eq(count_of(text, "nan"), 0);
	free(text);
}
