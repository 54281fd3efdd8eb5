#include "apiserver/registry/core/kind_strategy.h"
#include "apiserver/registry/core/node_printer.h"
#include "apiserver/registry/core/node_validation.h"
#include "apiserver/registry/core/resource_lists.h"
#include "apiserver/registry/core/strategies.h"
#include "proto/api/core/v1.pb.h"

// Source: pkg/registry/core/node/strategy.go.
namespace wherry::apiserver::registry::core {

using api::core::v1::Node;

namespace {

// podCIDR is the first of podCIDRs; whichever a client gave, both are stored.
void AlignPodCIDRs(Node& node) {
  auto& spec = *node.mutable_spec();
  if (!spec.podcidr().empty() &&
      (spec.podcidrs_size() == 0 || spec.podcidrs(0) != spec.podcidr())) {
    spec.clear_podcidrs();
    spec.add_podcidrs(spec.podcidr());
  } else if (spec.podcidrs_size() > 0) {
    spec.set_podcidr(spec.podcidrs(0));
  }
}

class NodeStatusStrategy : public UpdateStrategy {
 public:
  void PrepareForUpdate(const Context&, Message& object, const Message& old) const override {
    Node& node = Typed<Node>(object);
    *node.mutable_spec() = Typed<Node>(old).spec();
    if (!Typed<Node>(old).status().has_config()) node.mutable_status()->clear_config();
  }
  ErrorList ValidateUpdate(const Context&, const Message& object,
                           const Message& old) const override {
    return ValidateNodeUpdate(Typed<Node>(object), Typed<Node>(old));
  }
};

class NodeStrategy : public KindStrategy<Node> {
 public:
  void Default(Message& object) const override {
    Node& node = Typed<Node>(object);
    AlignPodCIDRs(node);
    if (!node.has_status()) return;
    auto& status = *node.mutable_status();
    if (status.allocatable().empty()) *status.mutable_allocatable() = status.capacity();
    RoundUpToMilli(*status.mutable_capacity());
    RoundUpToMilli(*status.mutable_allocatable());
  }

  // A node agent registers with its status.
  void PrepareForCreate(const Context&, Message& object) const override {
    Node& node = Typed<Node>(object);
    node.mutable_spec()->clear_configsource();
    if (node.has_status()) node.mutable_status()->clear_config();
  }

  void PrepareForUpdate(const Context&, Message& object, const Message& old) const override {
    Node& node = Typed<Node>(object);
    *node.mutable_status() = Typed<Node>(old).status();
    if (!Typed<Node>(old).spec().has_configsource()) node.mutable_spec()->clear_configsource();
  }

  ErrorList Validate(const Context&, const Message& object) const override {
    return ValidateNode(Typed<Node>(object));
  }
  ErrorList ValidateUpdate(const Context&, const Message& object,
                           const Message& old) const override {
    ErrorList errors = ValidateNode(Typed<Node>(object));
    errors.Append(ValidateNodeUpdate(Typed<Node>(object), Typed<Node>(old)));
    return errors;
  }

  const UpdateStrategy* StatusStrategy() const override { return &status_; }

  std::vector<storage::SelectableField> SelectableFields() const override {
    return {{"spec.unschedulable", "false"}};
  }

  const TablePrinter& Printer() const override { return NodePrinter(); }

 private:
  NodeStatusStrategy status_;
};

}  // namespace

std::unique_ptr<Strategy> MakeNodeStrategy() { return std::make_unique<NodeStrategy>(); }

}  // namespace wherry::apiserver::registry::core
