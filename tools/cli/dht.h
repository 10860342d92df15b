/* tools/cli/dht.h: the subcommands of shoal dht. */
#ifndef TOOLS_CLI_DHT_H
#define TOOLS_CLI_DHT_H

/* As the cli_X of cli.h: argv[0] is the name, the exit code comes back. */
int dht_run_node(int argc, char **argv);
int dht_ask_ping(int argc, char **argv);
int dht_ask_find(int argc, char **argv);
int dht_ask_peers(int argc, char **argv);
int dht_ask_announce(int argc, char **argv);
int dht_ask_put(int argc, char **argv);
int dht_ask_get(int argc, char **argv);
int dht_ask_sample(int argc, char **argv);
int dht_ask_scrape(int argc, char **argv);
int dht_make_key(int argc, char **argv);

#endif
