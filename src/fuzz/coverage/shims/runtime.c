/* Reports what a native program does to mcp-litmus: edges taken, numbers and texts compared.
 *
 * To be linked into a program whose code was compiled with SanitizerCoverage (docs/coverage.md says how). Without
 * LITMUS_COVERAGE_MAP in its environment the program behaves as ever. Compile this file itself without coverage:
 *
 *     cc -O2 -fno-builtin -fPIC -c mcp-litmus-coverage.c
 *
 * The layout of the map is described in src/fuzz/coverage/map.rs of mcp-litmus. Nothing here allocates, prints or waits.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { EDGES = 0x10000, HEADER = 0x10000, TAPE = 0x51000, ROOM = 0x20000, LENGTH = 0x91000 };
enum { LONGEST = 64, SEEN = 4096, EACH = 32, MEMBERS = 16 };

/* Epoch, lengths of three tapes, and whether operands are wanted. */
struct header {
    uint32_t epoch, touched, operands, constants, wanted;
};

static uint8_t nowhere[EDGES];
static uint8_t *map = nowhere;
static struct header *header;
static uint32_t epoch, guards;
static uint32_t pairs_seen[SEEN];
static uint8_t sites_seen[SEEN];

/* By this mcp-litmus knows a program that reports. */
static const char mark[] = "mcp-litmus coverage " "runtime 1";

__attribute__((constructor)) static void begin(void) {
    static int begun;
    const char *name = getenv("LITMUS_COVERAGE_MAP");
    __asm__ volatile("" : : "r"(mark));
    if (begun++ || !name)
        return;
    int file = open(name, O_RDWR | O_CLOEXEC);
    if (file < 0)
        return;
    void *found = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (found == MAP_FAILED)
        return;
    map = found;
    header = (struct header *)(map + HEADER);
}

static inline void hit(uint32_t edge) {
    uint8_t *counter = &map[edge & (EDGES - 1)];
    if (*counter < 255)
        ++*counter;
}

/* ---- edges: clang and rustc number them, gcc calls with no argument ---- */

void __sanitizer_cov_trace_pc_guard_init(uint32_t *start, uint32_t *stop) {
    begin();
    if (start < stop && !*start)
        for (; start < stop; ++start)
            *start = ++guards;
}

void __sanitizer_cov_trace_pc_guard(uint32_t *guard) {
    hit(*guard);
}

extern const char __executable_start __attribute__((weak));

void __sanitizer_cov_trace_pc(void) {
    uintptr_t place = (uintptr_t)__builtin_return_address(0) - (uintptr_t)&__executable_start;
    hit((uint32_t)(place * 0x9e3779b1u >> 12));
}

/* ---- operands ---- */

/* Whether a pair is to be written down: each once for an input, and not too many from one place. */
static int is_new(uintptr_t site, uint64_t a, uint64_t b) {
    if (!header || !header->wanted || a == b)
        return 0;
    if (epoch != header->epoch) {
        epoch = header->epoch;
        for (int i = 0; i < SEEN; ++i)
            pairs_seen[i] = sites_seen[i] = 0;
    }
    uint32_t pair = (uint32_t)((a * 0x9e3779b97f4a7c15u ^ b) * 0xff51afd7ed558ccdu >> 32) | 1;
    if (pairs_seen[pair % SEEN] == pair || sites_seen[(site * 0x9e3779b1u >> 8) % SEEN] >= EACH)
        return 0;
    pairs_seen[pair % SEEN] = pair;
    ++sites_seen[(site * 0x9e3779b1u >> 8) % SEEN];
    return 1;
}

static char *put_number(char *at, int64_t value) {
    char digits[20];
    int count = 0;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do
        digits[count++] = (char)('0' + rest % 10);
    while (rest /= 10);
    if (value < 0)
        *at++ = '-';
    while (count)
        *at++ = digits[--count];
    return at;
}

static char *put_text(char *at, const uint8_t *text, size_t length) {
    *at++ = '"';
    for (size_t i = 0; i < length; ++i) {
        if (text[i] == '"' || text[i] == '\\')
            *at++ = '\\';
        *at++ = (char)text[i];
    }
    *at++ = '"';
    return at;
}

static void append(const char *line, size_t length) {
    uint32_t at = header->operands;
    if (at + length > ROOM)
        return;
    at = __atomic_fetch_add(&header->operands, (uint32_t)length, __ATOMIC_RELAXED);
    if (at + length <= ROOM)
        for (size_t i = 0; i < length; ++i)
            map[TAPE + at + i] = (uint8_t)line[i];
}

/* Text that people write; bytes above 127 are taken for parts of UTF-8, and are dropped by the reader if they are not. */
static int is_text(const uint8_t *bytes, size_t length) {
    for (size_t i = 0; i < length; ++i)
        if (bytes[i] < ' ' || bytes[i] == 127)
            return 0;
    return 1;
}

