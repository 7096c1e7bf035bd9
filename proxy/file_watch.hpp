// file_watch: tells when files have changed, in every way files are changed: written, replaced by rename, or by the
// swap of a symlink above them (Kubernetes' `..data`).
//
// It watches the folders, not the files, and calls kSettle after the first change, so that a change of several files is
// one call. Other files of those folders make calls too: the caller compares.
#pragma once

#include <proxy/base/calling.hpp>
#include <proxy/base/loop.hpp>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace sandgate::proxy {

class FileWatch final : private EventSource {
 public:
  static constexpr std::chrono::milliseconds kSettle{100};

  /// `changed` is called on the loop's thread.
  FileWatch(Loop& loop, std::function<void()> changed);
  ~FileWatch();
  FileWatch(const FileWatch&) = delete;
  FileWatch& operator=(const FileWatch&) = delete;

  /// Replaces what is watched. A folder that does not exist is not watched.
  void watch(const std::vector<std::string>& files);

 private:
  void note(std::uint32_t epoll_events) override;
  void take_events();
  void report() { changed_(); }

  Loop& loop_;
  std::function<void()> changed_;
  UniqueFd inotify_;
  CallOnTime<&FileWatch::report> settled_{*this};
  CallSoon<&FileWatch::take_events> noticed_{*this};
};

}  // namespace sandgate::proxy
