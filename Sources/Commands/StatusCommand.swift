package import ArgumentParser
import Pipeline

/// `sluice status`: a live run at this moment.
package struct StatusCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Show a live run: progress, workers, wait shares, endpoints.")

  @OptionGroup var live: LiveRun
  @OptionGroup var json: JSONOutput

  package init() {}

  package func run() async throws {
    let status = try live.client(.operator).ask(ClientRequest(action: .status))
    try json.print(status, text: Self.text(status))
  }

  private static func text(_ status: RunStatus) -> String {
    var lines = [
      "\(status.run) in \(status.directory): \(status.state), step \(status.version) of \(status.steps)"
        + (status.loss.map { ", loss \(RunSummary.fixed($0, 3))" } ?? ""),
      "\(status.clipsLeased) clips in flight, \(status.leasesExpired) leases expired, "
        + "\(status.quarantined) files quarantined, \(status.workersLost) workers lost",
    ]
    if let short = status.shortStage, let share = status.waitShare[short] {
      let hasWorkers = status.workers.contains { $0.stage == short }
      let reason = "its workers waited \(RunSummary.fixed(100 * share, 0)) % of the last seconds"
      lines.append("short of: \(short) (\(hasWorkers ? reason : "it has no workers"))")
    }
    for worker in status.workers {
      guard let item = worker.counters.underWay else { continue }
      lines.append("\(worker.id) has been at \(item.path) for \(RunSummary.fixed(item.seconds, 0)) s")
    }
    lines.append("\("worker".padded(to: 32)) \("items".leftPadded(to: 9)) wait  resident")
    for worker in status.workers {
      lines.append(
        "\(worker.id.padded(to: 32)) \(String(worker.counters.items).leftPadded(to: 9)) "
          + "\(RunSummary.fixed(100 * worker.waitShare, 0).leftPadded(to: 3)) %  "
          + "\(worker.counters.residentBytes >> 20) MiB")
    }
    return lines.joined(separator: "\n")
  }
}
