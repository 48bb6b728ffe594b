/* A C service that tries the plugin interface where plug.c of the conformance cases does not.
 *
 * A text message is a command and its argument; the answer is a text. The argument of the launch says how
 * init behaves: "early" uses everything that init may use, "fail" makes it fail. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "skynet.h"
#include "skynet_env.h"
#include "skynet_handle.h"
#include "skynet_harbor.h"
#include "skynet_imp.h"
#include "skynet_mq.h"
#include "skynet_server.h"
#include "skynet_socket.h"
#include "skynet_timer.h"

enum { TIMER_SESSION = 12345, MAX_KEPT = 64 };

struct probe {
  int texts;        /* commands so far */
  int early_texts;  /* messages to itself that init sent */
  int early_timers; /* timers of init that came */
  uint32_t asker;   /* waits for the timer */
  int asker_session;
  void* kept[MAX_KEPT];
  int kept_count;
  char deaths[256]; /* handles that the monitor was told of */
};

typedef void (*command_function)(struct probe*, struct skynet_context*, char* argument, char* out,
                                 size_t size);

static void answer(struct skynet_context* ctx, uint32_t to, int session, const char* text) {
  skynet_send(ctx, 0, to, PTYPE_RESPONSE, session, (void*)text, strlen(text));
}

/* any command of skynet_command, with its parameter */
static void run_command(struct probe* self, struct skynet_context* ctx, char* argument, char* out,
                        size_t size) {
  char* parameter = strchr(argument, ' ');
  const char* result;
  (void)self;
  if (parameter) *parameter++ = '\0';
  result = skynet_command(ctx, argument, parameter);
  snprintf(out, size, "%s", result ? result : "(null)");
}

static void run_context(struct probe* self, struct skynet_context* ctx, char* argument, char* out,
                        size_t size) {
  const int first = skynet_context_newsession(ctx);
  const int second = skynet_context_newsession(ctx);
  const int third = skynet_send(ctx, 0, 0, PTYPE_TAG_ALLOCSESSION, 0, NULL, 0);
  (void)self;
  (void)argument;
  snprintf(out, size, "%d %d %d %d", skynet_context_handle(ctx) == skynet_current_handle(),
           second - first, third - second, skynet_context_total() > 5);
}

/* push HANDLE TEXT */
static void run_push(struct probe* self, struct skynet_context* ctx, char* argument, char* out,
                     size_t size) {
  char* text = strchr(argument, ' ');
  struct skynet_message message;
  int result;
  (void)self;
  *text++ = '\0';
  message.source = skynet_context_handle(ctx);
  message.session = 0;
  message.data = skynet_strdup(text);
  message.sz = strlen(text) | (size_t)PTYPE_RESERVED_LUA << MESSAGE_TYPE_SHIFT;
  result = skynet_context_push((uint32_t)strtoul(argument, NULL, 16), &message);
  if (result != 0) skynet_free(message.data);
  snprintf(out, size, "%d", result);
}

/* names NAME */
static void run_names(struct probe* self, struct skynet_context* ctx, char* argument, char* out,
                      size_t size) {
  const uint32_t own = skynet_context_handle(ctx);
  const uint32_t before = skynet_handle_findname(argument);
  const char* first = skynet_handle_namehandle(own, argument);
  const char* second = skynet_handle_namehandle(own, argument);
  (void)self;
  snprintf(out, size, "%u %s %s %d %d", before, first ? first : "(null)",
           second ? second : "(null)", skynet_handle_findname(argument) == own,
           (own >> HANDLE_REMOTE_SHIFT) == 0);
}

/* env KEY: sets it twice */
static void run_env(struct probe* self, struct skynet_context* ctx, char* argument, char* out,
                    size_t size) {
  const char* before = skynet_getenv(argument);
  (void)self;
  (void)ctx;
  skynet_setenv(argument, "first");
  skynet_setenv(argument, "second");
  snprintf(out, size, "%s %s", before ? before : "(null)", skynet_getenv(argument));
}

