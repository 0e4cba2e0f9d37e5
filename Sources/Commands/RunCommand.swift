package import ArgumentParser
import Foundation
import Pipeline
import Topology

/// `sluice run`: a whole topology on this machine.
package struct RunCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Run a whole topology on this machine: the coordinator and every host.")

  @Argument(help: "The topology file.")
  var topology: String

  @Option(help: "Steps to train: sets train.steps, and with it the schedule.")
  var steps: Int?

  @Option(help: "End after so many steps in all, without changing the schedule.")
  var stopAfter: Int?

  @Option(help: "Set a value of the topology: path=value. May be repeated.")
  var set: [String] = []

  @Flag(help: "Go on with the run in the output directory.")
  var resume = false

  @Option(help: "Directory of the run. (default: runs/NAME)")
  var output: String?

  @OptionGroup var json: JSONOutput

  package init() {}

  package func validate() throws {
    guard stopAfter.map({ $0 >= 0 }) ?? true else {
      throw ValidationError("--stop-after takes a number of steps, 0 or more")
    }
  }

  package func run() async throws {
    let overrides = set + (steps.map { ["train.steps=\($0)"] } ?? [])
    let topology = try Topology.load(path: topology, overrides: overrides)
    var launcher = RunLauncher(
      topology: topology, directory: RunDirectory(path: output ?? "runs/\(topology.name)"), hosts: topology.hosts,
      executable: try Executable.path())
    launcher.resume = resume
    launcher.stopAfter = stopAfter
    guard let report = try await launcher.run() else { return }
    try json.print(report, text: RunSummary.text(report))
  }
}

/// This program's own file: what supervisors start children from.
enum Executable {
  static func path() throws -> String {
    try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
  }
}

/// A run's report in a few lines.
enum RunSummary {
  static func text(_ report: RunReport) -> String {
    var lines = [
      "\(report.run): \(report.steps) steps, \(report.samplesUsed) clips, "
        + "\(fixed(report.clipsPerSecond, 1)) clips/s\(report.stopped ? ", stopped early (go on with --resume)" : "")",
      "parameters_sha256 \(report.parametersSHA256)",
    ]
    if let first = report.lossFirst, let last = report.lossLast {
      lines.append("loss \(fixed(first, 3)) → \(fixed(last, 3))")
    }
    if let evaluation = report.evaluation {
      lines.append(
        "evaluation: top-1 \(fixed(100 * evaluation.top1, 1)) %, top-5 \(fixed(100 * evaluation.top5, 1)) %, "
          + "mAP \(fixed(evaluation.map, 3))")
    }
    for label in report.labels {
      lines.append("  \(fixed(100 * label.top1, 0).leftPadded(to: 3)) %  \(label.label) (\(label.videos) videos)")
    }
    if !report.quarantined.isEmpty {
      lines.append("quarantined: \(report.quarantined.count) files, listed with reasons in the report")
    }
    lines.append("report \(report.directory)/report.json, weights \(report.directory)/weights.safetensors")
    return lines.joined(separator: "\n")
  }

  static func fixed(_ value: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", value) }
}

extension String {
  func leftPadded(to width: Int) -> String { String(repeating: " ", count: max(0, width - count)) + self }

  func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
