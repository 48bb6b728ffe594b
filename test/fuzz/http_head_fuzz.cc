// HTTP heads and chunk lines of any bytes: nothing is read beyond them, and what a parser accepts
// fits the line it came from.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

#include "http/head.h"

namespace {

namespace http = runtime::http;

void check(bool condition) {
  if (!condition) std::abort();
}

void check_line(std::string_view line) {
  if (const auto request = http::parse_request_line(line)) {
    check(!request->method.empty());
    check(request->method.size() + request->url.size() < line.size());
    if (request->exact) check(request->url.find_first_of(" \t") == std::string_view::npos);
  }
  if (const auto status = http::parse_status_line(line))
    check(status->code >= 100 && status->code <= 999);
  const http::Field field = http::parse_field(line);
  if (field.kind != http::Field::Kind::pair) return;
  check(field.name.size() + field.value.size() < line.size());
  check(http::is_token(field.name) && http::fits_line(field.value));
  std::string lower(field.name.size(), '\0');
  http::lower_case(field.name, lower.data());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A copy of exactly this size, so that the sanitizer sees a byte too far.
  const auto copy = std::make_unique<char[]>(size);
  std::copy(data, data + size, copy.get());
  const std::string_view bytes(copy.get(), size);

  const std::size_t head = http::head_size(bytes);
  check(head <= size);
  std::string_view rest = bytes.substr(0, head == 0 ? size : head);
  while (!rest.empty()) {
    const std::size_t before = rest.size();
    check_line(http::take_line(rest));
    check(rest.size() < before);
  }

  const http::ChunkLine plain = http::parse_chunk_line(bytes, http::ChunkExtensions::refused);
  const http::ChunkLine chunk = http::parse_chunk_line(bytes, http::ChunkExtensions::skipped);
  if (chunk.kind == http::ChunkLine::Kind::size) {
    check(chunk.length <= size && chunk.length >= 3);
    check(bytes.substr(0, chunk.length).find("\r\n") == chunk.length - 2);
  }
  if (plain.kind == http::ChunkLine::Kind::size) {
    check(chunk.kind == plain.kind && chunk.size == plain.size && chunk.length == plain.length);
  }
  // What is bad in a part of the bytes stays bad when more come.
  const http::ChunkLine part =
      http::parse_chunk_line(bytes.substr(0, size / 2), http::ChunkExtensions::skipped);
  if (part.kind != http::ChunkLine::Kind::incomplete) check(part.kind == chunk.kind);
  return 0;
}
