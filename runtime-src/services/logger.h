// The log service "logger": a C service (include/skynet.h) that is built in.
//
// Its argument is the file to append to; without one it writes to standard output. A text message
// is a line of the log, a system message asks to open the file anew by its name. How lines look and when the file is put
// aside is said by config keys (docs/log.md).
#pragma once

struct skynet_context;

extern "C" {
void* logger_create(void);
int logger_init(void* instance, skynet_context* context, const char* path);
void logger_release(void* instance);
}
