# shoal: build, test and install.
#
#   make            build/shoal (release)
#   make demo       installs what is missing, builds, and shows a local swarm
#   make test       installs what is missing, builds, and runs every test
#   make check      only the unit and simulation tests
#   make deps       only installs what is missing (apt)
#
# Also: unit sim interop fuzz asan tsan lint coverage bench bench-swarm install
# clean.  docs/testing.md says what each of them proves.
#
# A folder is a wildcard: a new .c file needs no line here. BUILD, CC and
# SANITIZE may be given: make BUILD=build/clang CC=clang. V=1 shows the commands.

BUILD    ?= build
PREFIX   ?= /usr/local
FUZZ_SECONDS ?= 3
ifeq ($(origin CC),default)
CC       := gcc
endif
# $(call quiet,CC): a line that says what is made, unless V is set.
quiet = $(if $(V),,@printf '  %-5s %s\n' '$(1)' '$@';)

# ---- packages (Debian): the only list -------------------------------------
DEPS_BUILD := gcc make pkg-config libc6-dev libsodium-dev libc-ares-dev libevent-dev \
              libssl-dev libcurl4-openssl-dev libjansson-dev
DEPS_TEST  := libcriterion-dev clang llvm libclang-rt-14-dev gcovr universal-ctags groff-base \
              git python3 iproute2 procps util-linux \
              python3-libtorrent transmission-daemon transmission-cli aria2 opentracker openssl
DEPS_BENCH := rtorrent qbittorrent-nox

PACKAGES := libsodium libcares libevent_core libevent_extra libcrypto libcurl jansson
# Asked on first use, so that `make deps` works before pkg-config is there.
PKG_CFLAGS = $(eval PKG_CFLAGS := $(if $(shell pkg-config --exists $(PACKAGES) && echo yes),\
	$(shell pkg-config --cflags $(PACKAGES)),\
	$(error libraries are missing: run `make deps` first)))$(PKG_CFLAGS)
PKG_LIBS   = $(eval PKG_LIBS := $(shell pkg-config --libs $(PACKAGES)) -pthread -lm)$(PKG_LIBS)

WARN  := -Wall -Wextra -Wshadow -Wconversion -Wswitch-enum -Wvla -Wstrict-prototypes \
         -Wmissing-prototypes -Wpointer-arith -Wundef -Werror
HARD  := -fstack-protector-strong -fstack-clash-protection -fcf-protection -D_FORTIFY_SOURCE=2 -fPIE
LDHARD := -pie -Wl,-z,relro,-z,now
OPT   ?= -O2 -g
SANITIZE ?=
ifneq ($(SANITIZE),)
OPT   := -O1 -g -fno-omit-frame-pointer -fsanitize=$(SANITIZE)
HARD  :=
LDHARD := -fsanitize=$(SANITIZE)
endif
CPPFLAGS += -I. -D_GNU_SOURCE -MMD -MP
ALL_CFLAGS = -std=c17 $(OPT) $(HARD) $(WARN) $(PKG_CFLAGS) $(EXTRA) $(CFLAGS)
ALL_LDFLAGS = $(LDHARD) $(EXTRA) $(LDFLAGS)

