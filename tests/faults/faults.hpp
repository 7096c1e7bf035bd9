// faults: system calls and requests for memory that fail when a test says so. Linked into a program, it replaces the
// calls the edge makes; nothing in the product knows of it.
//
// Everything is of one thread: a test arms a fault, runs the edge inside an Armed scope, and its own peers outside of
// it, so that only what the edge asks for is counted and fails. Time is the thread's too: where the edge would wait for
// a deadline with nothing on its way, the clock jumps there.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace sandgate::tests {

/// What can fail.
enum class Operation : std::uint8_t {
  allocation,  ///< malloc, calloc, aligned_alloc, posix_memalign; operator new through them.
  recv,
  sendmsg,
  accept4,
  socket,
  connect,
  getsockopt,
  setsockopt,
  shutdown,
  epoll_ctl,
  epoll_wait,
};
inline constexpr std::size_t kOperations = static_cast<std::size_t>(Operation::epoll_wait) + 1;

std::string name_of(Operation operation);

/// In place of an errno: the call does one byte of its work and says so.
inline constexpr int kOneByte = -1;

struct Fault {
  Operation operation = Operation::allocation;
  std::uint64_t at = 0;  ///< The how manyth fails, from 1.
  int error = 0;         ///< errno, or kOneByte. Of getsockopt: what SO_ERROR says.
  bool lasts = false;    ///< All that come after it fail too, until the next `begin`.
};

class Faults {
 public:
  /// Counts anew; `fault` happens once, nothing when there is none.
  static void begin(std::optional<Fault> fault);
  static std::uint64_t count(Operation operation);
  static bool has_happened();
  /// The edge runs while this lives.
  class Armed {
   public:
    Armed();
    ~Armed();
    Armed(const Armed&) = delete;
    Armed& operator=(const Armed&) = delete;
  };

  /// How far this thread's clock has jumped.
  static std::chrono::nanoseconds jumped();
  /// Blocks of the whole process that were asked for and not given back.
  static std::int64_t live_blocks();
};

}  // namespace sandgate::tests
