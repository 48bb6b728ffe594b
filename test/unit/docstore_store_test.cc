// The store's thread: what comes together, what is answered when, and a file that fails.
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <thread>

#include "docstore/store.h"
#include "docstore_text.h"

namespace runtime::docstore {
namespace {

using document::bson;
using document::field;

std::string op_msg(const std::string& command) {
  const auto word = [](std::uint32_t number) {
    return std::string(reinterpret_cast<const char*>(&number), 4);
  };
  const std::string body = word(0) + '\0' + command;
  return word(static_cast<std::uint32_t>(16 + body.size())) + word(1) + word(0) + word(2013) + body;
}

class DocstoreStore : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/docstore-test-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    folder_ = name;
  }
  void TearDown() override {
    release();
    store_.reset();
    for (Answer& answer : answers_) std::free(answer.frame.bytes);
    std::filesystem::remove_all(folder_);
  }

  std::string open(StoreOptions options = {}) {
    store_ = std::make_unique<Store>(deliver, this);
    return store_->open(options);
  }
  std::string file() const { return folder_ + "/sub/folder/store.db"; }

  void submit(const std::string& text, std::int32_t session,
              Store::Where where = Store::Where::on_its_thread) {
    auto job = std::make_unique<Job>();
    job->session = session;
    job->frame = op_msg(bson(text));
    job->request = parse_request(job->frame);
    ASSERT_EQ(job->request.malformed, nullptr);
    store_->submit(std::move(job));
    store_->serve(where);
  }
  // Whether who submits this and may run it does so: then it is answered when serve() returns.
  bool runs_here(const std::string& text) {
    ping_and_rest();
    submit(text, ++sessions_, Store::Where::here_if_short);
    const bool here = answered_here();
    EXPECT_TRUE(is_good(answer(sessions_))) << text;
    return here;
  }
  // Until the store's thread has nothing to do.
  void ping_and_rest() {
    do {
      submit("{ping: 1, $db: 'db'}", ++sessions_, Store::Where::here_if_short);
      answer(sessions_);
    } while (!answered_here());
  }
  // Whether the last answer was given by this thread; it is forgotten.
  bool answered_here() {
    std::lock_guard lock(mutex_);
    return std::exchange(answered_by_, std::thread::id()) == std::this_thread::get_id();
  }
  // The document that answered `session`.
  std::string answer(std::int32_t session) {
    std::unique_lock lock(mutex_);
    std::string document;
    const bool came = wake_.wait_for(lock, std::chrono::seconds(20), [&] {
      for (const Answer& one : answers_) {
        if (one.session == session) document.assign(one.frame.bytes + 21, one.frame.size - 21);
      }
      return !document.empty();
    });
    EXPECT_TRUE(came) << "no answer to " << session;
    return document;
  }
  std::string ask(const std::string& text) {
    submit(text, ++sessions_);
    return answer(sessions_);
  }
  bool is_good(const std::string& reply) { return field(reply, "ok").real() == 1; }
  std::int64_t commits() {
    const std::string status = ask("{serverStatus: 1, $db: 'admin'}");
    return field(field(status, "storageEngine").bytes, "commits").integer();
  }

  // From now on the store's thread stops at its next answers, until release().
  void hold() {
    std::lock_guard lock(mutex_);
    held_ = true;
  }
  void wait_until_it_holds() {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(wake_.wait_for(lock, std::chrono::seconds(20), [&] { return holding_; }));
  }
  void release() {
    std::lock_guard lock(mutex_);
    held_ = false;
    wake_.notify_all();
  }

  static void deliver(void* self, std::vector<Answer>& answers) {
    auto& test = *static_cast<DocstoreStore*>(self);
    std::unique_lock lock(test.mutex_);
    test.holding_ = test.held_;
    test.wake_.notify_all();
    test.wake_.wait(lock, [&] { return !test.held_; });
    test.holding_ = false;
    test.answers_.insert(test.answers_.end(), answers.begin(), answers.end());
    test.answered_by_ = std::this_thread::get_id();
    test.wake_.notify_all();
  }

