#pragma once

#include "nodeagent/init/supervisor.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace wherry::nodeagent::init {

// A copy of a container's output for somebody who is attached to it.
struct Tap {
  LogWriter::Stream stream = LogWriter::Stream::kStdout;
  linux::Fd pipe;       // non-blocking
  std::string pending;  // what did not fit
  bool ended = false;   // closes when `pending` is gone
};

// In place of a sequence, of which 0 is none.
inline constexpr uint64_t kNobodyWaits = 0;

struct Supervisor::Container {
  ContainerSpec spec;
  ContainerFiles files;
  ContainerRecord record;
  StartedChild child;
  linux::Fd input;   // write end of stdin when it is open, or the terminal's master side
  linux::Fd output;  // read ends, or the terminal's master side
  linux::Fd errors;
  LogWriter log;
  std::vector<std::unique_ptr<Tap>> taps;
  FrameReader reports;
  std::optional<ContainerStarted> failure;  // what the child reported
  uint64_t start_sequence = kNobodyWaits;
  bool starting = false;
  bool alive = false;      // the child has not been reaped
  bool forgotten = false;  // never came to run; goes when the child is reaped

  linux::Fd& OutputOf(LogWriter::Stream stream) {
    return stream == LogWriter::Stream::kStdout ? output : errors;
  }
  bool Is(const std::string& name, int32_t attempt) const {
    return !forgotten && spec.name == name && spec.attempt == attempt;
  }
};

struct Supervisor::RunningExec {
  bool orphaned = false;  // nobody is told of it
  Exec message;
  StartedChild child;
  FrameReader reports;
  std::string error;
};

// Nanoseconds since the epoch.
int64_t WallClockNow();

}  // namespace wherry::nodeagent::init
