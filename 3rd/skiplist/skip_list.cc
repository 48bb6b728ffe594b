#include "skip_list.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

namespace runtime {

// One block: this head, `height` links, the member's bytes.
class SkipList::Node {
 public:
  struct Link {
    Node* next;
    std::size_t span;  // ranks from this node to next; to the end of the list if there is no next
  };

  static Node* make(double score, std::string_view member, int height) {
    const std::size_t links_bytes = sizeof(Link) * static_cast<std::size_t>(height);
    void* block = std::malloc(sizeof(Node) + links_bytes + member.size());
    if (block == nullptr) {
      std::fputs("out of memory: no room for a member of a skip list\n", stderr);
      std::abort();
    }
    Node* node = new (block) Node(score, member.size(), height);
    std::memset(node->links(), 0, links_bytes);
    if (!member.empty()) std::memcpy(node->bytes(), member.data(), member.size());
    return node;
  }

  Link* links() { return reinterpret_cast<Link*>(this + 1); }
  char* bytes() { return reinterpret_cast<char*>(links() + height); }
  std::string_view member() const { return {const_cast<Node*>(this)->bytes(), member_size}; }

  // Whether this pair stands before (score, member).
  bool before(double other_score, std::string_view other) const {
    return score != other_score ? score < other_score : member() < other;
  }

  const double score;
  const std::size_t member_size;
  Node* previous = nullptr;  // null for the first; the head does not count
  const int height;

 private:
  Node(double s, std::size_t size, int h) : score(s), member_size(size), height(h) {}
};

SkipList::SkipList() noexcept
    : head_(Node::make(0, {}, kMaxHeight)), random_(reinterpret_cast<std::uintptr_t>(this) | 1) {}

SkipList::~SkipList() {
  for (Node* node = head_; node != nullptr;) {
    Node* next = node->links()[0].next;
    std::free(node);
    node = next;
  }
}

// xorshift64; each next height has a quarter of the probability.
int SkipList::random_height() noexcept {
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  int height = 1;
  for (std::uint64_t bits = random_ >> 8; height < kMaxHeight && (bits & 3) == 0; bits >>= 2) {
    ++height;
  }
  return height;
}

// Fills `path` with the last node of each level for which `before(node, its rank)` still holds.
template <class Before>
void SkipList::descend(Path* path, Before before) const noexcept {
  Node* node = head_;
  std::size_t rank = 0;
  for (int level = height_ - 1; level >= 0; --level) {
    for (;;) {
      const Node::Link& link = node->links()[level];
      if (link.next == nullptr || !before(link.next, rank + link.span)) break;
      rank += link.span;
      node = link.next;
    }
    path->node[level] = node;
    path->rank[level] = rank;
  }
}

void SkipList::insert(double score, std::string_view member) noexcept {
  Path path;
  descend(&path, [&](Node* node, std::size_t) { return node->before(score, member); });
  const int height = random_height();
  for (; height_ < height; ++height_) {
    path.node[height_] = head_;
    path.rank[height_] = 0;
    head_->links()[height_].span = size_;
  }

  Node* node = Node::make(score, member, height);
  const std::size_t before = path.rank[0];  // so many pairs stand before the new one
  for (int level = 0; level < height; ++level) {
    Node::Link& link = path.node[level]->links()[level];
    const std::size_t skipped = before - path.rank[level];
    node->links()[level] = {link.next, link.span - skipped};
    link = {node, skipped + 1};
  }
  for (int level = height; level < height_; ++level) ++path.node[level]->links()[level].span;

  node->previous = path.node[0] == head_ ? nullptr : path.node[0];
  if (Node* next = node->links()[0].next) {
    next->previous = node;
  } else {
    last_ = node;
  }
  ++size_;
}

// Takes `node`, which stands right after `path`, out and frees it.
void SkipList::unlink(const Path& path, Node* node) noexcept {
  for (int level = 0; level < height_; ++level) {
    Node::Link& link = path.node[level]->links()[level];
    if (level < node->height) {
      link.next = node->links()[level].next;
      link.span += node->links()[level].span;
    }
    --link.span;
  }
  if (Node* next = node->links()[0].next) {
    next->previous = node->previous;
  } else {
    last_ = node->previous;
  }
  while (height_ > 1 && head_->links()[height_ - 1].next == nullptr) --height_;
  --size_;
  std::free(node);
}

bool SkipList::erase(double score, std::string_view member) noexcept {
  Path path;
  descend(&path, [&](Node* node, std::size_t) { return node->before(score, member); });
  Node* node = path.node[0]->links()[0].next;
  if (node == nullptr || node->score != score || node->member() != member) return false;
  unlink(path, node);
  return true;
}

void SkipList::erase_rank(std::size_t rank) noexcept {
  Path path;
  descend(&path, [&](Node*, std::size_t node_rank) { return node_rank < rank; });
  unlink(path, path.node[0]->links()[0].next);
}

std::size_t SkipList::rank(double score, std::string_view member) const noexcept {
  Path path;
  descend(&path, [&](Node* node, std::size_t) { return node->before(score, member); });
  const Node* node = path.node[0]->links()[0].next;
  if (node == nullptr || node->score != score || node->member() != member) return 0;
  return path.rank[0] + 1;
}

const SkipList::Node* SkipList::at(std::size_t rank) const noexcept {
  if (rank == 0 || rank > size_) return nullptr;
  Path path;
  descend(&path, [&](Node*, std::size_t node_rank) { return node_rank < rank; });
  return path.node[0]->links()[0].next;
}

const SkipList::Node* SkipList::first_from(double score) const noexcept {
  Path path;
  descend(&path, [&](Node* node, std::size_t) { return node->score < score; });
  return path.node[0]->links()[0].next;
}

const SkipList::Node* SkipList::last_to(double score) const noexcept {
  Path path;
  descend(&path, [&](Node* node, std::size_t) { return node->score <= score; });
  return path.node[0] == head_ ? nullptr : path.node[0];
}

const SkipList::Node* SkipList::next(const Node* node) noexcept {
  return const_cast<Node*>(node)->links()[0].next;
}
const SkipList::Node* SkipList::previous(const Node* node) noexcept { return node->previous; }
double SkipList::score(const Node* node) noexcept { return node->score; }
std::string_view SkipList::member(const Node* node) noexcept { return node->member(); }

}  // namespace runtime
