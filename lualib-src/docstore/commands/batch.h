// Batches of documents: what find, aggregate and getMore answer.
#pragma once

#include <memory>
#include <string_view>

#include "docstore/commands/context.h"
#include "docstore/commands/cursor_table.h"

namespace runtime::docstore {

constexpr std::int64_t kFirstBatch = 101;  // documents, where nothing is said

// Writes { cursor: { firstBatch: [...], id, ns } }, and keeps what is left in the table. `single`: nothing is kept.
// `ns` is "database.collection".
bool answer_first_batch(Context& context, std::unique_ptr<Cursor> cursor, std::int64_t batch_size,
                        bool single);

// The same for getMore, with nextBatch. The cursor ends when it is used up, or fails.
bool answer_next_batch(Context& context, Cursor& cursor, std::optional<std::int64_t> batch_size);

// For answers whose documents are all there: listCollections and its like.
bool answer_documents(Context& context, std::string_view ns, std::deque<std::string> documents);

}  // namespace runtime::docstore
