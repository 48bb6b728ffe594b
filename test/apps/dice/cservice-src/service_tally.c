// Adds up numbers: "add N" needs no answer, "sum" is answered with the sum so far, both as text
// messages.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "skynet.h"

struct tally {
  long sum;
};

struct tally* tally_create(void) {
  struct tally* tally = skynet_malloc(sizeof(*tally));
  tally->sum = 0;
  return tally;
}

void tally_release(struct tally* tally) { skynet_free(tally); }

static int on_message(struct skynet_context* ctx, void* ud, int type, int session, uint32_t source,
                      const void* msg, size_t sz) {
  struct tally* tally = ud;
  char text[64];
  if (type != PTYPE_TEXT || sz >= sizeof(text)) return 0;
  memcpy(text, msg, sz);
  text[sz] = '\0';
  if (strncmp(text, "add ", 4) == 0) {
    tally->sum += strtol(text + 4, NULL, 10);
  } else if (strcmp(text, "sum") == 0) {
    int n = sprintf(text, "%ld", tally->sum);
    skynet_send(ctx, 0, source, PTYPE_RESPONSE, session, text, n);
  } else {
    skynet_error(ctx, "tally: unknown command %s", text);
  }
  return 0;
}

int tally_init(struct tally* tally, struct skynet_context* ctx, const char* parm) {
  tally->sum = parm ? strtol(parm, NULL, 10) : 0;
  skynet_command(ctx, "REG", ".tally");
  skynet_callback(ctx, tally, on_message);
  return 0;
}
