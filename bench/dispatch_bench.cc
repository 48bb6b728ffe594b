// What it costs to enter Lua for a message, and to come back: the difference to hand_over
// (scheduler_bench.cc), whose services are in C, is Lua's.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/check.h"
#include "bench_node.h"

namespace runtime {
namespace {

constexpr char kService[] = R"lua(
local skynet = require "skynet"
local command = {}
function command.echo(value)
	skynet.ret(skynet.pack(value))
end
function command.sink()
	skynet.ignoreret()
end
-- Before the start: requests may come at once.
skynet.dispatch("lua", function(_, _, name, ...)
	command[name](...)
end)
skynet.start(function() end)
)lua";

// The values ("echo", 12345) and ("sink", 12345), as seri_format.h has them: a short string and a
// number of 16 bits.
const std::string kEcho(
    "\x24"
    "echo\x12\x39\x30",
    8);
const std::string kSink(
    "\x24"
    "sink\x12\x39\x30",
    8);

// A folder with the service in it, as long as the benchmark runs.
struct Folder {
  Folder() {
    char name[] = "/tmp/dispatch_bench_XXXXXX";
    RUNTIME_CHECK(mkdtemp(name) != nullptr, "no folder in /tmp");
    path = name;
    std::ofstream(path + "/answerer.lua") << kService;
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string path;
};

// `burst` messages that nobody answers go before each request, which is answered; a message is one
// of either.
void dispatch(benchmark::State& state, const char* engine, int burst) {
  constexpr std::int64_t kMessages = 20'000;
  if (access("lualib/loader.lua", R_OK) != 0) {
    state.SkipWithError("run it in the folder of the tree: there is no lualib/loader.lua");
    return;
  }
  Folder folder;
  auto environment = std::make_unique<Environment>();
  environment->set("engine", engine);
  environment->set("luaservice", folder.path + "/?.lua");
  BenchNode node(1, std::move(environment));
  const std::vector<Handle> drivers{node.launch("driver")};
  std::vector<std::unique_ptr<Job>> jobs;
  jobs.push_back(std::make_unique<Job>());
  Job& job = *jobs[0];
  job.to = node.launch("snlua", "answerer");
  job.type = kTypeLua;
  job.request = kEcho;
  job.before = kSink;
  job.burst = burst;
  const std::int64_t requests = kMessages / (burst + 1);
  for (auto _ : state) {
    job.requests = requests;
    node.run(drivers, jobs);
  }
  state.SetItemsProcessed(state.iterations() * requests * (burst + 1));
}
BENCHMARK_CAPTURE(dispatch, lua54_call, "lua54", 0)
    ->Name("dispatch/lua54/request_and_response")
    ->UseRealTime();
BENCHMARK_CAPTURE(dispatch, luajit_call, "luajit", 0)
    ->Name("dispatch/luajit/request_and_response")
    ->UseRealTime();
BENCHMARK_CAPTURE(dispatch, lua54_send, "lua54", 99)->Name("dispatch/lua54/one_way")->UseRealTime();
BENCHMARK_CAPTURE(dispatch, luajit_send, "luajit", 99)
    ->Name("dispatch/luajit/one_way")
    ->UseRealTime();

}  // namespace
}  // namespace runtime
