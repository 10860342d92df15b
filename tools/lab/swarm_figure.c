/* tools/lab/swarm_figure.c: writes the SVG by hand: a logarithmic axis of time,
 * two curves, measured points, and the textbook's example at N = 100.
 *
 * Colours follow the reader's light or dark setting; nothing is drawn behind the
 * plot, so that it fits any page. */
#include "tools/lab/swarm_figure.h"

#include <math.h>

#include "tools/lab/swarm_lab.h"

enum {
	WIDTH = 880,
	HEIGHT = 496,
	LEFT = 96,
	RIGHT = 600,
	TOP = 64,
	BOTTOM = 392,
	LEGEND = 632,
};
#define TIME_MIN 0.7
#define TIME_MAX 130.0
#define EXAMPLE_S 1000.0 /* 1 GB at 1 MB/s */

static struct swarm_lab_config equal_uplinks(uint32_t peers)
{
	return (struct swarm_lab_config){ .peers = peers, .size = 1, .seed_up = 1, .peer_up = 1 };
}

double swarm_figure_bound(uint32_t peers)
{
	const struct swarm_lab_config c = equal_uplinks(peers);
	return swarm_lab_bound(&c);
}

double swarm_figure_client_server_bound(uint32_t peers)
{
	const struct swarm_lab_config c = equal_uplinks(peers);
	return swarm_lab_client_server_bound(&c);
}

static double x_of(double peers)
{
	return LEFT + (RIGHT - LEFT) * peers / SWARM_FIGURE_PEERS;
}

static double y_of(double time)
{
	const double share = log(time / TIME_MIN) / log(TIME_MAX / TIME_MIN);
	return BOTTOM - (BOTTOM - TOP) * share;
}

/* ---- parts ---- */

static void write_style(FILE *out)
{
	fputs("<style>\n"
	      "text { font: 13px system-ui, sans-serif; fill: #333 }\n"
	      ".title { font-size: 17px; font-weight: 600 }\n"
	      ".small { font-size: 12px; fill: #666 }\n"
	      ".server-text { fill: #b3402a } .swarm-text { fill: #1c6fb0 }\n"
	      ".bold { font-weight: 600 }\n"
	      ".end { text-anchor: end } .middle { text-anchor: middle }\n"
	      ".grid { stroke: #ddd } .axis { stroke: #888; fill: none }\n"
	      ".server { stroke: #b3402a } .swarm { stroke: #1c6fb0 }\n"
	      ".line { fill: none; stroke-width: 2 }\n"
	      ".dot { fill: #fff; stroke-width: 2 }\n"
	      ".mark { fill: none; stroke-width: 1.5 }\n"
	      ".gap { stroke: #888; stroke-dasharray: 3 4 }\n"
	      "@media (prefers-color-scheme: dark) {\n"
	      "text { fill: #ddd } .small { fill: #aaa }\n"
	      ".grid { stroke: #3a3f45 } .dot { fill: #14171a }\n"
	      ".server { stroke: #ff8a70 } .swarm { stroke: #6cb6f5 }\n"
	      ".server-text { fill: #ff8a70 } .swarm-text { fill: #6cb6f5 }\n"
	      "}\n"
	      "</style>\n",
	      out);
}

static void write_text(FILE *out, double x, double y, const char *classes, const char *text)
{
	fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" class=\"%s\">%s</text>\n", x, y, classes, text);
}

static void write_axes(FILE *out)
{
	static const struct {
		double time;
		const char *example, *units;
	} ticks[] = { { 1, "1,000 s", "F/u" },
		      { 10, "10,000 s", "10 F/u" },
		      { 100, "100,000 s", "100 F/u" } };

	for (size_t i = 0; i < sizeof ticks / sizeof *ticks; i++) {
		const double y = y_of(ticks[i].time);
		fprintf(out, "<path d=\"M%d %.1fH%d\" class=\"grid\"/>\n", LEFT, y, RIGHT);
		write_text(out, LEFT - 10, y - 1, "end", ticks[i].example);
		write_text(out, LEFT - 10, y + 14, "end small", ticks[i].units);
	}
	fprintf(out, "<path d=\"M%d %dV%dH%d\" class=\"axis\"/>\n", LEFT, TOP, BOTTOM, RIGHT);
	for (uint32_t n = 0; n <= SWARM_FIGURE_PEERS; n += 20) {
		char label[16];
		snprintf(label, sizeof label, "%u", n);
		fprintf(out, "<path d=\"M%.1f %dv5\" class=\"axis\"/>\n", x_of(n), BOTTOM);
		write_text(out, x_of(n), BOTTOM + 20, "middle", label);
	}
	write_text(out, (LEFT + RIGHT) / 2.0, BOTTOM + 40, "middle", "N, the peers that want the file");
}

