// The two ends of a session: what it reads and what it writes, in memory. OpenSSL's own memory BIOs clear and copy all that
// passes; of a large message that is as much work as encrypting it.
//
// Threads: one at a time. Both outlive the BIOs that they make, which do not own them.
#pragma once

#include <openssl/bio.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace runtime::tls {

// Bytes of the peer that a session has not read yet.
class SessionInput {
 public:
  BIO* make_bio() noexcept;  // null: no memory

  // Copies the bytes.
  void append(std::string_view bytes);
  // Lets the session read the bytes where they are, until keep() copies what is unread of them.
  void lend(std::string_view bytes) { lent_ = bytes; }
  void keep();

  std::size_t unread() const { return kept_.size() - read_ + lent_.size(); }
  std::size_t read(char* out, std::size_t room);

 private:
  std::string kept_;  // comes before what is lent
  std::size_t read_ = 0;
  std::string_view lent_;
};

// Bytes for the peer.
class SessionOutput {
 public:
  SessionOutput() = default;
  ~SessionOutput();
  SessionOutput(const SessionOutput&) = delete;
  SessionOutput& operator=(const SessionOutput&) = delete;

  BIO* make_bio() noexcept;  // null: no memory

  std::string_view bytes() const { return {data_, size_}; }
  void drop();
  // Gives the memory away, which the caller frees: bytes().size() bytes.
  char* take();

  // Room for so many more bytes.
  void reserve(std::size_t bytes);
  void append(std::string_view bytes);

 private:
  // An idle session keeps no more.
  static constexpr std::size_t kKeptBytes = 4096;

  char* data_ = nullptr;  // of malloc
  std::size_t size_ = 0, room_ = 0;
};

}  // namespace runtime::tls
