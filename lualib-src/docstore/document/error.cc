#include "docstore/document/error.h"

namespace runtime::document {

std::string CommandError::name() const {
  switch (code) {
    case Code::ok: return "OK";
    case Code::internal_error: return "InternalError";
    case Code::bad_value: return "BadValue";
    case Code::failed_to_parse: return "FailedToParse";
    case Code::unauthorized: return "Unauthorized";
    case Code::type_mismatch: return "TypeMismatch";
    case Code::overflow: return "Overflow";
    case Code::invalid_length: return "InvalidLength";
    case Code::protocol_error: return "ProtocolError";
    case Code::authentication_failed: return "AuthenticationFailed";
    case Code::illegal_operation: return "IllegalOperation";
    case Code::invalid_bson: return "InvalidBSON";
    case Code::namespace_not_found: return "NamespaceNotFound";
    case Code::index_not_found: return "IndexNotFound";
    case Code::path_not_viable: return "PathNotViable";
    case Code::conflicting_update_operators: return "ConflictingUpdateOperators";
    case Code::cursor_not_found: return "CursorNotFound";
    case Code::max_time_expired: return "MaxTimeMSExpired";
    case Code::namespace_exists: return "NamespaceExists";
    case Code::dollar_prefixed_field_name: return "DollarPrefixedFieldName";
    case Code::not_single_value_field: return "NotSingleValueField";
    case Code::empty_field_name: return "EmptyFieldName";
    case Code::command_not_found: return "CommandNotFound";
    case Code::immutable_field: return "ImmutableField";
    case Code::cannot_create_index: return "CannotCreateIndex";
    case Code::invalid_options: return "InvalidOptions";
    case Code::invalid_namespace: return "InvalidNamespace";
    case Code::index_options_conflict: return "IndexOptionsConflict";
    case Code::index_key_specs_conflict: return "IndexKeySpecsConflict";
    case Code::no_such_transaction: return "NoSuchTransaction";
    case Code::operation_not_supported_in_transaction: return "OperationNotSupportedInTransaction";
    case Code::command_not_supported: return "CommandNotSupported";
    case Code::document_validation_failure: return "DocumentValidationFailure";
    case Code::not_a_replica_set: return "NotAReplicaSet";
    case Code::invalid_pipeline_operator: return "InvalidPipelineOperator";
    case Code::cannot_index_parallel_arrays: return "CannotIndexParallelArrays";
    case Code::query_plan_killed: return "QueryPlanKilled";
    case Code::ambiguous_index_key_pattern: return "AmbiguousIndexKeyPattern";
    case Code::invalid_index_specification_option: return "InvalidIndexSpecificationOption";
    case Code::no_query_execution_plans: return "NoQueryExecutionPlans";
    case Code::query_exceeded_memory_limit: return "QueryExceededMemoryLimitNoDiskUseAllowed";
    case Code::query_feature_not_allowed: return "QueryFeatureNotAllowed";
    case Code::max_sub_pipeline_depth_exceeded: return "MaxSubPipelineDepthExceeded";
    case Code::not_implemented: return "NotImplemented";
    case Code::conversion_failure: return "ConversionFailure";
    case Code::api_version_error: return "APIVersionError";
    case Code::mechanism_unavailable: return "MechanismUnavailable";
    case Code::unsupported_op_query_command: return "UnsupportedOpQueryCommand";
    case Code::object_too_large: return "BSONObjectTooLarge";
    case Code::duplicate_key: return "DuplicateKey";
    case Code::database_differs_in_case: return "DatabaseDifferCase";
  }
  return "Location" + std::to_string(number());
}

bool refuse(CommandError* error, Code code, std::initializer_list<std::string_view> parts) {
  error->code = code;
  error->message.clear();
  for (const std::string_view part : parts) error->message += part;
  return false;
}

}  // namespace runtime::document
