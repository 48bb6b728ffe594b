"""A node that the system gives no more threads, descriptors or bytes of a file: an error of whoever wanted them."""
import os
import re
import resource
import subprocess

from place import Skip, each_engine

# Threads are refused when so many have been made as the file `threads` says, and it exists.
REFUSES = r'''#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
int pthread_create(pthread_t* thread, const pthread_attr_t* how, void* (*body)(void*), void* argument) {
  static int made;
  int (*create)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*) = dlsym(RTLD_NEXT, "pthread_create");
  FILE* file = fopen("threads", "r");
  int most = -1;
  if (file != NULL) {
    if (fscanf(file, "%d", &most) != 1) most = -1;
    fclose(file);
  }
  if (most >= 0 && made >= most) return EAGAIN;
  ++made;
  return create(thread, how, body, argument);
}
'''


def sanitizers(place):
    """The libraries of the sanitizer that the executable was built with."""
    libraries = subprocess.run(["ldd", place.bin], check=True, capture_output=True, text=True).stdout
    return re.findall(r"=> (\S*/lib[at]san\S*)", libraries)


def environment(place):
    """One in which threads may be refused. The library of a sanitizer has to stay the first one."""
    place.library("refuses", REFUSES)
    return {**os.environ, "LD_PRELOAD": ":".join([*sanitizers(place), str(place.path / "refuses.so")])}


@each_engine
def a_node_without_its_threads_says_so_and_ends(place):
    refusing = environment(place)
    place.write("starts.lua", 'local skynet = require "skynet"\nrequire "skynet.manager"\n'
                              'skynet.start(function() print "it runs" skynet.timeout(1, skynet.abort) end)\n')
    config = place.config('start = "starts"', 'logger = "node.log"', "log_daily = true")
    for most in range(40):
        place.write("threads", str(most))
        status, said = place.run(place.bin, config, env=refusing)
        if "it runs" in said:
            break
        assert status == 1 and "cannot start a thread (the option `thread` is 2): Resource temp" in said, (most, status)
    assert status == 0 and most > 2, (most, status)


RUNS_OUT = '''local skynet = require "skynet"
require "skynet.manager"
local socket = require "skynet.socket"

local function try(what, f, ...) print(what, select(2, pcall(f, ...))) end
local function try_all(round)
	try(round .. " listen", function() socket.close((socket.listen("127.0.0.1", 0))) return "yes" end)
	try(round .. " name", function() return select(2, socket.open("localhost", 1)) end)
	try(round .. " gate", function() return (skynet.launch("wsgate", "ws ! 127.0.0.1:0 0 10")) and "yes" or "no" end)
	try(round .. " store", function() return skynet.newservice "docstore" and "yes" end)
end

skynet.start(function()
	skynet.setenv("docstore", ":memory:")
	skynet.setenv("docstore_listen", "")
	os.rename("none", "threads")
	try_all "first"
	try("first stdin", function() return require "client.socket".readstdin() or "nothing" end)
	os.remove "threads"
	try_all "then"
	local file = io.open("threads", "w")
	file:write "0"
	file:close()
	io.stdout:setvbuf "full"
	print "at the end"
	os.exit(3)
end)
'''


@each_engine
def threads_that_the_system_refuses_are_errors_of_who_wants_them(place):
    place.write("runs_out.lua", RUNS_OUT)
    place.write("none", "0")
    config = place.config('start = "runs_out"')
    status, said = place.run(place.bin, config, env=environment(place))
    lines = dict(re.findall(r"^((?:first|then) \w+)\t(.*)$", said, re.M))
    refused = "Resource temporarily unavailable"
    for what in "listen", "name", "stdin":
        assert refused in lines[f"first {what}"], said
    assert lines["first gate"] == "no" and f"cannot open :memory:: cannot start a thread: {refused}" in said, said
    assert f"[wsgate] cannot start a thread: {refused}" in said, said
    assert lines["then listen"] == lines["then gate"] == lines["then store"] == "yes", said
    assert refused not in lines["then name"], said
    assert status == 3 and "at the end" in said, status


@each_engine
def a_log_that_may_not_grow_loses_lines_and_nothing_else(place):
    place.write("talks.lua", 'local skynet = require "skynet"\nrequire "skynet.manager"\nskynet.start(function()\n'
                             'for i = 1, 1000 do skynet.error("line", i) end skynet.abort() end)\n')
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (8000, 8000))
    status, said = place.run(place.bin, place.config('start = "talks"', 'logger = "node.log"'), preexec_fn=limit)
    log = (place.path / "node.log").read_bytes()
    assert status == 0 and len(log) == 8000 and b"line 100\n" in log, (status, len(log), said)


@each_engine
def a_name_that_no_descriptor_is_left_for_is_told_as_that(place):
    if sanitizers(place):
        raise Skip("the sanitizer looks at types through a pipe, and reports what it cannot look at")
    place.write("asks.lua", '''local skynet = require "skynet"
require "skynet.manager"
local socket = require "skynet.socket"
skynet.start(function()
	socket.close((socket.listen("127.0.0.1", 0)))
	local files = {}
	local file = io.open "/dev/null"
	while file do
		files[#files + 1] = file
		file = io.open "/dev/null"
	end
	print("the reason:", select(2, socket.open("localhost", 1)))
	skynet.abort()
end)
''')
    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    status, said = place.run(place.bin, place.config('start = "asks"'), preexec_fn=limit)
    assert status == 0 and "the reason:\tToo many open files\n" in said, said


@each_engine
def a_json_text_that_no_memory_is_left_for_is_an_error_of_who_wants_it(place):
    if sanitizers(place):
        raise Skip("a sanitizer takes all addresses")
    place.write("encodes.lua", '''local skynet = require "skynet"
require "skynet.manager"
local cjson = require "cjson"
skynet.start(function()
	local list, text = {}, ("x"):rep(4000000)
	for i = 1, 400 do list[i] = text end
	for _ = 1, 2 do print("the reason:", select(2, pcall(cjson.encode, list))) end
	print("then:", cjson.encode { list = { 1 } })
	skynet.abort()
end)
''')
    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (700 * 2**20, 700 * 2**20))
    status, said = place.run(place.bin, place.config('start = "encodes"'), preexec_fn=limit)
    assert status == 0 and said.count("not enough memory\n") == 2 and 'then:\t{"list":[1]}' in said, (status, said)
