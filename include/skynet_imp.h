/* Plugins that were written for skynet may include this header. It declares no functions of its
 * own: what plugins use of it, the allocator and skynet_strdup, is in skynet_malloc.h. */
#ifndef SKYNET_IMP_H
#define SKYNET_IMP_H

#include "skynet.h"

#endif
