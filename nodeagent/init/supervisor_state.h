#pragma once

#include "nodeagent/init/supervisor.h"

#include <optional>

namespace wherry::nodeagent::init {

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
  FrameReader reports;
  std::optional<ContainerStarted> failure;  // what the child reported
  uint64_t start_sequence = kNobodyWaits;
  bool starting = false;
  bool alive = false;      // the child has not been reaped
  bool forgotten = false;  // never came to run; goes when the child is reaped

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
