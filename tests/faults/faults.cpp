#include <tests/faults/faults.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <ctime>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sandgate::tests {
namespace {

struct State {
  std::array<std::uint64_t, kOperations> counts;
  Fault fault;
  bool is_armed;
  bool has_fault;
  bool has_happened;
  std::int64_t jumped_ns;
};
// Plain data, so that a thread's first malloc finds it ready.
constinit thread_local State state{};
constinit std::atomic<std::int64_t> live{0};

/// What the edge has registered, to be told again of what a fault has hidden.
struct Registration {
  int epoll;
  epoll_event event;
};
std::array<Registration, 1024> registrations;

}  // namespace

std::string name_of(Operation operation) {
  constexpr std::array<const char*, kOperations> kNames{"allocation", "recv",      "sendmsg",    "accept4",
                                                        "socket",     "connect",   "getsockopt", "setsockopt",
                                                        "shutdown",   "epoll_ctl", "epoll_wait"};
  return kNames.at(static_cast<std::size_t>(operation));
}

void Faults::begin(std::optional<Fault> fault) {
  state.counts = {};
  state.fault = fault.value_or(Fault{});
  state.has_fault = fault.has_value();
  state.has_happened = false;
}

std::uint64_t Faults::count(Operation operation) { return state.counts.at(static_cast<std::size_t>(operation)); }
bool Faults::has_happened() { return state.has_happened; }
std::chrono::nanoseconds Faults::jumped() { return std::chrono::nanoseconds(state.jumped_ns); }
std::int64_t Faults::live_blocks() { return live.load(); }

Faults::Armed::Armed() { state.is_armed = true; }
Faults::Armed::~Armed() { state.is_armed = false; }

namespace {

/// Counts a call; true when it is to fail.
bool fails(Operation operation) {
  if (!state.is_armed) return false;
  const std::uint64_t number = ++state.counts[static_cast<std::size_t>(operation)];
  const Fault& fault = state.fault;
  const bool is_hit =
      state.has_fault && fault.operation == operation && (number == fault.at || (fault.lasts && number > fault.at));
  state.has_happened = state.has_happened || is_hit;
  return is_hit;
}

/// The kernel tells of readiness once; what a fault made of it must be told again, as it would be in earnest.
void tell_again(int fd) {
  Registration& known = registrations.at(static_cast<std::size_t>(fd));
  if (known.epoll > 0) syscall(SYS_epoll_ctl, known.epoll, EPOLL_CTL_MOD, fd, &known.event);
}

int fail_with(int error) {
  errno = error;
  return -1;
}

void* made(void* memory) {
  if (memory != nullptr) live.fetch_add(1, std::memory_order_relaxed);
  return memory;
}

void* no_memory() {
  errno = ENOMEM;
  return nullptr;
}

}  // namespace
}  // namespace sandgate::tests

using sandgate::tests::fail_with;
using sandgate::tests::fails;
using sandgate::tests::kOneByte;
using sandgate::tests::made;
using sandgate::tests::no_memory;
using sandgate::tests::Operation;
using sandgate::tests::state;
using sandgate::tests::tell_again;

// --- memory ---------------------------------------------------------------------------------------------------------

#if defined(SANDGATE_ADDRESS_SANITIZER)
#define REAL(name) __interceptor_##name
#else
#define REAL(name) __libc_##name
#endif

extern "C" {
void* REAL(malloc)(std::size_t size);
void* REAL(calloc)(std::size_t count, std::size_t size);
void* REAL(realloc)(void* memory, std::size_t size);
void* REAL(memalign)(std::size_t alignment, std::size_t size);
void REAL(free)(void* memory);

void* malloc(std::size_t size) { return fails(Operation::allocation) ? no_memory() : made(REAL(malloc)(size)); }
void* calloc(std::size_t number, std::size_t size) {
  return fails(Operation::allocation) ? no_memory() : made(REAL(calloc)(number, size));
}
// Never fails: libnghttp2 1.52 frees twice what its queue could not be grown for.
void* realloc(void* memory, std::size_t size) {
  void* const larger = REAL(realloc)(memory, size);
  if (memory == nullptr) made(larger);
  if (memory != nullptr && size == 0) sandgate::tests::live.fetch_sub(1, std::memory_order_relaxed);
  return larger;
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
  return fails(Operation::allocation) ? no_memory() : made(REAL(memalign)(alignment, size));
}
int posix_memalign(void** memory, std::size_t alignment, std::size_t size) {
  *memory = fails(Operation::allocation) ? nullptr : made(REAL(memalign)(alignment, size));
  return *memory == nullptr ? ENOMEM : 0;
}
void free(void* memory) {
  if (memory != nullptr) sandgate::tests::live.fetch_sub(1, std::memory_order_relaxed);
  REAL(free)(memory);
}
}

