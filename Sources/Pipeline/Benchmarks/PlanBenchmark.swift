import Corpus
import Files
import Foundation
import Glibc
import Networks
import Topology
import Wire
import ZeroMQ

/// The coordinator by itself: it draws, leases, collates and commits as in a run, through its real sockets, with workers that
/// do nothing but answer.
package struct PlanBenchmark: Sendable {
  package struct Result: Encodable, Sendable {
    package var videos: Int
    package var replicas: Int
    package var batch: Int
    package var steps: Int
    /// Opening the index and the plan.
    package var secondsToOpen: Double
    package var itemsPerSecond: Double
    package var cpuMicrosecondsPerItem: Double
    /// A draw of the plan and the look-up of its video by itself, in random order.
    package var microsecondsPerDraw: Double
    package var peakResidentBytes: Int
    /// Resident at the end without pages of files: the index is mapped.
    package var ownResidentBytes: Int

    package enum CodingKeys: String, CodingKey {
      case videos, replicas, batch, steps
      case secondsToOpen = "seconds_to_open"
      case itemsPerSecond = "items_per_second"
      case cpuMicrosecondsPerItem = "coordinator_cpu_microseconds_per_item"
      case microsecondsPerDraw = "microseconds_per_draw"
      case peakResidentBytes = "peak_rss_bytes"
      case ownResidentBytes = "own_rss_bytes"
    }
  }

  /// The directory of the index.
  package var corpus: String
  package var replicas = 128
  /// Clips of a replica.
  package var batch = 16
  package var steps = 100
  package var decodeWorkers = 64
  package var trainWorkers = 16

  package init(corpus: String) { self.corpus = corpus }

  /// - Parameter directory: for the run; it must not be there.
  package func run(in directory: String) async throws -> Result {
    let run = RunDirectory(path: directory)
    try run.create(try topology())
    let began = Monotonic.seconds()
    let coordinator = try Coordinator(
      directory: run, stopAfter: nil, context: try Context(), progress: ProgressReporter(isQuiet: true))
    let opened = Monotonic.seconds() - began
    let videos = coordinator.corpus.counts(split: .train).reduce(0, +)
    let draw = try await coordinator.secondsPerDraw(count: 100_000)
    let crew = try IdleCrew(
      join: try run.identity().control, decode: decodeWorkers, train: trainWorkers, replicas: replicas, batch: batch)
    let running = Task { try await coordinator.run() }
    try await crew.start()
    do {
      try await coordinator.reached(1, within: 600)
      let (start, cpu) = (Monotonic.seconds(), await coordinator.cpuSeconds)
      try await coordinator.reached(steps + 1, within: 600)
      let (seconds, spent) = (Monotonic.seconds() - start, await coordinator.cpuSeconds - cpu)
      let items = Double(steps * replicas * batch)
      let own = ownResidentBytes()
      await end(coordinator, running, crew)
      return Result(
        videos: videos, replicas: replicas, batch: batch, steps: steps, secondsToOpen: opened,
        itemsPerSecond: items / seconds, cpuMicrosecondsPerItem: spent / items * 1e6,
        microsecondsPerDraw: draw * 1e6, peakResidentBytes: peakResidentBytes(),
        ownResidentBytes: own)
    } catch {
      await end(coordinator, running, crew)
      throw error
    }
  }

  private func end(_ coordinator: Coordinator, _ running: Task<RunReport, any Error>, _ crew: IdleCrew) async {
    await coordinator.fail(PipelineError(.configuration, "the benchmark is over"))
    _ = try? await running.value
    await crew.close()
  }

  /// Of a run that never ends by itself, with the smallest network.
  private func topology() throws -> Topology {
    try Topology.parse(
      """
      name: plan-benchmark
      seed: 7
      corpus: \(corpus)
      hosts:
        here: {address: 127.0.0.1, coordinator: true, decode: \(decodeWorkers), augment: 1, batch: 1, train: \(trainWorkers), average: 1}
      clip: {frames: 8, stride: 1, resize: [128, 171], crop: 112, mirror: true}
      sampling: {labels: square-root}
      train: {network: r2plus1d-10, width: 0.1, replicas: \(replicas), batch: \(batch), steps: 1000000, learning_rate: 0.1}
      checkpoint: {every: 1000000, keep: 1}
      lease_floor: 60
      """, file: "the benchmark's topology", overrides: [])
  }
}

extension Coordinator {
  /// Waits until `version` is committed.
  fileprivate func reached(_ version: Int, within seconds: Double) async throws {
    let end = Monotonic.seconds() + seconds
    while machine.committed < version {
      guard Monotonic.seconds() < end else {
        throw PipelineError(.configuration, "only \(machine.committed) of \(version) steps after \(Int(seconds)) s")
      }
      try await Task.sleep(for: .milliseconds(2))
    }
  }

  /// Label, rank and record of the videos that steps far ahead draw: other ones than the run will.
  fileprivate func secondsPerDraw(count: Int) throws -> Double {
    let began = Monotonic.seconds()
    let (replicas, batch) = (topology.train.replicas, topology.train.batch)
    for number in 0..<count {
      let step = 1_000_000 + number / (replicas * batch)
      let group = GroupKey(kind: .training, step: step, index: number / batch % replicas)
      let draw = items.plan.draw(ItemKey(group: group, slot: number % batch))
      _ = try corpus.video(split: .train, label: draw.label, rank: draw.rank)
    }
    return (Monotonic.seconds() - began) / Double(count)
  }

  /// Of its thread.
  fileprivate var cpuSeconds: Double { Monotonic.seconds(of: CLOCK_THREAD_CPUTIME_ID) }
}
