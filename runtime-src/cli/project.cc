#include "cli/project.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string_view>

namespace runtime {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kConfig =
    R"(-- A node of this project: make run, or skynet-runtime config in this folder.
-- Each global is an option; services read it as text with skynet.getenv. `runtime_root` is the runtime's own folder.

thread = 4
harbor = 0
start = "main"

luaservice = "./service/?.lua;./test/?.lua;" .. runtime_root .. "service/?.lua"
lua_path = "./lualib/?.lua;" .. runtime_root .. "lualib/?.lua;" .. runtime_root .. "lualib/?/init.lua"
snax = "./service/?.lua"

-- Which engine runs what: "lua54" or "luajit", and patterns of service names that differ.
-- engine = "lua54"
-- luajit = "hello"
)";

constexpr std::string_view kMain = R"(-- The first service: starts the others.
local skynet = require "skynet"

skynet.start(function()
	local hello = skynet.uniqueservice "hello"
	skynet.error(skynet.call(hello, "lua", "greet", "world"))
end)
)";

constexpr std::string_view kHello = R"(-- Greets whoever asks, and counts.
local skynet = require "skynet"

local command = {}
local greeted = 0

function command.greet(name)
	greeted = greeted + 1
	return "hello, " .. name
end

function command.count()
	return greeted
end

skynet.start(function()
	skynet.dispatch("lua", function(_, _, name, ...)
		local f = command[name]
		if not f then error("hello has no command " .. tostring(name)) end
		skynet.retpack(f(...))
	end)
end)
)";

constexpr std::string_view kTest =
    R"(-- make test: a node whose first service is this one. When it raises, the node ends with status 1 and says why.
local skynet = require "skynet"
require "skynet.manager"

skynet.start(function()
	local hello = skynet.newservice "hello"
	assert(skynet.call(hello, "lua", "greet", "Ann") == "hello, Ann")
	assert(skynet.call(hello, "lua", "count") == 1)
	assert(not pcall(skynet.call, hello, "lua", "nothing"), "a command that it does not have")
	print "hello_test: 1 passed, 0 failed"
	skynet.abort()
end)
)";

// %s: the executable.
constexpr char kMakefile[] =
    R"(# RUNTIME is the runtime's executable: the installed one, else the one that made this project.
RUNTIME ?= $(or $(shell command -v skynet-runtime),%s)

run:    ## start the node
	$(RUNTIME) config

test:   ## run the test
	$(RUNTIME) config start=hello_test

check:  ## compile what the config names, without running it
	$(RUNTIME) check config

.PHONY: run test check
)";

bool write(const fs::path& file, std::string_view text) {
  std::error_code ignored;
  fs::create_directories(file.parent_path(), ignored);
  errno = 0;
  std::ofstream out(file, std::ios::binary);
  out << text;
  out.close();
  if (out) return true;
  std::fprintf(stderr, "%s: %s\n", file.c_str(), std::strerror(errno ? errno : EIO));
  return false;
}

std::string makefile_of(const std::string& executable) {
  std::string text = kMakefile;
  return text.replace(text.find("%s"), 2, executable);
}

}  // namespace

int create_project(const std::string& folder, const std::string& executable) {
  std::error_code error;
  if (fs::exists(folder, error) &&
      !(fs::is_directory(folder, error) && fs::is_empty(folder, error))) {
    std::fprintf(stderr, "%s is there already\n", folder.c_str());
    return 1;
  }
  const fs::path root = folder;
  if (!write(root / "config", kConfig) || !write(root / "service/main.lua", kMain) ||
      !write(root / "service/hello.lua", kHello) || !write(root / "test/hello_test.lua", kTest) ||
      !write(root / "Makefile", makefile_of(executable))) {
    return 1;
  }
  std::printf(
      "made %s: config, service/, test/ and a Makefile\n\n    cd %s\n    make run    # Ctrl-C ends "
      "it\n"
      "    make test\n",
      folder.c_str(), folder.c_str());
  return 0;
}

}  // namespace runtime
