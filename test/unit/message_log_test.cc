#include "core/message_log.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <string>

#include "skynet_socket.h"

namespace runtime {
namespace {

constexpr std::uint64_t kNow = 250;

// The line that a message becomes.
std::string line_of(Handle source, int type, const std::string& payload, int session = 5) {
  std::FILE* file = std::tmpfile();
  write_message_log(
      file, Message::make(source, type, session, const_cast<char*>(payload.data()), payload.size()),
      kNow);
  std::rewind(file);
  char line[512] = "";
  EXPECT_NE(std::fgets(line, sizeof line, file), nullptr);
  std::fclose(file);
  return line;
}

std::string event(int type, int id, int ud, char* buffer) {
  const skynet_socket_message message{type, id, ud, buffer};
  return {reinterpret_cast<const char*>(&message), sizeof message};
}

TEST(MessageLog, AMessageIsItsSourceTypeSessionTimeAndBytes) {
  EXPECT_EQ(line_of(0x0a, kTypeLua, "\x01\xff"), ":0000000a 10 5 250 01ff\n");
}

TEST(MessageLog, AnEventOfASocketIsShownWithItsBytesOrItsText) {
  char bytes[] = "hi";
  EXPECT_EQ(line_of(0, kTypeSocket, event(SKYNET_SOCKET_TYPE_DATA, 3, 2, bytes), 0),
            "[socket] 1 3 2 6869\n");
  EXPECT_EQ(line_of(0, kTypeSocket, event(SKYNET_SOCKET_TYPE_ERROR, 3, 0, nullptr) + "gone", 0),
            "[socket] 5 3 0 [gone]\n");
}

TEST(MessageLog, WhatAServiceSendsAsAnEventIsNotBelieved) {
  char* const nowhere = reinterpret_cast<char*>(16);
  const std::string line = line_of(7, kTypeSocket, event(SKYNET_SOCKET_TYPE_DATA, 3, 2, nowhere));
  EXPECT_EQ(line.substr(0, 18), ":00000007 6 5 250 ")
      << "an address that nobody has vouched for would be read";
  EXPECT_EQ(line_of(0, kTypeSocket, "cut", 0), ":00000000 6 0 250 637574\n");
}

}  // namespace
}  // namespace runtime
