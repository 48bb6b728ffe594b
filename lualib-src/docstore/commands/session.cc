// What clients ask when they connect: hello, log-in, sessions.
#include <string>

#include "docstore/commands/handlers.h"
#include "docstore/commands/version.h"
#include "docstore/storage/random.h"
#include "mongo/compression.h"

namespace runtime::docstore {

namespace {

constexpr std::int32_t kSessionMinutes = 30;
constexpr std::string_view kMechanism = "SCRAM-SHA-256";

// The compressors of the client that are known here, in the client's order.
void write_compression(Context& context) {
  const Value offered = context.argument("compression");
  if (!offered.is_array()) return;
  ArrayWriter array(context.reply, "compression");
  bson::Reader reader(offered.bytes);
  bson::Element element;
  while (reader.next(&element)) {
    if (element.type == bson::Type::string && mongo::compressor_named(bson::text_of(element))) {
      context.reply.string(array.next(), bson::text_of(element));
    }
  }
  array.close();
}

// "admin.player" asks for what player can log in by.
void write_mechanisms(Context& context) {
  const Value asked = context.argument("saslSupportedMechs");
  if (asked.type != bson::Type::string || !context.engine.credentials) return;
  const std::string_view user = asked.text().substr(asked.text().find('.') + 1);
  if (user != context.engine.credentials->user) return;
  ArrayWriter array(context.reply, "saslSupportedMechs");
  context.reply.string(array.next(), kMechanism);
  array.close();
}

bool refuse_login(CommandError* error) {
  return refuse(error, Code::authentication_failed, {"Authentication failed."});
}

// `asked` is the client's payload: the answer is of the same kind.
void write_step(bson::Writer& writer, std::int32_t conversation, bool done,
                std::string_view payload, const Value& asked) {
  writer.int32("conversationId", conversation);
  writer.boolean("done", done);
  if (asked.type == bson::Type::string) {
    writer.string("payload", to_base64(payload));
  } else {
    writer.binary("payload", 0, payload);
  }
}

// Bytes, or text in base64 as old clients send it.
std::optional<std::string> payload_of(const Value& value) {
  if (value.type == bson::Type::binary) {
    return std::string(bson::binary_of({value.type, {}, value.bytes}).bytes);
  }
  if (value.type == bson::Type::string) return from_base64(value.text());
  return std::nullopt;
}

// `command` is saslStart's document, or that of speculativeAuthenticate.
bool begin_login(Context& context, std::string_view command, bson::Writer& writer,
                 CommandError* error) {
  Peer& peer = context.peer;
  peer.conversation.reset();
  const Value mechanism = document::field(command, "mechanism");
  if (mechanism.type != bson::Type::string || mechanism.text() != kMechanism) {
    return refuse(error, Code::mechanism_unavailable,
                  {"Received authentication for mechanism ",
                   mechanism.type == bson::Type::string ? mechanism.text() : "(none)",
                   " which is unknown or not enabled"});
  }
  const Value asked = document::field(command, "payload");
  const auto payload = payload_of(asked);
  if (!context.engine.credentials || !payload) return refuse_login(error);
  std::string answer;
  peer.conversation = ScramServer::begin(*context.engine.credentials, *payload, &answer);
  if (!peer.conversation) return refuse_login(error);
  const Value options = document::field(command, "options");
  peer.skips_last_step =
      options.is_document() && document::field(options.bytes, "skipEmptyExchange").is_true();
  write_step(writer, ++peer.conversation_id, false, answer, asked);
  return true;
}

}  // namespace

bool run_hello(Context& context) {
  bson::Writer& reply = context.reply;
  reply.boolean("helloOk", true);
  reply.boolean(context.command == "hello" ? "isWritablePrimary" : "ismaster", true);
  reply.int32("maxBsonObjectSize", 16'777'216);
  reply.int32("maxMessageSizeBytes", static_cast<std::int32_t>(kMaxMessageBytes));
  reply.int32("maxWriteBatchSize", 100'000);
  reply.date("localTime", context.clock.ms);
  reply.int32("logicalSessionTimeoutMinutes", kSessionMinutes);
  reply.int32("connectionId", static_cast<std::int32_t>(context.peer.id));
  reply.int32("minWireVersion", 0);
  reply.int32("maxWireVersion", kWireVersion);
  reply.boolean("readOnly", false);
  write_mechanisms(context);
  const Value speculative = context.argument("speculativeAuthenticate");
  if (speculative.is_document() && context.engine.credentials) {
    bson::Writer step;
    const std::size_t root = step.open();
    CommandError ignored;  // the client logs in the long way then
    if (begin_login(context, speculative.bytes, step, &ignored)) {
      step.close(root);
      reply.raw(bson::Type::document, "speculativeAuthenticate", step.bytes());
    }
  }
  write_compression(context);
  return true;
}

bool run_ping(Context&) { return true; }

bool run_build_info(Context& context) {
  bson::Writer& reply = context.reply;
  reply.string("version", kVersion);
  reply.string("gitVersion", "unknown");
  ArrayWriter modules(reply, "modules");
  modules.close();
  reply.string("allocator", "system");
  reply.string("javascriptEngine", "none");
  reply.string("sysInfo", "deprecated");
  ArrayWriter version(reply, "versionArray");
  for (const std::int32_t part : kVersionParts) reply.int32(version.next(), part);
  version.close();
  reply.int32("bits", 64);
  reply.boolean("debug", false);
  reply.int32("maxBsonObjectSize", 16'777'216);
  ArrayWriter engines(reply, "storageEngines");
  reply.string(engines.next(), "sqlite");
  engines.close();
  return true;
}

// Sessions are accepted and mean nothing: a single server without transactions keeps nothing for them.
bool run_end_transaction(Context& context) { return refuse_transaction(context.error); }

bool run_start_session(Context& context) {
  const std::size_t id = context.reply.open(bson::Type::document, "id");
  context.reply.binary("id", 4, random_uuid());
  context.reply.close(id);
  context.reply.int32("timeoutMinutes", kSessionMinutes);
  return true;
}

bool run_end_sessions(Context&) { return true; }

bool run_connection_status(Context& context) {
  const std::size_t info = context.reply.open(bson::Type::document, "authInfo");
  ArrayWriter users(context.reply, "authenticatedUsers");
  if (context.peer.is_logged_in) {
    const std::size_t user = context.reply.open(bson::Type::document, users.next());
    context.reply.string("user", context.engine.credentials->user);
    context.reply.string("db", "admin");
    context.reply.close(user);
  }
  users.close();
  ArrayWriter roles(context.reply, "authenticatedUserRoles");
  if (context.peer.is_logged_in) {
    const std::size_t role = context.reply.open(bson::Type::document, roles.next());
    context.reply.string("role", "root");
    context.reply.string("db", "admin");
    context.reply.close(role);
  }
  roles.close();
  if (context.argument("showPrivileges").is_true()) {
    ArrayWriter privileges(context.reply, "authenticatedUserPrivileges");
    privileges.close();
  }
  context.reply.close(info);
  return true;
}

bool run_whats_my_uri(Context& context) {
  context.reply.string("you", context.peer.address);
  return true;
}

// ---- log-in -------------------------------------------------------------------------------------

bool run_sasl_start(Context& context) {
  return begin_login(context, context.request.command, context.reply, context.error);
}

bool run_sasl_continue(Context& context) {
  Peer& peer = context.peer;
  const Value id = context.argument("conversationId");
  if (!peer.conversation || !id.is_integer() || id.integer() != peer.conversation_id) {
    return refuse(context.error, Code::protocol_error, {"No SASL session state found"});
  }
  const Value asked = context.argument("payload");
  const auto payload = payload_of(asked);
  if (payload && peer.conversation->is_proven() && payload->empty()) {
    peer.conversation.reset();
    peer.is_logged_in = true;
    write_step(context.reply, peer.conversation_id, true, {}, asked);
    return true;
  }
  const auto answer = payload && !peer.conversation->is_proven()
                          ? peer.conversation->finish(*payload)
                          : std::nullopt;
  if (!answer) {
    peer.conversation.reset();
    return refuse_login(context.error);
  }
  // A client that asked for it is done now; others send an empty message first.
  if (peer.skips_last_step) {
    peer.conversation.reset();
    peer.is_logged_in = true;
  }
  write_step(context.reply, peer.conversation_id, peer.skips_last_step, *answer, asked);
  return true;
}

bool run_logout(Context& context) {
  context.peer.is_logged_in = false;
  context.peer.conversation.reset();
  return true;
}

}  // namespace runtime::docstore