static void run_time(struct probe* self, struct skynet_context* ctx, char* argument, char* out,
                     size_t size) {
  const long long off =
      (long long)time(NULL) - (long long)(skynet_starttime() + skynet_now() / 100);
  const uint64_t before = skynet_thread_time();
  volatile unsigned sum = 0;
  unsigned i;
  (void)self;
  (void)ctx;
  (void)argument;
  for (i = 0; i < 20000000; ++i) sum += i;
  snprintf(out, size, "%d %d", off >= -2 && off <= 2, skynet_thread_time() > before);
}

static void run_memory(struct probe* self, struct skynet_context* ctx, char* argument, char* out,
                       size_t size) {
  char* copy = skynet_strdup(argument);
  char* block = (char*)skynet_lalloc(NULL, 0, 4);
  void *aligned = NULL, *gone;
  int good = strcmp(copy, argument) == 0 && copy != argument;
  (void)self;
  (void)ctx;
  memcpy(block, "abc", 4);
  block = (char*)skynet_lalloc(block, 4, 100000);
  good = good && strcmp(block, "abc") == 0;
  block = (char*)skynet_lalloc(block, 100000, 2);
  good = good && block[0] == 'a' && block[1] == 'b';
  gone = skynet_lalloc(block, 2, 0);
  good = good && gone == NULL && skynet_lalloc(NULL, 0, 0) == NULL;
  good = good && skynet_posix_memalign(&aligned, 256, 1000) == 0 && (uintptr_t)aligned % 256 == 0;
  skynet_free(aligned);
  aligned = skynet_memalign(128, 1000);
  good = good && (uintptr_t)aligned % 128 == 0;
  skynet_free(aligned);
  aligned = skynet_realloc(skynet_calloc(10, 10), 1000);
  good = good && ((char*)aligned)[99] == 0;
  skynet_free(aligned);
  skynet_free(copy);
  snprintf(out, size, "%s", good ? "good" : "bad");
}

/* What skynet_debug_memory prints while the service holds 100000 bytes more. */
static void run_debug_memory(struct probe* self, struct skynet_context* ctx, char* argument,
                             char* out, size_t size) {
  void* volatile held = skynet_malloc(100000); /* a pair of malloc and free may vanish */
  FILE* file = tmpfile();
  const int saved = dup(STDERR_FILENO);
  size_t got;
  (void)self;
  (void)ctx;
  dup2(fileno(file), STDERR_FILENO);
  skynet_debug_memory(argument);
  dup2(saved, STDERR_FILENO);
  close(saved);
  rewind(file);
  got = fread(out, 1, size - 1, file);
  out[got] = '\0';
  fclose(file);
  skynet_free(held);
}

static void run_log(struct probe* self, struct skynet_context* ctx, char* argument, char* out,
                    size_t size) {
  static const char raw[] = "probe raw \0 %d end";
  char* longer = (char*)skynet_malloc(100001);
  (void)self;
  skynet_error(ctx, "probe says %s %d %%", argument, 7);
  skynet_error(NULL, "nobody says %s", argument);
  skynet_error(ctx, "%*s", (int)sizeof(raw) - 1, raw);
  memset(longer, 'y', 100000);
  longer[100000] = '\0';
  skynet_error(ctx, "probe long %s end", longer);
  skynet_free(longer);
  snprintf(out, size, "logged");
}

/* All that was kept, oldest first, each byte by byte. */
static void run_release(struct probe* self, struct skynet_context* ctx, char* argument, char* out,
                        size_t size) {
  int i;
  (void)ctx;
  (void)argument;
  out[0] = '\0';
  for (i = 0; i < self->kept_count; ++i) {
    strncat(out, (const char*)self->kept[i] + strlen("keep "), size - strlen(out) - 1);
    skynet_free(self->kept[i]);
  }
  self->kept_count = 0;
}

static void run_early(struct probe* self, struct skynet_context* ctx, char* argument, char* out,
                      size_t size) {
  (void)ctx;
  (void)argument;
  snprintf(out, size, "texts %d timers %d", self->early_texts, self->early_timers);
}

