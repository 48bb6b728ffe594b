// What a command answers when it cannot do what was asked: a code and a name that are MongoDB's own, and a
// sentence.
//
// Functions of this library that may refuse return false, null or nothing, and then fill the CommandError they were
// given. Where they succeed they leave it alone.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace runtime::document {

// MongoDB's numbers. Those above 1000 have a name only where MongoDB gives one; else it is "Location" and the number.
enum class Code : std::int32_t {
  ok = 0,
  internal_error = 1,
  bad_value = 2,
  failed_to_parse = 9,
  unauthorized = 13,
  type_mismatch = 14,
  overflow = 15,
  invalid_length = 16,
  protocol_error = 17,
  authentication_failed = 18,
  illegal_operation = 20,
  invalid_bson = 22,
  namespace_not_found = 26,
  index_not_found = 27,
  path_not_viable = 28,
  conflicting_update_operators = 40,
  cursor_not_found = 43,
  max_time_expired = 50,
  namespace_exists = 48,
  dollar_prefixed_field_name = 52,
  not_single_value_field = 54,
  empty_field_name = 56,
  command_not_found = 59,
  immutable_field = 66,
  cannot_create_index = 67,
  invalid_options = 72,
  invalid_namespace = 73,
  index_options_conflict = 85,
  index_key_specs_conflict = 86,
  command_not_supported = 115,
  document_validation_failure = 121,
  not_a_replica_set = 123,
  invalid_pipeline_operator = 168,
  cannot_index_parallel_arrays = 171,
  query_plan_killed = 175,
  ambiguous_index_key_pattern = 181,
  invalid_index_specification_option = 197,
  query_feature_not_allowed = 224,
  max_sub_pipeline_depth_exceeded = 232,
  not_implemented = 238,
  conversion_failure = 241,
  no_such_transaction = 251,
  operation_not_supported_in_transaction = 263,
  no_query_execution_plans = 291,
  query_exceeded_memory_limit = 292,
  api_version_error = 322,
  mechanism_unavailable = 334,
  unsupported_op_query_command = 352,
  object_too_large = 10334,
  duplicate_key = 11000,
  database_differs_in_case = 13297,
};
// A number that only one place in MongoDB uses, and that has no name.
constexpr Code location(std::int32_t number) { return static_cast<Code>(number); }

struct CommandError {
  Code code = Code::ok;
  std::string message;

  std::int32_t number() const { return static_cast<std::int32_t>(code); }
  // "BadValue", "Location40324", ...
  std::string name() const;
};

// Fills *error. Always false, so that a function can return it.
bool refuse(CommandError* error, Code code, std::initializer_list<std::string_view> parts);

}  // namespace runtime::document
