// Files that are loaded before anybody asks for them: the main functions of what services of one name load as they start
// (start_records.h), in the state that these services are copied from (state_image.h). load_file() takes them from there.
//
// A service can hardly tell: a function is taken once, and only as long as the code cache would give the same code.
//
// All functions may raise (memory), if they do not say otherwise.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "lua/engine.h"

namespace runtime::RUNTIME_ENGINE {

// Names of files, in the order in which they were loaded.
using FileNames = std::vector<std::string>;

// Loads the files. Raises also when one cannot be loaded, or when that changes what is in package.loaded.
void make_code_ready(lua_State* L, std::span<const std::string> files);

// Pushes the main function of a file, if it is ready. Else gives false.
bool take_ready_code(lua_State* L, const char* file);

// Notes that a file was loaded, while record_files() says so. Not those that are only looked for: a
// search path is full of them.
void note_loaded(lua_State* L, const char* file);

// What is loaded from now on is noted in `files`, until end_ready_code().
void record_files(lua_State* L, FileNames* files);

// Drops what was not taken, and ends the recording. Does not raise.
void end_ready_code(lua_State* L);

}  // namespace runtime::RUNTIME_ENGINE
