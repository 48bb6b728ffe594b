// The document store: one file, one thread, any number of peers.
//
// Requests of all peers wait in one queue. The thread takes all that are there, runs them one after the other in one
// transaction, commits it, and only then gives the answers away: what comes together is made durable together, by one
// write to the disk, and nobody is told of what is not durable yet. What is short (commands/short.h) and finds the
// store at rest may be run by who brings it, in the same way: that saves two changes of threads. A command that must be done whole or not at all
// (of collections, of indexes, findAndModify) has a savepoint of its own in it; other commands check each document
// before they write it. When the file fails, everything of that transaction is taken back and answered with the
// error.
//
// Threads:   submit(), serve() and forget() from any thread; `deliver` is called on the store's own, and in a serve()
//            that runs what waits.
// Ownership: a Job owns the bytes of its request.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "docstore/commands/engine.h"
#include "docstore/commands/peer.h"
#include "docstore/wire/request.h"

namespace runtime::docstore {

struct StoreOptions {
  std::string file = ":memory:";
  std::string synchronous = "FULL";  // SQLite's: FULL, NORMAL, OFF, EXTRA
  std::string user, password;        // both, or nobody has to log in
};

// Whose connection a request came by. 0 is the process itself.
using PeerId = std::int64_t;
constexpr PeerId kInside = 0;

struct Job {
  PeerId peer = kInside;
  std::string address;      // of the peer, as text
  std::uint32_t asker = 0;  // who waits for the answer, and under which number
  std::int32_t session = 0;
  std::string frame;
  Request request;  // of `frame`
};

// One answer. `frame.bytes` is malloc's, and null where the request wanted no answer.
struct Answer {
  PeerId peer;
  std::uint32_t asker;
  std::int32_t session;
  Frame frame;
  std::size_t request_bytes;
};

class Store {
 public:
  // Takes the answers of one transaction, all at once.
  using Deliver = void (*)(void* to, std::vector<Answer>& answers);

  Store(Deliver deliver, void* to) : deliver_(deliver), to_(to) {}
  // What still waits is run, and answered.
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // Opens the file and starts the thread. What is wrong, or nothing.
  std::string open(const StoreOptions& options);

  // Appends a job; serve() has it run.
  void submit(std::unique_ptr<Job> job);
  // Whether serve() may run jobs itself. It does when nobody is at work and all jobs that wait are short. Writes are
  // left to the thread where a commit waits for the disk.
  enum class Where { here_if_short, on_its_thread };
  void serve(Where where);
  // The peer has gone.
  void forget(PeerId peer);

 private:
  struct Batch;

  // What one turn does.
  struct Work {
    std::vector<std::unique_ptr<Job>> jobs;
    std::vector<PeerId> gone;  // after what they asked for
  };

  std::string open_file(const StoreOptions& options);
  void work();
  bool may_run_here() const;
  void take_work(Work* work);
  void run(const Work& work);
  void run_batch(const std::vector<std::unique_ptr<Job>>& jobs);
  void run_job(Job& job, Batch& batch);
  bool run_command(Job& job, Batch& batch, bson::Writer& reply);
  Frame frame_of(const Job& job, const bson::Writer& reply);
  bool begin(Batch& batch);
  void finish(Batch& batch);
  void expire(std::chrono::steady_clock::time_point now);
  Peer& peer_of(const Job& job);

  const Deliver deliver_;
  void* const to_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::unique_ptr<Job>> waiting_;  // guarded by mutex_
  std::vector<PeerId> gone_;                   // guarded by mutex_
  bool stopping_ = false;                      // guarded by mutex_
  bool called_ = false;  // guarded by mutex_; the thread is to run, and nobody else begins
  bool at_work_ =
      true;  // guarded by mutex_; somebody has what is below; also before the thread runs
  std::thread thread_;
  bool commits_wait_ = true;  // for the disk

  // Belongs to who has set at_work_.
  Engine engine_;
  Statement begin_, commit_;
  std::unordered_map<PeerId, Peer> peers_;
  bson::Writer reply_;  // of the command that runs; it keeps its memory
  std::int32_t next_answer_ = 0;

  std::chrono::steady_clock::time_point next_expiry_, next_look_;  // the thread's
};

}  // namespace runtime::docstore