static void run_deaths(struct probe* self, struct skynet_context* ctx, char* argument, char* out,
                       size_t size) {
  (void)ctx;
  (void)argument;
  snprintf(out, size, "%s", self->deaths);
}

static const struct {
  const char* name;
  command_function run;
} COMMANDS[] = {
    {"command", run_command}, {"context", run_context}, {"push", run_push},
    {"names", run_names},     {"env", run_env},         {"time", run_time},
    {"memory", run_memory},   {"log", run_log},         {"release", run_release},
    {"early", run_early},     {"deaths", run_deaths},   {"debugmemory", run_debug_memory},
};

static int handle(struct skynet_context* ctx, void* ud, int type, int session, uint32_t source,
                  const void* msg, size_t sz) {
  struct probe* self = (struct probe*)ud;
  char text[256], out[1024];
  char* argument;
  size_t i;
  if (type == PTYPE_RESPONSE) {
    if (session == TIMER_SESSION && self->asker) {
      snprintf(out, sizeof(out), "source %u size %zu data %d", source, sz, msg != NULL);
      answer(ctx, self->asker, self->asker_session, out);
      self->asker = 0;
    } else {
      ++self->early_timers;
    }
    return 0;
  }
  if (type == PTYPE_CLIENT) {
    const size_t used = strlen(self->deaths);
    snprintf(self->deaths + used, sizeof(self->deaths) - used, ":%08x %d %zu;", source, session,
             sz);
    return 0;
  }
  if (type != PTYPE_TEXT) return 0;
  if (source == skynet_context_handle(ctx)) {
    ++self->early_texts;
    return 0;
  }
  if (msg && sz >= 5 && memcmp(msg, "keep ", 5) == 0) {
    if (self->kept_count == MAX_KEPT) return 0;
    self->kept[self->kept_count++] = (void*)msg;
    return 1;
  }
  snprintf(text, sizeof(text), "%.*s", (int)sz, msg ? (const char*)msg : "");
  argument = strchr(text, ' ');
  if (argument)
    *argument++ = '\0';
  else
    argument = text + strlen(text);
  ++self->texts;
  if (strcmp(text, "timeout") == 0) {
    self->asker = source;
    self->asker_session = session;
    skynet_timeout(skynet_context_handle(ctx), atoi(argument), TIMER_SESSION);
    return 0;
  }
  snprintf(out, sizeof(out), "unknown %s", text);
  for (i = 0; i < sizeof(COMMANDS) / sizeof(COMMANDS[0]); ++i) {
    if (strcmp(COMMANDS[i].name, text) == 0) COMMANDS[i].run(self, ctx, argument, out, sizeof(out));
  }
  if (session != 0) answer(ctx, source, session, out);
  return 0;
}

void* probe_create(void) { return skynet_calloc(1, sizeof(struct probe)); }

int probe_init(struct probe* self, struct skynet_context* ctx, const char* parameter) {
  skynet_callback(ctx, self, handle);
  if (parameter && strcmp(parameter, "early") == 0) {
    const uint32_t own = skynet_context_handle(ctx);
    skynet_send(ctx, 0, own, PTYPE_TEXT, 0, (void*)"early", 5);
    skynet_send(ctx, 0, own, PTYPE_TEXT | PTYPE_TAG_DONTCOPY, 0, skynet_strdup("early"), 5);
    skynet_command(ctx, "TIMEOUT", "0");
    skynet_command(ctx, "TIMEOUT", "1");
    skynet_command(ctx, "REG", ".probe_early");
    if (self->early_texts + self->early_timers != 0)
      return 1; /* none may come before init has ended */
  }
  if (parameter && strcmp(parameter, "fail") == 0) {
    /* both stay undelivered, and belong to the runtime */
    skynet_send(ctx, 0, skynet_context_handle(ctx), PTYPE_TEXT, 0, (void*)"never", 5);
    skynet_command(ctx, "REG", ".probe_failed");
    return 1;
  }
  return 0;
}

void probe_release(struct probe* self) {
  FILE* file = fopen("probe_released", "a");
  if (file) {
    fprintf(file, "texts %d\n", self->texts);
    fclose(file);
  }
  skynet_free(self);
}
