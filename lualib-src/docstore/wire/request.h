// Requests of MongoDB's wire protocol, as the server takes them.
//
//   header     int32 length of it all | int32 request id | int32 response-to | int32 opcode
//   OP_MSG     uint32 flags | sections | uint32 CRC-32C of all before, if the flags say so
//   section    00 | document, the command; or 01 | int32 size | identifier, zero byte | documents
//   OP_QUERY   int32 flags | collection, zero byte | int32 skip | int32 return | document
//   OP_COMPRESSED  int32 opcode | int32 size when unpacked | byte compressor | bytes
//
// All numbers are little endian. OP_QUERY is what old drivers say hello with, and serves for that alone.
//
// Threads:   any.
// Ownership: a Request points into the bytes that it was made from, or into its `unpacked`, which moves along with it.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "mongo/compression.h"

namespace runtime::docstore {

constexpr std::size_t kHeaderBytes = 16;
constexpr std::size_t kMaxMessageBytes = 48'000'000;  // maxMessageSizeBytes of the hello
constexpr int kMaxDepth = 200;                        // of documents in each other, in a message

enum class Opcode : std::int32_t { reply = 1, query = 2004, compressed = 2012, message = 2013 };

// The bytes that follow the length of a frame, or -1 for a length that no frame can have.
std::int64_t bytes_after_length(std::string_view length) noexcept;

// Documents that belong to the command as an array of the name `identifier`.
struct Sequence {
  std::string_view identifier;
  std::vector<std::string_view> documents;
};

struct Request {
  // Why the connection must end; null for a good request.
  const char* malformed = nullptr;
  std::int32_t id = 0;
  bool wants_no_answer = false;
  bool is_query = false;  // answered by OP_REPLY
  mongo::Compressor compressor =
      mongo::Compressor::noop;  // what it came packed with, and the answer goes with
  std::string_view command;
  std::string_view collection;  // of OP_QUERY: "admin.$cmd"
  std::vector<Sequence> sequences;
  std::unique_ptr<char[]> unpacked;
};

// Reads a frame, its length included. Documents are whole when they come out: bson::check().
Request parse_request(std::string_view frame) noexcept;

// Frames an answer: OP_MSG with one body, OP_REPLY for a query; packed as the request was. It is malloc's memory.
struct Frame {
  char* bytes;
  std::size_t size;
};
Frame frame_answer(const Request& request, std::int32_t id, std::string_view document) noexcept;

}  // namespace runtime::docstore
