// An image of a Lua table.
#pragma once

#include "lua/engine.h"
#include "share/image_builder.h"
#include "share/library.h"

namespace runtime::RUNTIME_ENGINE {

// A builder in a userdata, so that a raise frees what it holds.
struct ImageMaker {
  static constexpr const char* kLuaType = "shared.image_maker";

  share::ImageBuilder builder;
  std::unordered_map<const void*, share::Table*> tables;    // by their addresses in the state
  std::unordered_map<const void*, share::Value> functions;  // likewise
  share::ImageRef image;                                    // what came of it
};

// Makes an image of the table at `index`, with all that is below it, and leaves its maker on the
// stack. Raises with the reason, and the way to the value, when something cannot be shared.
ImageMaker* make_image(lua_State* L, int index, share::Kind kind);

}  // namespace runtime::RUNTIME_ENGINE
