#include "core/mailbox.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "core/environment.h"
#include "core/handle_table.h"
#include "core/node.h"
#include "core/service.h"

namespace runtime {
namespace {

Message numbered(Handle source, std::int32_t session) {
  return Message::make(source, kTypeLua, session, nullptr, 0);
}

// A service that nobody runs: these tests are its worker.
class MailboxTest : public testing::Test {
 protected:
  MailboxTest() : node_(NodeOptions{}, environment_), service_(new Service(node_, module_)) {}
  ~MailboxTest() override { service_->drop(); }

  // The sessions of all that can be popped.
  static std::vector<int> popped(Mailbox& mailbox) {
    std::vector<int> sessions;
    Message message;
    for (std::size_t refilled; mailbox.pop(&message, &refilled);)
      sessions.push_back(message.session);
    return sessions;
  }

  Environment environment_;
  Node node_;
  const Module module_{};
  Service* service_;
};

constexpr Handle kHandle = 0x01000007;

TEST_F(MailboxTest, AFreshOneIsItsCreatorsToRun) {
  Mailbox mailbox;
  mailbox.open(kHandle, service_);
  EXPECT_EQ(mailbox.push(kHandle, numbered(1, 1)), Mailbox::Pushed::queued);
  EXPECT_EQ(popped(mailbox), std::vector<int>{1});
  EXPECT_TRUE(mailbox.become_idle());
}

TEST_F(MailboxTest, OnlyThePushOnAnIdleMailboxAsksForAWorker) {
  Mailbox mailbox;
  mailbox.open(kHandle, service_);
  ASSERT_TRUE(mailbox.become_idle());
  EXPECT_EQ(mailbox.push(kHandle, numbered(1, 1)), Mailbox::Pushed::must_run);
  EXPECT_EQ(mailbox.push(kHandle, numbered(1, 2)), Mailbox::Pushed::queued)
      << "two workers would run one service";
  EXPECT_FALSE(mailbox.become_idle()) << "two messages wait";
  EXPECT_EQ(popped(mailbox), (std::vector<int>{1, 2}));
}

TEST_F(MailboxTest, SeveralPushedTogetherAreInOrderAndAllOrNone) {
  Mailbox mailbox;
  mailbox.open(kHandle, service_);
  ASSERT_TRUE(mailbox.become_idle());
  const auto push_all = [&](Handle to, int from, int end) {
    std::vector<Message> messages;
    for (int i = from; i < end; ++i) messages.push_back(numbered(1, i));
    return mailbox.push_all(to, messages);
  };
  EXPECT_EQ(push_all(kHandle, 1, 6), Mailbox::Pushed::must_run);
  EXPECT_EQ(push_all(kHandle, 6, 9), Mailbox::Pushed::queued);
  EXPECT_EQ(mailbox.push(kHandle, numbered(1, 9)), Mailbox::Pushed::queued);
  EXPECT_EQ(push_all(kHandle + 1, 10, 12), Mailbox::Pushed::refused);
  EXPECT_FALSE(mailbox.become_idle());
  EXPECT_EQ(popped(mailbox), (std::vector<int>{1, 2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_TRUE(mailbox.become_idle());
}

TEST_F(MailboxTest, MessagesComeInTheOrderOfPushingAlsoAcrossBatches) {
  Mailbox mailbox;
  mailbox.open(kHandle, service_);
  std::vector<int> sessions, expected;
  Message message;
  std::size_t refilled;
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(mailbox.push(kHandle, numbered(1, 2 * i)), Mailbox::Pushed::queued);
    ASSERT_EQ(mailbox.push(kHandle, numbered(1, 2 * i + 1)), Mailbox::Pushed::queued);
    ASSERT_TRUE(mailbox.pop(&message, &refilled));
    sessions.push_back(message.session);
    expected.insert(expected.end(), {2 * i, 2 * i + 1});
  }
  EXPECT_EQ(mailbox.size(), 1000U);
  const std::vector<int> rest = popped(mailbox);
  sessions.insert(sessions.end(), rest.begin(), rest.end());
  EXPECT_EQ(sessions, expected);
}

TEST_F(MailboxTest, ANewBatchTellsItsSize) {
  Mailbox mailbox;
  mailbox.open(kHandle, service_);
  for (int i = 0; i < 3; ++i) mailbox.push(kHandle, numbered(1, i));
  Message message;
  std::size_t refilled = 0;
  ASSERT_TRUE(mailbox.pop(&message, &refilled));
  EXPECT_EQ(refilled, 3U);
  refilled = 99;
  ASSERT_TRUE(mailbox.pop(&message, &refilled));
  EXPECT_EQ(refilled, 99U);
  EXPECT_EQ(popped(mailbox), std::vector<int>{2});
}

TEST_F(MailboxTest, AMessageNowAndThenTakesNoMemory) {
  Mailbox mailbox;
  mailbox.open(kHandle, service_);
  const std::int64_t given = bytes_given;
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(mailbox.become_idle());
    ASSERT_EQ(mailbox.push(kHandle, numbered(1, i)), Mailbox::Pushed::must_run);
    EXPECT_EQ(popped(mailbox), std::vector<int>{i});
  }
  EXPECT_EQ(bytes_given, given) << "what a buffer takes is noted there";
}

// A burst makes both buffers grow. Later its own room does again.
TEST_F(MailboxTest, AfterABurstAMessageNowAndThenTakesNoMemoryAgain) {
  Mailbox mailbox;
  mailbox.open(kHandle, service_);
  const auto push = [&](int count) {
    for (int i = 0; i < count; ++i) mailbox.push(kHandle, numbered(1, i));
  };
  const auto take_one = [&] {
    Message message;
    std::size_t refilled;
    ASSERT_TRUE(mailbox.pop(&message, &refilled));
  };
  const std::int64_t given = bytes_given;
  push(3);
  for (int i = 0; i < 3; ++i) {
    take_one();
    push(3);
  }
  popped(mailbox);
  ASSERT_TRUE(mailbox.become_idle());
  const std::int64_t after = bytes_given;
  EXPECT_GT(after, given);
  for (int i = 0; i < 100; ++i) {
    push(1);
    EXPECT_EQ(popped(mailbox).size(), 1u);
    ASSERT_TRUE(mailbox.become_idle());
  }
  EXPECT_LT(bytes_given, after);
}

TEST_F(MailboxTest, BurstsOfAnySizeComeOutWholeAndGiveTheirMemoryBack) {
  const std::int64_t given = bytes_given;
  {
    Mailbox mailbox;
    mailbox.open(kHandle, service_);
    int next = 0;
    for (const int first : {1, 2, 3, 40, 1, 5, 100, 2, 1}) {
      for (const int second : {0, 1, 2, 3, 50, 0}) {
        std::vector<int> sessions, expected;
        Message message;
        std::size_t refilled;
        const auto push = [&](int count) {
          while (count-- > 0) {
            expected.push_back(next);
            mailbox.push(kHandle, numbered(1, next++));
          }
        };
        push(first);
        ASSERT_TRUE(mailbox.pop(&message, &refilled));
        sessions.push_back(message.session);
        push(second);  // while the others of the burst wait
        for (const int session : popped(mailbox)) sessions.push_back(session);
        ASSERT_EQ(sessions, expected) << first << " and " << second;
        ASSERT_TRUE(mailbox.become_idle());
      }
    }
    mailbox.close();
    mailbox.reset();
    EXPECT_EQ(bytes_given, given);
  }
  EXPECT_EQ(bytes_given, given);
}

TEST_F(MailboxTest, AnotherHandleIsRefused) {
  Mailbox mailbox;
  EXPECT_EQ(mailbox.push(kHandle, numbered(1, 1)), Mailbox::Pushed::refused)
      << "it belongs to nobody";
  mailbox.open(kHandle, service_);
  EXPECT_EQ(mailbox.push(kHandle + 1, numbered(1, 1)), Mailbox::Pushed::refused);
  EXPECT_EQ(mailbox.acquire(kHandle + 1), nullptr);
}

TEST_F(MailboxTest, AClosedOneRefusesAndItsServiceIsRetired) {
  Mailbox mailbox;
  mailbox.open(kHandle, service_);
  mailbox.push(kHandle, numbered(1, 1));
  EXPECT_FALSE(mailbox.close()) << "a worker has it";
  EXPECT_TRUE(service_->retired());
  EXPECT_EQ(mailbox.push(kHandle, numbered(1, 2)), Mailbox::Pushed::refused);
  EXPECT_EQ(mailbox.acquire(kHandle), nullptr);
  EXPECT_FALSE(mailbox.become_idle()) << "the worker must release it";
  EXPECT_EQ(popped(mailbox), std::vector<int>{1}) << "what came before is still to be refused";
}

TEST_F(MailboxTest, WhoClosesAnIdleOneMustHaveItReleased) {
  Mailbox mailbox;
  mailbox.open(kHandle, service_);
  ASSERT_TRUE(mailbox.become_idle());
  EXPECT_TRUE(mailbox.close());
}

TEST_F(MailboxTest, ARecycledOneServesItsNewHandleOnly) {
  Mailbox mailbox;
  mailbox.open(kHandle, service_);
  mailbox.close();
  mailbox.reset();
  auto* next = new Service(node_, module_);
  mailbox.open(kHandle + 1, next);
  EXPECT_EQ(mailbox.push(kHandle, numbered(1, 1)), Mailbox::Pushed::refused);
  EXPECT_EQ(mailbox.push(kHandle + 1, numbered(1, 2)), Mailbox::Pushed::queued);
  EXPECT_EQ(popped(mailbox), std::vector<int>{2});
  next->drop();
}

TEST_F(MailboxTest, ManySendersKeepTheirOrderAndLoseNothing) {
  constexpr int kSenders = 4, kEach = 20'000;
  Mailbox mailbox;
  mailbox.open(kHandle, service_);
  ASSERT_TRUE(mailbox.become_idle());
  std::atomic<int> to_run{0};
  std::vector<std::thread> senders;
  for (int s = 0; s < kSenders; ++s) {
    senders.emplace_back([&, s] {
      for (int i = 1; i <= kEach; ++i) {
        if (mailbox.push(kHandle, numbered(s, i)) == Mailbox::Pushed::must_run) to_run.fetch_add(1);
      }
    });
  }
  std::vector<int> last(kSenders, 0);
  int received = 0, runs = 0;
  while (received < kSenders * kEach) {
    while (to_run.load() == runs) std::this_thread::yield();
    ++runs;
    do {
      Message message;
      for (std::size_t refilled; mailbox.pop(&message, &refilled); ++received) {
        ASSERT_EQ(message.session, last[message.source] + 1);
        last[message.source] = message.session;
      }
    } while (!mailbox.become_idle());
  }
  for (std::thread& sender : senders) sender.join();
  EXPECT_EQ(to_run.load(), runs);
}

// ---- the table that leads to them
// --------------------------------------------------------------------------

class HandleTableTest : public MailboxTest {
 protected:
  Handle add(HandleTable& table, Mailbox** mailbox = nullptr) {
    Handle handle = 0;
    Mailbox* unused;
    EXPECT_TRUE(table.add(service_, &handle, mailbox != nullptr ? mailbox : &unused));
    return handle;
  }
};

TEST_F(HandleTableTest, HandlesGoUpAndCarryTheHarbor) {
  HandleTable table(5);
  EXPECT_EQ(add(table), 0x05000001U);
  EXPECT_EQ(add(table), 0x05000002U);
  EXPECT_EQ(table.list(), (std::vector<Handle>{0x05000001, 0x05000002}));
}

TEST_F(HandleTableTest, AHandleLeadsToItsMailboxUntilItIsRemoved) {
  HandleTable table(1);
  Mailbox* mailbox;
  const Handle handle = add(table, &mailbox);
  EXPECT_EQ(table.find(handle), mailbox);
  EXPECT_EQ(table.find(handle + 1), nullptr);
  EXPECT_EQ(table.find(handle & kLocalMask), nullptr) << "another harbor's";
  EXPECT_EQ(table.remove(handle), mailbox);
  EXPECT_EQ(table.find(handle), nullptr);
  EXPECT_EQ(table.remove(handle), nullptr) << "one caller only may close it";
  EXPECT_TRUE(table.list().empty());
}

TEST_F(HandleTableTest, AMailboxIsUsedAgainAHandleIsNot) {
  HandleTable table(1);
  Mailbox* first;
  const Handle old = add(table, &first);
  table.remove(old)->close();
  table.recycle(first);
  Mailbox* second;
  const Handle fresh = add(table, &second);
  EXPECT_EQ(second, first);
  EXPECT_EQ(fresh, old + 1);
  EXPECT_EQ(table.find(old), nullptr);
}

}  // namespace
}  // namespace runtime
