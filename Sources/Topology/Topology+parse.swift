internal import Foundation
internal import Yams

extension Topology {
  /// Reads and validates a topology file.
  ///
  /// - Parameter overrides: `path=value` texts of `--set`, applied in order before validation.
  /// - Throws: every mistake at once, in line order.
  package static func load(path: String, overrides: [String]) throws(TopologyError) -> Topology {
    let text: String
    do {
      text = try String(contentsOf: URL(fileURLWithPath: path), encoding: .utf8)
    } catch {
      let exists = FileManager.default.fileExists(atPath: path)
      let message = exists ? "cannot be read as UTF-8 text" : "no such topology file"
      throw TopologyError(file: path, issues: [TopologyIssue(line: nil, path: "", message: message)])
    }
    return try parse(text, file: path, overrides: overrides)
  }

  /// Validates the text of a topology.
  ///
  /// - Parameter file: what errors call it.
  /// - Throws: every mistake at once, in line order.
  package static func parse(_ yaml: String, file: String, overrides: [String]) throws(TopologyError) -> Topology {
    let issues = IssueCollector(file: file)
    var root: Node?
    do {
      root = try DuplicateKeys.compose(yaml.replacingOccurrences(of: "\r\n", with: "\n"))
    } catch {
      throw TopologyError(file: file, issues: [describe(error)])
    }
    guard case .mapping? = root else {
      issues.add("expected keys and values, found \(root?.kind ?? "nothing")", path: "", line: 1)
      throw TopologyError(file: file, issues: issues.issues)
    }
    for override in overrides {
      Override.apply(override, to: &root, issues: issues)
    }
    let topology = read(SectionReader(root, path: "", line: 1, issues: issues))
    try issues.throwIfAny()
    return topology
  }

  private static func describe(_ error: any Error) -> TopologyIssue {
    switch error as? YamlError {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      TopologyIssue(line: mark.line, path: "", message: "not YAML: \(problem)")
    case .duplicatedKeysInMapping(let keys, let context):
      TopologyIssue(
        line: context.mark.line, path: "", message: "given twice: \(keys.sorted().joined(separator: ", "))")
    default:
      TopologyIssue(line: nil, path: "", message: "not YAML: \(error)".replacingOccurrences(of: "\n", with: " "))
    }
  }

  private static func read(_ root: SectionReader) -> Topology {
    let name = root.string("name")
    if name.hasPrefix(".") || name.contains("/") {
      root.fail("name", "`\(name)` names a directory below runs/: it cannot contain / or begin with a dot")
    }
    let topology = Topology(
      name: name,
      seed: root.seed("seed"),
      corpus: root.string("corpus"),
      subset: root.optionalString("subset"),
      hosts: readHosts(root),
      clip: Clip.read(root.section("clip", required: true)),
      sampling: Sampling.read(root.section("sampling", required: false)),
      train: Train.read(root.section("train", required: true)),
      evaluate: readEvaluate(root.section("evaluate", required: false)),
      links: readLinks(root.section("links", required: false)),
      inFlight: root.integer("in_flight", default: 2, in: 1...64),
      checkpoint: readCheckpoint(root.section("checkpoint", required: false)),
      lostAfter: root.number("lost_after", default: 60, in: 1...86_400),
      transientRetries: root.integer("transient_retries", default: 3, in: 0...1000),
      onTransient: root.choice("on_transient", default: .stop),
      maxBadFraction: root.number("max_bad_fraction", default: 0.2, in: 0...1),
      leaseFloor: root.number("lease_floor", default: 2, in: 0.01...3600),
      decodeLimit: root.number("decode_limit", default: 300, in: 1...86_400),
      autoscale: readAutoscale(root.section("autoscale", required: false)))
    root.finish()
    topology.checkWorkers(root)
    topology.checkSecurity(root)
    topology.checkMemory(root)
    topology.checkEcho(root)
    topology.checkPlanes(root)
    topology.checkAutoscale(root)
    return topology
  }

  private static func readEvaluate(_ section: SectionReader?) -> Evaluate? {
    guard let section else { return nil }
    defer { section.finish() }
    let every = section.integer("every", in: 1...1_000_000_000)
    let split = section.optionalString("split") ?? "validation"
    if !["train", "validation", "test"].contains(split) {
      section.fail("split", "expected train, validation or test, found `\(split)`")
    }
    return Evaluate(every: every, clips: section.integer("clips", default: 10, in: 1...1000), split: split)
  }

  private static func readCheckpoint(_ section: SectionReader?) -> Checkpoint {
    guard let section else { return Checkpoint(every: 50, keep: 3) }
    defer { section.finish() }
    return Checkpoint(
      every: section.integer("every", default: 50, in: 1...1_000_000_000),
      keep: section.integer("keep", default: 3, in: 1...1_000_000))
  }

  private static func readLinks(_ section: SectionReader?) -> Links {
    guard let section else { return Links(compression: .lz4, format: .rgb24, security: .auto, keys: nil) }
    defer { section.finish() }
    return Links(
      compression: section.choice("compression", default: .lz4),
      format: section.choice("format", default: .rgb24),
      security: section.choice("security", default: .auto),
      keys: section.optionalString("keys"))
  }
}
