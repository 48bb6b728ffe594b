#include "docstore/store.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

#include "base/start_thread.h"
#include "docstore/commands/command_table.h"
#include "docstore/commands/short.h"
#include "docstore/expiry.h"

namespace runtime::docstore {

namespace {

constexpr std::chrono::seconds kLookForUnused{60};
constexpr std::size_t kKeepReply = 1 << 20;
constexpr int kLogPages = 4000;  // of the write-ahead log, before they go to the file itself

void write_error(bson::Writer& reply, const CommandError& error, std::string_view key_pattern,
                 std::string_view key_value) {
  reply.clear(kKeepReply);
  const std::size_t root = reply.open();
  reply.real("ok", 0);
  reply.string("errmsg", error.message);
  reply.int32("code", error.number());
  reply.string("codeName", error.name());
  if (!key_pattern.empty()) {
    reply.raw(bson::Type::document, "keyPattern", key_pattern);
    reply.raw(bson::Type::document, "keyValue", key_value);
  }
  reply.close(root);
}

}  // namespace

// The jobs of one transaction and what is answered when it is durable.
struct Store::Batch {
  std::vector<Answer> answers;  // one for each job, in their order
  std::vector<Job*>
      writers;           // of each answer: its job, when it belongs to the transaction, else null
  bool is_open = false;  // the transaction
  bool failed = false;   // the file: all is taken back
  std::int64_t changes = 0;  // of rows, before
};

Store::~Store() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

std::string Store::open(const StoreOptions& options) {
  if (std::string wrong = open_file(options); !wrong.empty()) return wrong;
  if (options.user.empty() != options.password.empty()) return "a user and a password go together";
  if (!options.user.empty()) engine_.credentials = make_credentials(options.user, options.password);
  begin_ = Statement(engine_.connection, "BEGIN IMMEDIATE");
  commit_ = Statement(engine_.connection, "COMMIT");
  next_expiry_ = std::chrono::steady_clock::now() + engine_.expiry_period;
  next_look_ = std::chrono::steady_clock::now() + kLookForUnused;
  const int error = start_thread(thread_, [this] { work(); });
  return error == 0 ? std::string() : std::string("cannot start a thread: ") + std::strerror(error);
}

std::string Store::open_file(const StoreOptions& options) {
  static constexpr std::string_view kModes[] = {"OFF", "NORMAL", "FULL", "EXTRA"};
  if (std::ranges::find(kModes, options.synchronous) == std::end(kModes)) {
    return "not a way of being synchronous: " + options.synchronous +
           " (OFF, NORMAL, FULL or EXTRA)";
  }
  engine_.file = options.file;
  engine_.synchronous = options.synchronous;
  if (options.file != ":memory:") {
    std::error_code error;
    const auto folder = std::filesystem::path(options.file).parent_path();
    if (!folder.empty()) std::filesystem::create_directories(folder, error);
    if (error) return "cannot make the folder " + folder.string() + ": " + error.message();
  }
  Connection& connection = engine_.connection;
  if (std::string wrong = connection.open(options.file); !wrong.empty()) return wrong;
  // One process at a time: counts and the catalogue are kept in memory.
  const std::string settings =
      "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = " +
      options.synchronous + "; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -65536";
  if (!connection.run(settings)) return connection.failure();
  connection.checkpoint_at(kLogPages);
  commits_wait_ = options.file != ":memory:" &&
                  (options.synchronous == "FULL" || options.synchronous == "EXTRA");
  return engine_.catalogue.prepare();
}

void Store::submit(std::unique_ptr<Job> job) {
  std::lock_guard lock(mutex_);
  waiting_.push_back(std::move(job));
}

void Store::forget(PeerId peer) {
  std::lock_guard lock(mutex_);
  gone_.push_back(peer);
}

void Store::serve(Where where) {
  Work work;
  {
    std::lock_guard lock(mutex_);
    if (waiting_.empty()) return;
    if (where == Where::here_if_short && may_run_here()) {
      take_work(&work);
    } else {
      called_ = true;
    }
  }
  if (!work.jobs.empty()) {
    run(work);
    const bool checkpoint = engine_.connection.wants_checkpoint();
    std::lock_guard lock(mutex_);
    at_work_ = false;
    if (checkpoint) called_ = true;
    if (!called_) return;
  }
  wake_.notify_one();
}

// With mutex_ held.
bool Store::may_run_here() const {
  return !at_work_ && !called_ && !stopping_ &&
         std::ranges::all_of(waiting_, [this](const std::unique_ptr<Job>& job) {
           const Brevity brevity = brevity_of(job->request);
           return brevity == Brevity::read || (brevity == Brevity::write && !commits_wait_);
         });
}

// With mutex_ held. What a peer asked before it went is among the jobs.
void Store::take_work(Work* work) {
  at_work_ = true;
  work->jobs.swap(waiting_);
  work->gone.swap(gone_);
}

// take, run, save, expire
void Store::work() {
  for (;;) {
    Work work;
    {
      std::unique_lock lock(mutex_);
      at_work_ = false;
      wake_.wait_until(lock, std::min(next_expiry_, next_look_),
                       [this] { return stopping_ || called_; });
      called_ = true;
      wake_.wait(lock, [this] { return !at_work_; });
      if (stopping_ && waiting_.empty()) return;
      called_ = false;
      take_work(&work);
    }
    run(work);
    if (engine_.connection.wants_checkpoint()) engine_.connection.checkpoint();
    expire(std::chrono::steady_clock::now());
  }
}

void Store::run(const Work& work) {
  if (!work.jobs.empty()) run_batch(work.jobs);
  for (const PeerId peer : work.gone) engine_.connections -= peers_.erase(peer);
}

void Store::run_batch(const std::vector<std::unique_ptr<Job>>& jobs) {
  Batch batch;
  batch.changes = engine_.connection.all_changes();
  batch.answers.reserve(jobs.size());
  for (const auto& job : jobs) run_job(*job, batch);
  finish(batch);
  deliver_(to_, batch.answers);
}

bool Store::begin(Batch& batch) {
  if (!batch.is_open) batch.is_open = begin_.run();
  return batch.is_open;
}

Peer& Store::peer_of(const Job& job) {
  auto [found, is_new] = peers_.try_emplace(job.peer);
  Peer& peer = found->second;
  if (is_new) {
    peer.id = job.peer;
    peer.address = job.address;
    peer.is_inside = job.peer == kInside;
    ++engine_.connections;
    ++engine_.connections_made;
  }
  return peer;
}

Frame Store::frame_of(const Job& job, const bson::Writer& reply) {
  if (job.request.wants_no_answer) return {nullptr, 0};
  return frame_answer(job.request, ++next_answer_, reply.bytes());
}

void Store::run_job(Job& job, Batch& batch) {
  ++engine_.commands;
  reply_.clear(kKeepReply);
  const bool writes = run_command(job, batch, reply_);
  batch.answers.push_back(
      {job.peer, job.asker, job.session, frame_of(job, reply_), job.frame.size()});
  batch.writers.push_back(writes ? &job : nullptr);
  if (!engine_.connection.failure().empty()) batch.failed = true;
}

// True when the command belongs to the transaction.
bool Store::run_command(Job& job, Batch& batch, bson::Writer& reply) {
  CommandError error;
  const bson::Element first = document::first_element(job.request.command);
  const Command* const command = find_command(first.key);
  const bool is_hello = command != nullptr && command->run == find_command("hello")->run;
  const Value database = document::field(job.request.command, "$db");
  std::string_view name = job.request.is_query ? job.request.collection : std::string_view();
  if (database.type == bson::Type::string) name = database.text();
  if (job.request.is_query) name = name.substr(0, name.find('.'));
  Context context{engine_, peer_of(job),    job.request, first.key, Value(first),
                  name,    engine_.clock(), reply,       &error};
  const auto fail = [&] { write_error(reply, error, context.key_pattern, context.key_value); };

  if (batch.failed) {
    context.refuse_storage();
    fail();
    return false;
  }
  if (command == nullptr) {
    refuse(&error, Code::command_not_found, {"no such command: '", first.key, "'"});
    fail();
    return false;
  }
  if (job.request.is_query && !is_hello) {
    refuse(&error, Code::unsupported_op_query_command,
           {"Unsupported OP_QUERY command: ", first.key,
            ". The client driver may require an upgrade."});
    fail();
    return false;
  }
  if (!job.request.is_query && database.type != bson::Type::string) {
    refuse(&error, document::location(40571), {"OP_MSG requests require a $db argument"});
    fail();
    return false;
  }
  std::int64_t most_ms = 0;
  if (!check_command(*command, context) || !context.take("maxTimeMS", &most_ms)) {
    fail();
    return false;
  }
  engine_.deadline.reset();
  if (most_ms > 0)
    engine_.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(most_ms);
  const bool writes = command->kind != Command::Kind::read;
  const bool whole = command->kind == Command::Kind::whole;
  const std::int64_t changes = engine_.connection.all_changes();
  if (writes && (!begin(batch) || (whole && !engine_.connection.run("SAVEPOINT command")))) {
    context.refuse_storage();
    fail();
    return true;
  }
  const std::size_t root = reply.open();
  const bool good = command->run(context);
  if (good) {
    reply.real("ok", 1);
    reply.close(root);
  }
  if (!good || reply.overflowed()) {
    if (good)
      refuse(&error, Code::object_too_large, {"the answer is larger than any document may be"});
    fail();
  }
  if (whole && engine_.connection.failure().empty()) {
    if (!good) {
      engine_.connection.run("ROLLBACK TO command");
      if (engine_.connection.all_changes() != changes) engine_.catalogue.reload();
    }
    engine_.connection.run("RELEASE command");
  }
  return writes;
}

// Commits; or takes all back, and tells those who wrote.
void Store::finish(Batch& batch) {
  Connection& connection = engine_.connection;
  if (batch.is_open && !batch.failed) {
    if (commit_.run()) {
      ++engine_.commits;
      return;
    }
    batch.failed = true;
  }
  if (!batch.failed) return;
  const CommandError error{Code::internal_error, "the store's file: " + connection.failure()};
  if (batch.is_open) connection.run("ROLLBACK");
  for (std::size_t i = 0; i < batch.answers.size(); ++i) {
    const Job* const job = batch.writers[i];
    if (job == nullptr) continue;
    std::free(batch.answers[i].frame.bytes);
    write_error(reply_, error, {}, {});
    batch.answers[i].frame = frame_of(*job, reply_);
  }
  connection.clear_failure();
  // What is kept in memory of the file is that of the transaction.
  engine_.catalogue.reload();
  connection.clear_failure();
}

void Store::expire(std::chrono::steady_clock::time_point now) {
  if (now >= next_look_) {
    engine_.cursors.remove_unused(now);
    next_look_ = now + kLookForUnused;
  }
  // The period may have become shorter since.
  next_expiry_ = std::min(next_expiry_, now + engine_.expiry_period);
  if (now < next_expiry_) return;
  next_expiry_ = now + engine_.expiry_period;
  Batch batch;
  if (!has_expired_documents(engine_)) return;
  if (begin(batch)) remove_expired_documents(engine_);
  batch.failed = !engine_.connection.failure().empty();
  finish(batch);
}

}  // namespace runtime::docstore
