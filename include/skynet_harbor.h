/* The network of nodes that share one space of handles and names. */
#ifndef SKYNET_HARBOR_H
#define SKYNET_HARBOR_H

#include <stdint.h>

/* Bytes of a global name. A shorter one is filled up with zeros. */
#define GLOBALNAME_LENGTH 16
#define REMOTE_MAX 256

#endif
