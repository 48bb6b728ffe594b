// The file of messages that LOGON keeps for a service: one line a message. Times are Timer::now().
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

#include "core/message.h"

namespace runtime {

// FOLDER/%08x.log
std::string message_log_path(const std::string& folder, Handle handle);

// Appends to the file, beginning with a line that says when. Null if it cannot be opened.
std::FILE* open_message_log(const std::string& path, std::uint64_t now_cs);
void write_message_log(std::FILE* file, const Message& message, std::uint64_t now_cs);
// Says when, and closes the file.
void close_message_log(std::FILE* file, std::uint64_t now_cs);

}  // namespace runtime