# ---- sources --------------------------------------------------------------
PROTO := $(wildcard proto/*.c)
DHT   := $(wildcard dht/*.c)
PEER  := $(wildcard peer/*.c peer/*/*.c)
TOOLS := $(filter-out tools/shoal.c,$(wildcard tools/*.c tools/*/*.c))
TESTS := $(wildcard tests/unit/*_test.c tests/sim/*_test.c)
FUZZ  := $(wildcard tests/fuzz/*_fuzz.c)
# What several tests share: any other .c beside them.
HELP  := $(filter-out $(TESTS),$(wildcard tests/unit/*.c tests/sim/*.c))
obj    = $(patsubst %.c,$(BUILD)/%.o,$(1))
bin    = $(patsubst %.c,$(BUILD)/%,$(1))
LIBS  := $(patsubst %,$(BUILD)/lib%.a,tools peer dht proto)
LINK  = -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(PKG_LIBS)

all: $(BUILD)/shoal
tests: $(call bin,$(or $(ONLY),$(TESTS)))
fuzzers: $(call bin,$(FUZZ))

$(BUILD)/shoal: $(BUILD)/tools/shoal.o $(LIBS)
	$(call quiet,LINK)$(CC) $(ALL_LDFLAGS) -o $@ $< $(LINK)

$(BUILD)/libproto.a: $(call obj,$(PROTO))
$(BUILD)/libdht.a: $(call obj,$(DHT))
$(BUILD)/libpeer.a: $(call obj,$(PEER))
$(BUILD)/libtools.a: $(call obj,$(TOOLS))
$(BUILD)/libhelp.a: $(call obj,$(HELP))
$(BUILD)/lib%.a:
	@mkdir -p $(@D)
	@rm -f $@
	$(call quiet,AR)ar rcs $@ $^

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(call quiet,CC)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -c -o $@ $<

# A test binary per file.
$(BUILD)/tests/%_test: $(BUILD)/tests/%_test.o $(BUILD)/libhelp.a $(LIBS)
	$(call quiet,LINK)$(CC) $(ALL_LDFLAGS) -o $@ $< $(LINK) -lcriterion
# libFuzzer brings main(); make fuzz gives the compiler and the sanitizers.
$(BUILD)/tests/%_fuzz: $(BUILD)/tests/%_fuzz.o $(LIBS)
	$(call quiet,LINK)$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $< $(LINK)

# One folder's unit test without building the others:
#   make quick T=bencode L="proto"       (L: the libraries it needs)
quick: $(BUILD)/quick_$(T)
	$<
$(BUILD)/quick_$(T): $(BUILD)/tests/unit/$(T)_test.o $(L:%=$(BUILD)/lib%.a)
	$(call quiet,LINK)$(CC) $(ALL_LDFLAGS) -o $@ $< $(LINK) -lcriterion

# ---- running the tests ----------------------------------------------------
# tests/run runs what was built, adds up the results, and ends with the line
# "N passed, N failed".
JOBS = $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))
SUB  = +@$(MAKE) --no-print-directory $(JOBS)
SANITIZED = BUILD=$(BUILD)/asan CC=clang SANITIZE=address,undefined,fuzzer-no-link
RUN  = @BUILD=$(BUILD) FUZZ_SECONDS=$(FUZZ_SECONDS) python3 tests/run

test: deps-test
	$(SUB) all tests
	$(SUB) $(SANITIZED) all tests fuzzers
	$(RUN) unit sim asan fuzz lint interop demo
check:
	$(SUB) all tests
	$(RUN) unit sim
unit sim:
	$(SUB) tests
	$(RUN) $@
interop: all
	$(RUN) $@
asan:
	$(SUB) $(SANITIZED) tests
	$(RUN) $@
fuzz:
	$(SUB) $(SANITIZED) fuzzers
	$(RUN) $@
# Only the tests of code that has threads.
tsan:
	$(SUB) BUILD=$(BUILD)/tsan CC=clang SANITIZE=thread \
		ONLY="$(shell python3 tests/run --threaded)" tests
	$(RUN) $@
lint:
	$(RUN) $@
# Both compilers must be silent; lint asks for this.
lint-clang: $(patsubst %.c,$(BUILD)/lint/%.ok,$(PROTO) $(DHT) $(PEER) $(TOOLS) \
		$(wildcard tools/shoal.c) $(TESTS) $(HELP) $(FUZZ))
$(BUILD)/lint/%.ok: %.c
	@mkdir -p $(@D)
	@clang $(CPPFLAGS) -MF $(@:.ok=.d) -MT $@ $(ALL_CFLAGS) -fsyntax-only $< && touch $@
coverage:
	$(SUB) BUILD=$(BUILD)/coverage CC=gcc OPT="-O0 -g --coverage" HARD= \
		LDHARD=--coverage WARN= all tests
	@python3 tests/coverage $(BUILD)/coverage
bench bench-swarm: all
	@$(if $(filter bench,$@),$(BUILD)/shoal lab bench)
	@python3 tools/bench/run $(if $(filter bench,$@),pair,swarm) $(ARGS)
demo: deps-build
	$(SUB) all
	@bash tests/demo.sh

deps: deps-test
deps-build:
	@sh tests/deps $(DEPS_BUILD)
deps-test:
	@sh tests/deps $(DEPS_BUILD) $(DEPS_TEST)
deps-bench:
	@sh tests/deps $(DEPS_BUILD) $(DEPS_TEST) $(DEPS_BENCH)

install: all
	install -D -m 755 $(BUILD)/shoal $(DESTDIR)$(PREFIX)/bin/shoal
	$(foreach page,$(wildcard docs/*.[1-8]),install -D -m 644 $(page) \
		$(DESTDIR)$(PREFIX)/share/man/man$(patsubst .%,%,$(suffix $(page)))/$(notdir $(page));)
clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD) -name '*.d' -type f 2>/dev/null)
.PHONY: all tests fuzzers quick test check unit sim interop asan fuzz tsan lint lint-clang \
	coverage bench bench-swarm demo deps deps-build deps-test deps-bench install clean
.SECONDARY:
