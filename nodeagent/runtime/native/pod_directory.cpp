#include "nodeagent/runtime/native/pod_directory.h"

#include "lib/json/json.h"
#include "lib/linux/file.h"

#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace wherry::nodeagent::runtime::native {
namespace {

using json::Value;
using linux::Fd;

int64_t Nanoseconds(WallTime time) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}
WallTime FromNanoseconds(int64_t ns) {
  return WallTime(std::chrono::duration_cast<WallTime::duration>(std::chrono::nanoseconds(ns)));
}

template <typename A>
void PortFields(A& a, network::PortMapping& port) {
  a("protocol", port.protocol), a("hostIP", port.host_ip), a("hostPort", port.host_port);
  a("containerPort", port.container_port);
}

// A reader of flat objects whose members must all be there.
class Members {
 public:
  explicit Members(const Value& object) : object_(object) {}
  bool ok() const { return ok_; }
  void operator()(const char* name, std::string& value) {
    if (const Value* found = Find(name, &Value::is_string)) value = found->get<std::string>();
  }
  void operator()(const char* name, bool& value) {
    if (const Value* found = Find(name, &Value::is_boolean)) value = found->get<bool>();
  }
  template <std::integral T>
  void operator()(const char* name, T& value) {
    if (const Value* found = Find(name, &Value::is_number_integer)) value = found->get<T>();
  }
  void operator()(const char* name, std::vector<std::string>& values) {
    const Value* found = Find(name, &Value::is_array);
    if (found == nullptr) return;
    for (const Value& item : *found) {
      ok_ = ok_ && item.is_string();
      if (ok_) values.push_back(item.get<std::string>());
    }
  }
  // Records of earlier versions have none.
  void operator()(const char* name, std::vector<network::PortMapping>& ports) {
    if (!object_.contains(name)) return;
    const Value* found = Find(name, &Value::is_array);
    if (found == nullptr) return;
    for (const Value& item : *found) {
      Members members(item);
      network::PortMapping& port = ports.emplace_back();
      ok_ = ok_ && item.is_object();
      if (!ok_) return;
      PortFields(members, port);
      ok_ = members.ok();
    }
  }
  void operator()(const char* name, std::map<std::string, std::string>& values) {
    const Value* found = Find(name, &Value::is_object);
    if (found == nullptr) return;
    for (const auto& [key, item] : found->items()) {
      ok_ = ok_ && item.is_string();
      if (ok_) values[key] = item.get<std::string>();
    }
  }

 private:
  const Value* Find(const char* name, bool (Value::*is)() const noexcept) {
    auto found = object_.find(name);
    ok_ = ok_ && found != object_.end() && ((*found).*is)();
    return ok_ ? &*found : nullptr;
  }
  const Value& object_;
  bool ok_ = true;
};

class MembersWriter {
 public:
  void operator()(const char* name, const auto& value) { object_[name] = value; }
  void operator()(const char* name, std::vector<network::PortMapping>& ports) {
    Value& array = object_[name] = Value::array();
    for (network::PortMapping& port : ports) {
      MembersWriter members;
      PortFields(members, port);
      array.push_back(std::move(members.object_));
    }
  }
  std::string Take() { return json::DumpPretty(object_); }

 private:
  Value object_ = Value::object();
};

template <typename A>
void SandboxFields(A& a, SandboxRecord& r, int64_t& created) {
  SandboxConfig& c = r.config;
  a("uid", c.uid), a("name", c.name), a("namespace", c.ns), a("hostname", c.hostname);
  a("logDirectory", c.log_directory), a("qosClass", c.qos_class);
  a("cpuSharesMilli", c.resources.cpu_shares_milli);
  a("cpuLimitMilli", c.resources.cpu_limit_milli);
  a("memoryLimitBytes", c.resources.memory_limit_bytes), a("pidsLimit", c.resources.pids_limit);
  a("hostNetwork", c.host_network), a("hostPID", c.host_pid), a("hostIPC", c.host_ipc);
  a("shareProcessNamespace", c.share_process_namespace), a("sysctls", c.sysctls);
  a("fsGroup", c.fs_group), a("createdAt", created), a("ips", r.ips);
  a("cgroupPath", r.cgroup_path), a("hostPorts", c.host_ports);
}

template <typename A>
void CreatedFields(A& a, CreatedRecord& r, int64_t& created) {
  a("name", r.name), a("attempt", r.attempt), a("id", r.id), a("imageID", r.image_id);
  a("createdAt", created);
}

Error Broken(const char* what) {
  return MakeError(Reason::kInvalid, std::string(what) + " is broken");
}

std::string ContainerDirectory(const std::string& name, int32_t attempt) {
  return "c/" + name + "_" + std::to_string(attempt);
}

}  // namespace

std::string EncodeSandbox(const SandboxRecord& record) {
  SandboxRecord copy = record;
  int64_t created = Nanoseconds(record.created_at);
  MembersWriter writer;
  SandboxFields(writer, copy, created);
  return writer.Take();
}

