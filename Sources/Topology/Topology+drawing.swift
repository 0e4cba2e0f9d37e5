extension Topology {
  /// The pipeline with the number of workers of each stage, and which host has how many, as plain text.
  package func drawing() -> String {
    func box(_ stage: Stage) -> String { "\(stage.rawValue) ×\(count(stage))" }
    let row = [Stage.plan, .decode, .augment, .batch, .train, .average].map(box).joined(separator: " ─▶ ")
    var lines = [row]
    if evaluate != nil {
      let indent = String(repeating: " ", count: row.prefix(while: { $0 != "b" }).count)
      lines.append("\(indent)└─▶ \(box(.evaluate)) ◀─ parameters")
    }
    lines.append("")
    let nameWidth = hosts.map { $0.name.count + $0.address.count + 3 }.max() ?? 0
    for host in hosts {
      let label = "\(host.name) (\(host.address))"
      let stages = Stage.allCases.filter { host.count($0) > 0 }.map { "\($0.rawValue) \(host.count($0))" }
      let chain = host.chain.isEmpty ? "" : "; one process: \(host.chain.map(\.rawValue).joined(separator: " + "))"
      let padding = String(repeating: " ", count: max(0, nameWidth - label.count))
      lines.append("\(label)\(padding)  \(stages.joined(separator: ", "))\(chain)")
    }
    return lines.joined(separator: "\n")
  }

  /// The same as a Graphviz graph: one cluster a host, one node a stage of a host.
  package func dot() -> String {
    var lines = ["digraph \"\(escape(name))\" {", "  rankdir=LR;", "  node [shape=box];"]
    for (index, host) in hosts.enumerated() {
      lines.append("  subgraph cluster_\(index) {")
      lines.append("    label=\"\(escape(host.name)) (\(escape(host.address)))\";")
      for stage in Stage.allCases where host.count(stage) > 0 {
        lines.append("    \(stage.rawValue)_\(index) [label=\"\(stage.rawValue) ×\(host.count(stage))\"];")
      }
      lines.append("  }")
    }
    var edges: [(Stage, Stage, String)] = [
      (.plan, .decode, "leases"), (.decode, .augment, "windows"), (.augment, .batch, "clips"),
      (.batch, .train, "batches"), (.train, .average, "contributions"), (.average, .train, "parameters"),
    ]
    if evaluate != nil { edges += [(.batch, .evaluate, "batches"), (.average, .evaluate, "parameters")] }
    for (from, to, label) in edges {
      for (i, source) in hosts.enumerated() where source.count(from) > 0 {
        for (j, target) in hosts.enumerated() where target.count(to) > 0 {
          lines.append("  \(from.rawValue)_\(i) -> \(to.rawValue)_\(j) [label=\"\(label)\"];")
        }
      }
    }
    return (lines + ["}"]).joined(separator: "\n")
  }
}

private func escape(_ text: String) -> String {
  String(text.flatMap { $0 == "\"" || $0 == "\\" ? ["\\", $0] : [$0] })
}
