/* tests/unit/disk_queue_test.c: tools/io/disk_queue.c. */
#include "tools/io/disk_queue.h"

#include <criterion/criterion.h>

enum { JOBS = 64 };

static struct job all[JOBS];
static struct disk_queues queues;
static int put_count;

static void put(enum job_kind kind, uint32_t length)
{
	all[put_count] = (struct job){ .kind = kind, .disk.length = length };
	disk_queues_put(&queues, &all[put_count++]);
}

static void begin(void)
{
	disk_queues_init(&queues);
}

TestSuite(disk_queue, .init = begin);

/* The number taken; they must be all[first], all[first + 1]... */
static size_t take(size_t others, size_t batch_max, int first)
{
	struct job *jobs[DISK_BATCH_MAX];
	const size_t count = disk_queues_take(&queues, jobs, others, batch_max);

	for (size_t i = 0; i < count; i++)
		cr_assert_eq(jobs[i], &all[(size_t)first + i]);
	return count;
}

Test(disk_queue, reads_first_but_not_for_ever)
{
	int i;

	cr_assert_eq(take(0, 16, 0), 0);
	put(JOB_CHECK, 1);
	put(JOB_WRITE, 1);
	for (i = 0; i < DISK_READS_IN_A_ROW + 1; i++)
		put(JOB_READ, 1);
	for (i = 0; i < DISK_READS_IN_A_ROW; i++)
		cr_assert_eq(take(0, 16, 2 + i), 1);
	cr_assert_eq(take(0, 16, 1), 1, "the write");
	cr_assert_eq(take(0, 16, 2 + DISK_READS_IN_A_ROW), 1, "the last read");
	cr_assert_eq(take(0, 16, 0), 1, "the check");
	cr_assert_eq(take(0, 16, 0), 0);
}

Test(disk_queue, batches_are_of_one_kind_and_bounded)
{
	int i;

	for (i = 0; i < 20; i++)
		put(JOB_STORE, 1);
	put(JOB_WRITE, 1);
	put(JOB_WRITE, 1);
	put(JOB_STORE, 1);
	cr_assert_eq(take(0, DISK_BATCH_MAX, 0), DISK_BATCH_MAX);
	cr_assert_eq(take(0, DISK_BATCH_MAX, 16), 4, "up to the write");
	cr_assert_eq(take(0, DISK_BATCH_MAX, 20), 1, "writes go alone");
	cr_assert_eq(take(0, DISK_BATCH_MAX, 21), 1);
	cr_assert_eq(take(0, DISK_BATCH_MAX, 22), 1);
	cr_assert_eq(queues.count, 0);
}

Test(disk_queue, leaves_the_idle_their_share)
{
	int i;

	for (i = 0; i < 27; i++)
		put(JOB_CHECK, 1);
	cr_assert_eq(take(2, DISK_BATCH_MAX, 0), 9);
	cr_assert_eq(take(1, DISK_BATCH_MAX, 9), 9);
	cr_assert_eq(take(0, 1, 18), 1, "a processor without lanes");
	cr_assert_eq(take(63, DISK_BATCH_MAX, 19), DISK_BATCH_MIN, "a few are as fast as one");
	cr_assert_eq(take(63, DISK_BATCH_MAX, 23), DISK_BATCH_MIN);
}

Test(disk_queue, large_pieces_make_small_batches)
{
	int i;

	for (i = 0; i < 6; i++)
		put(JOB_CHECK, DISK_BATCH_BYTES_MAX / 4);
	cr_assert_eq(take(0, DISK_BATCH_MAX, 0), 4);
	cr_assert_eq(take(0, DISK_BATCH_MAX, 4), 2);
}
