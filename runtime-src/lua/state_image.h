// What the state of every service begins as: the standard libraries, the ways to find modules, and
// `skynet` ready to be required (ready_modules.h). It is made once; each service gets a copy
// (base/heap_image.h). To the collector of Lua 5.4 what was copied is old.
//
// It is as fresh as compiled code is (code_cache.h), and other paths in the config make another one.
//
// Threads: all functions from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/heap_image.h"
#include "core/environment.h"
#include "lua/engine.h"

namespace runtime::RUNTIME_ENGINE {

struct StateImage {
  std::unique_ptr<const HeapImage> heap;  // null: states cannot be copied (with a sanitizer)
  const lua_State* main = nullptr;        // the main thread of the original
};

// What was asked of find_image(), for put_image().
struct ImageQuestion {
  std::string config;
  std::uint64_t generation;  // how many times there was a clear_images()
};

// The image for this config; null: nobody has put it yet.
std::shared_ptr<const StateImage> find_image(const Environment& environment,
                                             ImageQuestion* question);

// Does nothing after a clear_images() since the question: what the image was made of may be older.
void put_image(const ImageQuestion& question, std::shared_ptr<const StateImage> image);

void clear_images();

// Fills a new state. May raise: `with_skynet` for many reasons, else because memory runs out. If its
// memory is in `blocks`, an image is going to be taken of it, and what forbids that is raised too.
void fill_state(lua_State* L, const Environment& environment, bool with_skynet,
                const RecordedBlocks* blocks);

// The image of the state whose main thread is L and whose memory is in `blocks`.
std::shared_ptr<const StateImage> take_image(lua_State* L, const RecordedBlocks& blocks);

}  // namespace runtime::RUNTIME_ENGINE
