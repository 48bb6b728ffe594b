// One face of a shared table (shared_table.h tells what that is): how it is made, what it does when
// it is used, how it moves to other data. For shared_table.cc, which knows the images of a state.
//
// Threads: a state from the thread that runs it.
// Errors:  what makes or moves a face raises for want of memory.
#pragma once

#include "lua/engine.h"
#include "share/image.h"
#include "share/library.h"

namespace runtime::RUNTIME_ENGINE {

// What is known about the faces of one image in one state: a userdata, kept by the thin metatable.
struct SharedSpace {
  static constexpr const char* kLuaType = "shared.space";

  share::ImageRef image;
  share::Kind kind;
  std::uint32_t service;  // the handle under which it is a holder of the image
  std::uint32_t reads = 0;
};

// Where the tables that belong to one image are: stack or upvalue indices.
struct SharedView {
  int thin;
  int faces;
};

// Pushes the thin metatable for the faces of an image; `space` is the index of its SharedSpace.
void push_thin_metatable(lua_State* L, int space);

// The space of a thin metatable.
const SharedSpace& space_of(lua_State* L, int thin);

// Pushes the faces that a thin metatable has: a weak table, share::Table -> face.
SharedView push_view(lua_State* L, int thin);

// Pushes the face of a table, the one there is or a new one.
void push_face(lua_State* L, const share::Table* table, SharedView view);

// Makes a face that of `place`, which has none, in another image. The faces of its own image still
// have it.
void move_face(lua_State* L, int face, const share::Table* place, SharedView to);

// Pushes an empty table with weak values.
void push_weak_values(lua_State* L);

}  // namespace runtime::RUNTIME_ENGINE
