/* tests/unit/memory_test.c: proto/memory.c. */
#include "proto/memory.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

Test(memory, zeroed_is_zero)
{
	uint32_t *p = memory_zeroed(1000, sizeof(*p));
	for (int i = 0; i < 1000; i++)
		cr_assert_eq(p[i], 0);
	free(p);
}

Test(memory, copies)
{
	char *text = memory_copy_text("shoal");
	char *bytes = memory_copy("a\0b", 3);
	cr_assert_str_eq(text, "shoal");
	cr_assert_eq(memcmp(bytes, "a\0b", 3), 0);
	free(text);
	free(bytes);
}

Test(memory, resize_keeps_content)
{
	char *p = memory_copy("abcd", 4);
	p = memory_resize(p, 1000, 4);
	cr_assert_eq(memcmp(p, "abcd", 4), 0);
	p = memory_resize(p, 0, 4);
	cr_assert_null(p);
}

Test(memory, product_overflow_aborts, .signal = SIGABRT)
{
	free(memory_zeroed(SIZE_MAX / 2, 3));
}

Test(memory, resize_overflow_aborts, .signal = SIGABRT)
{
	free(memory_resize(NULL, SIZE_MAX / 4, 8));
}
