package import ArgumentParser
import Pipeline

/// `sluice scale`: another number of workers, while the run goes on.
package struct ScaleCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "scale", abstract: "Change the number of workers of a live run.")

  @Argument(help: "STAGE=N, such as decode=6.")
  var counts: [String]

  @Option(
    help:
      "Only on this host: N workers there. Without it, N is the total. A `sluice worker` counts and may be sent away.")
  var host: String?

  @OptionGroup var live: LiveRun
  @OptionGroup var json: JSONOutput

  package init() {}

  package func validate() throws { _ = try wanted() }

  package func run() async throws {
    let status = try live.client(.operator).ask(ClientRequest(action: .scale, counts: try wanted(), host: host))
    try json.print(status, text: "asked \(status.run) for " + counts.joined(separator: ", "))
  }

  /// The counts by stage.
  private func wanted() throws -> [String: Int] {
    var wanted: [String: Int] = [:]
    for text in counts {
      let sides = text.split(separator: "=", omittingEmptySubsequences: false)
      guard sides.count == 2, !sides[0].isEmpty, let count = Int(sides[1]), count >= 0 else {
        throw ValidationError("\(text): give STAGE=N, such as decode=6")
      }
      wanted[String(sides[0])] = count
    }
    return wanted
  }
}
