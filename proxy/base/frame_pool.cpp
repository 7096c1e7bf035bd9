#include <proxy/base/frame_pool.hpp>

#include <array>
#include <cstdint>
#include <new>

namespace sandgate::proxy {
namespace {

constexpr std::size_t kClassBytes = 32;  // An idle connection holds a few frames: what is rounded up counts.
constexpr std::size_t kClasses = 128;    // Frames up to 4 KiB; larger ones do not occur on the data path.
constexpr std::uint32_t kKeptPerClass = 512;

// Under AddressSanitizer every frame is malloc's own, so that a use after free is seen as one.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool kRecycle = false;
#else
constexpr bool kRecycle = true;
#endif

struct FreeFrame {
  FreeFrame* next;
};

class FramePool {
 public:
  FramePool() = default;
  FramePool(const FramePool&) = delete;
  FramePool& operator=(const FramePool&) = delete;
  ~FramePool() {
    for (List& list : lists_) {
      while (list.first != nullptr) ::operator delete(list.pop());
    }
  }

  void* allocate(std::size_t size) {
    const std::size_t index = class_of(size);
    if (!kRecycle || index >= kClasses) return ::operator new(size);
    List& list = lists_[index];
    return list.first != nullptr ? list.pop() : ::operator new((index + 1) * kClassBytes);
  }

  void free(void* frame, std::size_t size) noexcept {
    const std::size_t index = class_of(size);
    if (!kRecycle || index >= kClasses || lists_[index].count >= kKeptPerClass) return ::operator delete(frame);
    lists_[index].push(frame);
  }

 private:
  struct List {
    FreeFrame* first = nullptr;
    std::uint32_t count = 0;

    void* pop() {
      FreeFrame* frame = first;
      first = frame->next;
      --count;
      return frame;
    }
    void push(void* memory) {
      first = new (memory) FreeFrame{first};
      ++count;
    }
  };

  static std::size_t class_of(std::size_t size) { return (size - 1) / kClassBytes; }

  std::array<List, kClasses> lists_;
};

thread_local FramePool pool;

}  // namespace

void* allocate_frame(std::size_t size) { return pool.allocate(size); }
void free_frame(void* frame, std::size_t size) noexcept { pool.free(frame, size); }

}  // namespace sandgate::proxy
