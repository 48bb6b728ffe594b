// The commands that there are, and how one is run.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "docstore/commands/context.h"

namespace runtime::docstore {

struct Command {
  enum class Kind {
    read,
    write,  // of documents: each is written whole or not at all
    whole,  // all of the command or nothing: what changes collections and indexes, findAndModify
  };
  std::string_view name;
  bool (*run)(Context& context);
  Kind kind;
  bool before_login;  // may be asked by anybody
  std::string_view
      options;  // the fields that it knows, each between blanks: " filter sort "; "*" for any
};

// Null for a name that is none.
const Command* find_command(std::string_view name);
std::span<const Command> all_commands();

// What is to be looked at before a command runs: its database, its log-in, its fields, what no command here can do
// (transactions). *context has the command's name and subject.
bool check_command(const Command& command, Context& context);

}  // namespace runtime::docstore
