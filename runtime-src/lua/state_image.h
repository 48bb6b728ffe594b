// What the state of every service begins as: the standard libraries, the ways to find modules, and
// `skynet` ready to be required (ready_modules.h). It is made once; each service gets a copy
// (base/heap_image.h). To the collector of Lua 5.4 what was copied is old.
//
// Services that are started again and again have one for each name, which has the files loaded too that all their starts
// load (start_records.h, ready_code.h).
//
// Images are as fresh as compiled code is (code_cache.h), and other paths in the config make other ones.
//
// Threads: all functions from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/heap_image.h"
#include "core/environment.h"
#include "lua/engine.h"
#include "lua/ready_code.h"

namespace runtime::RUNTIME_ENGINE {

struct StateImage {
  std::unique_ptr<const HeapImage> heap;  // null: states cannot be copied (with a sanitizer)
  const lua_State* main = nullptr;        // the main thread of the original
};

// What was asked of find_image(), for the functions below it. They do nothing after a clear_images() since the question:
// what they tell of may be older.
struct ImageQuestion {
  std::string config;
  std::string service;
  std::uint64_t generation;  // how many times there was a clear_images()
  bool wants_files = false;  // note_start() should follow
  FileNames
      files;  // if there are any: an image with these should be made, and put_service_image() follow
};

// The image for services of this name (the first word of a service's arguments) and this config; null: nobody has put
// one yet.
std::shared_ptr<const StateImage> find_image(const Environment& environment,
                                             std::string_view service, ImageQuestion* question);

void put_image(const ImageQuestion& question, std::shared_ptr<const StateImage> image);

// Null: it could not be made.
void put_service_image(const ImageQuestion& question, std::shared_ptr<const StateImage> image);

// A service has started and loaded `files`.
void note_start(const ImageQuestion& question, FileNames files);

void clear_images();

// Fills a new state. May raise: `with_skynet` and `files`, which are made ready, for many reasons, else because memory
// runs out. If its memory is in `blocks`, an image is going to be taken of it, and what forbids that is raised too.
void fill_state(lua_State* L, const Environment& environment, bool with_skynet,
                const FileNames& files, const RecordedBlocks* blocks);

// The image of the state whose main thread is L and whose memory is in `blocks`.
std::shared_ptr<const StateImage> take_image(lua_State* L, const RecordedBlocks& blocks);

}  // namespace runtime::RUNTIME_ENGINE
