#include "docstore/commands/command_table.h"

#include <algorithm>
#include <string>

#include "docstore/commands/handlers.h"

namespace runtime::docstore {

namespace {

using Kind = Command::Kind;

constexpr Command kCommands[] = {
    {"abortTransaction", run_end_transaction, Kind::read, false, "*"},
    {"aggregate", run_aggregate, Kind::read, false,
     " pipeline cursor allowDiskUse hint explain bypassDocumentValidation let collation "},
    {"buildInfo", run_build_info, Kind::read, true, "*"},
    {"buildinfo", run_build_info, Kind::read, true, "*"},
    {"collMod", run_coll_mod, Kind::whole, false, " index "},
    {"collStats", run_coll_stats, Kind::read, false, " scale freeStorage verbose "},
    {"commitTransaction", run_end_transaction, Kind::read, false, "*"},
    {"connectionStatus", run_connection_status, Kind::read, true, "*"},
    {"count", run_count, Kind::read, false, " query limit skip hint collation fields "},
    {"create", run_create, Kind::whole, false,
     " capped size max autoIndexId idIndex storageEngine validator validationLevel "
     "validationAction "
     "indexOptionDefaults viewOn pipeline collation timeseries expireAfterSeconds clusteredIndex "
     "changeStreamPreAndPostImages encryptedFields recordPreImages temp flags "},
    {"createIndexes", run_create_indexes, Kind::whole, false,
     " indexes commitQuorum ignoreUnknownIndexOptions "},
    {"currentOp", run_current_op, Kind::read, false, "*"},
    {"dbStats", run_db_stats, Kind::read, false, " scale freeStorage "},
    {"dbstats", run_db_stats, Kind::read, false, " scale freeStorage "},
    {"delete", run_delete, Kind::write, false, " deletes ordered let bypassDocumentValidation "},
    {"deleteIndexes", run_drop_indexes, Kind::whole, false, " index "},
    {"distinct", run_distinct, Kind::read, false, " key query hint collation "},
    {"drop", run_drop, Kind::whole, false, "*"},
    {"dropDatabase", run_drop_database, Kind::whole, false, "*"},
    {"dropIndexes", run_drop_indexes, Kind::whole, false, " index "},
    {"endSessions", run_end_sessions, Kind::read, true, "*"},
    {"explain", run_explain, Kind::read, false, " verbosity "},
    {"find", run_find, Kind::read, false,
     " filter sort projection hint skip limit batchSize singleBatch noCursorTimeout "
     "allowPartialResults awaitData "
     "tailable returnKey showRecordId collation allowDiskUse let min max oplogReplay ntoreturn "},
    {"findAndModify", run_find_and_modify, Kind::whole, false,
     " query sort remove update new fields upsert arrayFilters hint bypassDocumentValidation "
     "collation let "},
    {"findandmodify", run_find_and_modify, Kind::whole, false,
     " query sort remove update new fields upsert arrayFilters hint bypassDocumentValidation "
     "collation let "},
    {"getCmdLineOpts", run_get_cmd_line_opts, Kind::read, false, "*"},
    {"getLog", run_get_log, Kind::read, false, "*"},
    {"getMore", run_get_more, Kind::read, false,
     " collection batchSize term lastKnownCommittedOpTime "},
    {"getParameter", run_get_parameter, Kind::read, false, "*"},
    {"hello", run_hello, Kind::read, true, "*"},
    {"hostInfo", run_host_info, Kind::read, false, "*"},
    {"insert", run_insert, Kind::write, false, " documents ordered bypassDocumentValidation "},
    {"isMaster", run_hello, Kind::read, true, "*"},
    {"ismaster", run_hello, Kind::read, true, "*"},
    {"killCursors", run_kill_cursors, Kind::read, false, " cursors "},
    {"killSessions", run_end_sessions, Kind::read, false, "*"},
    {"listCollections", run_list_collections, Kind::read, false,
     " filter cursor nameOnly authorizedCollections "},
    {"listCommands", run_list_commands, Kind::read, true, "*"},
    {"listDatabases", run_list_databases, Kind::read, false,
     " filter nameOnly authorizedDatabases "},
    {"listIndexes", run_list_indexes, Kind::read, false, " cursor "},
    {"logout", run_logout, Kind::read, true, "*"},
    {"ping", run_ping, Kind::read, true, "*"},
    {"refreshSessions", run_end_sessions, Kind::read, false, "*"},
    {"renameCollection", run_rename_collection, Kind::whole, false, " to dropTarget "},
    {"saslContinue", run_sasl_continue, Kind::read, true, "*"},
    {"saslStart", run_sasl_start, Kind::read, true, "*"},
    {"serverStatus", run_server_status, Kind::read, false, "*"},
    {"setParameter", run_set_parameter, Kind::read, false, "*"},
    {"startSession", run_start_session, Kind::read, false, "*"},
    {"update", run_update, Kind::write, false, " updates ordered bypassDocumentValidation let "},
    {"validate", run_validate, Kind::read, false, "*"},
    {"whatsmyuri", run_whats_my_uri, Kind::read, true, "*"},
};

// Of all commands. What a single server fulfils anyway (concerns), or has no use for, is taken and not looked at.
constexpr std::string_view kCommon =
    " $db lsid txnNumber $clusterTime $readPreference $audit $client $configServerState "
    "readConcern writeConcern "
    "maxTimeMS comment apiVersion apiStrict apiDeprecationErrors startTransaction autocommit "
    "mayBypassWriteBlocking databaseVersion ";

constexpr std::string_view kOfAdmin =
    " listDatabases renameCollection setParameter getParameter getLog getCmdLineOpts currentOp ";
constexpr std::string_view kReadLevels = " local available majority linearizable snapshot ";

// Whether `name` is a word of the list, which begins and ends with a blank.
bool lists(std::string_view list, std::string_view name) {
  if (name.empty() || name.find(' ') != name.npos) return false;
  for (std::size_t at = list.find(name); at != list.npos; at = list.find(name, at + 1)) {
    if (list[at - 1] == ' ' && list[at + name.size()] == ' ') return true;
  }
  return false;
}

// A concern that a single server cannot fulfil is refused; it fulfils all others.
bool check_concern(const bson::Element& element, CommandError* error) {
  if (element.type != bson::Type::document) return true;
  if (element.key == "writeConcern") {
    const auto copies = document::field(element.value, "w").whole_number();
    return !copies || *copies <= 1 ||
           refuse(error, Code::bad_value, {"cannot use 'w' > 1 when a host is not replicated"});
  }
  const Value level = document::field(element.value, "level");
  if (level.type == bson::Type::string && !lists(kReadLevels, level.text())) {
    return refuse(error, Code::bad_value,
                  {"Enumeration value '", level.text(),
                   "' for field 'readConcern.level' is not a valid value."});
  }
  const bool is_bad = level.type == bson::Type::string &&
                      (level.text() == "snapshot" || level.text() == "linearizable");
  return !is_bad || refuse(error, Code::not_a_replica_set,
                           {"node needs to be a replica set member to use read concern"});
}

bool check_field(const Command& command, const bson::Element& element, CommandError* error) {
  const Value value(element);
  if (element.key == "startTransaction" || element.key == "autocommit" ||
      element.key == "txnNumber")
    return refuse_transaction(error);
  if (element.key == "writeConcern" || element.key == "readConcern")
    return check_concern(element, error);
  if (element.key == "collation" && !check_collation(value, error)) return false;
  if (element.key == "apiVersion" && (value.type != bson::Type::string || value.text() != "1")) {
    return refuse(error, Code::api_version_error, {"API version must be \"1\""});
  }
  if (command.options == "*" || lists(kCommon, element.key) || lists(command.options, element.key))
    return true;
  return refuse(error, document::location(40415),
                {"BSON field '", command.name, ".", element.key, "' is an unknown field."});
}

// The documents behind the command. Which of two lists is meant could only be guessed.
bool check_sequences(const Command& command, const Request& request, CommandError* error) {
  for (const Sequence& sequence : request.sequences) {
    const std::string_view name = sequence.identifier;
    if (command.options != "*" && !lists(command.options, name)) {
      return refuse(error, document::location(40415),
                    {"BSON field '", command.name, ".", name, "' is an unknown field."});
    }
    if (!document::field(request.command, name).is_missing()) {
      return refuse(error, document::location(40433),
                    {"Duplicate field between body and document sequence ", name});
    }
    const auto is_of_name = [&](const Sequence& other) { return other.identifier == name; };
    if (std::ranges::count_if(request.sequences, is_of_name) > 1) {
      return refuse(error, document::location(40431), {"Duplicate document sequence ", name});
    }
  }
  return true;
}

}  // namespace

std::span<const Command> all_commands() { return kCommands; }

const Command* find_command(std::string_view name) {
  for (const Command& command : kCommands) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

bool check_command(const Command& command, Context& context) {
  const bool is_open =
      !context.engine.credentials || context.peer.is_inside || context.peer.is_logged_in;
  if (!is_open && !command.before_login) {
    return refuse(context.error, Code::unauthorized,
                  {"Command ", command.name, " requires authentication"});
  }
  if (!check_database_name(context.database, context.error)) return false;
  if (lists(kOfAdmin, command.name) && context.database != "admin") {
    return refuse(context.error, Code::unauthorized,
                  {command.name, " may only be run against the admin database."});
  }
  bson::Reader reader(context.request.command);
  bson::Element element;
  bool is_first = true;
  while (reader.next(&element)) {
    if (!is_first && !check_field(command, element, context.error)) return false;
    is_first = false;
    if (context.argument(element.key).bytes.data() != element.value.data()) {
      return refuse(context.error, document::location(40413),
                    {"BSON field '", command.name, ".", element.key, "' is a duplicate field"});
    }
  }
  if (lists(command.options, "let") && !context.take_let(context.argument("let"))) return false;
  return check_sequences(command, context.request, context.error);
}

}  // namespace runtime::docstore
