/* The least that a C service may be: init alone. With CREATES_NOTHING it has a create that gives NULL. */
#include <stdio.h>

#include "skynet.h"

static int handle(struct skynet_context* ctx, void* ud, int type, int session, uint32_t source,
                  const void* msg, size_t sz) {
  char out[64];
  int size;
  (void)type;
  (void)msg;
  size = snprintf(out, sizeof(out), "instance %d size %d", ud == (void*)~(uintptr_t)0, (int)sz);
  skynet_send(ctx, 0, source, PTYPE_RESPONSE, session, out, (size_t)size);
  return 0;
}

#ifdef CREATES_NOTHING
void* nothing_create(void) { return NULL; }
#define INIT nothing_init
#else
#define INIT bare_init
#endif

int INIT(void* instance, struct skynet_context* ctx, const char* parameter) {
  (void)parameter;
  skynet_callback(ctx, instance, handle);
  return 0;
}
