#include "cli/command_line.h"

#include <string_view>

namespace runtime {

CommandLine parse_command_line(int argc, const char* const* argv) {
  CommandLine line;
  if (argc < 2) {
    line.error = "A config file is needed: its format is described in etc/config.cfg.";
    return line;
  }
  const std::string_view first = argv[1];
  if (first == "--help" || first == "-h") {
    line.action = CommandLine::Action::help;
    return line;
  }
  if (first == "--version" || first == "-v") {
    line.action = CommandLine::Action::version;
    return line;
  }
  if (first.starts_with("-")) {
    line.error = "There is no option " + std::string(first) + ".";
    return line;
  }
  int next = 1;
  line.action = CommandLine::Action::run;
  if (argc > 2 && first == "new") {
    line.action = CommandLine::Action::create;
    next = 2;
  } else if (argc > 2 && first == "check") {
    line.action = CommandLine::Action::check;
    next = 2;
  }
  line.path = argv[next++];
  for (; next < argc; ++next) {
    const std::string_view word = argv[next];
    const std::size_t equals = word.find('=');
    if (equals == 0 || equals == word.npos) {
      line.ignored.emplace_back(word);
    } else {
      line.settings.emplace_back(word.substr(0, equals), word.substr(equals + 1));
    }
  }
  return line;
}

std::string usage_line(const std::string& name) {
  return "usage: " + name + " CONFIG [key=value ...]";
}

std::string help_text(const std::string& name) {
  return usage_line(name) + "\n       " + name + " check CONFIG [key=value ...]\n       " + name +
         " new DIR\n       " + name + R"( --help | --version

CONFIG               starts a node; etc/config.cfg explains each key
key=value            takes the place of what the config says
check CONFIG         reads the config, looks for the services and modules it names and for those
                     that they name, and compiles them; status 1 when something is wrong
new DIR              makes a small project: a config, two services, a test and a Makefile
--version            version, commit, engines and libraries

SIGTERM and SIGINT end a node in order, SIGHUP opens its log file and reads the cluster's certificates again.
)";
}

}  // namespace runtime
