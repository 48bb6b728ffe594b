"""Which file counts, and that what is wrong with it is said."""
from place import each_engine, once

STARTS = 'local skynet = require "skynet"\nrequire "skynet.manager"\nskynet.start(function()\n%s\nskynet.abort()\nend)\n'
# Prints what an expression raises.
TRY = 'local ok, err = pcall(function() return %s end) print("said", ok, tostring(err))\n'


def said_by(place, body, *lines):
    place.write("work.lua", STARTS % body)
    status, said = place.node('start = "work"', *lines)
    assert status == 0, status
    return said


@each_engine
def a_main_that_does_not_compile_does_not_start_the_demo(place):
    place.write("main.lua", "\n\nlocal = 1\n")
    status, said = place.node('start = "main"')
    assert status == 1 and "Can't start the service main, the option `start`: ./main.lua:3:" in said, status
    assert "Server start" not in said


@each_engine
def another_service_of_the_application_is_taken_and_the_log_tells(place):
    """As skynet does."""
    place.write("later/broken.lua", 'require("skynet").start(function() print "the later one" end)')
    place.write("broken.lua", "local = 1")
    said = said_by(place, TRY % 'skynet.newservice "broken"', 'luaservice = "./?.lua;./later/?.lua;" .. root .. "service/?.lua"')
    assert "said\ttrue" in said and "the later one" in said
    assert any("./broken.lua:1:" in line for line in said.splitlines() if line.startswith("[:"))


@each_engine
def one_that_does_not_compile_either_is_not_taken(place):
    place.write("later/broken.lua", "x = = 1")
    place.write("broken.lua", "local = 1")
    said = said_by(place, TRY % 'skynet.newservice "broken"', 'luaservice = "./?.lua;./later/?.lua;" .. root .. "service/?.lua"')
    assert "said\tfalse" in said and "./broken.lua:1:" in said and "later/broken" not in said


@each_engine
def a_service_of_the_framework_that_does_not_compile_is_the_error(place):
    place.write("console.lua", "local = 1")
    said = said_by(place, TRY % 'skynet.newservice "console"')
    assert "said\tfalse" in said and "./console.lua:1:" in said


@once
def a_source_for_54_that_LuaJIT_cannot_read_is_not_passed_over(place):
    place.write("config.lua", "return { a = 7 // 2 }")
    place.write("ws_gate.lua", "local a <const> = 7 // 2")
    said = said_by(place, TRY % 'require "config"' + TRY % 'skynet.newservice "ws_gate"', 'engine = "luajit"')
    assert "error loading module 'config' from file './config.lua'" in said and "./config.lua:1:" in said
    assert "./ws_gate.lua:1:" in said and said.count("said\tfalse") == 2 and "config key 'lua54'" in said


@each_engine
def a_file_that_cannot_be_read_is_the_error_as_well(place):
    # A link to itself: root may read everything else.
    (place.path / "console.lua").symlink_to("console.lua")
    said = said_by(place, TRY % 'skynet.newservice "console"')
    assert "said\tfalse" in said and "console.lua" in said and "Too many levels" in said


@each_engine
def a_folder_with_the_name_of_a_service_is_passed_over(place):
    (place.path / "work").mkdir()
    assert "found\n" in said_by(place, 'print "found"', 'luaservice = "./?;./?.lua;" .. root .. "service/?.lua"')


@each_engine
def a_module_that_does_not_compile_is_the_error_in_the_main_chunk_too(place):
    place.write("log.lua", "local = 1")
    place.write("work.lua", 'require "log"')
    status, said = place.node('start = "work"')
    assert status == 1 and "error loading module 'log' from file './log.lua': ./log.lua:1:" in said, status


@each_engine
def a_module_that_cannot_be_opened_is_the_error(place):
    (place.path / "ring.lua").symlink_to("ring.lua")
    place.write("work.lua", 'require "ring"')
    status, said = place.node('start = "work"')
    assert status == 1 and "error loading module 'ring' from file './ring.lua':" in said and "Too many levels" in said, status


