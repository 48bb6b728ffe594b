// What the starts of services of one name have in common: the files that each of them loads. Once there were enough of
// them, a state that has these files loaded pays: such services are copied from it.
//
// Threads: one at a time.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "lua/ready_code.h"

namespace runtime::RUNTIME_ENGINE {

struct StateImage;

class StartRecords {
 public:
  // Making an image takes as long as 20 starts, and gains half of one each time.
  static constexpr unsigned kStarts = 16;
  // Bounds what the process keeps: names of services, and of them those with an image.
  static constexpr std::size_t kMostNames = 256;
  static constexpr std::size_t kMostImages = 32;

  struct Record {
    unsigned starts = 0;   // that were noted
    bool decided = false;  // there is an image, it is being made, or there will be none
    FileNames files;       // loaded by each of these starts
    std::shared_ptr<const StateImage> image;
  };

  const Record* find(std::string_view service) const {
    const auto found = records_.find(service);
    return found == records_.end() ? nullptr : &found->second;
  }

  // Whether note() wants to know what a start of the service loads.
  bool wants_files(std::string_view service) const {
    const Record* const record = find(service);
    return record == nullptr ? records_.size() < kMostNames
                             : !record->decided && record->starts < kStarts;
  }

  // Whether it is time for an image of the service; decide() tells which files it has.
  bool is_due(std::string_view service) const {
    const Record* const record = find(service);
    return record != nullptr && !record->decided && record->starts >= kStarts;
  }

  // True once for each service, if there is to be an image of it: for who makes it.
  FileNames decide(std::string_view service) {
    if (!is_due(service)) return {};
    Record& record = records_.find(service)->second;
    record.decided = true;
    if (images_ == kMostImages) return {};
    ++images_;
    return record.files;
  }

  void note(std::string_view service, FileNames files) {
    Record& record = records_[std::string(service)];
    if (record.starts++ == 0) {
      record.files = std::move(files);
    } else {
      std::erase_if(record.files, [&](const std::string& file) {
        return std::find(files.begin(), files.end(), file) == files.end();
      });
    }
    if (record.files.empty()) record.decided = true;
  }

  // Null: it could not be made.
  void put(std::string_view service, std::shared_ptr<const StateImage> image) {
    records_[std::string(service)].image = std::move(image);
  }

 private:
  std::map<std::string, Record, std::less<>> records_;
  std::size_t images_ = 0;
};

}  // namespace runtime::RUNTIME_ENGINE
