/*
 * A loop on absolute deadlines, as small as it can be: what the operating system gives a program of its priority.
 *
 *   sleep_until HZ
 *
 * For every line with a number of ticks it answers a line with how late each of them woke up, us: [31.2,30.8]. An instant that is past is
 * skipped.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#define NS_PER_S 1000000000L

static long long now_ns(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * (long long)NS_PER_S + now.tv_nsec;
}

int main(int argc, char **argv)
{
  const long hz = argc == 2 ? atol(argv[1]) : 0;
  long count;
  if (hz <= 0) return 2;
  (void)mlockall(MCL_CURRENT | MCL_FUTURE);
  const long long period_ns = NS_PER_S / hz;
  while (scanf("%ld", &count) == 1) {
    double *late_us = calloc((size_t)count, sizeof *late_us);
    if (late_us == NULL) return 1;
    long long due_ns = now_ns() + period_ns;
    for (long i = 0; i < count; i++) {
      const struct timespec due = {due_ns / NS_PER_S, due_ns % NS_PER_S};
      while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) != 0) {
      }
      const long long late_ns = now_ns() - due_ns;
      late_us[i] = (double)late_ns / 1000;
      due_ns += period_ns * (1 + late_ns / period_ns);
    }
    putchar('[');
    for (long i = 0; i < count; i++) printf(i == 0 ? "%.1f" : ",%.1f", late_us[i]);
    puts("]");
    fflush(stdout);
    free(late_us);
  }
  return 0;
}
