/* Golden vectors as lines of words; bytes are hex, "-" is no bytes, numbers are decimal. `case WORD...` names what follows in a report. */
#ifndef LINES_H
#define LINES_H

#include <stddef.h>
#include <stdint.h>

enum { LINES_MAX_BYTES = 1 << 13 };

typedef struct {
  uint8_t at[LINES_MAX_BYTES];
  size_t count;
} byte_string;

/* Obeys every line of a file; `obey` takes the words behind the command itself. Does not return on a failure. */
void lines_run(const char *path, void (*obey)(const char *command));

/* Names what follows in a report. */
void lines_name(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Ends the program with a message that names line and case. */
void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
void expect(const char *what, int64_t observed, int64_t expected);
void expect_bytes(const char *what, const byte_string *observed, const byte_string *expected);

/* Checks made so far. */
unsigned long lines_checks(void);

/* The next word of the line; NULL at its end. */
const char *maybe_next_word(void);
const char *next_word(void);
int64_t to_number(const char *word);
int64_t next_number(void);
byte_string next_bytes(void);
void append(byte_string *bytes, const uint8_t *from, size_t count);

#endif
