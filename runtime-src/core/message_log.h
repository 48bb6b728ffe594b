// The file of messages that LOGON keeps for a service: one line a message.
#pragma once

#include <cstdio>
#include <string>

#include "core/message.h"

namespace runtime {

// Appends to FOLDER/%08x.log, beginning with a line that says when. Null if the file cannot be opened.
std::FILE* open_message_log(const std::string& folder, Handle handle, std::uint64_t now_cs);
void write_message_log(std::FILE* file, const Message& message);
void close_message_log(std::FILE* file, std::uint64_t now_cs);

}  // namespace runtime
