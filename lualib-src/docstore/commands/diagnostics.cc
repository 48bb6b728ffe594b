// What people and tools look at: sizes, counts, parameters.
#include <sys/utsname.h>
#include <unistd.h>

#include <string>

#include "docstore/commands/command_table.h"
#include "docstore/commands/handlers.h"
#include "docstore/commands/query.h"
#include "docstore/commands/stats.h"
#include "docstore/commands/version.h"

namespace runtime::docstore {

namespace {

bool take_scale(Context& context, std::int64_t* scale) {
  if (!context.take("scale", scale)) return false;
  if (*scale >= 1) return true;
  return refuse(context.error, Code::bad_value, {"scale has to be >= 1"});
}

std::int64_t pragma(Engine& engine, const char* sql) {
  Statement statement(engine.connection, sql);
  return statement.step() ? statement.number(0) : 0;
}

std::string host_name() {
  char name[256] = {};
  return gethostname(name, sizeof(name) - 1) == 0 ? name : "localhost";
}

}  // namespace

bool run_coll_stats(Context& context) {
  std::string_view name;
  std::int64_t scale = 1;
  if (!context.collection_name(&name) || !take_scale(context, &scale)) return false;
  bson::Writer& reply = context.reply;
  reply.string("ns", std::string(context.database) + "." + std::string(name));
  write_sizes(context.engine, context.engine.catalogue.find(context.database, name), scale, reply);
  return true;
}

bool run_db_stats(Context& context) {
  std::int64_t scale = 1, collections = 0, objects = 0, bytes = 0, indexes = 0, of_indexes = 0;
  if (!take_scale(context, &scale)) return false;
  for (const auto& collection : context.engine.catalogue.collections()) {
    if (collection->database() != context.database) continue;
    ++collections;
    objects += collection->count();
    bytes += collection->data_bytes();
    indexes += static_cast<std::int64_t>(collection->indexes().size()) + 1;
    of_indexes += index_bytes(context.engine, *collection);
  }
  bson::Writer& reply = context.reply;
  reply.string("db", context.database);
  write_count(reply, "collections", collections);
  write_count(reply, "views", 0);
  write_count(reply, "objects", objects);
  reply.real("avgObjSize",
             objects > 0 ? static_cast<double>(bytes) / static_cast<double>(objects) : 0);
  write_count(reply, "dataSize", bytes / scale);
  write_count(reply, "storageSize", bytes / scale);
  write_count(reply, "indexes", indexes);
  write_count(reply, "indexSize", of_indexes / scale);
  write_count(reply, "totalSize", (bytes + of_indexes) / scale);
  write_count(reply, "scaleFactor", scale);
  return true;
}

bool run_server_status(Context& context) {
  Engine& engine = context.engine;
  bson::Writer& reply = context.reply;
  const auto up = std::chrono::system_clock::now() - engine.started;
  const std::int64_t up_ms = std::chrono::duration_cast<std::chrono::milliseconds>(up).count();
  reply.string("host", host_name());
  reply.string("version", kVersion);
  reply.string("process", "docstore");
  reply.int64("pid", getpid());
  reply.real("uptime", static_cast<double>(up_ms / 1000));
  reply.int64("uptimeMillis", up_ms);
  reply.int64("uptimeEstimate", up_ms / 1000);
  reply.date("localTime", context.clock.ms);
  const std::size_t connections = reply.open(bson::Type::document, "connections");
  reply.int32("current", static_cast<std::int32_t>(engine.connections));
  reply.int64("totalCreated", static_cast<std::int64_t>(engine.connections_made));
  reply.close(connections);
  const std::size_t counters = reply.open(bson::Type::document, "opcounters");
  reply.int64("insert", static_cast<std::int64_t>(engine.inserts));
  reply.int64("query", static_cast<std::int64_t>(engine.queries));
  reply.int64("update", static_cast<std::int64_t>(engine.updates));
  reply.int64("delete", static_cast<std::int64_t>(engine.deletes));
  reply.int64("getmore", static_cast<std::int64_t>(engine.get_mores));
  reply.int64("command", static_cast<std::int64_t>(engine.commands));
  reply.close(counters);
  const std::size_t metrics = reply.open(bson::Type::document, "metrics");
  const std::size_t cursors = reply.open(bson::Type::document, "cursor");
  reply.int64("timedOut", static_cast<std::int64_t>(engine.cursors.timed_out()));
  const std::size_t open = reply.open(bson::Type::document, "open");
  reply.int64("total", static_cast<std::int64_t>(engine.cursors.count()));
  reply.close(open);
  reply.close(cursors);
  reply.close(metrics);
  const std::size_t storage = reply.open(bson::Type::document, "storageEngine");
  reply.string("name", "sqlite");
  reply.boolean("persistent", engine.file != ":memory:");
  reply.string("file", engine.file);
  reply.string("synchronous", engine.synchronous);
  reply.int64("commits", static_cast<std::int64_t>(engine.commits));
  reply.int64("bytes", pragma(engine, "PRAGMA page_count") * pragma(engine, "PRAGMA page_size"));
  reply.close(storage);
  return true;
}

bool run_host_info(Context& context) {
  utsname names{};
  uname(&names);
  bson::Writer& reply = context.reply;
  const std::size_t system = reply.open(bson::Type::document, "system");
  reply.date("currentTime", context.clock.ms);
  reply.string("hostname", host_name());
  reply.int32("cpuAddrSize", 64);
  reply.int32("numCores", static_cast<std::int32_t>(sysconf(_SC_NPROCESSORS_ONLN)));
  reply.string("cpuArch", names.machine);
  reply.boolean("numaEnabled", false);
  reply.close(system);
  const std::size_t os = reply.open(bson::Type::document, "os");
  reply.string("type", names.sysname);
  reply.string("name", names.sysname);
  reply.string("version", names.release);
  reply.close(os);
  const std::size_t extra = reply.open(bson::Type::document, "extra");
  reply.close(extra);
  return true;
}

// The store writes to the node's log; what is asked for here is what a shell shows when it starts.
bool run_get_log(Context& context) {
  if (context.subject.type == bson::Type::string && context.subject.text() == "*") {
    ArrayWriter names(context.reply, "names");
    context.reply.string(names.next(), "global");
    context.reply.string(names.next(), "startupWarnings");
    names.close();
    return true;
  }
  context.reply.int32("totalLinesWritten", 0);
  ArrayWriter log(context.reply, "log");
  log.close();
  return true;
}

bool run_get_parameter(Context& context) {
  const bool all = context.subject.type == bson::Type::string && context.subject.text() == "*";
  const auto wants = [&](std::string_view name) {
    return all || !context.argument(name).is_missing();
  };
  bool found = false;
  if (wants("featureCompatibilityVersion")) {
    const std::size_t version =
        context.reply.open(bson::Type::document, "featureCompatibilityVersion");
    context.reply.string("version", kVersion.substr(0, 3));
    context.reply.close(version);
    found = true;
  }
  if (wants("ttlMonitorSleepSecs")) {
    context.reply.int32("ttlMonitorSleepSecs",
                        static_cast<std::int32_t>(context.engine.expiry_period.count()));
    found = true;
  }
  if (wants("authenticationMechanisms")) {
    ArrayWriter array(context.reply, "authenticationMechanisms");
    context.reply.string(array.next(), "SCRAM-SHA-256");
    array.close();
    found = true;
  }
  return found || refuse(context.error, Code::invalid_options, {"no option found to get"});
}

// How often documents with an expiry are looked for: the one parameter that there is to set.
bool run_set_parameter(Context& context) {
  const auto seconds = context.argument("ttlMonitorSleepSecs").whole_number();
  if (!seconds)
    return refuse(context.error, Code::invalid_options,
                  {"no option found to set, use help:true to see options "});
  if (*seconds < 1 || *seconds > 86400) {
    return refuse(context.error, Code::bad_value,
                  {"ttlMonitorSleepSecs must be between 1 and 86400"});
  }
  context.reply.int32("was", static_cast<std::int32_t>(context.engine.expiry_period.count()));
  context.engine.expiry_period = std::chrono::seconds(*seconds);
  return true;
}

bool run_get_cmd_line_opts(Context& context) {
  ArrayWriter words(context.reply, "argv");
  context.reply.string(words.next(), "docstore");
  words.close();
  const std::size_t parsed = context.reply.open(bson::Type::document, "parsed");
  context.reply.close(parsed);
  return true;
}

// Commands run one after the other: while this one does, no other one is in progress.
bool run_current_op(Context& context) {
  ArrayWriter operations(context.reply, "inprog");
  operations.close();
  return true;
}

bool run_list_commands(Context& context) {
  const std::size_t list = context.reply.open(bson::Type::document, "commands");
  for (const Command& command : all_commands()) {
    const std::size_t one = context.reply.open(bson::Type::document, command.name);
    context.reply.boolean("requiresAuth", !command.before_login);
    context.reply.close(one);
  }
  context.reply.close(list);
  return true;
}

bool run_validate(Context& context) {
  std::string_view name;
  if (!context.collection_name(&name)) return false;
  Collection* const collection = context.engine.catalogue.find(context.database, name);
  if (collection == nullptr) {
    return refuse(context.error, Code::namespace_not_found,
                  {"Collection '", context.database, ".", name, "' does not exist to validate."});
  }
  Statement checking(context.engine.connection, "PRAGMA integrity_check(10)");
  std::vector<std::string> faults;
  while (checking.step()) {
    if (checking.text(0) != "ok") faults.emplace_back(checking.text(0));
  }
  bson::Writer& reply = context.reply;
  reply.string("ns", collection->full_name());
  write_count(reply, "nrecords", collection->count());
  reply.int32("nIndexes", static_cast<std::int32_t>(collection->indexes().size() + 1));
  reply.boolean("valid", faults.empty());
  ArrayWriter errors(reply, "errors");
  for (const std::string& fault : faults) reply.string(errors.next(), fault);
  errors.close();
  return true;
}

}  // namespace runtime::docstore
