/* tests/unit/progress_test.c: figures as people read them, and lines that fit. */
#include "tools/cli/progress.h"

#include <criterion/criterion.h>

static char out[PROGRESS_LINE_MAX];

static struct torrent_status downloading(void)
{
	return (struct torrent_status){
		.state = TORRENT_DOWNLOADING, .name = "album", .has_metadata = true,
		.total = 10000000000, .wanted = 10000000000, .verified = 6200000000,
		.piece_count = 100, .pieces_have = 62, .down_rate = 54285714, .up_rate = 3100000,
		.peers = 38,
	};
}

Test(progress, sizes)
{
	char text[FORMAT_SIZE_MAX];

	cr_expect_str_eq(format_size(0, text), "0 B");
	cr_expect_str_eq(format_size(999, text), "999 B");
	cr_expect_str_eq(format_size(1000, text), "1.0 kB");
	cr_expect_str_eq(format_size(41200000, text), "41.2 MB");
	cr_expect_str_eq(format_size(999949, text), "999.9 kB");
	cr_expect_str_eq(format_size(999960, text), "1.0 MB");
	cr_expect_str_eq(format_size(UINT64_MAX, text), "18.4 EB");
}

Test(progress, durations)
{
	char text[FORMAT_SIZE_MAX];

	cr_expect_str_eq(format_duration(0, text), "0s");
	cr_expect_str_eq(format_duration(9 * USEC_PER_SEC, text), "9s");
	cr_expect_str_eq(format_duration(70 * USEC_PER_SEC, text), "1m10s");
	cr_expect_str_eq(format_duration(185 * USEC_PER_MIN, text), "3h05m");
	cr_expect_str_eq(format_duration(52 * 60 * USEC_PER_MIN, text), "2d04h");
	cr_expect_str_eq(format_duration(USEC_NEVER, text), "-");
	cr_expect_str_eq(format_duration((usec)100 * 24 * 60 * USEC_PER_MIN, text), "-");
}

Test(progress, percent_never_lies_at_the_end)
{
	cr_expect_eq(progress_percent(0, 0), 100);
	cr_expect_eq(progress_percent(10, 10), 100);
	cr_expect_lt(progress_percent(UINT64_MAX - 1, UINT64_MAX), 100);
	cr_expect_eq(progress_percent(0, 5), 0);
}

Test(progress, eta)
{
	struct torrent_status s = downloading();

	cr_expect_eq(progress_eta(&s) / USEC_PER_SEC, 70);
	s.down_rate = 0;
	cr_expect_eq(progress_eta(&s), USEC_NEVER);
	s.down_rate = 1;
	s.wanted = UINT64_MAX;
	cr_expect_eq(progress_eta(&s), USEC_NEVER);
	s.wanted = s.verified;
	cr_expect_eq(progress_eta(&s), USEC_NEVER);
}

Test(progress, bar_as_promised)
{
	struct torrent_status s = downloading();

	cr_assert_str_eq(progress_bar(&s, 62, out),
	                 "[=========>     ] 62 %  54.3 MB/s  up 3.1  ETA 1m10s  38 peers");
}

Test(progress, bar_never_wider_than_the_terminal)
{
	static const enum torrent_state states[] = { TORRENT_METADATA,    TORRENT_OPENING,
		                                     TORRENT_CHECKING,    TORRENT_DOWNLOADING,
		                                     TORRENT_SEEDING,     TORRENT_PAUSED,
		                                     TORRENT_ERROR };
	struct torrent_status s = downloading();

	for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
		s.state = states[i];
		s.peers = s.candidates = s.metadata_total = UINT32_MAX;
		s.up_rate = s.down_rate = s.uploaded = UINT64_MAX;
		for (unsigned columns = 0; columns < 2 * PROGRESS_LINE_MAX; columns++)
			cr_assert_leq(strlen(progress_bar(&s, columns, out)), columns,
			              "state %d, %u columns", (int)s.state, columns);
	}
}

Test(progress, bar_gives_way_from_the_end)
{
	struct torrent_status s = downloading();

	cr_expect_str_eq(progress_bar(&s, 46, out), "62 %  54.3 MB/s  up 3.1  ETA 1m10s  38 peers");
	cr_expect_str_eq(progress_bar(&s, 16, out), "62 %  54.3 MB/s");
	cr_expect_str_eq(progress_bar(&s, 4, out), "62 %");
	cr_expect_str_eq(progress_bar(&s, 3, out), "");
}

Test(progress, other_states)
{
	struct torrent_status s = downloading();

	s.state = TORRENT_METADATA;
	s.has_metadata = false;
	s.peers = 1;
	s.candidates = 12;
	cr_expect_str_eq(progress_bar(&s, 100, out), "looking for the metadata  12 known  1 peer");
	s.metadata_have = 3;
	s.metadata_total = 7;
	cr_expect_str_eq(progress_bar(&s, 100, out), "metadata 3 of 7 blocks  12 known  1 peer");
	s.state = TORRENT_SEEDING;
	s.uploaded = 1200000;
	cr_expect_str_eq(progress_bar(&s, 100, out), "seeding  up 3.1  sent 1.2 MB  1 peer");
	s.state = TORRENT_CHECKING;
	s.pieces_checked = 50;
	cr_expect_str_eq(progress_bar(&s, 30, out), "[=======>      ] checking 50 %");
}

Test(progress, line_for_a_pipe)
{
	struct torrent_status s = downloading();

	cr_expect_str_eq(progress_line(&s, out),
	                 "downloading\t62.0 %\t6.2 GB of 10.0 GB\t54.3 MB/s\tup 3.1 MB/s\tETA "
	                 "1m10s\t38 peers\talbum");
	s.state = TORRENT_CHECKING;
	s.pieces_checked = 31;
	cr_expect_str_eq(progress_line(&s, out), "checking\t31.0 %\t31 of 100 pieces\talbum");
	s.state = TORRENT_METADATA;
	cr_expect_str_eq(progress_line(&s, out),
	                 "metadata\t0 of 0 blocks\t0 known\t38 peers\talbum");
}

Test(progress, every_state_has_a_name)
{
	for (int i = TORRENT_METADATA; i <= TORRENT_ERROR; i++)
		cr_expect_str_neq(progress_state_name((enum torrent_state)i), "unknown");
}
