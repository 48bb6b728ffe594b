// Any bytes as a config file. The file may include itself, which is where the limits are needed.
#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "config/config_reader.h"

namespace {

// A folder with one file, so that nothing else can be included by chance. It goes with the process.
class Folder {
 public:
  Folder() {
    if (mkdtemp(path_.data()) == nullptr) std::abort();
  }
  ~Folder() {
    unlink(file().c_str());
    rmdir(path_.c_str());
  }
  std::string file() const { return path_ + "/c"; }

 private:
  std::string path_ = "/tmp/config-fuzz-XXXXXX";
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Folder folder;
  const std::string path = folder.file();
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0 || write(file, data, size) != static_cast<ssize_t>(size)) std::abort();
  close(file);

  const runtime::ConfigResult result = runtime::read_config(path);
  if (!result.error.empty() && !result.entries.empty()) std::abort();
  return 0;
}
