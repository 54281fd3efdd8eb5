#pragma once

#include "lib/loop/loop.h"

#include <memory>

namespace wherry {

// A Loop over a Boost.Asio io_context of its own (epoll). One thread calls Run.
std::unique_ptr<Loop> MakeAsioLoop();

}  // namespace wherry
