#include "lines.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LINE = 1 << 15, MAX_CASE = 256 };

static char case_name[MAX_CASE];
static unsigned long line_number;
static unsigned long checks;

void fail(const char *format, ...) {
  va_list values;
  va_start(values, format);
  (void)fprintf(stderr, "line %lu, %s: ", line_number, case_name);
  (void)vfprintf(stderr, format, values);
  (void)fprintf(stderr, "\n");
  va_end(values);
  exit(1);
}

void expect(const char *what, int64_t observed, int64_t expected) {
  checks++;
  if (observed != expected) fail("%s is %lld, expected %lld", what, (long long)observed, (long long)expected);
}

static void print_bytes(const char *label, const byte_string *bytes) {
  (void)fprintf(stderr, "%s ", label);
  for (size_t i = 0; i < bytes->count; i++) (void)fprintf(stderr, "%02x", (unsigned)bytes->at[i]);
  (void)fprintf(stderr, "\n");
}

void expect_bytes(const char *what, const byte_string *observed, const byte_string *expected) {
  checks++;
  if (observed->count == expected->count && memcmp(observed->at, expected->at, expected->count) == 0) return;
  print_bytes("observed", observed);
  print_bytes("expected", expected);
  fail("%s differs", what);
}

const char *maybe_next_word(void) { return strtok(NULL, " \n"); }

const char *next_word(void) {
  const char *word = maybe_next_word();
  if (word == NULL) fail("a word is missing");
  return word;
}

int64_t to_number(const char *word) {
  char *end;
  const long long value = strtoll(word, &end, 10);
  if (*end != '\0') fail("\"%s\" is no number", word);
  return value;
}

int64_t next_number(void) { return to_number(next_word()); }

static uint8_t digit_of(char digit) {
  const char *digits = "0123456789abcdef";
  const char *found = strchr(digits, digit);
  if (digit == '\0' || found == NULL) fail("'%c' is no hex digit", digit);
  return (uint8_t)(found - digits);
}

void append(byte_string *bytes, const uint8_t *from, size_t count) {
  if (bytes->count + count > LINES_MAX_BYTES) fail("more than %d bytes", LINES_MAX_BYTES);
  memcpy(bytes->at + bytes->count, from, count);
  bytes->count += count;
}

byte_string next_bytes(void) {
  byte_string bytes = {.count = 0};
  const char *word = next_word();
  if (strcmp(word, "-") == 0) return bytes;
  for (; *word != '\0'; word += 2) {
    const uint8_t byte = (uint8_t)(digit_of(word[0]) << 4 | digit_of(word[1]));
    append(&bytes, &byte, 1);
  }
  return bytes;
}

static void run_line(char *line, void (*obey)(const char *command)) {
  const char *command = strtok(line, " \n");
  if (command == NULL) return;
  if (strcmp(command, "case") == 0) {
    lines_name("%s", strtok(NULL, "\n"));
    return;
  }
  obey(command);
  if (maybe_next_word() != NULL) fail("a word too many for \"%s\"", command);
}

void lines_name(const char *format, ...) {
  va_list values;
  va_start(values, format);
  (void)vsnprintf(case_name, sizeof case_name, format, values);
  va_end(values);
}

unsigned long lines_checks(void) { return checks; }

void lines_run(const char *path, void (*obey)(const char *command)) {
  static char line[MAX_LINE];
  FILE *file = fopen(path, "r");
  if (file == NULL) fail("%s cannot be read", path);
  while (fgets(line, sizeof line, file) != NULL) {
    line_number++;
    if (strchr(line, '\n') == NULL) fail("the line is longer than %d bytes", MAX_LINE);
    run_line(line, obey);
  }
  (void)fclose(file);
}
