#include "lib/linux/cgroup_devices.h"

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace wherry::linux {
namespace {

struct Device {
  int major;
  int minor;  // -1: any
};
constexpr Device kOpenable[] = {{1, 3}, {1, 5}, {1, 7}, {1, 8}, {1, 9}, {5, 0}, {5, 2}, {136, -1}};

bpf_insn Instruction(int code, int dst, int src, int off, int imm) {
  bpf_insn instruction{};
  instruction.code = static_cast<uint8_t>(code);
  instruction.dst_reg = static_cast<uint8_t>(dst & 0xf);
  instruction.src_reg = static_cast<uint8_t>(src & 0xf);
  instruction.off = static_cast<int16_t>(off);
  instruction.imm = imm;
  return instruction;
}
bpf_insn LoadWord(int dst, int offset) {
  return Instruction(BPF_LDX | BPF_MEM | BPF_W, dst, BPF_REG_1, offset, 0);
}
bpf_insn JumpIfNot(int reg, int value, int skip) {
  return Instruction(BPF_JMP | BPF_JNE | BPF_K, reg, 0, skip, value);
}

}  // namespace

const char* const kDeviceRulesV1[10] = {"c *:* m",   "b *:* m",    "c 1:3 rwm", "c 1:5 rwm",
                                        "c 1:7 rwm", "c 1:8 rwm",  "c 1:9 rwm", "c 5:0 rwm",
                                        "c 5:2 rwm", "c 136:* rwm"};

Result<Fd> LoadDeviceProgram() {
  // r2 type, r3 access, r4 major, r5 minor; r0 is the verdict.
  std::array<bpf_insn, 64> code;
  size_t n = 0;
  code[n++] = LoadWord(BPF_REG_2, 0);
  code[n++] = Instruction(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_3, BPF_REG_2, 0, 0);
  code[n++] = Instruction(BPF_ALU | BPF_AND | BPF_K, BPF_REG_2, 0, 0, 0xffff);
  code[n++] = Instruction(BPF_ALU | BPF_RSH | BPF_K, BPF_REG_3, 0, 0, 16);
  code[n++] = LoadWord(BPF_REG_4, 4);
  code[n++] = LoadWord(BPF_REG_5, 8);
  auto allow = [&] {
    code[n++] = Instruction(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 1);
    code[n++] = Instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
  };
  code[n++] = JumpIfNot(BPF_REG_3, BPF_DEVCG_ACC_MKNOD, 2);
  allow();
  for (const auto& [major, minor] : kOpenable) {
    bool any_minor = minor < 0;
    code[n++] = JumpIfNot(BPF_REG_2, BPF_DEVCG_DEV_CHAR, any_minor ? 3 : 4);
    code[n++] = JumpIfNot(BPF_REG_4, major, any_minor ? 2 : 3);
    if (!any_minor) code[n++] = JumpIfNot(BPF_REG_5, minor, 2);
    allow();
  }
  code[n++] = Instruction(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0);
  code[n++] = Instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);

  bpf_attr attr{};
  attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  attr.insns = reinterpret_cast<uint64_t>(code.data());
  attr.insn_cnt = static_cast<uint32_t>(n);
  attr.license = reinterpret_cast<uint64_t>("Apache-2.0");
  long program = ::syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof attr);
  if (program < 0) return ErrnoError(errno, "load the device filter");
  return Fd(static_cast<int>(program));
}

Status AttachDeviceProgram(int program, int directory) {
  bpf_attr attr{};
  attr.target_fd = static_cast<uint32_t>(directory);
  attr.attach_bpf_fd = static_cast<uint32_t>(program);
  attr.attach_type = BPF_CGROUP_DEVICE;
  attr.attach_flags = BPF_F_ALLOW_MULTI;
  if (::syscall(SYS_bpf, BPF_PROG_ATTACH, &attr, sizeof attr) != 0) {
    return ErrnoError(errno, "attach the device filter");
  }
  return Ok();
}

}  // namespace wherry::linux