static void write_curve(FILE *out, const char *class, double bound(uint32_t peers))
{
	fprintf(out, "<path class=\"line %s\" d=\"", class);
	for (uint32_t n = 1; n <= SWARM_FIGURE_PEERS; n++)
		fprintf(out, "%s%.1f %.1f", n == 1 ? "M" : "L", x_of(n), y_of(bound(n)));
	fputs("\"/>\n", out);
}

static void write_points(FILE *out, const char *class, const struct swarm_figure_point *points,
                         uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		fprintf(out,
		        "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4.5\" class=\"dot %s\">"
		        "<title>N = %u: %.3f F/u</title></circle>\n",
		        x_of(points[i].peers), y_of(points[i].time), class, points[i].peers,
		        points[i].time);
}

/* 1 GB, us = ui = 1 MB/s, N = 100. */
static void write_example(FILE *out)
{
	const double x = x_of(SWARM_FIGURE_PEERS);
	const double server = swarm_figure_client_server_bound(SWARM_FIGURE_PEERS);
	const double swarm = swarm_figure_bound(SWARM_FIGURE_PEERS);
	char text[64];

	fprintf(out, "<path d=\"M%.1f %.1fV%.1f\" class=\"gap\"/>\n", x, y_of(server), y_of(swarm));
	fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"9\" class=\"mark server\"/>\n", x, y_of(server));
	fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"9\" class=\"mark swarm\"/>\n", x, y_of(swarm));
	snprintf(text, sizeof text, "%.0f,000 s, more than a day", server * EXAMPLE_S / 1000);
	write_text(out, x + 18, y_of(server) + 5, "bold server-text", text);
	snprintf(text, sizeof text, "about %.0f,000 s, 17 minutes", swarm * EXAMPLE_S / 1000);
	write_text(out, x + 18, y_of(swarm) + 5, "bold swarm-text", text);
	write_text(out, x + 18, y_of(swarm) - 32, "small", "The example: 1 GB,");
	write_text(out, x + 18, y_of(swarm) - 16, "small", "u = 1 MB/s, N = 100");
}

static void write_legend_row(FILE *out, double y, const char *class, const char *name,
                             const char *formula)
{
	fprintf(out, "<path d=\"M%d %.1fh28\" class=\"line %s\"/>\n", LEGEND, y - 4, class);
	fprintf(out, "<circle cx=\"%d\" cy=\"%.1f\" r=\"4.5\" class=\"dot %s\"/>\n", LEGEND + 14, y - 4,
	        class);
	write_text(out, LEGEND + 36, y, "bold", name);
	write_text(out, LEGEND + 36, y + 17, "small", formula);
}

static void write_legend(FILE *out)
{
	const double y = TOP + 88;

	write_legend_row(out, y, "server", "one server", "N F/us");
	write_legend_row(out, y + 46, "swarm", "a swarm", "max(F/us, N F/(us + sum ui))");
	write_text(out, LEGEND, y + 88, "small", "lines: the formulas");
	write_text(out, LEGEND, y + 104, "small", "circles: the engine, last peer done");
}

void swarm_figure_write(const struct swarm_figure *f, FILE *out)
{
	fprintf(out,
	        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
	        "height=\"%d\" role=\"img\">\n",
	        WIDTH, HEIGHT, WIDTH, HEIGHT);
	fputs("<title>Time to give a file to N peers</title>\n", out);
	write_style(out);
	write_text(out, LEFT, 26, "title", "Time until everybody has the file");
	write_text(out, LEFT, 46, "small",
	           "F bytes, all uplinks alike: us = ui = u. Logarithmic scale; seconds for F = 1 GB, u = 1 MB/s");
	write_axes(out);
	write_curve(out, "server", swarm_figure_client_server_bound);
	write_curve(out, "swarm", swarm_figure_bound);
	write_points(out, "server", f->server, f->server_count);
	write_points(out, "swarm", f->swarm, f->swarm_count);
	write_example(out);
	write_legend(out);
	write_text(out, LEFT, BOTTOM + 72, "small", f->measured);
	write_text(out, LEFT, BOTTOM + 90, "small",
	           "so times are given in units of F/u, what one uplink takes to send the file once.");
	fputs("</svg>\n", out);
}
