// What a link needs of TLS. The executable has no TLS library: the module skynet.cluster.tls brings the implementation
// (cluster/tls/), which clusterd loads when the config has certificates.
//
//   from the peer -> feed() -> plain bytes
//   plain bytes  -> write() -> outgoing()  to the peer
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace runtime::cluster {

// The session of one connection.
//
// Threads: one at a time.
class Secure {
 public:
  virtual ~Secure() = default;

  // Takes bytes of the peer and appends what they say to `plain`. A client begins with no bytes.
  virtual void feed(std::string_view bytes, std::string* plain) = 0;
  // Whether both sides have accepted each other. Until then nothing may be written.
  virtual bool is_ready() const = 0;
  virtual void write(std::string_view plain) = 0;

  // What is to be sent, also an alert after a failure; valid until the next call.
  virtual std::string_view outgoing() = 0;
  virtual void drop_outgoing() = 0;
  // Gives its memory, of malloc, to the caller, instead of dropping it.
  virtual char* take_outgoing() = 0;

  // Why the session cannot go on; empty: it can.
  virtual std::string_view fault() const = 0;
  // "TLSv1.3", once it is ready.
  virtual std::string_view version() const = 0;
};

// Makes the sessions of new connections.
//
// Threads: any.
class SecureFactory {
 public:
  virtual ~SecureFactory() = default;
  virtual std::unique_ptr<Secure> server() const = 0;
  // To the node `node`, at `host`.
  virtual std::unique_ptr<Secure> client(const std::string& node,
                                         const std::string& host) const = 0;
};

// What skynet.cluster.tls hands to skynet.cluster.link: the userdata of this type begins with a SecureHandle. Shared, as
// links may use a factory when a later one takes its place.
struct SecureHandle {
  static constexpr const char* kLuaType = "skynet.cluster.credentials";
  std::shared_ptr<const SecureFactory> factory;
};

// The factory of all links of this process; null, as at first: their bytes go as they are. A link asks for it
// when it makes its connection.
//
// Threads: any.
void set_secure_factory(std::shared_ptr<const SecureFactory> factory);
std::shared_ptr<const SecureFactory> secure_factory();

}  // namespace runtime::cluster
