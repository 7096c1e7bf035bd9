// reflector: the list-and-watch of one resource in one part of the cluster, as a machine without sockets.
//
//   find version ──▶ list, page by page ──▶ watch ──▶ watch from where the last one ended ...
//                     ▲                       │
//                     └── 410, or what makes no sense: listed anew, and the table stays as it is until that is done
//
// The caller asks `next` what to request and when, and tells what came of it: `begin` for a status, `take` for bytes of
// the body, `end` for its end. Objects go to a Listener. What was not understood is never acted on: the watch ends, is
// counted, and everything is listed anew. A watch that was only cut goes on from the last version it saw.
// An object that is nested too deep to be read is as good as gone, and nothing ends because of it.
#pragma once

#include <config/config.hpp>
#include <proxy/base/deadline.hpp>
#include <proxy/registry/kubernetes/backoff.hpp>
#include <proxy/registry/kubernetes/json_splitter.hpp>
#include <proxy/registry/kubernetes/object.hpp>

#include <boost/json/object.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sandgate::proxy::registry::kubernetes {

class Listener {
 public:
  virtual void begin_round() = 0;
  virtual void seen(const boost::json::object& object, const ObjectName& name) = 0;
  virtual void lost(const ObjectName& name) = 0;
  virtual void end_round() = 0;
  /// An object that is too large, or is none; `what` says so.
  virtual void skipped(const std::string& what) = 0;

 protected:
  ~Listener() = default;
};

class Reflector {
 public:
  struct Wanted {
    config::KubernetesKind kind = config::KubernetesKind::agent_sandbox;
    std::string group;  ///< Of kind custom, as the next two.
    std::string version;
    std::string resource;
    std::string name_space;      ///< Empty: all.
    std::string label_selector;  ///< The configuration's.
    std::chrono::seconds watch_for{60};
  };
  struct Request {
    std::string target;
    std::chrono::milliseconds pause{0};     ///< Before it is sent.
    std::chrono::milliseconds patience{0};  ///< From then to the end of the response.
  };
  enum class Begun : std::uint8_t { read_body, leave_body, renew_credentials };
  enum class Ended : std::uint8_t { whole, cut };

  /// The status of a response that takes longer is not waited for, and neither is the end of a list.
  static constexpr std::chrono::milliseconds kListPatience{60'000};
  /// How much longer than asked for a watch may last.
  static constexpr std::chrono::milliseconds kWatchSlack{5'000};

  Reflector(Wanted wanted, Listener& listener, std::uint32_t seed, TimePoint now);

  Request next(TimePoint now);
  Begun begin(int status, std::chrono::seconds retry_after, TimePoint now);
  /// False: the rest of the response is of no use.
  bool take(std::string_view bytes, TimePoint now);
  void end(Ended how, TimePoint now);
  /// The request could not be sent, or no response came.
  void fail(const std::string& why);

  bool is_listed() const { return is_listed_; }
  /// What is wrong; empty: nothing.
  const std::string& problem() const { return problem_; }
  /// When the objects were last known to be all there are; kNever: they are.
  TimePoint exact_at() const { return exact_at_; }
  std::uint64_t failures() const { return failures_; }

 private:
  enum class Stage : std::uint8_t { find_version, list, watch };

  std::string base_path() const;
  std::string selector() const;
  void begin_list();
  void failed(const std::string& why, std::chrono::milliseconds wanted = {});
  void broken(const std::string& why);
  void refused(int status, std::chrono::seconds retry_after);

  void end_of_groups(Ended how);
  void end_of_page(Ended how);
  void end_of_watch(Ended how, TimePoint now);
  bool take_item(std::string_view text);
  bool take_event(std::string_view text, TimePoint now);
  bool take_error(const boost::json::object& status);
  bool take_change(std::string_view type, const boost::json::object& object, TimePoint now);
  bool is_ours(const boost::json::object& object, bool is_bare_fine) const;
  bool is_kind_said_before_items();
  bool learn_kind(const boost::json::object& envelope);
  std::string api_version() const;

  Wanted wanted_;
  Listener& listener_;
  Backoff backoff_;
  Stage stage_;
  std::string version_;
  std::string kind_;  ///< Of the objects; of kind custom known from the list.
  std::string continue_;
  std::string resource_version_;
  std::optional<JsonSplitter> splitter_;
  std::string groups_;  ///< The body of the discovery.
  std::chrono::milliseconds pause_{0};
  std::string problem_;
  TimePoint exact_at_;
  TimePoint heard_at_;
  TimePoint begun_at_;
  std::uint64_t failures_ = 0;
  std::uint32_t fruitless_ = 0;  ///< Watches in a row that gave nothing, or whose place was refused.
  bool is_round_open_ = false;
  bool is_listed_ = false;
  bool is_page_begun_ = false;
  bool is_kind_said_ = false;  ///< Of the page's items, before them.
  bool is_over_ = false;       ///< Of this response: it failed, and what ended it was said.
  bool was_heard_ = false;
  bool are_credentials_new_ = false;
};

/// Which of a group's versions is used: v1beta1, else v1alpha1. Empty: none of them is served.
std::string choose_version(std::string_view api_group);

}  // namespace sandgate::proxy::registry::kubernetes
