/* tests/unit/layout_test.c: peer/storage/layout.c, against a byte-by-byte model. */
#include "peer/storage/layout.h"

#include "proto/rng.h"

#include <criterion/criterion.h>
#include <signal.h>

enum { FILES_MAX = 12 };

struct fixture {
	struct metainfo m;
	struct metainfo_file files[FILES_MAX];
};

static void fixture_init(struct fixture *f, const uint64_t *lengths, uint32_t count,
                         uint32_t piece_length)
{
	memset(f, 0, sizeof(*f));
	for (uint32_t i = 0; i < count; i++) {
		f->files[i] = (struct metainfo_file){ .length = lengths[i], .offset = f->m.total };
		f->m.total += lengths[i];
	}
	f->m.files = f->files;
	f->m.file_count = count;
	f->m.piece_length = piece_length;
	f->m.piece_count = (uint32_t)((f->m.total + piece_length - 1) / piece_length);
}

Test(layout, one_range_over_several_files)
{
	const uint64_t lengths[] = { 10, 0, 5, 0, 0, 20 };
	struct fixture f;
	fixture_init(&f, lengths, 6, 16);
	struct layout_walk w;
	struct layout_slice s;

	layout_walk_init(&w, &f.m, 8, 10);
	cr_assert(layout_walk_next(&w, &s));
	cr_assert(s.file == 0 && s.offset == 8 && s.length == 2);
	cr_assert(layout_walk_next(&w, &s));
	cr_assert(s.file == 2 && s.offset == 0 && s.length == 5);
	cr_assert(layout_walk_next(&w, &s));
	cr_assert(s.file == 5 && s.offset == 0 && s.length == 3);
	cr_assert_not(layout_walk_next(&w, &s));
}

Test(layout, nothing_in_an_empty_range)
{
	const uint64_t lengths[] = { 0, 0 };
	struct fixture f;
	fixture_init(&f, lengths, 2, 16);
	struct layout_walk w;
	struct layout_slice s;

	layout_walk_init(&w, &f.m, 0, 0);
	cr_assert_not(layout_walk_next(&w, &s));
}

Test(layout, out_of_the_torrent_is_a_bug, .signal = SIGABRT)
{
	const uint64_t lengths[] = { 10 };
	struct fixture f;
	fixture_init(&f, lengths, 1, 16);
	struct layout_walk w;

	layout_walk_init(&w, &f.m, 8, 3);
}

Test(layout, offsets_past_32_bits)
{
	const uint64_t lengths[] = { 6000000000u, 7000000000u };
	struct fixture f;
	fixture_init(&f, lengths, 2, 1 << 24);
	struct layout_walk w;
	struct layout_slice s;

	layout_walk_init(&w, &f.m, 5999999999u, 3000000000u);
	cr_assert(layout_walk_next(&w, &s));
	cr_assert(s.file == 0 && s.offset == 5999999999u && s.length == 1);
	cr_assert(layout_walk_next(&w, &s));
	cr_assert(s.file == 1 && s.offset == 0 && s.length == 2999999999u);
	cr_assert_not(layout_walk_next(&w, &s));
}

static void check_range(const struct fixture *f, uint64_t offset, uint64_t length)
{
	struct layout_walk w;
	struct layout_slice s;
	uint64_t at = offset;

	layout_walk_init(&w, &f->m, offset, length);
	while (layout_walk_next(&w, &s)) {
		cr_assert_gt(s.length, 0);
		cr_assert_lt(s.file, f->m.file_count);
		for (uint64_t i = 0; i < s.length; i++, at++) {
			uint32_t file = 0;
			while (at >= f->files[file].offset + f->files[file].length)
				file++;
			cr_assert_eq(s.file, file);
			cr_assert_eq(s.offset + i, at - f->files[file].offset);
		}
	}
	cr_assert_eq(at, offset + length);
}

Test(layout, every_range_of_random_torrents)
{
	struct rng r;
	rng_init_number(&r, 1, 1);
	for (int round = 0; round < 40; round++) {
		uint64_t lengths[FILES_MAX];
		const uint32_t count = 1 + rng_below(&r, FILES_MAX);
		for (uint32_t i = 0; i < count; i++)
			lengths[i] = rng_below(&r, 3) == 0 ? 0 : rng_below(&r, 9);
		struct fixture f;
		fixture_init(&f, lengths, count, 4);
		for (uint64_t offset = 0; offset <= f.m.total; offset++)
			for (uint64_t length = 0; length <= f.m.total - offset; length++)
				check_range(&f, offset, length);
	}
}

Test(layout, pieces_of_a_file)
{
	const uint64_t lengths[] = { 10, 0, 6, 17, 1 };
	struct fixture f;
	fixture_init(&f, lengths, 5, 16);
	uint32_t first, last;

	cr_assert(layout_file_pieces(&f.m, 0, &first, &last));
	cr_assert(first == 0 && last == 0);
	cr_assert_not(layout_file_pieces(&f.m, 1, &first, &last));
	cr_assert(layout_file_pieces(&f.m, 2, &first, &last));
	cr_assert(first == 0 && last == 0);
	cr_assert(layout_file_pieces(&f.m, 3, &first, &last));
	cr_assert(first == 1 && last == 2);
	cr_assert(layout_file_pieces(&f.m, 4, &first, &last));
	cr_assert(first == 2 && last == 2);
}
