#include "services/log_archiver.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "base/start_thread.h"
#include "services/log_rotation.h"

namespace runtime {

namespace {

constexpr int kLevel = 6;

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};

std::string failure(const std::string& what, const std::string& name) {
  return "log: cannot " + what + " " + name + ": " + std::strerror(errno);
}

// What went wrong, or nothing.
std::string compress_stream(std::FILE* from, const std::string& from_name, std::FILE* to,
                            const std::string& to_name, const std::function<bool()>& stopped) {
  const std::unique_ptr<ZSTD_CCtx, FreeContext> context(ZSTD_createCCtx());
  if (context == nullptr) return "log: no memory to compress " + from_name;
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, kLevel);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
  std::vector<char> in(ZSTD_CStreamInSize()), out(ZSTD_CStreamOutSize());
  for (;;) {
    if (stopped()) return "stopped";
    const std::size_t size = std::fread(in.data(), 1, in.size(), from);
    if (size < in.size() && std::ferror(from) != 0) return failure("read", from_name);
    const ZSTD_EndDirective how = size < in.size() ? ZSTD_e_end : ZSTD_e_continue;
    ZSTD_inBuffer input = {in.data(), size, 0};
    std::size_t left = 0;
    do {
      ZSTD_outBuffer output = {out.data(), out.size(), 0};
      left = ZSTD_compressStream2(context.get(), &output, &input, how);
      if (ZSTD_isError(left) != 0)
        return "log: cannot compress " + from_name + ": " + ZSTD_getErrorName(left);
      if (std::fwrite(out.data(), 1, output.pos, to) != output.pos)
        return failure("write", to_name);
    } while (how == ZSTD_e_end ? left != 0 : input.pos != input.size);
    if (how == ZSTD_e_end) break;
  }
  // It is durable before the file that it was made from goes.
  if (std::fflush(to) != 0 || fsync(fileno(to)) != 0) return failure("write", to_name);
  return {};
}

}  // namespace

std::string compress_file(const std::string& from, const std::string& to,
                          const std::function<bool()>& stopped) {
  const File source(std::fopen(from.c_str(), "rbe"));
  if (source == nullptr) return failure("read", from);
  struct stat info = {};
  fstat(fileno(source.get()), &info);
  const std::string unfinished = to + ".tmp";
  std::string wrong;
  {
    const int file =
        ::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, info.st_mode & 0777);
    const File target(file < 0 ? nullptr : fdopen(file, "wb"));
    if (target == nullptr) return failure("create", unfinished);
    wrong = compress_stream(source.get(), from, target.get(), unfinished, stopped);
  }
  if (wrong.empty() && std::rename(unfinished.c_str(), to.c_str()) != 0)
    wrong = failure("create", to);
  if (!wrong.empty()) std::remove(unfinished.c_str());
  return wrong;
}

LogArchiver::LogArchiver(std::string path, const LogArchiverOptions& options,
                         std::function<void(const std::string&)> tell)
    : path_(std::move(path)), options_(options), tell_(std::move(tell)) {
  add();  // what an earlier process has left
}

LogArchiver::~LogArchiver() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void LogArchiver::add() {
  if (!thread_.joinable()) {
    const int error = start_thread(thread_, [this] { work(); });
    if (error != 0)
      return tell_(std::string("log: cannot start the archiver: ") + std::strerror(error));
  }
  {
    const std::lock_guard lock(mutex_);
    wanted_ = true;
  }
  changed_.notify_all();
}

void LogArchiver::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !wanted_ && !busy_; });
}

void LogArchiver::work() {
  sched_param none = {};
  sched_setscheduler(0, SCHED_IDLE, &none);
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return wanted_ || stopped_; });
    if (stopped_) return;
    wanted_ = false;
    busy_ = true;
    lock.unlock();
    look_after_all();
    lock.lock();
    busy_ = false;
    changed_.notify_all();
  }
}

void LogArchiver::look_after_all() {
  std::vector<std::string> names = archives_of(path_);
  if (options_.keep != 0 && names.size() > options_.keep) {
    const auto last = names.end() - static_cast<std::ptrdiff_t>(options_.keep);
    for (auto name = names.begin(); name != last; ++name) {
      if (std::remove(name->c_str()) != 0 && errno != ENOENT) tell_(failure("remove", *name));
    }
    names.erase(names.begin(), last);
  }
  if (!options_.compress) return;
  for (const std::string& name : names) {
    if (!name.ends_with(".zst")) compress(name);
  }
}

void LogArchiver::compress(const std::string& name) {
  const auto stopped = [this] {
    const std::lock_guard lock(mutex_);
    return stopped_;
  };
  const std::string wrong = compress_file(name, name + ".zst", stopped);
  if (wrong.empty()) {
    if (std::remove(name.c_str()) != 0) tell_(failure("remove", name));
  } else if (wrong != "stopped") {
    tell_(wrong);
  }
}

}  // namespace runtime
