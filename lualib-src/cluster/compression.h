// What a link does to the payloads of its packets when both nodes want it, and it pays (payoff.h): zstd, each payload on
// its own.
//
// On its own, because packets overtake each other on their way; and because what a payload may expand to is then
// bounded by what a packet may hold. Nothing is compressed before the nodes have agreed: the caller's first request of a
// connection is a query for kCompressionName, which other nodes answer with "name not found".
//
// Threads: that of the link's service. Its worker thread keeps the memory that zstd works in (about 350 KB), so
//          links need none of their own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "cluster/frame.h"

namespace runtime::cluster {

constexpr std::string_view kCompressionName = "cluster.zstd.1";
// The "handle" that answers the query.
constexpr std::uint32_t kCompressionAgreed = 1;

class Compression {
 public:
  // Payloads of so many bytes are worth it; 0: this node wants no compression.
  explicit Compression(std::size_t from) : from_(from) {}

  bool wanted() const { return from_ > 0; }
  void agree() { agreed_ = true; }
  void forget() { agreed_ = false; }
  bool agreed() const { return agreed_; }
  // How packets that come are to be parsed.
  Payloads payloads() const { return agreed_ ? Payloads::maybe_compressed : Payloads::plain; }

  // Whether a payload of so many bytes is to be compressed.
  bool is_for(std::size_t bytes) const { return agreed_ && bytes >= from_; }
  // Writes `payload` compressed to `out`, which has room for its size. Gives the bytes written; 0: it is to travel as it
  // is, because it is too short or would hardly get shorter.
  std::size_t shrink(std::string_view payload, char* out);

  // Replaces a compressed payload by what it was. The bytes live until the next call on this thread. False: it cannot
  // be; fault() says why.
  bool expand(std::string_view* payload);
  const std::string& fault() const { return fault_; }

  // Bytes of payloads less than without.
  std::uint64_t saved_in() const { return saved_in_; }
  std::uint64_t saved_out() const { return saved_out_; }

 private:
  const std::size_t from_;
  bool agreed_ = false;
  std::string fault_;
  std::uint64_t saved_in_ = 0, saved_out_ = 0;
};

}  // namespace runtime::cluster
