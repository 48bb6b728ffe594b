// Names to addresses, with the system's resolver.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/address.h"

namespace runtime {

struct Resolved {
  std::vector<Address> addresses;  // in the system's order of preference; empty: see error
  std::string error;
};

enum class ResolveFor { peer, own_end };  // own_end: an empty host means all interfaces

// Resolves on the calling thread, which may take as long as the system's resolver takes for a name;
// a numeric host is answered at once.
Resolved resolve_here(const std::string& host, int port, int socket_type, ResolveFor purpose);

// Resolves names on threads of its own, which are started when they are needed and end after a
// while without work. A slow name holds up its own thread only, as long as fewer than kMaxThreads
// names are slow at once.
//
// Threads: all members from any thread.
class Resolver {
 public:
  static constexpr int kMaxThreads = 32;

  // Gets each result, on one of the resolver's threads, or on that of the caller of resolve() when
  // the system has no thread for it; must neither block nor call the resolver.
  using Deliver = std::function<void(int id, Resolved result)>;

  explicit Resolver(Deliver deliver);
  // Drops what has not been delivered, and does not wait for names that are being resolved. No
  // delivery happens afterwards.
  ~Resolver();

  // `id` comes back with the result.
  void resolve(int id, std::string host, int port);

 private:
  struct State;
  // Shared with the threads: a look-up cannot be interrupted, so a thread may outlive the resolver.
  std::shared_ptr<State> state_;
};

}  // namespace runtime