static void texts(uintptr_t site, const void *a, size_t a_length, const void *b, size_t b_length) {
    char line[4 * LONGEST + 16], *at = line;
    if (!header || !header->wanted || !a_length || !b_length || a_length > LONGEST || b_length > LONGEST)
        return;
    if (!is_text(a, a_length) || !is_text(b, b_length))
        return;
    uint64_t sums[2] = {a_length, b_length};
    for (size_t i = 0; i < a_length; ++i)
        sums[0] = sums[0] * 0x100000001b3u ^ ((const uint8_t *)a)[i];
    for (size_t i = 0; i < b_length; ++i)
        sums[1] = sums[1] * 0x100000001b3u ^ ((const uint8_t *)b)[i];
    if (!is_new(site, sums[0], sums[1]))
        return;
    *at++ = '[';
    at = put_text(at, a, a_length);
    *at++ = ',';
    at = put_text(at, b, b_length);
    *at++ = ']';
    *at++ = '\n';
    append(line, (size_t)(at - line));
}

static void numbers(uintptr_t site, uint64_t a, uint64_t b, int size) {
    char line[64], *at = line;
    if (!is_new(site, a, b))
        return;
    int shift = 64 - 8 * size;
    *at++ = '[';
    at = put_number(at, (int64_t)(a << shift) >> shift);
    *at++ = ',';
    at = put_number(at, (int64_t)(b << shift) >> shift);
    *at++ = ']';
    *at++ = '\n';
    append(line, (size_t)(at - line));
    /* Short texts are compared as numbers. */
    if (size > 1)
        texts(site, &a, (size_t)size, &b, (size_t)size);
}

#define SITE ((uintptr_t)__builtin_return_address(0))

void __sanitizer_cov_trace_cmp1(uint8_t a, uint8_t b) { numbers(SITE, a, b, 1); }
void __sanitizer_cov_trace_cmp2(uint16_t a, uint16_t b) { numbers(SITE, a, b, 2); }
void __sanitizer_cov_trace_cmp4(uint32_t a, uint32_t b) { numbers(SITE, a, b, 4); }
void __sanitizer_cov_trace_cmp8(uint64_t a, uint64_t b) { numbers(SITE, a, b, 8); }
void __sanitizer_cov_trace_const_cmp1(uint8_t a, uint8_t b) { numbers(SITE, b, a, 1); }
void __sanitizer_cov_trace_const_cmp2(uint16_t a, uint16_t b) { numbers(SITE, b, a, 2); }
void __sanitizer_cov_trace_const_cmp4(uint32_t a, uint32_t b) { numbers(SITE, b, a, 4); }
void __sanitizer_cov_trace_const_cmp8(uint64_t a, uint64_t b) { numbers(SITE, b, a, 8); }

void __sanitizer_cov_trace_switch(uint64_t value, uint64_t *cases) {
    for (uint64_t i = 0; i < cases[0] && i < MEMBERS; ++i)
        numbers(SITE + i, value, cases[2 + i], cases[1] > 32 ? 8 : cases[1] > 16 ? 4 : cases[1] > 8 ? 2 : 1);
}

/* Asked for by some ways of compiling; numbers and guards say as much. */
void __sanitizer_cov_trace_cmpf(float a, float b) { (void)a, (void)b; }
void __sanitizer_cov_trace_cmpd(double a, double b) { (void)a, (void)b; }
void __sanitizer_cov_trace_div4(uint32_t value) { (void)value; }
void __sanitizer_cov_trace_div8(uint64_t value) { (void)value; }
void __sanitizer_cov_trace_gep(uintptr_t value) { (void)value; }
void __sanitizer_cov_trace_pc_indir(uintptr_t callee) { (void)callee; }

/* ---- functions of the C library that compare: these stand in for its own ---- */

static size_t length_of(const char *text, size_t most) {
    size_t length = 0;
    while (length < most && text[length])
        ++length;
    return length;
}

static int order(const uint8_t *a, const uint8_t *b, size_t length) {
    size_t i = 0;
    uint64_t left, right;
    for (; i + 8 <= length; i += 8) {
        __builtin_memcpy(&left, a + i, 8);
        __builtin_memcpy(&right, b + i, 8);
        if (left != right)
            break;
    }
    for (; i < length; ++i)
        if (a[i] != b[i])
            return a[i] < b[i] ? -1 : 1;
    return 0;
}

int memcmp(const void *a, const void *b, size_t length) {
    int result = order(a, b, length);
    if (result)
        texts(SITE, a, length, b, length);
    return result;
}

int bcmp(const void *a, const void *b, size_t length) {
    int result = order(a, b, length);
    if (result)
        texts(SITE, a, length, b, length);
    return result;
}

int strncmp(const char *a, const char *b, size_t most) {
    size_t i = 0;
    while (i < most && a[i] && a[i] == b[i])
        ++i;
    int result = i == most ? 0 : (uint8_t)a[i] - (uint8_t)b[i];
    if (result)
        texts(SITE, a, length_of(a, most), b, length_of(b, most));
    return result;
}

int strcmp(const char *a, const char *b) {
    size_t i = 0;
    while (a[i] && a[i] == b[i])
        ++i;
    int result = (uint8_t)a[i] - (uint8_t)b[i];
    if (result)
        texts(SITE, a, length_of(a, LONGEST + 1), b, length_of(b, LONGEST + 1));
    return result;
}
