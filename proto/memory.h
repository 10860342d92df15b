/* proto/memory.h: allocation that cannot fail quietly.
 *
 * Out of memory ends the program with a message: named limits keep a peer
 * from causing it, and half-handled allocation failure loses more than a
 * restart does. */
#ifndef PROTO_MEMORY_H
#define PROTO_MEMORY_H

#include <stddef.h>

/* size bytes, or count * size zeroed bytes; owned by the caller, released
 * with free(). Never NULL for a size above 0; aborts on overflow. */
void *memory_alloc(size_t size);
void *memory_zeroed(size_t count, size_t size);
/* As realloc() to count * size bytes. */
void *memory_resize(void *old, size_t count, size_t size);
/* A copy of size bytes, or of a text. */
void *memory_copy(const void *data, size_t size);
char *memory_copy_text(const char *text);

#endif