  std::string folder_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Answer> answers_;          // guarded by mutex_
  std::thread::id answered_by_;          // guarded by mutex_; the last ones
  bool held_ = false, holding_ = false;  // guarded by mutex_
  std::int32_t sessions_ = 1'000'000;
  std::unique_ptr<Store> store_;
};

TEST_F(DocstoreStore, WhatComesTogetherIsCommittedTogether) {
  ASSERT_EQ(open({file(), "FULL", "", ""}), "");
  ASSERT_TRUE(is_good(ask("{insert: 'c', documents: [{_id: 0}], $db: 'db'}")));
  const std::int64_t before = commits();
  hold();
  submit("{ping: 1, $db: 'db'}", 1);
  wait_until_it_holds();
  for (int i = 1; i <= 100; ++i)
    submit("{insert: 'c', documents: [{_id: " + std::to_string(i) + "}], $db: 'db'}", 1 + i);
  release();
  for (int i = 1; i <= 100; ++i) EXPECT_TRUE(is_good(answer(1 + i)));
  EXPECT_EQ(commits() - before, 1);
  EXPECT_EQ(field(ask("{count: 'c', $db: 'db'}"), "n").integer(), 101);
}

TEST_F(DocstoreStore, WhatIsShortIsRunByWhoBringsIt) {
  ASSERT_EQ(open({file(), "NORMAL", "", ""}), "");
  EXPECT_TRUE(runs_here("{insert: 'c', documents: [{_id: 1, n: 0}, {_id: {a: 1}}], $db: 'db'}"));
  EXPECT_TRUE(runs_here("{find: 'c', filter: {_id: 1, n: 0}, $db: 'db'}"));
  EXPECT_TRUE(runs_here("{update: 'c', updates: [{q: {_id: 1}, u: {$set: {n: 1}}}], $db: 'db'}"));
  EXPECT_TRUE(runs_here("{findAndModify: 'c', query: {_id: 1}, remove: true, $db: 'db'}"));
  EXPECT_TRUE(runs_here("{delete: 'c', deletes: [{q: {_id: 1}, limit: 1}], $db: 'db'}"));

  EXPECT_FALSE(runs_here("{find: 'c', filter: {n: 1}, $db: 'db'}"));
  EXPECT_FALSE(runs_here("{find: 'c', filter: {_id: {$gt: 1}}, $db: 'db'}"));
  EXPECT_FALSE(runs_here("{find: 'c', filter: {_id: /a/}, $db: 'db'}"));
  EXPECT_FALSE(runs_here("{find: 'c', filter: {_id: 1}, hint: {$natural: 1}, $db: 'db'}"));
  EXPECT_FALSE(runs_here("{count: 'c', query: {_id: 1}, $db: 'db'}"));
  EXPECT_FALSE(
      runs_here("{update: 'c', updates: [{q: {_id: 1}, u: {$set: {n: 1}}}, "
                "{q: {}, u: {$set: {n: 1}}}], $db: 'db'}"));
  EXPECT_FALSE(runs_here(
      "{update: 'c', updates: [{q: {_id: 1}, u: {a: 1}, hint: {$natural: 1}}], $db: 'db'}"));
  EXPECT_FALSE(runs_here("{delete: 'c', deletes: [{q: {n: 1}, limit: 0}], $db: 'db'}"));
  const std::string nine = "{}, {}, {}, {}, {}, {}, {}, {}, {}";
  EXPECT_FALSE(runs_here("{insert: 'c', documents: [" + nine + "], $db: 'db'}"));
  const std::string long_text(20'000, 'x');
  EXPECT_FALSE(runs_here("{insert: 'c', documents: [{a: '" + long_text + "'}], $db: 'db'}"));
}

TEST_F(DocstoreStore, ACommitThatWaitsForTheDiskIsTheThreads) {
  ASSERT_EQ(open({file(), "FULL", "", ""}), "");
  EXPECT_FALSE(runs_here("{insert: 'c', documents: [{_id: 1}], $db: 'db'}"));
  EXPECT_TRUE(runs_here("{find: 'c', filter: {_id: 1}, $db: 'db'}"));
  ASSERT_EQ(open({":memory:", "FULL", "", ""}), "");
  EXPECT_TRUE(runs_here("{insert: 'c', documents: [{_id: 1}], $db: 'db'}"));
}

TEST_F(DocstoreStore, WhoComesWhileTheThreadIsAtWorkWaitsForHisTurn) {
  ASSERT_EQ(open({file(), "NORMAL", "", ""}), "");
  hold();
  submit("{insert: 'c', documents: [{_id: 1, n: 1}], $db: 'db'}", 1);
  wait_until_it_holds();
  submit("{count: 'c', query: {n: 1}, $db: 'db'}", 2);
  const auto here = Store::Where::here_if_short;
  submit("{update: 'c', updates: [{q: {_id: 1}, u: {n: 2}}], $db: 'db'}", 3, here);
  submit("{find: 'c', filter: {_id: 1}, $db: 'db'}", 4, here);
  release();
  EXPECT_EQ(field(answer(2), "n").integer(), 1);
  EXPECT_EQ(field(answer(3), "nModified").integer(), 1);
  const std::string found = answer(4);
  const std::string_view batch = field(field(found, "cursor").bytes, "firstBatch").bytes;
  EXPECT_EQ(field(document::first_element(batch).value, "n").integer(), 2);
}

TEST_F(DocstoreStore, TheLogIsEmptiedWhoeverWrites) {
  ASSERT_EQ(open({file(), "NORMAL", "", ""}), "");
  const std::string pad(12'000, 'x');
  for (int i = 0; i < 3000; ++i) {
    submit("{insert: 'c', documents: [{_id: " + std::to_string(i) + ", pad: '" + pad +
               "'}], $db: 'db'}",
           i, Store::Where::here_if_short);
    if (i % 100 != 99) continue;
    ASSERT_TRUE(is_good(answer(i)));
  }
  // 3 pages each, with what belongs to them: 36 MB and more.
  EXPECT_LT(std::filesystem::file_size(file() + "-wal"), 24U << 20);
  EXPECT_EQ(field(ask("{count: 'c', $db: 'db'}"), "n").integer(), 3000);
}

TEST_F(DocstoreStore, AWriteThatIsRefusedHarmsNoOtherOfItsTransaction) {
  ASSERT_EQ(open(), "");
  hold();
  submit("{ping: 1, $db: 'db'}", 1);
  wait_until_it_holds();
  submit("{insert: 'c', documents: [{_id: 1, a: 1}], $db: 'db'}", 2);
  submit(
      "{createIndexes: 'c', indexes: [{key: {b: 1}, name: 'b'}, {key: {a: 'strange'}, name: 'a'}], "
      "$db: 'db'}",
      3);
  submit("{insert: 'c', documents: [{_id: 1}, {_id: 2}], ordered: false, $db: 'db'}", 4);
  submit("{findAndModify: 'c', query: {_id: 1}, update: {$set: {_id: 9}}, $db: 'db'}", 5);
  release();
  EXPECT_TRUE(is_good(answer(2)));
  EXPECT_EQ(field(answer(3), "codeName").text(), "CannotCreateIndex");
  EXPECT_EQ(field(answer(4), "n").integer(), 1);
  EXPECT_EQ(field(answer(5), "code").integer(), 66);
  EXPECT_EQ(field(ask("{count: 'c', $db: 'db'}"), "n").integer(), 2);
  const std::string indexes = ask("{listIndexes: 'c', $db: 'db'}");
  EXPECT_EQ(document::count_elements(field(field(indexes, "cursor").bytes, "firstBatch").bytes), 1U)
      << "the index before the bad one is not there";
}

TEST_F(DocstoreStore, WhatWasAnsweredIsThereAfterAnotherStart) {
  ASSERT_EQ(open({file(), "NORMAL", "", ""}), "");
  ASSERT_TRUE(is_good(
      ask("{createIndexes: 'c', indexes: [{key: {a: 1}, name: 'a_1', unique: true}], $db: 'db'}")));
  ASSERT_TRUE(is_good(ask("{insert: 'c', documents: [{_id: 1, a: [1, 2]}], $db: 'db'}")));
  store_.reset();
  ASSERT_EQ(open({file(), "FULL", "", ""}), "");
  const std::string reply = ask("{insert: 'c', documents: [{_id: 2, a: 2}], $db: 'db'}");
  EXPECT_EQ(field(reply, "n").integer(), 0);
  EXPECT_EQ(field(ask("{count: 'c', query: {a: 1}, $db: 'db'}"), "n").integer(), 1);
}

TEST_F(DocstoreStore, TwoStoresDoNotShareAFile) {
  ASSERT_EQ(open({file(), "FULL", "", ""}), "");
  Store other(deliver, this);
  EXPECT_EQ(other.open({file(), "FULL", "", ""}), "database is locked");
}

TEST_F(DocstoreStore, AFileOfSomethingElseIsRefused) {
  std::filesystem::create_directories(std::filesystem::path(file()).parent_path());
  FILE* const strange = std::fopen(file().c_str(), "w");
  for (int i = 0; i < 1000; ++i) std::fputs("no database at all\n", strange);
  std::fclose(strange);
  EXPECT_EQ(open({file(), "FULL", "", ""}), "file is not a database");
  EXPECT_EQ(open({"/proc/none/x.db", "FULL", "", ""}).substr(0, 26), "cannot make the folder /pr");
  EXPECT_EQ(open({":memory:", "SOMETIMES", "", ""}).substr(0, 29), "not a way of being synchronou");
  EXPECT_EQ(open({":memory:", "FULL", "me", ""}), "a user and a password go together");
}

TEST_F(DocstoreStore, AFileThatHasNoRoomTakesNothingBackThatWasAnswered) {
  ASSERT_EQ(open({file(), "NORMAL", "", ""}), "");
  ASSERT_TRUE(is_good(ask("{insert: 'c', documents: [{_id: 1}], $db: 'db'}")));
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old = signal(SIGXFSZ, SIG_IGN);
  const rlimit small{std::filesystem::file_size(file() + "-wal") + 100'000, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::string large =
      "{insert: 'c', documents: [{_id: 2, pad: '" + std::string(400'000, 'x') + "'}], $db: 'db'}";
  const std::string reply = ask(large);
  EXPECT_FALSE(is_good(reply));
  EXPECT_EQ(field(reply, "codeName").text(), "InternalError");
  EXPECT_EQ(field(ask("{count: 'c', $db: 'db'}"), "n").integer(), 1);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  signal(SIGXFSZ, old);
  EXPECT_TRUE(is_good(ask(large))) << "with room again it goes on";
  EXPECT_EQ(field(ask("{count: 'c', $db: 'db'}"), "n").integer(), 2);
}

TEST_F(DocstoreStore, ACommandThatIsUnknownOrHasAnUnknownFieldIsRefusedByName) {
  ASSERT_EQ(open(), "");
  EXPECT_EQ(field(ask("{fly: 1, $db: 'db'}"), "errmsg").text(), "no such command: 'fly'");
  EXPECT_EQ(field(ask("{ping: 1}"), "code").integer(), 40571);
  EXPECT_EQ(field(ask("{find: 'c', wings: 2, $db: 'db'}"), "errmsg").text(),
            "BSON field 'find.wings' is an unknown field.");
  EXPECT_EQ(field(ask("{find: 'c', 'skip limit': 2, $db: 'db'}"), "errmsg").text(),
            "BSON field 'find.skip limit' is an unknown field.");
  EXPECT_EQ(field(ask("{find: 'a$b', $db: 'db'}"), "code").integer(), 73);
  EXPECT_EQ(field(ask("{insert: 'c', documents: [{_id: 1}], startTransaction: true, autocommit: "
                      "false, txnNumber: 1L, $db: 'db'}"),
                  "code")
                .integer(),
            20);
  EXPECT_EQ(
      field(ask("{insert: 'c', documents: [{_id: 1}], writeConcern: {w: 2}, $db: 'db'}"), "code")
          .integer(),
      2);
  EXPECT_EQ(field(ask("{count: 'c', $db: 'db'}"), "n").integer(), 0);
}

TEST_F(DocstoreStore, WhatIsSaidTwiceIsRefused) {
  ASSERT_EQ(open(), "");
  EXPECT_EQ(field(ask("{find: 'c', limit: 1, limit: 2, $db: 'db'}"), "code").integer(), 40413);
  EXPECT_EQ(field(ask("{find: 'c', filter: {}, filter: null, $db: 'db'}"), "code").integer(),
            40413);
}

TEST_F(DocstoreStore, AStatementOfABadFormRefusesTheCommandBeforeAnythingIsWritten) {
  ASSERT_EQ(open(), "");
  ASSERT_TRUE(is_good(ask("{insert: 'c', documents: [{_id: 1}], $db: 'db'}")));
  const auto code = [&](const std::string& list) {
    return field(ask("{" + list + ", ordered: false, $db: 'db'}"), "code").integer();
  };
  const std::string good = "{q: {_id: 1}, u: {$set: {a: 1}}}, ";
  EXPECT_EQ(code("update: 'c', updates: [" + good + "{q: {}, u: {}, wings: 1}]"), 40415);
  EXPECT_EQ(code("update: 'c', updates: [" + good + "{u: {}}]"), 40414);
  EXPECT_EQ(code("update: 'c', updates: [" + good + "{q: {}}]"), 40414);
  EXPECT_EQ(code("update: 'c', updates: [" + good + "{q: {}, u: 5}]"), 9);
  EXPECT_EQ(code("delete: 'c', deletes: [{q: {}, limit: 0}, {q: {}, limit: 2}]"), 9);
  EXPECT_EQ(code("delete: 'c', deletes: [{q: {}, limit: 0}, {q: {}}]"), 40414);
  EXPECT_EQ(code("delete: 'c', deletes: [{q: {}, limit: 0}, {q: 1, limit: 0}]"), 14);
  EXPECT_EQ(field(ask("{count: 'c', query: {a: null}, $db: 'db'}"), "n").integer(), 1);
}

TEST_F(DocstoreStore, WhatASingleServerHasNotIsRefusedAsThere) {
  ASSERT_EQ(open(), "");
  ASSERT_TRUE(is_good(ask("{insert: 'c', documents: [{_id: 1}], $db: 'db'}")));
  // 0: it is done.
  const auto code = [&](const std::string& command, const char* database = "db") {
    const std::string reply = ask("{" + command + ", $db: '" + database + "'}");
    return is_good(reply) ? 0 : field(reply, "code").integer();
  };
  EXPECT_EQ(code("find: 'c', tailable: true"), 2);
  EXPECT_EQ(code("find: 'none', tailable: true"), 0) << "an empty answer, as there";
  EXPECT_EQ(code("find: 'c', awaitData: true"), 9);
  EXPECT_EQ(code("find: 'c', limit: -1"), 51024);
  EXPECT_EQ(code("find: 'c', collation: {strength: 1}"), 40414);
  EXPECT_EQ(code("find: 'c', readConcern: {level: 'strange'}"), 2);
  EXPECT_EQ(code("insert: 'c', documents: [{}], txnNumber: 1L"), 20);
  EXPECT_EQ(code("commitTransaction: 1", "admin"), 20);
  EXPECT_EQ(code("listDatabases: 1"), 13);
  EXPECT_EQ(code("listDatabases: 1", "admin"), 0);
  EXPECT_EQ(code("ping: 1, apiVersion: '2'"), 322);
  EXPECT_EQ(code("create: 'd', wings: 1"), 40415);
  EXPECT_EQ(code("insert: 'system.own', documents: [{}]"), 0);
  EXPECT_EQ(code("create: 'system.own'"), 73);
  EXPECT_EQ(code("insert: 'c', documents: [{}]", "DB"), 0);
  EXPECT_EQ(field(ask("{count: 'c', $db: 'DB'}"), "n").integer(), 0);
  EXPECT_EQ(code("create: 'c'", "Db"), 13297);
  EXPECT_EQ(code("explain: {fly: 1}"), 59);
  EXPECT_EQ(code("explain: {find: 'c'}, verbosity: 'loud'"), 2);
  EXPECT_EQ(code("getMore: 1L, collection: 5"), 14);
  EXPECT_EQ(code("killCursors: 'c'"), 40414);
  EXPECT_EQ(code("killCursors: 'c', cursors: [5]"), 14);
  EXPECT_EQ(code("update: 'c', updates: [{q: {$expr: true}, u: {}, upsert: true}]"), 0);
  EXPECT_EQ(field(ask("{count: 'c', $db: 'db'}"), "n").integer(), 1);
  EXPECT_EQ(code("findAndModify: 'c', query: {$expr: true}, update: {}, upsert: true"), 224);
}

TEST_F(DocstoreStore, IndexesAreToldFromEachOtherByKeysUniquenessAndFilter) {
  ASSERT_EQ(open(), "");
  const auto make = [&](const std::string& index) {
    const std::string reply =
        ask("{createIndexes: 'c', indexes: [{key: {a: 1}, " + index + "}], $db: 'db'}");
    return is_good(reply) ? std::string("made") : std::string(field(reply, "codeName").text());
  };
  EXPECT_EQ(make("name: 'a_1'"), "made");
  EXPECT_EQ(make("name: 'a_1'"), "made") << "the same again";
  EXPECT_EQ(make("name: 'other'"), "IndexOptionsConflict");
  EXPECT_EQ(make("name: 'a_1', expireAfterSeconds: 5"), "IndexOptionsConflict");
  EXPECT_EQ(make("name: 'a_1', unique: true"), "IndexKeySpecsConflict");
  EXPECT_EQ(make("name: 'a_1', sparse: true"), "IndexKeySpecsConflict");
  EXPECT_EQ(make("name: 'u', unique: true"), "made");
  EXPECT_EQ(make("name: 'e', partialFilterExpression: {$expr: true}"), "CannotCreateIndex");
  EXPECT_EQ(field(ask("{dropIndexes: 'c', index: {a: 1}, $db: 'db'}"), "codeName").text(),
            "AmbiguousIndexKeyPattern");
  EXPECT_TRUE(is_good(ask("{dropIndexes: 'c', index: 'u', $db: 'db'}")));
  EXPECT_TRUE(is_good(ask("{dropIndexes: 'c', index: {a: 1}, $db: 'db'}")));
  EXPECT_EQ(field(ask("{createIndexes: 'c', indexes: [{key: {_id: 1}, name: 'i', unique: true}], "
                      "$db: 'db'}"),
                  "codeName")
                .text(),
            "InvalidIndexSpecificationOption");
}

TEST_F(DocstoreStore, ACommandStopsWhenItsTimeIsOver) {
  ASSERT_EQ(open(), "");
  std::string documents;
  for (int i = 0; i < 3000; ++i)
    documents += "{_id: " + std::to_string(i) + ", pad: '" + std::string(500, 'a') + "'},";
  documents.pop_back();
  ASSERT_TRUE(is_good(ask("{insert: 'c', documents: [" + documents + "], $db: 'db'}")));
  // A regular expression that looks at each letter many times.
  std::string filters;
  for (int i = 0; i < 200; ++i) filters += "{pad: /(a+)b" + std::to_string(i) + "$/},";
  filters.pop_back();
  EXPECT_EQ(
      field(ask("{count: 'c', query: {$or: [" + filters + "]}, maxTimeMS: 1, $db: 'db'}"), "code")
          .integer(),
      50);
  EXPECT_EQ(
      field(ask("{aggregate: 'c', pipeline: [{$match: {_id: 0}}, {$lookup: {from: 'c', pipeline: "
                "[{$match: {$or: [" +
                filters + "]}}], as: 'o'}}], cursor: {}, maxTimeMS: 1, $db: 'db'}"),
            "codeName")
          .text(),
      "MaxTimeMSExpired")
      << "what a stage reads counts, too";
}

}  // namespace
}  // namespace runtime::docstore
