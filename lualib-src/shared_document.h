// Documents that follow their updates: what skynet.sharedata and skynet.datasheet have in common.
//
// A service's faces of a document always show the version that sync_document() found last. The
// holder of a face whose place is gone in that version learns it at the next use.
#pragma once

#include <string_view>

#include "lua/engine.h"
#include "share/library.h"

namespace runtime::RUNTIME_ENGINE {

// Pushes the object `name` in its current version and gives true; false, and nothing pushed, for an
// unknown name. Other objects of the document move to that version first.
bool push_document(lua_State* L, std::string_view name, share::Kind kind);

// Moves what this state holds of the document to its current version.
void sync_document(lua_State* L, std::string_view name, share::Kind kind);

// Moves what this state holds of one image to another one.
void move_document(lua_State* L, const share::Image* from, const share::ImageRef& to,
                   share::Kind kind);

// Pushes the handles of the services that hold the document, as an array.
void push_holders(lua_State* L, std::string_view name, share::Kind kind);

}  // namespace runtime::RUNTIME_ENGINE
