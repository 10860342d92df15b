# shoal: build, test and install.
#
#   make            build/shoal (release)
#   make demo       installs what is missing, builds, and shows a local swarm
#   make test       installs what is missing, builds, and runs every test
#   make deps       only installs what is missing (apt)
#
# A folder is a wildcard: a new .c file needs no line here. BUILD, CC and
# SANITIZE may be given: make BUILD=build/clang CC=clang.

BUILD    ?= build
CC       ?= gcc
PREFIX   ?= /usr/local
FUZZ_SECONDS ?= 3

# ---- packages (Debian): the only list -------------------------------------
DEPS_BUILD := gcc make pkg-config libc6-dev libsodium-dev libc-ares-dev libevent-dev libssl-dev \
              libcurl4-openssl-dev
DEPS_TEST  := libcriterion-dev clang llvm libclang-rt-14-dev gcovr python3 iproute2 procps \
              python3-libtorrent transmission-daemon transmission-cli aria2 universal-ctags

PACKAGES := libsodium libcares libevent_core libevent_extra libcrypto libcurl
PKG_CFLAGS = $(shell pkg-config --cflags $(PACKAGES))
PKG_LIBS   = $(shell pkg-config --libs $(PACKAGES)) -pthread -lm

WARN  := -Wall -Wextra -Wshadow -Wconversion -Wswitch-enum -Wvla -Wstrict-prototypes \
         -Wmissing-prototypes -Wpointer-arith -Wundef -Werror
HARD  := -fstack-protector-strong -fstack-clash-protection -fcf-protection -D_FORTIFY_SOURCE=2 -fPIE
OPT   ?= -O2 -g
SANITIZE ?=
ifneq ($(SANITIZE),)
OPT   := -O1 -g -fno-omit-frame-pointer -fsanitize=$(SANITIZE)
HARD  :=
LDHARD := -fsanitize=$(SANITIZE)
else
LDHARD := -pie -Wl,-z,relro,-z,now
endif
EXTRA ?=
CPPFLAGS += -I. -D_GNU_SOURCE -MMD -MP
ALL_CFLAGS = -std=c17 $(OPT) $(HARD) $(WARN) $(PKG_CFLAGS) $(EXTRA) $(CFLAGS)
ALL_LDFLAGS = $(LDHARD) $(EXTRA) $(LDFLAGS)

# ---- sources --------------------------------------------------------------
PROTO := $(wildcard proto/*.c)
DHT   := $(wildcard dht/*.c)
PEER  := $(wildcard peer/*.c peer/*/*.c)
TOOLS := $(filter-out tools/shoal.c,$(wildcard tools/*.c tools/*/*.c))
obj    = $(patsubst %.c,$(BUILD)/%.o,$(1))
LIBS  := $(BUILD)/libtools.a $(BUILD)/libpeer.a $(BUILD)/libdht.a $(BUILD)/libproto.a
LINK_LIBS = -Wl,--start-group $(LIBS) -Wl,--end-group

UNIT  := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/*_test.c))
SIM   := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/sim/*_test.c))
FUZZ  := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/fuzz/*_fuzz.c))

all: $(BUILD)/shoal

$(BUILD)/shoal: $(call obj,tools/shoal.c) $(LIBS)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $< $(LINK_LIBS) $(PKG_LIBS)

$(BUILD)/libproto.a: $(call obj,$(PROTO))
$(BUILD)/libdht.a: $(call obj,$(DHT))
$(BUILD)/libpeer.a: $(call obj,$(PEER))
$(BUILD)/libtools.a: $(call obj,$(TOOLS))
$(BUILD)/lib%.a:
	@mkdir -p $(@D)
	@rm -f $@
	ar rcs $@ $^

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -c -o $@ $<

# ---- tests ----------------------------------------------------------------
# A test binary per file; tests/run adds up what they print and fails on any
# failure, crash or sanitizer report.
NEED_tests/unit := $(LIBS)
$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(LIBS)
	$(CC) $(ALL_LDFLAGS) -o $@ $< $(LINK_LIBS) $(PKG_LIBS) -lcriterion
$(BUILD)/tests/sim/%: $(BUILD)/tests/sim/%.o $(LIBS)
	$(CC) $(ALL_LDFLAGS) -o $@ $< $(LINK_LIBS) $(PKG_LIBS) -lcriterion

# One folder's unit test without building the others:
#   make quick T=bencode L="proto"       (L: the libraries it needs)
quick: $(addprefix $(BUILD)/lib,$(addsuffix .a,$(L))) $(BUILD)/tests/unit/$(T)_test.o
	$(CC) $(ALL_LDFLAGS) -o $(BUILD)/tests/unit/$(T)_test $(BUILD)/tests/unit/$(T)_test.o \
	    -Wl,--start-group $(addprefix $(BUILD)/lib,$(addsuffix .a,$(L))) -Wl,--end-group \
	    $(PKG_LIBS) -lcriterion
	$(BUILD)/tests/unit/$(T)_test

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
.PHONY: all quick
.SECONDARY:
