#include "docstore/commands/write_errors.h"

namespace runtime::docstore {

CommandError error_of(const WriteFault& fault) {
  switch (fault.kind) {
    case WriteFault::Kind::duplicate: return {Code::duplicate_key, fault.message};
    case WriteFault::Kind::parallel_arrays:
      return {Code::cannot_index_parallel_arrays, fault.message};
    case WriteFault::Kind::storage: break;
  }
  return {Code::internal_error, "the store's file: " + fault.message};
}

bool refuse_fault(Context& context, const WriteFault& fault) {
  *context.error = error_of(fault);
  context.key_pattern = fault.key_pattern;
  context.key_value = fault.key_value;
  return false;
}

void WriteErrors::write(bson::Writer& writer) const {
  if (list_.empty()) return;
  ArrayWriter array(writer, "writeErrors");
  for (const One& one : list_) {
    const std::size_t opened = writer.open(bson::Type::document, array.next());
    writer.int32("index", static_cast<std::int32_t>(one.index));
    writer.int32("code", one.error.number());
    if (!one.key_pattern.empty()) {
      writer.raw(bson::Type::document, "keyPattern", one.key_pattern);
      writer.raw(bson::Type::document, "keyValue", one.key_value);
    }
    writer.string("errmsg", one.error.message);
    writer.close(opened);
  }
  array.close();
}

}  // namespace runtime::docstore
