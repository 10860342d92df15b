/* tools/io/disk_queue.c: three lists and the rule of whose turn it is. */
#include "tools/io/disk_queue.h"

void disk_queues_init(struct disk_queues *q)
{
	int i;

	*q = (struct disk_queues){ .count = 0 };
	for (i = 0; i < DISK_QUEUES; i++)
		q->queues[i].end = &q->queues[i].first;
}

static int queue_of(enum job_kind kind)
{
	switch (kind) {
	case JOB_READ: return DISK_QUEUE_READS;
	case JOB_CHECK: return DISK_QUEUE_CHECKS;
	case JOB_STORE:
	case JOB_WRITE:
	case JOB_OPEN:
	case JOB_FINISH:
	case JOB_CLOSE:
	case JOB_RUN: break;
	}
	return DISK_QUEUE_WRITES;
}

void disk_queues_put(struct disk_queues *q, struct job *j)
{
	struct disk_queue *queue = &q->queues[queue_of(j->kind)];

	j->next = NULL;
	*queue->end = j;
	queue->end = &j->next;
	q->count++;
}

static struct job *take_first(struct disk_queue *queue)
{
	struct job *j = queue->first;

	queue->first = j->next;
	if (queue->first == NULL)
		queue->end = &queue->first;
	return j;
}

static struct disk_queue *choose(struct disk_queues *q)
{
	int i;

	if (q->reads_in_a_row >= DISK_READS_IN_A_ROW) {
		q->reads_in_a_row = 0;
		for (i = DISK_QUEUE_WRITES; i < DISK_QUEUES; i++)
			if (q->queues[i].first != NULL)
				return &q->queues[i];
	}
	for (i = 0; i < DISK_QUEUES; i++)
		if (q->queues[i].first != NULL)
			return &q->queues[i];
	return NULL;
}

bool job_is_hashed(enum job_kind kind)
{
	return kind == JOB_STORE || kind == JOB_CHECK;
}

/* A few go together even so: they take hardly longer than one. */
static size_t fair_share(const struct disk_queues *q, size_t others)
{
	const size_t share = (q->count + others) / (others + 1);

	return share < DISK_BATCH_MIN ? DISK_BATCH_MIN : share;
}

size_t disk_queues_take(struct disk_queues *q, struct job *jobs[DISK_BATCH_MAX], size_t others,
                        size_t batch_max)
{
	struct disk_queue *queue = choose(q);
	size_t count = 0, share = fair_share(q, others);
	uint64_t bytes = 0;

	if (queue == NULL)
		return 0;
	if (share > batch_max)
		share = batch_max;
	if (!job_is_hashed(queue->first->kind))
		share = 1;
	do {
		jobs[count] = take_first(queue);
		bytes += jobs[count++]->disk.length;
	} while (count < share && bytes < DISK_BATCH_BYTES_MAX && queue->first != NULL &&
	         queue->first->kind == jobs[0]->kind);
	q->count -= (uint32_t)count;
	q->reads_in_a_row = jobs[0]->kind == JOB_READ ? q->reads_in_a_row + 1 : 0;
	return count;
}
