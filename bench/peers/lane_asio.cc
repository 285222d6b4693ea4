// Boost.Asio's strand, on a context that one thread runs. The future is the standard library's.
#include <future>
#include <memory>
#include <thread>
#include <vector>

#include <boost/asio.hpp>

#include "bench/lane/contender.h"

namespace {

using answers = std::vector<std::future<uint64_t>>;
using work_guard = boost::asio::executor_work_guard<boost::asio::io_context::executor_type>;

boost::asio::io_context context{1};
boost::asio::strand<boost::asio::io_context::executor_type> strand{context.get_executor()};
std::unique_ptr<work_guard> guard;
std::thread thread;

void start(bool)
{
    guard = std::make_unique<work_guard>(context.get_executor());
    thread = std::thread([] {
        lane_here();
        context.run();
    });
}

void stop()
{
    guard.reset();
    thread.join();
}

inline void submit(void *caller, size_t slot, uint64_t key)
{
    (*static_cast<answers *>(caller))[slot] =
        boost::asio::post(strand, std::packaged_task<uint64_t()>([key] { return lane_operate(key); }));
}

inline uint64_t reap(void *caller, size_t slot)
{
    return (*static_cast<answers *>(caller))[slot].get();
}

inline uint64_t call(void *caller, uint64_t key)
{
    submit(caller, 0, key);
    return reap(caller, 0);
}

LANE_LOOPS(call, submit, reap)

void *open_caller(size_t slots)
{
    return new answers(slots);
}

void close_caller(void *caller)
{
    delete static_cast<answers *>(caller);
}

} // namespace

extern "C" const lane_contender lane_this;

const lane_contender lane_this = {
    "asio_strand", PEER_VERSION, LANE_ALL_WORKS "call_park,idle",
    start,         stop,         open_caller,
    close_caller,  calls,        stream,
    submit,        reap,         nullptr,
    nullptr,       nullptr,
};
