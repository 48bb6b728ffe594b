/* Time. */
#ifndef SKYNET_TIMER_H
#define SKYNET_TIMER_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* When the node started: seconds since 1970. */
uint32_t skynet_starttime(void);

/* Sends a message of type PTYPE_RESPONSE without data to `handle` in `time` 1/100 s; at once when
 * that is 0 or less. Gives the session, or -1 when the service has gone. */
int skynet_timeout(uint32_t handle, int time, int session);

/* Microseconds of CPU that this thread has used. */
uint64_t skynet_thread_time(void);

#ifdef __cplusplus
}
#endif
#endif
