#include <proxy/file_watch.hpp>

#include <array>
#include <filesystem>
#include <set>
#include <sys/epoll.h>
#include <sys/inotify.h>

namespace sandgate::proxy {
namespace {

constexpr std::uint32_t kChanges = IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_ATTRIB;

/// The folders in which a change of `file` shows: its own, and that of every symlink on the way to it.
void add_folders(const std::filesystem::path& file, std::set<std::string>& folders) {
  std::error_code error;
  std::filesystem::path at = file;
  for (int links = 0; links < 8; ++links) {
    folders.insert(at.parent_path().empty() ? "." : at.parent_path().string());
    if (!std::filesystem::is_symlink(at, error)) return;
    const std::filesystem::path to = std::filesystem::read_symlink(at, error);
    if (error) return;
    at = to.is_absolute() ? to : at.parent_path() / to;
  }
}

}  // namespace

FileWatch::FileWatch(Loop& loop, std::function<void()> changed) : loop_(loop), changed_(std::move(changed)) {}

FileWatch::~FileWatch() = default;

void FileWatch::watch(const std::vector<std::string>& files) {
  inotify_.reset(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!inotify_) return;
  std::set<std::string> folders;
  for (const std::string& file : files) add_folders(file, folders);
  for (const std::string& folder : folders) inotify_add_watch(inotify_.number(), folder.c_str(), kChanges);
  loop_.watch(inotify_.number(), EPOLLIN, *this);
}

void FileWatch::note(std::uint32_t /*epoll_events*/) { loop_.schedule(noticed_); }

void FileWatch::take_events() {
  alignas(inotify_event) std::array<char, 4096> events;
  while (::read(inotify_.number(), events.data(), events.size()) > 0) {
  }
  if (!settled_.is_armed())
    loop_.arm(settled_, loop_.now() + kSettle);  // Not again: changes that never cease must show too.
}

}  // namespace sandgate::proxy
