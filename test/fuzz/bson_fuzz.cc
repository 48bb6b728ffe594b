// Any bytes as a BSON document: walked and written again, and decoded and encoded by both engines, which
// must agree on what is a document.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "bson/reader.h"
#include "bson/writer.h"

// From engine/bson_round_trip.cc: whether the bytes could be decoded.
namespace runtime::lua54 {
bool bson_round_trip(const std::uint8_t* data, std::size_t size);
}
namespace runtime::luajit {
bool bson_round_trip(const std::uint8_t* data, std::size_t size);
}

namespace {

using namespace runtime::bson;

void copy_elements(std::string_view document, Writer& writer) {
  Reader reader(document);
  Element element;
  while (reader.next(&element)) {
    switch (element.type) {
      case Type::document:
      case Type::array: {
        const std::size_t opened = writer.open(element.type, element.key);
        copy_elements(element.value, writer);
        writer.close(opened);
        break;
      }
      case Type::string: writer.string(element.key, text_of(element)); break;
      case Type::binary: {
        const Binary binary = binary_of(element);
        writer.binary(element.key, binary.subtype, binary.bytes);
        break;
      }
      case Type::regex: {
        const Regex regex = regex_of(element);
        writer.regex(element.key, regex.pattern, regex.options);
        break;
      }
      default: writer.raw(element.type, element.key, element.value);
    }
  }
  if (reader.error().fault != Fault::none) std::abort();  // check() has passed it
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const Error error = check(bytes, 100);
  char text[kErrorText];
  describe(error, text);
  if (error.fault == Fault::none) {
    Writer writer;
    const std::size_t root = writer.open();
    copy_elements(bytes, writer);
    writer.close(root);
    if (writer.bytes() != bytes.substr(0, writer.bytes().size())) std::abort();
  }
  const bool lua54 = runtime::lua54::bson_round_trip(data, size);
  const bool luajit = runtime::luajit::bson_round_trip(data, size);
  if (lua54 != luajit || (error.fault == Fault::none && !lua54)) std::abort();
  return 0;
}
