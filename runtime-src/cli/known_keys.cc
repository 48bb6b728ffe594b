#include "cli/known_keys.h"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

namespace runtime {

namespace {

constexpr std::string_view kKeys[] = {
    // The node.
    "thread", "socket_threads", "harbor", "address", "master", "standalone", "bootstrap", "start",
    "keep_running", "daemon", "logger", "logservice", "logpath", "profile", "busy_wait",
    "flush_timeout", "websocket_strict", "websocket_max",
    // The log.
    "log_format", "log_colors", "log_level", "log_max_size", "log_daily", "log_keep",
    "log_compress",
    // Where things are found.
    "root", "luaservice", "lualoader", "lua_path", "lua_cpath", "cpath", "snax", "snax_loader",
    "snax_interface_g", "preload",
    // Clusters.
    "cluster", "cluster_cert", "cluster_key", "cluster_ca", "cluster_verify_name",
    "cluster_timeout", "cluster_dead_after", "cluster_unfinished", "cluster_compress", "node",
    "role", "cluster_listen", "cluster_advertise", "cluster_ttl", "drain_timeout", "cluster_etcd",
    "cluster_etcd_user", "cluster_etcd_password", "cluster_prefix", "cluster_dns",
    // Engines and TLS.
    "engine", "luajit", "lua54", "enablessl", "certfile", "keyfile",
    // The document store.
    "docstore", "docstore_listen", "docstore_synchronous", "docstore_user", "docstore_password",
    // The demo.
    "console_port", "ws_port", "web_port", "demo_host", "static_path", "ws_protocol",
    "web_protocol", "db_conf_game", "db_optional", "db_ip", "db_port", "db_name", "db_user",
    "db_pwd", "db_auth", "snowflake_begin", "snowflake_end", "snowflake_start_date", "etcd_hosts",
    "etcd_user", "etcd_password", "etcd_base_path", "qq_appid", "qq_secret",
    // The rankings.
    "rank_host", "rank_port", "rank_agents", "rank_cluster", "rank_max"};

// How many letters are to be put in, taken away, changed or swapped with the next one.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last, last(b.size() + 1), row(b.size() + 1);
  std::iota(last.begin(), last.end(), 0U);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before_last[j - 2] + 1);
      }
    }
    before_last = std::exchange(last, row);
  }
  return last[b.size()];
}

}  // namespace

bool is_known_key(std::string_view key) { return std::ranges::find(kKeys, key) != std::end(kKeys); }

std::optional<std::string_view> similar_key(std::string_view key) {
  std::optional<std::string_view> best;
  std::size_t least = key.size() < 6 ? 2 : 3;  // one less is allowed
  for (const std::string_view known : kKeys) {
    const std::size_t apart = distance(key, known);
    if (apart < least && apart < known.size() / 2) {
      least = apart;
      best = known;
    }
  }
  return best;
}

std::string key_warning(std::string_view key) {
  if (is_known_key(key)) return "";
  const auto similar = similar_key(key);
  if (!similar) return "";
  return "unknown config key " + std::string(key) + "; did you mean " + std::string(*similar) + "?";
}

}  // namespace runtime
