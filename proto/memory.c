/* proto/memory.c: allocation that aborts with a message. */
#include "proto/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *check(void *p, size_t size)
{
	if (p == NULL && size != 0) {
		fprintf(stderr, "shoal: out of memory (%zu bytes)\n", size);
		abort();
	}
	return p;
}

static size_t product(size_t count, size_t size)
{
	size_t total;
	if (__builtin_mul_overflow(count, size, &total)) {
		fprintf(stderr, "shoal: allocation of %zu x %zu bytes\n", count, size);
		abort();
	}
	return total;
}

void *memory_alloc(size_t size)
{
	return check(malloc(size), size);
}

void *memory_zeroed(size_t count, size_t size)
{
	const size_t total = product(count, size);
	return check(calloc(count, size), total);
}

void *memory_resize(void *old, size_t count, size_t size)
{
	const size_t total = product(count, size);
	if (total == 0) {
		free(old);
		return NULL;
	}
	return check(realloc(old, total), total);
}

void *memory_copy(const void *data, size_t size)
{
	void *copy = memory_alloc(size);
	if (size != 0)
		memcpy(copy, data, size);
	return copy;
}

char *memory_copy_text(const char *text)
{
	return memory_copy(text, strlen(text) + 1);
}
