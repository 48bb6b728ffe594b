// Shared tables as a service sees them.
//
// Each table of an image that a service looks at is represented by an empty Lua table, its face,
// which carries the address of the data under a key of its own and finds values through its
// metatable. A face is made when it is first reached, and is the same one as long as the service
// holds it, so tables may be compared and used as keys. What a service never looks at costs it
// nothing.
//
//   face ---metatable---> thin metatable of the image   (one for each image and state)
//     | shared_node_key      __index, __newindex, __len: C functions (shared_face.cc)
//     v                      space: holds a reference to the image
//   share::Table             faces: weak map, share::Table -> face
//
// A face that is read often gets a metatable of its own, whose __index is a Lua table that
// remembers values: such reads stay inside of the interpreter, and LuaJIT compiles them. It
// remembers a bounded number.
//
// On LuaJIT # of a table knows no metamethod. There a face holds a few of its array elements: those
// that the engine's search for the length looks at.
//
// Threads: a state from the thread that runs it.
#pragma once

#include "lua/engine.h"
#include "share/image.h"
#include "share/library.h"

namespace runtime::RUNTIME_ENGINE {

// A reference for a function that may raise; see held.h.
struct HeldImage {
  static constexpr const char* kLuaType = "shared.image";
  share::ImageRef image;
};

// Prepares a state for shared tables; to be called by each module that makes some. Raises for want
// of memory.
void open_shared_tables(lua_State* L);

// Pushes the table that leads to all faces of the state; for shared_references.cc.
void push_shared_spaces(lua_State* L);

// Pushes the face of the image's root. Raises for want of memory.
void push_shared_root(lua_State* L, const share::ImageRef& image, share::Kind kind);

// Moves all faces of other versions of the image's document (same lineage) to that image; or, if
// there is a `from`, those of that image. Faces whose place is gone, and those whose place has
// another face already, stay; they are added to the table at `left`: face -> the other face, or
// false. Raises for want of memory.
void move_shared_faces(lua_State* L, const share::ImageRef& image, share::Kind kind, int left,
                       const share::Image* from = nullptr);

// The lineages of which this state has faces, of one kind, as keys of a new table on the stack,
// with names as values. Raises for want of memory.
void push_shared_names(lua_State* L, share::Kind kind);

// Makes a face that has no place in the current version raise an error at each use.
void kill_shared_face(lua_State* L, int face);

// Pushes a value of an image; `face` is any face of it. A function that this engine does not have
// raises when it is called.
void push_shared_value(lua_State* L, const share::Value& value, int face);

}  // namespace runtime::RUNTIME_ENGINE
