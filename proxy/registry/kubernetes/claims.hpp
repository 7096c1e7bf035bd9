// claims: which object has which id, and what the registry is told of it.
//
// Objects claim ids. One that is alone with its id is routed; of two neither is, until one lets go: nobody can say
// which was meant. An object that is being deleted gives way to one that is not, so that a sandbox can be replaced
// under its id. Only what changed is told. Pure; a list and a watch of one part of the cluster (a scope) are two ways to
// feed it, and a new list removes what it did not see (`begin_round`, `end_round`).
//
// What half a list says is not acted on: the other claimant of an id may be in the other half. So nothing is told
// before every scope was listed once, and what a list changes is told at its end; until then the table stays.
#pragma once

#include <proxy/registry/kubernetes/object.hpp>
#include <routing/route_record.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace sandgate::proxy::registry::kubernetes {

/// Who is told: the registry. `where` names the object. What throws was not told, and is told again with the next event.
class Told {
 public:
  virtual void publish(const routing::SandboxId& id, const std::string& record, const std::string& where) = 0;
  virtual void withdraw(const routing::SandboxId& id) = 0;
  virtual void refuse(const routing::SandboxId& id, const routing::RecordError& error) = 0;
  /// Of an object that has not even an id.
  virtual void reject(const std::string& object, const routing::RecordError& error) = 0;
  virtual void forget_rejected(const std::string& object) = 0;

 protected:
  ~Told() = default;
};

class Claims {
 public:
  /// `scopes`: how many parts there are to be listed before anything is told.
  explicit Claims(Told& told, std::size_t scopes = 0) : told_(told), scopes_(scopes) {}
  Claims(const Claims&) = delete;
  Claims& operator=(const Claims&) = delete;

  void begin_round(std::size_t scope) {
    ++rounds_[scope];
    open_rounds_.insert(scope);
  }
  void see(std::size_t scope, const ObjectName& name, Sighting sighting);
  void lose(const ObjectName& name);
  /// What was not seen since `begin_round` is not there any more.
  void end_round(std::size_t scope);

  /// What a Secret holds: the hexadecimal digest of the token, or why there is none. Objects that name it follow.
  void know_secret(const SecretRef& secret, std::string digest, std::string problem);
  /// Nobody could say what it holds: what was known stays, and otherwise this is why there is no token.
  void doubt_secret(const SecretRef& secret, std::string why);
  /// An object names it.
  bool names(const SecretRef& secret) const { return secret_users_.contains(secret); }
  /// Every Secret that an object names, once.
  std::vector<SecretRef> secrets() const;
  /// Those that have come since the last call.
  std::vector<SecretRef> take_new_secrets() { return std::exchange(new_secrets_, {}); }

  std::size_t objects() const { return objects_.size(); }
  bool knows(const ObjectName& name) const { return objects_.contains(name.text()); }
  /// Ids that something is kept of: they are claimed, or what became of them is still to be told.
  std::size_t ids() const;
  /// The record that is published under the id.
  const std::string* record(std::string_view id) const;
  /// At most `limit` of those with ids after `after`.
  std::vector<std::pair<std::string, std::string>> records(std::string_view after, std::size_t limit) const;

 private:
  struct Object {
    Sighting sighting;
    std::size_t scope = 0;
    std::uint64_t round = 0;
  };
  enum class Standing : std::uint8_t { nothing, published, refused, contested };
  struct Claim {
    std::set<std::string> by;  ///< Names of objects.
    Standing standing = Standing::nothing;
    std::string text;  ///< The record that was published, or why it was refused.
  };
  struct KnownSecret {
    std::string digest;
    std::string problem;
  };

  void let_go_of_id(const std::string& object, const Sighting& old, std::size_t scope);
  void let_go_of_secret(const std::string& object, const Sighting& old);
  bool is_complete() const { return listed_.size() >= scopes_; }
  void settle_in_time(const std::string& id, std::size_t scope);
  void settle_what_waits();
  void settle(const std::string& id);
  std::vector<const std::string*> holders(const Claim& claim) const;
  void contest(const routing::SandboxId& id, Claim& claim, const std::string& one, const std::string& other);
  void settle_one(const routing::SandboxId& id, Claim& claim, const std::string& object);
  void publish(const routing::SandboxId& id, Claim& claim, std::string record, const std::string& object);
  void refuse(const routing::SandboxId& id, Claim& claim, const routing::RecordError& error);
  void withdraw(const routing::SandboxId& id, Claim& claim);

  Told& told_;
  std::unordered_map<std::string, Object> objects_;
  std::map<std::string, Claim, std::less<>> claims_;  ///< By id.
  std::map<SecretRef, std::set<std::string>> secret_users_;
  std::map<SecretRef, KnownSecret> known_secrets_;
  std::vector<SecretRef> new_secrets_;
  std::map<std::size_t, std::uint64_t> rounds_;
  std::size_t scopes_;
  std::set<std::size_t> listed_;                            ///< Scopes of which a list was whole.
  std::set<std::size_t> open_rounds_;                       ///< Scopes that are being listed.
  std::map<std::size_t, std::set<std::string>> unsettled_;  ///< Ids that a scope has touched, to be told of later.
};

}  // namespace sandgate::proxy::registry::kubernetes