// AddressSanitizer's own do not ask malloc.
#if defined(SANDGATE_ADDRESS_SANITIZER)
#include <new>
void* operator new(std::size_t size) {
  void* const memory = malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void* operator new[](std::size_t size) { return operator new(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return malloc(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return malloc(size); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  void* const memory = aligned_alloc(static_cast<std::size_t>(alignment), size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void operator delete(void* memory) noexcept { free(memory); }
void operator delete[](void* memory) noexcept { free(memory); }
void operator delete(void* memory, std::size_t) noexcept { free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { free(memory); }
#endif

// --- sockets --------------------------------------------------------------------------------------------------------

namespace {

/// Does `call` with `size` bytes at most; one that a fault shortens tells that there is more.
template <class Call>
ssize_t transfer(Operation operation, int fd, std::size_t size, Call call) {
  if (!fails(operation)) return call(size);
  if (state.fault.error == kOneByte) {
    const ssize_t done = call(std::min<std::size_t>(size, 1));
    tell_again(fd);
    return done;
  }
  if (state.fault.error == EAGAIN) tell_again(fd);
  return fail_with(state.fault.error);
}

}  // namespace

extern "C" {

ssize_t recv(int fd, void* to, std::size_t size, int flags) {
  return transfer(Operation::recv, fd, size,
                  [&](std::size_t most) { return syscall(SYS_recvfrom, fd, to, most, flags, nullptr, nullptr); });
}

ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  return transfer(Operation::sendmsg, fd, SIZE_MAX, [&](std::size_t most) -> ssize_t {
    if (most == SIZE_MAX) return syscall(SYS_sendmsg, fd, message, flags);
    const iovec* const end = message->msg_iov + message->msg_iovlen;
    const iovec* const first =
        std::find_if(message->msg_iov, const_cast<iovec*>(end), [](const iovec& piece) { return piece.iov_len > 0; });
    return first == end ? 0 : syscall(SYS_sendto, fd, first->iov_base, most, flags, nullptr, 0);
  });
}

int accept4(int fd, sockaddr* address, socklen_t* size, int flags) {
  if (fails(Operation::accept4)) return fail_with(state.fault.error);
  return static_cast<int>(syscall(SYS_accept4, fd, address, size, flags));
}

int socket(int family, int type, int protocol) noexcept {
  if (fails(Operation::socket)) return fail_with(state.fault.error);
  return static_cast<int>(syscall(SYS_socket, family, type, protocol));
}

int connect(int fd, const sockaddr* address, socklen_t size) {
  if (fails(Operation::connect)) return fail_with(state.fault.error);
  return static_cast<int>(syscall(SYS_connect, fd, address, size));
}

int getsockopt(int fd, int level, int option, void* value, socklen_t* size) noexcept {
  const long result = syscall(SYS_getsockopt, fd, level, option, value, size);
  if (option == SO_ERROR && fails(Operation::getsockopt)) *static_cast<int*>(value) = state.fault.error;
  return static_cast<int>(result);
}

int setsockopt(int fd, int level, int option, const void* value, socklen_t size) noexcept {
  if (fails(Operation::setsockopt)) return fail_with(state.fault.error);
  return static_cast<int>(syscall(SYS_setsockopt, fd, level, option, value, size));
}

int shutdown(int fd, int how) noexcept {
  if (fails(Operation::shutdown)) return fail_with(state.fault.error);
  return static_cast<int>(syscall(SYS_shutdown, fd, how));
}

int epoll_ctl(int epoll, int command, int fd, epoll_event* event) noexcept {
  if (command != EPOLL_CTL_DEL && fails(Operation::epoll_ctl)) return fail_with(state.fault.error);
  const long result = syscall(SYS_epoll_ctl, epoll, command, fd, event);
  const bool is_kept = command == EPOLL_CTL_ADD && result == 0 && (event->events & EPOLLET) != 0;
  sandgate::tests::registrations.at(static_cast<std::size_t>(fd)) =
      is_kept ? sandgate::tests::Registration{epoll, *event} : sandgate::tests::Registration{};
  return static_cast<int>(result);
}

int epoll_wait(int epoll, epoll_event* events, int most, int timeout) {
  constexpr long kOnItsWay = 1;  // Milliseconds that what was sent over loopback may take.
  const auto wait = [&](long milliseconds) {
    return static_cast<int>(syscall(SYS_epoll_wait, epoll, events, most, milliseconds));
  };
  if (!state.is_armed) return wait(timeout);
  if (fails(Operation::epoll_wait)) return fail_with(state.fault.error);
  const int ready = wait(timeout == 0 ? 0 : kOnItsWay);
  if (ready == 0 && timeout > 0) state.jumped_ns += timeout * INT64_C(1'000'000);
  return ready;
}

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  const long result = syscall(SYS_clock_gettime, clock, time);
  if (clock == CLOCK_MONOTONIC && result == 0 && state.jumped_ns != 0) {
    constexpr std::int64_t kSecond = 1'000'000'000;
    const std::int64_t nanoseconds = time->tv_nsec + state.jumped_ns;
    time->tv_sec += nanoseconds / kSecond;
    time->tv_nsec = nanoseconds % kSecond;
  }
  return static_cast<int>(result);
}
}
