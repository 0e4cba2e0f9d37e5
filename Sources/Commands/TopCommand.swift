package import ArgumentParser
import Foundation
import Glibc
import Pipeline

/// `sluice top`: a live run, again and again.
package struct TopCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "top", abstract: "Watch a live run: hosts, workers, rates, queues, wait shares, bytes.",
    discussion: "On a terminal the table is redrawn until the run ends or Ctrl-C; elsewhere one follows the other.")

  @Option(help: "Seconds between two looks.")
  var interval = 2.0

  @Option(help: "End after so many tables.")
  var count: Int?

  @OptionGroup var live: LiveRun

  package init() {}

  package func validate() throws {
    guard (0.1...3600).contains(interval) else { throw ValidationError("--interval must be 0.1 to 3600 seconds.") }
    guard (count ?? 1) > 0 else { throw ValidationError("--count must be 1 or more.") }
  }

  package func run() async throws {
    let client = try live.client(.operator)
    let isTerminal = isatty(1) == 1
    var before: (status: RunStatus, at: Double)?
    var shown = 0
    while count.map({ shown < $0 }) ?? true {
      if shown > 0 { try await Task.sleep(for: .seconds(interval)) }
      let status: RunStatus
      do {
        status = try client.ask(ClientRequest(action: .status))
      } catch let error as PipelineError where error.code == .unreachable && before != nil {
        // It was there a moment ago.
        return print("\(before!.status.run) has ended")
      }
      let now = Monotonic.seconds()
      let table = TopTable(status, before: before?.status, seconds: now - (before?.at ?? now)).text
      FileHandle.standardOutput.write(Data((isTerminal ? "\u{1B}[H\u{1B}[2J\(table)\n" : "\(table)\n").utf8))
      before = (status, now)
      shown += 1
    }
  }
}

/// What `sluice top` shows of one moment: a line for the run, one a host, one a worker.
struct TopTable {
  private let status: RunStatus
  private let before: [WorkerID: RunStatus.Worker]
  private let seconds: Double

  /// - Parameters:
  ///   - before: the moment before, which rates are counted from; nil shows means since each worker started.
  ///   - seconds: since then.
  init(_ status: RunStatus, before: RunStatus?, seconds: Double) {
    self.status = status
    self.before = Dictionary(before?.workers.map { ($0.id, $0) } ?? []) { $1 }
    self.seconds = seconds
  }

  var text: String {
    let rate = status.clipsPerSecond.map { ", \(RunSummary.fixed($0, 1)) clips/s" } ?? ""
    var lines = [
      "\(status.run): \(status.state), step \(status.version) of \(status.steps)\(rate)"
        + "\(status.loss.map { ", loss \(RunSummary.fixed($0, 3))" } ?? ""); \(status.clipsLeased) clips in flight",
      status.shortStage.map { "short of: \($0)" } ?? "no stage is short",
    ]
    if let scaled = status.autoscale { lines.append("autoscale: \(scaled)") }
    lines.append(row("worker", "queue", "items/s", "wait", "MB/s out", "packed", "resident", "silent"))
    for host in Set(status.workers.map(\.host)).sorted() {
      let own = status.workers.filter { $0.host == host }
      lines.append(
        row(
          host, "\(own.reduce(0) { $0 + ($1.queued ?? 0) })", "", "",
          megabytes(own.reduce(0) { $0 + bytesRate($1) }), "",
          mebibytes(own.reduce(0) { $0 + $1.counters.residentBytes }), ""))
      lines += own.map(line)
    }
    lines += links
    return lines.joined(separator: "\n")
  }

  private func line(_ worker: RunStatus.Worker) -> String {
    let counters = worker.counters
    let packed = counters.tensorBytesOut > 0 ? "\(100 * counters.bytesOut / counters.tensorBytesOut) %" : ""
    let isNode = worker.stage == "node"
    return row(
      "  \(worker.id.dropFirst(worker.host.count + 1))", worker.queued.map(String.init) ?? "",
      isNode ? "" : RunSummary.fixed(rate(worker) { Double($0.items) }, 1),
      isNode ? "" : "\(RunSummary.fixed(100 * worker.waitShare, 0)) %", isNode ? "" : megabytes(bytesRate(worker)),
      packed, mebibytes(counters.residentBytes), worker.silentSeconds > 2 ? "\(Int(worker.silentSeconds)) s" : "")
  }

  /// A line for each worker and host it sends tensors to: bytes a second, and what packing left of the tensors.
  private var links: [String] {
    status.workers.flatMap { worker in
      (worker.counters.links ?? []).map { link in
        func sent(_ count: (OutgoingLink.Load) -> Int) -> Double {
          rate(worker) { ($0.links ?? []).first { $0.host == link.host }.map { Double(count($0)) } ?? 0 }
        }
        let (bytes, tensors) = (sent(\.sentBytes), sent(\.tensorBytes))
        let packed = tensors > 0 ? ", \(RunSummary.fixed(100 * bytes / tensors, 0)) % of the tensors' bytes" : ""
        return "link \(worker.id) → \(link.host): \(megabytes(bytes)) MB/s\(packed)\(link.measured.map(chosen) ?? "")"
      }
    }
  }

  private func chosen(_ link: OutgoingLink.Load.Measured) -> String {
    let rate = link.bytesPerSecond.map { ", carries \(megabytes($0)) MB/s" } ?? ""
    let share = link.packedShare.map { ", packing leaves \(RunSummary.fixed(100 * $0, 0)) %" } ?? ""
    return "; auto: \(link.isPacking ? "packed" : "not packed")\(share)\(rate)"
  }

  private func bytesRate(_ worker: RunStatus.Worker) -> Double { rate(worker) { Double($0.bytesOut) } }

  /// A second, since the moment before or since the worker started.
  private func rate(_ worker: RunStatus.Worker, _ count: (WorkerCounters) -> Double) -> Double {
    if let earlier = before[worker.id], seconds > 0 {
      return max(0, count(worker.counters) - count(earlier.counters)) / seconds
    }
    return worker.counters.aliveSeconds > 0 ? count(worker.counters) / worker.counters.aliveSeconds : 0
  }

  private func megabytes(_ bytes: Double) -> String { RunSummary.fixed(bytes / 1e6, 1) }

  private func mebibytes(_ bytes: Int) -> String { "\(bytes >> 20) MiB" }

  private func row(_ name: String, _ columns: String...) -> String {
    name.padded(to: 28) + columns.map { $0.leftPadded(to: 10) }.joined()
  }
}
