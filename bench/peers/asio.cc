// Boost.Asio's thread_pool: tasks from outside. It has no future for a bare post; a count of those that ended stands for it.
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>

#include <boost/asio.hpp>

#include "bench/pool/contender.h"

namespace {

std::unique_ptr<boost::asio::thread_pool> pool;

struct countdown {
    std::atomic<size_t> left;
    bool over;
    std::mutex mutex;
    std::condition_variable ended;
};

void start(unsigned workers)
{
    pool = std::make_unique<boost::asio::thread_pool>(workers);
}

void stop()
{
    pool->join();
    pool.reset();
}

void *prepare(size_t)
{
    return nullptr;
}

void produce(void *, size_t first, size_t end)
{
    countdown count{{end - first}, false, {}, {}};
    for (size_t i = first; i < end; i++)
        boost::asio::post(*pool, [&count] {
            if (count.left.fetch_sub(1) != 1)
                return;
            std::lock_guard<std::mutex> lock(count.mutex);
            count.over = true;
            count.ended.notify_one();
        });
    std::unique_lock<std::mutex> lock(count.mutex);
    count.ended.wait(lock, [&count] { return count.over; });
}

void finish(void *)
{
}

void wake()
{
    boost::asio::post(*pool, [] { bench_woken(); });
}

} // namespace

extern "C" const bench_contender bench_this;

const bench_contender bench_this = {
    "Asio",  PEER_VERSION, start,   stop,    nullptr, nullptr, nullptr,
    nullptr, nullptr,      prepare, produce, finish,  wake,    nullptr,
};
