// What commands work on: the file, its catalogue, the cursors; and what they count.
//
// Threads: that of the store.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "docstore/commands/cursor_table.h"
#include "docstore/commands/scram.h"
#include "docstore/document/update.h"
#include "docstore/storage/catalogue.h"
#include "docstore/storage/sqlite.h"

namespace runtime::docstore {

struct Engine {
  Connection connection;
  Catalogue catalogue{connection};
  CursorTable cursors;
  std::optional<Credentials> credentials;  // without, nobody has to log in
  std::string file;
  std::string synchronous;
  std::chrono::seconds expiry_period{60};
  std::chrono::system_clock::time_point started = std::chrono::system_clock::now();

  // When the command that runs must have ended (maxTimeMS).
  std::optional<std::chrono::steady_clock::time_point> deadline;
  bool is_late() const { return deadline && std::chrono::steady_clock::now() > *deadline; }

  // For serverStatus.
  std::uint64_t commands = 0, inserts = 0, queries = 0, updates = 0, deletes = 0, get_mores = 0;
  std::uint64_t commits = 0, connections = 0, connections_made = 0;

  document::Clock clock();

 private:
  std::uint32_t stamps_ = 0;  // timestamps within one second
};

}  // namespace runtime::docstore
