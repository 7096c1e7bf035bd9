#include <proxy/registry/redis/resp.hpp>

#include <hiredis/hiredis.h>
#include <hiredis/read.h>

#include <new>

namespace sandgate::proxy::registry::redis {
namespace {

// hiredis builds a reply through these: it asks for an object for each value, parents before children. A null means
// "no memory", which breaks its reader; that is how a limit is enforced.

/// Where the value of `task` goes: into its parent's list, or a new root.
Reply* place(const redisReadTask* task) {
  if (task->parent == nullptr) return new (std::nothrow) Reply;
  auto* parent = static_cast<Reply*>(task->parent->obj);
  return &parent->elements[static_cast<std::size_t>(task->idx)];
}

void* create_text(const redisReadTask* task, char* text, std::size_t size) {
  Reply* reply = place(task);
  if (reply == nullptr) return nullptr;
  reply->kind = task->type == REDIS_REPLY_ERROR    ? Reply::Kind::error
                : task->type == REDIS_REPLY_STATUS ? Reply::Kind::status
                                                   : Reply::Kind::text;
  reply->text.assign(text, size);
  return reply;
}

void* create_array(const redisReadTask* task, int elements) {
  auto& left = *static_cast<std::size_t*>(task->privdata);
  if (elements < 0 || static_cast<std::size_t>(elements) > left) return nullptr;
  left -= static_cast<std::size_t>(elements);
  Reply* reply = place(task);
  if (reply == nullptr) return nullptr;
  reply->kind = Reply::Kind::array;
  reply->elements.resize(static_cast<std::size_t>(elements));  // Never again: children are given out by address.
  return reply;
}

void* create_integer(const redisReadTask* task, long long value) {
  Reply* reply = place(task);
  if (reply == nullptr) return nullptr;
  reply->kind = Reply::Kind::integer;
  reply->integer = value;
  return reply;
}

void* create_nil(const redisReadTask* task) { return place(task); }

void free_root(void* root) { delete static_cast<Reply*>(root); }

redisReplyObjectFunctions& functions() {
  static redisReplyObjectFunctions table{&create_text, &create_array, &create_integer, &create_nil, &free_root};
  return table;
}

}  // namespace

void ReplyReader::Free::operator()(redisReader* reader) const { redisReaderFree(reader); }

ReplyReader::ReplyReader() : reader_(redisReaderCreateWithFunctions(&functions())) {
  if (!reader_) throw std::bad_alloc();
  reader_->privdata = &elements_left_;
}

ReplyReader::~ReplyReader() = default;

void ReplyReader::feed(std::string_view bytes) {
  if (!broken_.empty() || bytes.empty()) return;
  if (reader_->len - reader_->pos + bytes.size() > kMostBytes) {
    broken_ = "a reply is larger than " + std::to_string(kMostBytes) + " bytes";
  } else if (redisReaderFeed(reader_.get(), bytes.data(), bytes.size()) != REDIS_OK) {
    broken_ = reader_->errstr;
  }
}

std::optional<Reply> ReplyReader::next() {
  if (!broken_.empty()) return std::nullopt;
  void* root = nullptr;
  if (redisReaderGetReply(reader_.get(), &root) != REDIS_OK) {
    broken_ = std::string("not a reply of Redis: ") + reader_->errstr;
    return std::nullopt;
  }
  if (root == nullptr) return std::nullopt;
  elements_left_ = kMostElements;
  const std::unique_ptr<Reply> reply(static_cast<Reply*>(root));
  return std::move(*reply);
}

std::string command(std::initializer_list<std::string_view> words) {
  return command(std::span<const std::string_view>(words.begin(), words.size()));
}

std::string command(std::span<const std::string_view> words) {
  std::vector<const char*> texts;
  std::vector<std::size_t> sizes;
  texts.reserve(words.size());
  sizes.reserve(words.size());
  for (const std::string_view word : words) {
    texts.push_back(word.data());
    sizes.push_back(word.size());
  }
  char* formatted = nullptr;
  const int size = redisFormatCommandArgv(&formatted, static_cast<int>(words.size()), texts.data(), sizes.data());
  if (size < 0) throw std::bad_alloc();
  std::string result(formatted, static_cast<std::size_t>(size));
  redisFreeCommand(formatted);
  return result;
}

}  // namespace sandgate::proxy::registry::redis
