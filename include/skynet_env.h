/* The node's environment: the settings of its config, and what was added since. */
#ifndef SKYNET_ENV_H
#define SKYNET_ENV_H

#ifdef __cplusplus
extern "C" {
#endif

/* NULL when the key is not set. The text is valid as long as the process. */
const char* skynet_getenv(const char* key);

/* A key that is set already keeps its value. */
void skynet_setenv(const char* key, const char* value);

#ifdef __cplusplus
}
#endif
#endif
