/* tests/unit/program.h: a subcommand of shoal in a process of its own, so that
 * a test can read what it prints, send it signals and see how it ends. */
#ifndef TESTS_UNIT_PROGRAM_H
#define TESTS_UNIT_PROGRAM_H

#include "tools/cli/cli.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROGRAM_ARGUMENTS_MAX = 40, PROGRAM_LINE_MAX = 8192 };

struct program {
	pid_t pid;
	FILE *out, *err;
	char line[PROGRAM_LINE_MAX]; /* the last one read */
};

typedef int program_main(int argc, char **argv);

/* arguments end with NULL; the first is the name. */
static inline void program_start(struct program *p, program_main *run,
                                 const char *const *arguments)
{
	char *argv[PROGRAM_ARGUMENTS_MAX + 1] = { NULL };
	int out[2], err[2], argc = 0;

	for (; arguments[argc] != NULL; argc++) {
		cr_assert(argc < PROGRAM_ARGUMENTS_MAX);
		argv[argc] = (char *)(uintptr_t)arguments[argc];
	}
	cr_assert(pipe2(out, O_CLOEXEC) == 0 && pipe2(err, O_CLOEXEC) == 0);
	fflush(NULL);
	p->pid = fork();
	cr_assert(p->pid >= 0);
	if (p->pid == 0) {
		int code;

		prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed test leaves nothing behind */
		dup2(out[1], STDOUT_FILENO);
		dup2(err[1], STDERR_FILENO);
		close(out[0]);
		close(err[0]);
		signal(SIGPIPE, SIG_IGN);
		code = run(argc, argv);
		fflush(NULL);
		_exit(code);
	}
	close(out[1]);
	close(err[1]);
	p->out = fdopen(out[0], "r");
	p->err = fdopen(err[0], "r");
	cr_assert(p->out != NULL && p->err != NULL);
}

#define PROGRAM_START(p, run, ...) \
	program_start(p, run, (const char *const[]){ __VA_ARGS__, NULL })

/* Read until a line with text in it; false at the end of the output. */
static inline bool program_wait_for(struct program *p, FILE *stream, const char *text)
{
	while (fgets(p->line, sizeof p->line, stream) != NULL)
		if (strstr(p->line, text) != NULL)
			return true;
	return false;
}

/* The next JSON event of that kind; its line stays in p->line. */
static inline void program_event(struct program *p, const char *event)
{
	char text[64];

	snprintf(text, sizeof text, "\"event\": \"%s\"", event);
	cr_assert(program_wait_for(p, p->out, text), "no event %s", event);
}

/* A number of the last line. */
static inline long long program_number(const struct program *p, const char *key)
{
	char text[64];
	const char *at;

	snprintf(text, sizeof text, "\"%s\": ", key);
	at = strstr(p->line, text);
	cr_assert(at != NULL, "no %s in %s", key, p->line);
	return strtoll(at + strlen(text), NULL, 10);
}

/* Its exit code, 1000 + signal when one killed it. What it says meanwhile is
 * thrown away, but for the first line on stderr, which stays in p->line. */
static inline int program_end(struct program *p)
{
	char rest[PROGRAM_LINE_MAX];
	int status;

	while (fgets(rest, sizeof rest, p->out) != NULL)
		;
	p->line[0] = '\0';
	if (fgets(p->line, sizeof p->line, p->err) == NULL)
		p->line[0] = '\0';
	while (fgets(rest, sizeof rest, p->err) != NULL)
		;
	fclose(p->out);
	fclose(p->err);
	cr_assert(waitpid(p->pid, &status, 0) == p->pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/* A DHT node for the others to meet at: HOST:PORT. With two nodes alone, one of
 * them the seed's, an announce has nowhere to go. */
static inline const char *program_start_node(struct program *p)
{
	static char address[32];

	PROGRAM_START(p, cli_dht, "dht", "node", "--json", "--port", "0", "--no-default-routers");
	program_event(p, "listening");
	snprintf(address, sizeof address, "127.0.0.1:%lld", program_number(p, "port"));
	return address;
}

/* Until the DHT tells a peer of the link's torrent. */
static inline void program_wait_announced(const char *magnet, const char *node)
{
	struct program p;
	bool known = false;

	for (int i = 0; i < 2000 && !known; i++) {
		PROGRAM_START(&p, cli_dht, "dht", "peers", magnet, "--json", "--bootstrap", node,
		              "--no-default-routers");
		known = program_wait_for(&p, p.out, "\"event\": \"peer\"");
		program_end(&p);
	}
	cr_assert(known, "%s is not announced", magnet);
}

#define PROGRAM_RUN(p, run, ...) (PROGRAM_START(p, run, __VA_ARGS__), program_end(p))

#endif
