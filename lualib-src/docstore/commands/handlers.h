// What runs each command; the table is in command_table.cc.
#pragma once

#include "docstore/commands/context.h"

namespace runtime::docstore {

// reading.cc, aggregate.cc, explain.cc
bool run_find(Context& context);
bool run_get_more(Context& context);
bool run_kill_cursors(Context& context);
bool run_count(Context& context);
bool run_distinct(Context& context);
bool run_aggregate(Context& context);
bool run_explain(Context& context);

// writing.cc, find_and_modify.cc
bool run_insert(Context& context);
bool run_update(Context& context);
bool run_delete(Context& context);
bool run_find_and_modify(Context& context);

// schema.cc
bool run_create(Context& context);
bool run_drop(Context& context);
bool run_drop_database(Context& context);
bool run_list_collections(Context& context);
bool run_list_databases(Context& context);
bool run_rename_collection(Context& context);

// index_commands.cc
bool run_create_indexes(Context& context);
bool run_list_indexes(Context& context);
bool run_drop_indexes(Context& context);
bool run_coll_mod(Context& context);

// session.cc
bool run_hello(Context& context);
bool run_ping(Context& context);
bool run_build_info(Context& context);
bool run_end_transaction(Context& context);  // there is none to commit or to abort
bool run_start_session(Context& context);
bool run_end_sessions(Context& context);
bool run_connection_status(Context& context);
bool run_whats_my_uri(Context& context);
bool run_sasl_start(Context& context);
bool run_sasl_continue(Context& context);
bool run_logout(Context& context);

// diagnostics.cc
bool run_coll_stats(Context& context);
bool run_db_stats(Context& context);
bool run_server_status(Context& context);
bool run_host_info(Context& context);
bool run_get_log(Context& context);
bool run_get_parameter(Context& context);
bool run_set_parameter(Context& context);
bool run_get_cmd_line_opts(Context& context);
bool run_current_op(Context& context);
bool run_list_commands(Context& context);
bool run_validate(Context& context);

}  // namespace runtime::docstore
