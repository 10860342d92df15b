/* tests/unit/arena_test.c: proto/arena.c. */
#include "proto/arena.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdalign.h>
#include <stdio.h>

Test(arena, small_and_large_pieces)
{
	struct arena *a = arena_new();
	char *texts[2000];
	for (uint32_t i = 0; i < 2000; i++) {
		char text[32];
		snprintf(text, sizeof(text), "text %u", i);
		texts[i] = arena_copy(a, bytes_of_text(text));
		uint64_t *numbers = arena_alloc(a, i % 100, sizeof(*numbers));
		cr_assert_eq((uintptr_t)numbers % alignof(max_align_t), 0);
		for (uint32_t k = 0; k < i % 100; k++) {
			cr_assert_eq(numbers[k], 0);
			numbers[k] = UINT64_MAX;
		}
	}
	uint8_t *large = arena_alloc(a, 1, 1 << 20);
	memset(large, 0xff, 1 << 20);
	for (uint32_t i = 0; i < 2000; i++) {
		char text[32];
		snprintf(text, sizeof(text), "text %u", i);
		cr_assert_str_eq(texts[i], text);
	}
	arena_free(a);
}

Test(arena, empty)
{
	struct arena *a = arena_new();
	cr_assert_str_eq(arena_copy(a, bytes_of(NULL, 0)), "");
	arena_free(a);
	arena_free(NULL);
}

Test(arena, overflow_is_a_bug, .signal = SIGABRT)
{
	struct arena *a = arena_new();
	arena_alloc(a, SIZE_MAX / 2, 3);
}
