// nodes: which server has a key. One server has them all; in a cluster each has some (cluster.hpp).
#pragma once

#include <proxy/registry/redis/link.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace sandgate::proxy::registry::redis {

class Nodes {
 public:
  virtual ~Nodes() = default;
  virtual void begin() = 0;
  virtual void stop() = 0;
  virtual bool is_over() const = 0;

  /// Whom to ask for the record at `key`; null: nobody can be asked now.
  virtual Link* reader_for(std::string_view key) = 0;
  /// Who may change it; null: nobody now.
  virtual Link* writer_for(std::string_view key) = 0;
  /// The server said that the key is elsewhere ("MOVED 1 host:port", "ASK ..."). Whom to ask instead, at once; null: not
  /// known yet.
  virtual Link* redirected(const std::string& error) = 0;
  /// What must precede each command to the one `redirected` named.
  virtual std::string preface(const std::string& error) const = 0;

  /// Every server that has keys of its own is tracked.
  virtual bool is_exact() const = 0;
  /// Since when not; now, while it is.
  virtual TimePoint exact_at() const = 0;
  virtual std::vector<Link*> masters() = 0;
  virtual std::string problem() const = 0;
};

class SingleNode final : public Nodes {
 public:
  SingleNode(const Link::Environment& environment, Link::Place place)
      : link_(environment, std::move(place), LinkRole::master) {}

  void begin() override { link_.begin(); }
  void stop() override { link_.stop(); }
  bool is_over() const override { return link_.is_over(); }
  Link* reader_for(std::string_view /*key*/) override { return usable(); }
  Link* writer_for(std::string_view /*key*/) override { return usable(); }
  Link* redirected(const std::string& /*error*/) override { return nullptr; }
  std::string preface(const std::string& /*error*/) const override { return {}; }
  bool is_exact() const override { return link_.state() == LinkState::tracked; }
  TimePoint exact_at() const override { return link_.exact_at(); }
  std::vector<Link*> masters() override { return {&link_}; }
  std::string problem() const override { return link_.problem(); }

 private:
  Link* usable() { return link_.is_usable() ? &link_ : nullptr; }
  Link link_;
};

}  // namespace sandgate::proxy::registry::redis
