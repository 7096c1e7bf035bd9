#include <config/yaml_events.hpp>
#include <config/yaml_tree.hpp>

#include <utility>

namespace sandgate::config {
namespace {

class TreeBuilder : public YamlEvents {
 public:
  void on_key(Position at, const std::string& text) override { open_.back()->keys.push_back({text, at}); }
  void on_null(Position at) override { add({YamlNode::Kind::null, at, {}, {}, {}}); }
  void on_scalar(Position at, const std::string& text, ScalarStyle) override {
    add({YamlNode::Kind::scalar, at, text, {}, {}});
  }
  void on_start(Position at, Collection collection) override {
    const auto kind = collection == Collection::map ? YamlNode::Kind::map : YamlNode::Kind::list;
    open_.push_back(add({kind, at, {}, {}, {}}));
  }
  void on_end() override { open_.pop_back(); }

  YamlNode take() { return std::move(root_); }

 private:
  /// The address stays good while the node is open: only the innermost open node gets children.
  YamlNode* add(YamlNode node) {
    if (open_.empty()) return &(root_ = std::move(node));
    auto& siblings = open_.back()->children;
    siblings.push_back(std::move(node));
    return &siblings.back();
  }

  YamlNode root_;
  std::vector<YamlNode*> open_;
};

}  // namespace

std::variant<YamlNode, Problem> parse_tree(std::string_view yaml, const std::string& file) {
  TreeBuilder builder;
  if (auto problem = parse_yaml(yaml, file, builder)) return *std::move(problem);
  return builder.take();
}

}  // namespace sandgate::config
