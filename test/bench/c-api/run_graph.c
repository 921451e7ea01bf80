/*
 * The bare C API of a libonnxruntime, one session, for taking turns with other ways to run the same graph.
 *
 *   run_graph LIBRARY VERSION MODEL THREADS INPUTS NAME:DIM,DIM,... ... = NAME:DIM,DIM,...
 *
 * INPUTS is a file with the float32 values of all inputs in the order in which they are named; what stands after `=` is the
 * output. Every line on stdin is a number of runs; the answer is one line, a JSON array of their durations in us. The last
 * line, after stdin has ended, is the output as a JSON array. All tensors are made once.
 */
#define _POSIX_C_SOURCE 200809L
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/*
 * OrtApi is a struct of function pointers to which every release only appends, so a function is its place in an array.
 * Places and signatures are those of onnxruntime_c_api.h, API version 13; VERSION guards against another library.
 */
enum {
  GET_ERROR_MESSAGE = 2,
  CREATE_ENV = 3,
  CREATE_SESSION = 7,
  RUN = 9,
  CREATE_SESSION_OPTIONS = 10,
  SET_GRAPH_OPTIMIZATION_LEVEL = 23,
  SET_INTRA_OP_NUM_THREADS = 24,
  SET_INTER_OP_NUM_THREADS = 25,
  CREATE_TENSOR_WITH_DATA = 49,
  CREATE_CPU_MEMORY_INFO = 69,
  API_VERSION = 13,
  LOG_ERROR = 3,
  ENABLE_ALL = 99,
  FLOAT32 = 1,
  ARENA_ALLOCATOR = 1,
  MEMORY_DEFAULT = 0,
  MAX_VALUES = 16,
  MAX_DIMS = 8,
};

typedef void (*Function)(void);
typedef struct {
  const Function *(*get_api)(uint32_t version);
  const char *(*get_version)(void);
} ApiBase;

typedef void *Handle;
typedef Handle (*GetErrorMessage)(Handle status);
typedef Handle (*CreateEnv)(int level, const char *id, Handle *out);
typedef Handle (*CreateOptions)(Handle *out);
typedef Handle (*SetInteger)(Handle options, int value);
typedef Handle (*CreateSession)(Handle env, const char *path, Handle options, Handle *out);
typedef Handle (*CreateMemoryInfo)(int allocator, int memory, Handle *out);
typedef Handle (*CreateTensor)(Handle info, void *data, size_t bytes, const int64_t *shape, size_t rank, int type,
                               Handle *out);
typedef Handle (*Run)(Handle session, Handle options, const char *const *input_names, const Handle *inputs, size_t input_count,
                      const char *const *output_names, size_t output_count, Handle *outputs);

static const Function *api;

static void check(Handle status) {
  if (status == NULL) return;
  fprintf(stderr, "run_graph: %s\n", (const char *)((GetErrorMessage)api[GET_ERROR_MESSAGE])(status));
  exit(1);
}

typedef struct {
  const char *name;
  float *data;
  size_t count;
  Handle tensor;
} Value;

/* Splits NAME:DIM,DIM,... in place and makes a tensor on memory of its own. */
static Value make_value(char *text, Handle memory) {
  int64_t shape[MAX_DIMS];
  size_t rank = 0;
  char *dims = strrchr(text, ':');
  if (dims == NULL) exit(2);
  *dims++ = '\0';
  Value value = {.name = text, .count = 1};
  for (char *dim = strtok(dims, ","); dim != NULL && rank < MAX_DIMS; dim = strtok(NULL, ",")) {
    shape[rank] = atoll(dim);
    value.count *= (size_t)shape[rank++];
  }
  value.data = calloc(value.count, sizeof *value.data);
  if (value.data == NULL) exit(1);
  check(((CreateTensor)api[CREATE_TENSOR_WITH_DATA])(memory, value.data, value.count * sizeof *value.data, shape, rank,
                                                     FLOAT32, &value.tensor));
  return value;
}

static double now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

int main(int argc, char **argv) {
  if (argc < 9) {
    fprintf(stderr, "usage: run_graph LIBRARY VERSION MODEL THREADS INPUTS NAME:DIMS ... = NAME:DIMS\n");
    return 2;
  }
  void *library = dlopen(argv[1], RTLD_NOW);
  if (library == NULL) {
    fprintf(stderr, "run_graph: %s\n", dlerror());
    return 1;
  }
  const ApiBase *(*get_base)(void) = NULL;
  *(void **)&get_base = dlsym(library, "OrtGetApiBase");
  if (get_base == NULL || strcmp(get_base()->get_version(), argv[2]) != 0) {
    fprintf(stderr, "run_graph: %s is not onnxruntime %s\n", argv[1], argv[2]);
    return 1;
  }
  api = get_base()->get_api(API_VERSION);
  if (api == NULL) return 1;

  Handle env, options, session, memory;
  check(((CreateEnv)api[CREATE_ENV])(LOG_ERROR, "run_graph", &env));
  check(((CreateOptions)api[CREATE_SESSION_OPTIONS])(&options));
  check(((SetInteger)api[SET_GRAPH_OPTIMIZATION_LEVEL])(options, ENABLE_ALL));
  check(((SetInteger)api[SET_INTRA_OP_NUM_THREADS])(options, atoi(argv[4])));
  check(((SetInteger)api[SET_INTER_OP_NUM_THREADS])(options, 1));
  check(((CreateSession)api[CREATE_SESSION])(env, argv[3], options, &session));
  check(((CreateMemoryInfo)api[CREATE_CPU_MEMORY_INFO])(ARENA_ALLOCATOR, MEMORY_DEFAULT, &memory));

  FILE *file = fopen(argv[5], "rb");
  if (file == NULL) return 1;
  const char *names[MAX_VALUES];
  Handle inputs[MAX_VALUES];
  size_t count = 0;
  int next = 6;
  for (; next < argc && strcmp(argv[next], "=") != 0 && count < MAX_VALUES; next++) {
    Value value = make_value(argv[next], memory);
    if (fread(value.data, sizeof *value.data, value.count, file) != value.count) return 1;
    names[count] = value.name;
    inputs[count++] = value.tensor;
  }
  fclose(file);
  if (next + 1 >= argc) return 2;
  Value output = make_value(argv[next + 1], memory);

  const Run run = (Run)api[RUN];
  char line[32];
  while (fgets(line, sizeof line, stdin) != NULL) {
    const int runs = atoi(line);
    for (int i = 0; i < runs; i++) {
      const double began = now_us();
      check(run(session, NULL, names, inputs, count, &output.name, 1, &output.tensor));
      printf("%s%.1f", i == 0 ? "[" : ",", now_us() - began);
    }
    puts("]");
    fflush(stdout);
  }
  for (size_t i = 0; i < output.count; i++) printf("%s%.9g", i == 0 ? "[" : ",", (double)output.data[i]);
  puts("]");
  return 0;
}
