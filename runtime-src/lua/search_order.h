// Where to look first for a module or a service that both an application and this tree may have.
//
// Beside skynet's own, this tree has modules and services with everyday names: config, log, main,
// ... An application may list the tree's folders before its own: with skynet it found its files of
// these names all the same, as skynet has none, and so it must here. What lies in lualib/ and
// service/ when the executable is built is such a name unless it is one of the framework's.
#pragma once

#include <span>
#include <string_view>

#include "lua/engine.h"

namespace runtime::RUNTIME_ENGINE {

// The names that must be this tree's: of modules the first parts, and services that modules start.
std::span<const std::string_view> framework_modules();
std::span<const std::string_view> framework_services();

// Pushes the patterns of the string at `path`, an index from 1 on (as in package.path), in the order
// in which to look for the module: as they are, but for an everyday name those of this tree's lualib/
// come last. May raise.
void push_module_patterns(lua_State* L, int path, const char* name);

// The same for the patterns of a config's luaservice, and this tree's service/.
void push_service_patterns(lua_State* L, int path, const char* name);

// Takes the first pattern, and its separator, off a list of them. It may be empty; the list must not be.
std::string_view take_pattern(std::string_view* list);

// Whether a pattern of luaservice leads to this tree's service/.
bool is_of_tree_services(std::string_view pattern);

// Whether a search finds something at `file`: it is there, and no folder. What is found and cannot be read, or
// does not compile, is the error; what this tree has under the same name must not count in its stead.
bool is_found(const char* file);

}  // namespace runtime::RUNTIME_ENGINE
