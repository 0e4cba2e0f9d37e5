package import ArgumentParser
import Foundation
import Pipeline
import Topology

/// `sluice tap`: live copies of what a stage makes, never slowing it.
package struct TapCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "tap", abstract: "Watch a stage of a live run: headers, and contact sheets of its clips.")

  @Argument(help: "The stage: plan, decode, augment, batch, train, average or evaluate.")
  var stage: String

  @Option(help: "One item in so many, the same ones at every stage.")
  var every: Int = 1

  @Option(help: "End after so many items.")
  var limit: Int?

  @Option(help: "End after so many seconds without an item.")
  var timeout: Double = 60

  @Option(help: "Directory for contact sheets (PNG) and headers.jsonl.")
  var output: String?

  @OptionGroup var live: LiveRun

  package init() {}

  package func validate() throws {
    guard Stage(rawValue: stage) != nil else {
      let names = Stage.allCases.map(\.rawValue).joined(separator: ", ")
      throw ValidationError("unknown stage \(stage); stages are \(names)")
    }
    guard every > 0, limit.map({ $0 > 0 }) ?? true else {
      throw ValidationError("--every and --limit take numbers from 1")
    }
    guard timeout > 0, timeout.isFinite else { throw ValidationError("--timeout takes seconds above 0") }
  }

  package func run() async throws {
    let recorder = try TapRecorder(directory: output)
    let client = try live.client(.tap)
    try client.tap(Stage(rawValue: stage)!, every: every, limit: limit, timeoutSeconds: timeout) { item in
      print(try recorder.record(item))
      // Who reads a pipe or file sees each item as it comes.
      fflush(nil)
    }
  }
}
