/* tools/cli/lab.h: the subcommands of shoal lab. Each gets its own argv. */
#ifndef TOOLS_CLI_LAB_H
#define TOOLS_CLI_LAB_H

int lab_run_dht(int argc, char **argv);
int lab_run_swarm(int argc, char **argv);
int lab_run_figure(int argc, char **argv);
int lab_run_bench(int argc, char **argv);

#endif
