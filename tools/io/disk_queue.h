/* tools/io/disk_queue.h: what waits for a disk worker, and what is next.
 *
 * Three first-in first-out queues. Reads go first, because a peer waits for
 * them and they are short, but after some in a row a write has its turn;
 * checks of what is on disk go last.
 *
 * Pieces to hash are taken several at a time if several are there, because
 * side by side they cost less (hash_many.h), but no more than leaves the other
 * workers their share; nobody ever waits for more to come. Not locked. */
#ifndef TOOLS_IO_DISK_QUEUE_H
#define TOOLS_IO_DISK_QUEUE_H

#include "tools/io/disk.h"
#include "tools/io/disk_job.h"

enum { DISK_BATCH_MIN = 4 };
enum { DISK_QUEUE_READS, DISK_QUEUE_WRITES, DISK_QUEUE_CHECKS, DISK_QUEUES };

struct disk_queue {
	struct job *first, **end; /* the jobs belong to disk.c */
};

struct disk_queues {
	struct disk_queue queues[DISK_QUEUES];
	uint32_t count;          /* jobs in all of them */
	uint32_t reads_in_a_row;
};

void disk_queues_init(struct disk_queues *q);
void disk_queues_put(struct disk_queues *q, struct job *j);
/* One job, or up to batch_max of one kind that is hashed; 0: there are none.
 * others: workers with nothing to do, who are to get as much, but for batches
 * of DISK_BATCH_MIN. */
size_t disk_queues_take(struct disk_queues *q, struct job *jobs[DISK_BATCH_MAX], size_t others,
                        size_t batch_max);
/* JOB_STORE and JOB_CHECK. */
bool job_is_hashed(enum job_kind kind);

#endif