Result<SandboxRecord> DecodeSandbox(std::string_view text) {
  TRY(Value document, json::Parse(text));
  if (!document.is_object()) return Broken("sandbox.json");
  SandboxRecord record;
  int64_t created = 0;
  Members members(document);
  SandboxFields(members, record, created);
  if (!members.ok()) return Broken("sandbox.json");
  record.created_at = FromNanoseconds(created);
  return record;
}

std::string EncodeCreated(const CreatedRecord& record) {
  CreatedRecord copy = record;
  int64_t created = Nanoseconds(record.created_at);
  MembersWriter writer;
  CreatedFields(writer, copy, created);
  return writer.Take();
}

Result<CreatedRecord> DecodeCreated(std::string_view text) {
  TRY(Value document, json::Parse(text));
  if (!document.is_object()) return Broken("container.json");
  CreatedRecord record;
  int64_t created = 0;
  Members members(document);
  CreatedFields(members, record, created);
  if (!members.ok()) return Broken("container.json");
  record.created_at = FromNanoseconds(created);
  return record;
}

Status CheckName(const std::string& name, const char* what) {
  auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
  };
  if (name.empty() || name.size() > 253 || name.front() == '.' ||
      !std::ranges::all_of(name, fits)) {
    return MakeError(Reason::kInvalid, std::string(what) + " '" + name + "' is not a valid name");
  }
  return Ok();
}

Result<PodDirectory> PodDirectory::Make(int pods, const PodUid& uid) {
  TRY_STATUS(CheckName(uid, "pod uid"));
  TRY_STATUS(linux::MakeDirs(pods, uid, 0700));
  TRY_STATUS(linux::MakeDirs(pods, uid + "/c", 0700));
  return Open(pods, uid);
}

Result<PodDirectory> PodDirectory::Open(int pods, const PodUid& uid) {
  TRY_STATUS(CheckName(uid, "pod uid"));
  TRY(Fd fd, linux::OpenAt(pods, uid, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  return PodDirectory(std::move(fd));
}

Status PodDirectory::Remove(int pods, const PodUid& uid) {
  TRY_STATUS(CheckName(uid, "pod uid"));
  return linux::RemoveTree(pods, uid);
}

Status PodDirectory::SaveSandbox(const SandboxRecord& record) const {
  return linux::ReplaceFile(fd(), "sandbox.json", EncodeSandbox(record), 0600,
                            linux::Durability::kPageCache);
}

Result<SandboxRecord> PodDirectory::LoadSandbox() const {
  TRY(std::string text, linux::ReadFile(fd(), "sandbox.json"));
  return DecodeSandbox(text);
}

Result<Fd> PodDirectory::MakeContainer(
    const CreatedRecord& record,
    const std::function<Status(int directory, const std::string& name)>& move_in) const {
  std::string path = ContainerDirectory(record.name, record.attempt);
  // What an interrupted start left behind must not shine through.
  TRY_STATUS(linux::RemoveTree(fd(), path));
  ::unlinkat(fd(), ("exit-" + record.name + "-" + std::to_string(record.attempt)).c_str(), 0);
  if (move_in) TRY_STATUS(move_in(fd(), path));
  for (const std::string& directory : {path, path + "/upper", path + "/work"}) {
    if (!move_in && ::mkdirat(fd(), directory.c_str(), 0755) != 0) {
      return ErrnoError(errno, "make directory '" + directory + "'");
    }
  }
  TRY(Fd container, linux::OpenAt(fd(), path, O_RDONLY | O_DIRECTORY));
  TRY_STATUS(linux::ReplaceFile(container.get(), "container.json", EncodeCreated(record), 0600,
                                linux::Durability::kPageCache));
  return container;
}

Result<std::vector<CreatedRecord>> PodDirectory::LoadContainers() const {
  std::vector<CreatedRecord> records;
  TRY_STATUS(linux::ForEachEntry(fd(), "c", [&](const std::string& name, unsigned char) -> Status {
    auto text = linux::ReadFile(fd(), "c/" + name + "/container.json");
    if (!text.ok()) return Ok();  // never came as far as being started
    TRY(CreatedRecord record, DecodeCreated(*text));
    records.push_back(std::move(record));
    return Ok();
  }));
  return records;
}

Result<linux::DiskUsage> PodDirectory::WritableLayerUsage(const std::string& name,
                                                          int32_t attempt) const {
  return linux::DiskUsageOf(fd(), ContainerDirectory(name, attempt) + "/upper");
}

Status PodDirectory::RemoveContainer(const std::string& name, int32_t attempt) const {
  TRY_STATUS(linux::RemoveTree(fd(), ContainerDirectory(name, attempt)));
  return linux::RemoveTree(fd(), "exit-" + name + "-" + std::to_string(attempt));
}

Result<init::ContainerRecord> PodDirectory::LoadExit(const std::string& name,
                                                     int32_t attempt) const {
  TRY(std::string text, linux::ReadFile(fd(), "exit-" + name + "-" + std::to_string(attempt)));
  return init::Decode<init::ContainerRecord>(text);
}

}  // namespace wherry::nodeagent::runtime::native
