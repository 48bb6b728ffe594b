// Compresses the files of a log that were put aside, and removes the oldest ones.
//
// NAME becomes NAME.zst (zstd); NAME goes when that is complete. What a process that ended left undone, the next one does.
//
// Threads: add() any; the work is done by a thread of its own, which gets the processor when nobody else wants it.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace runtime {

struct LogArchiverOptions {
  bool compress = true;
  std::size_t keep = 0;  // files; 0: all
};

class LogArchiver {
 public:
  // Looks after the files of the log `path`. `tell` is called, from the archiver's thread, with what went wrong.
  LogArchiver(std::string path, const LogArchiverOptions& options,
              std::function<void(const std::string&)> tell);
  // Leaves what is not finished for the next time.
  ~LogArchiver();
  LogArchiver(const LogArchiver&) = delete;
  LogArchiver& operator=(const LogArchiver&) = delete;

  // A file has been put aside. Its thread starts with the first call that the system has one for.
  void add();
  // Waits until all that has been added is done. For tests.
  void wait();

 private:
  void work();
  void look_after_all();
  void compress(const std::string& name);

  const std::string path_;
  const LogArchiverOptions options_;
  const std::function<void(const std::string&)> tell_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool wanted_ = false;  // guarded by mutex_, as are the next two
  bool busy_ = false;
  bool stopped_ = false;
  std::thread thread_;
};

// Compresses a file into another one. Empty, or what went wrong; `stopped` is asked now and then, and true ends it with
// "stopped". Leaves no half-written file.
std::string compress_file(const std::string& from, const std::string& to,
                          const std::function<bool()>& stopped);

}  // namespace runtime
