#include "docstore/commands/batch.h"

#include <limits>
#include <utility>

#include "docstore/commands/query.h"

namespace runtime::docstore {

namespace {

constexpr std::int64_t kNoBound = std::numeric_limits<std::int64_t>::max();
constexpr int kLooksAtClock = 128;  // documents between two looks

// Fills one batch from a cursor.
class Filling {
 public:
  Filling(Context& context, Cursor& cursor, bson::Writer& writer, std::string_view key,
          std::int64_t wanted)
      : context_(context), cursor_(cursor), out_(writer, key), wanted_(wanted) {}

  // False: refused.
  bool run() {
    while (count_ < wanted_) {
      if (!cursor_.ready.empty()) {
        if (!append(cursor_.ready.front())) break;
        cursor_.ready_bytes -= cursor_.ready.front().size();
        cursor_.ready.pop_front();
      } else if (cursor_.scan_ended) {
        break;
      } else if (!read_one()) {
        return false;
      }
    }
    scan_.reset();
    out_.close();
    return true;
  }

 private:
  // False when the message has no room for it.
  bool append(std::string_view document) {
    if (count_ > 0 && bytes_ + document.size() > kLargestReply) {
      return false;
    }
    bytes_ += document.size();
    ++count_;
    out_.document(document);
    return true;
  }

  void give(std::string_view document) {
    if (!append(document)) {
      cursor_.hold(std::string(document));
      wanted_ = count_;
    }
  }

  bool end_scan() {
    cursor_.scan_ended = true;
    scan_.reset();
    if (!cursor_.run) return true;
    return cursor_.run->finish(context_.error) && check_memory();
  }

  bool check_memory() {
    if (cursor_.ready_bytes <= kMostCursorBytes) return true;
    return refuse(context_.error, Code::query_exceeded_memory_limit,
                  {"the documents of the answer that wait take more memory than is allowed"});
  }

  bool read_one() {
    if (!scan_) {
      Collection* const collection = context_.engine.catalogue.find(cursor_.collection_id);
      if (collection == nullptr) return end_scan();
      scan_.emplace(*collection, cursor_.scan);
    }
    if (++looked_ % kLooksAtClock == 0 && context_.is_late()) return context_.refuse_late();
    if (!scan_->next()) {
      if (!context_.engine.connection.failure().empty()) return context_.refuse_storage();
      return end_scan();
    }
    return cursor_.run ? push() : match();
  }

  bool push() {
    if (!cursor_.run->push(scan_->document(), context_.error) || !check_memory()) return false;
    return cursor_.run->wants_more() || end_scan();
  }

  bool match() {
    document::MatchDetails details;
    const std::string_view document = scan_->document();
    const auto good = fits(cursor_.filter, document, &details, context_.error);
    if (!good || !*good) return good.has_value();
    if (cursor_.skip > 0) {
      --cursor_.skip;
      return true;
    }
    if (cursor_.projection) {
      if (!cursor_.projection->apply(document, details, &projected_, context_.error)) return false;
      give(projected_);
    } else {
      give(document);
    }
    if (cursor_.limit && --*cursor_.limit == 0) return end_scan();
    return true;
  }

  Context& context_;
  Cursor& cursor_;
  ArrayWriter out_;
  std::int64_t wanted_;
  std::int64_t count_ = 0;
  std::size_t bytes_ = 0;
  int looked_ = 0;
  std::string projected_;
  std::optional<Scan> scan_;
};

std::string name_of(const Cursor& cursor) { return cursor.database + "." + cursor.collection; }

}  // namespace

bool answer_first_batch(Context& context, std::unique_ptr<Cursor> cursor, std::int64_t batch_size,
                        bool single) {
  const std::size_t opened = context.reply.open(bson::Type::document, "cursor");
  if (!Filling(context, *cursor, context.reply, "firstBatch", batch_size).run()) return false;
  const std::string ns = name_of(*cursor);
  std::int64_t id = 0;
  if (!single && !cursor->is_used_up()) {
    id = context.engine.cursors.add(std::move(cursor));
    if (id == 0) {
      return refuse(context.error, Code::query_exceeded_memory_limit,
                    {"there are too many open cursors, or they hold too many documents"});
    }
  }
  context.reply.int64("id", id);
  context.reply.string("ns", ns);
  context.reply.close(opened);
  return true;
}

bool answer_next_batch(Context& context, Cursor& cursor, std::optional<std::int64_t> batch_size) {
  const std::size_t opened = context.reply.open(bson::Type::document, "cursor");
  const std::int64_t wanted = batch_size ? *batch_size : cursor.batch_size.value_or(kNoBound);
  const bool good =
      Filling(context, cursor, context.reply, "nextBatch", wanted == 0 ? kNoBound : wanted).run();
  const std::int64_t id = cursor.id;
  const std::string ns = name_of(cursor);
  const bool ends = !good || cursor.is_used_up();
  if (ends) context.engine.cursors.remove(id);
  if (!good) return false;
  context.reply.int64("id", ends ? 0 : id);
  context.reply.string("ns", ns);
  context.reply.close(opened);
  return true;
}

bool answer_documents(Context& context, std::string_view ns, std::deque<std::string> documents) {
  std::string_view cursor_options;
  if (!context.take_document("cursor", &cursor_options)) return false;
  auto cursor = std::make_unique<Cursor>();
  const std::size_t dot = ns.find('.');
  cursor->database = ns.substr(0, dot);
  cursor->collection = ns.substr(dot + 1);
  cursor->scan_ended = true;
  for (std::string& document : documents) cursor->hold(std::move(document));
  std::int64_t wanted = kNoBound;
  if (!cursor_options.empty()) {
    const Value size = document::field(cursor_options, "batchSize");
    if (const auto whole = size.whole_number(); whole && *whole >= 0) wanted = *whole;
  }
  return answer_first_batch(context, std::move(cursor), wanted, false);
}

}  // namespace runtime::docstore
