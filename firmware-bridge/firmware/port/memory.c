/* What compilers call for copies and zeroing even where there is no library. */
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *to, const void *from, size_t count);
void *memset(void *to, int value, size_t count);

void *memcpy(void *to, const void *from, size_t count) {
  uint8_t *out = to;
  const uint8_t *in = from;
  for (size_t i = 0; i < count; i++) out[i] = in[i];
  return to;
}

void *memset(void *to, int value, size_t count) {
  uint8_t *out = to;
  for (size_t i = 0; i < count; i++) out[i] = (uint8_t)value;
  return to;
}
