// Why services could not start, and why a node ends before its work is done.
//
// Threads: any.
#pragma once

#include <mutex>
#include <string>
#include <string_view>

#include "core/message.h"

namespace runtime {

class Failures {
 public:
  // A service could not start. Only the last one is kept: whoever asks has just heard of it.
  void note(Handle service, std::string_view text);

  // What was noted of that service, as one line; empty when another one was noted since.
  std::string why(Handle service) const;

  // The node is going to end because of `reason`. The first reason stays.
  void end_node(std::string_view reason);

  // The node is ending: what fails from now on, fails because of that and is no reason.
  void settle();

  // As one line; empty when the node ends as it should.
  std::string reason() const;

 private:
  mutable std::mutex mutex_;
  Handle service_ = 0;    // guarded by mutex_
  std::string why_;       // guarded by mutex_
  std::string reason_;    // guarded by mutex_
  bool settled_ = false;  // guarded by mutex_
};

// The first line of an error, which may have a traceback behind it; with the second one, when the
// first only announces it ("error loading module 'm' from file 'f':"). Behind "module 'm' not found:"
// are the places that were tried.
std::string one_line(std::string_view text);

}  // namespace runtime
