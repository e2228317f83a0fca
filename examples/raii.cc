// Secrets in C++: an owner that cannot be copied, a scope that opens and closes a key, and containers whose memory is a pool.
//
//   c++ -std=c++17 raii.cc $(pkg-config --cflags --libs holdfast-mem) -o raii
#include <algorithm>
#include <holdfast/mem.h>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace holdfast {

inline void check(hf_err e)
{
    if (e != HF_OK)
        throw std::runtime_error(hf_err_text(e));
}

inline hf_pool *pool()
{
    hf_pool *p = nullptr;
    check(hf_pool_of_process(&p));
    return p;
}

// For any container: its elements are locked, left out of dumps, and wiped when they are given back.
template <class T> struct allocator {
    using value_type = T;

    allocator() = default;
    template <class U> allocator(const allocator<U> &) noexcept {}

    T *allocate(std::size_t n)
    {
        void *block = nullptr;
        if (n > SIZE_MAX / sizeof(T) || hf_pool_alloc(pool(), n * sizeof(T), &block) != HF_OK)
            throw std::bad_alloc();
        return static_cast<T *>(block);
    }
    void deallocate(T *block, std::size_t) noexcept { hf_pool_free(pool(), block); }

    template <class U> bool operator==(const allocator<U> &) const noexcept { return true; }
    template <class U> bool operator!=(const allocator<U> &) const noexcept { return false; }
};

// Longer than what std::string keeps inside the object itself; a secret string reserves that much at once.
using string = std::basic_string<char, std::char_traits<char>, allocator<char>>;

// A key between guard pages, unreadable while no scope is open.
class key {
public:
    explicit key(std::size_t bytes)
    {
        hf_buffer_spec spec{};
        spec.bytes = bytes;
        spec.weakest = HF_BACKING_MLOCK;
        spec.at_rest = HF_ACCESS_NONE;
        const char *why = "";
        hf_buffer *b = nullptr;
        if (hf_buffer_new(&spec, &b, &why) != HF_OK)
            throw std::runtime_error(why);
        buffer_.reset(b);
        check(hf_buffer_randomize(b));
    }

    class scope {
    public:
        explicit scope(const key &k) : buffer_(k.buffer_.get())
        {
            void *open = nullptr;
            check(hf_buffer_open(buffer_, HF_ACCESS_READ, &open));
            bytes_ = { static_cast<const char *>(open), hf_buffer_size(buffer_) };
        }
        ~scope() { hf_buffer_close(buffer_); }
        scope(const scope &) = delete;
        scope &operator=(const scope &) = delete;
        std::string_view bytes() const { return bytes_; }

    private:
        hf_buffer *buffer_;
        std::string_view bytes_;
    };

private:
    struct closer {
        void operator()(hf_buffer *b) const { hf_buffer_free(b); }
    };
    std::unique_ptr<hf_buffer, closer> buffer_;
};

} // namespace holdfast

int main()
{
    holdfast::string password;
    password.reserve(64);
    for (char c : { 'h', 'u', 'n', 't', 'e', 'r' })
        password.push_back(c);
    holdfast::string moved = std::move(password);
    std::cout << "a string of " << moved.size() << " bytes\n";

    holdfast::key key(32);
    try {
        holdfast::key::scope open(key);
        auto bytes = open.bytes();
        std::cout << "a key of " << bytes.size() << " bytes, "
                  << (std::count(bytes.begin(), bytes.end(), '\0') < 16 ? "random" : "zero") << "\n";
        throw std::runtime_error("something fails inside");
    } catch (const std::runtime_error &e) {
        std::cout << e.what() << "; the scope is closed\n";
    }
}