@each_engine
def a_snax_service_that_does_not_compile_is_the_error(place):
    place.write("later/pingd.lua", "function response.ping() return 1 end")
    place.write("pingd.lua", "function response.ping( return 1 end")
    said = said_by(place, TRY % 'require("skynet.snax").newservice "pingd"', 'snax = "./?.lua;./later/?.lua"')
    assert "said\tfalse\t./pingd.lua:1:" in said


@each_engine
def a_function_that_fails_as_a_service_says_why(place):
    said = said_by(place, TRY % 'require("skynet.service").new("mine", function() require "broken" end)')
    assert "said\tfalse" in said and "module 'broken' not found" in said
    place.write("broken.lua", "local = 1")
    said = said_by(place, TRY % 'require("skynet.service").new("mine", function() require "broken" end)')
    assert "said\tfalse" in said and "./broken.lua:1:" in said


@each_engine
def a_preload_that_does_not_compile_ends_the_node(place):
    place.write("before.lua", "local = 1")
    status, said = place.node('preload = "./before.lua"')
    assert status == 1 and "./before.lua:1:" in said, status
    status, said = place.node('preload = "./nix.lua"')
    assert status == 1 and "the option `preload`: cannot open ./nix.lua" in said, status


C_SERVICE = """
#include <skynet.h>
#include <stdio.h>
#include <string.h>
%(extra)s
static int said(struct skynet_context *ctx, void *ud, int type, int session, uint32_t source, const void *msg, size_t size) {
  printf("mine: %%.*s\\n", (int)size, (const char *)msg);
  fflush(stdout);
  return 0;
}
int %(name)s_init(void *instance, struct skynet_context *ctx, const char *parm) {
  printf("my own %(name)s starts\\n");
  fflush(stdout);
  skynet_callback(ctx, NULL, said);
  return 0;
}
"""


@each_engine
def a_service_with_a_folder_of_its_own_finds_its_modules_there(place):
    """Also where its file is called like the service."""
    place.write("svc/own/own.lua", 'print("path", SERVICE_PATH, require "near") require("skynet").start(function() end)')
    place.write("svc/own/near.lua", 'return "near the service"')
    said = said_by(place, 'skynet.newservice "own"', 'luaservice = "./svc/?/?.lua;./?.lua;" .. root .. "service/?.lua"')
    assert "path\t./svc/own/\tnear the service" in said


@once
def an_application_s_own_logger_counts(place):
    place.library("logger", C_SERVICE % {"name": "logger", "extra": ""})
    said = said_by(place, 'skynet.error "a line"')
    assert "my own logger starts" in said and "mine: a line" in said and "[:" not in said


@once
def an_application_s_own_gate_and_harbor_count(place):
    for name in ("gate", "harbor"):
        place.library(name, C_SERVICE % {"name": name, "extra": ""})
    said = said_by(place, 'assert(skynet.launch("gate")) assert(skynet.launch("harbor"))')
    assert "my own gate starts" in said and "my own harbor starts" in said


@once
def a_c_service_with_a_missing_symbol_is_the_error_not_the_built_in_one(place):
    extra = "extern void no_such_function(void); void *gate_create(void) { no_such_function(); return 0; }"
    place.library("gate", C_SERVICE % {"name": "gate", "extra": extra})
    said = said_by(place, 'print("gate", skynet.launch("gate", "L ! 127.0.0.1:0 10 0") or "none")')
    assert "try open gate failed : ./gate.so: undefined symbol: no_such_function" in said and "gate\tnone" in said


@once
def a_lua_service_engine_is_no_file(place):
    place.library("snlua", C_SERVICE % {"name": "snlua", "extra": ""})
    assert "it runs" in said_by(place, 'print "it runs"')
