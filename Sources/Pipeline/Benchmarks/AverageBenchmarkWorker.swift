import Tensors
package import Topology
import Wire
import ZeroMQ

/// A train worker that trains nothing: contributes the same numbers to every version as soon as it has it.
actor AverageBenchmarkWorker: StageActor {
  private nonisolated let thread: SocketThread
  nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  private let launch: StageLaunch
  private let worker: Int
  private let lastVersion: Int
  private let contribution: AlignedBuffer
  private var core: StageCore!
  private var shards: ShardLink!

  /// - Parameter lastVersion: nothing is contributed to it.
  init(launch: StageLaunch, worker: Int, elements: Int, lastVersion: Int) {
    self.launch = launch
    self.worker = worker
    self.lastVersion = lastVersion
    thread = SocketThread(name: "train")
    contribution = AlignedBuffer(byteCount: elements * 4)
    let values = contribution.elements(Float.self)
    for index in 0..<elements {
      values[index] = Float((index &* 2_654_435_761 &+ worker) >> 8 & 0xffff) / 65536 - 0.5
    }
  }

  func run() async throws -> StageEnd {
    core = try StageCore(stage: .train, launch: launch, thread: thread, produces: false)
    shards = ShardLink(
      identity: core.identity.id, place: launch.place, thread: thread, stamp: { self.core.stamp },
      onParameters: { self.holds($0) }, onTaken: { _, _ in })
    core.onConfigure = { configuration in
      self.shards.reset(map: BlockMap(elements: self.contribution.byteCount / 4, shards: configuration.shards))
      self.shards.fetch(version: 0)
    }
    core.onMessage = { kind, envelope in
      if kind == .peers, let peers = try? Peers(from: envelope) { self.shards.update(peers) }
    }
    core.start()
    let end = await withCheckedContinuation { core.waitForEnd($0) }
    shards.close()
    core.close()
    return end
  }

  func leave() { core?.leave() }

  private func holds(_ version: Int) {
    var consumed = ConsumedDigest(consuming: [])
    if version == lastVersion, let vector = shards.parameters(at: version) {
      consumed.digest = XXH3.hash(UnsafeRawBufferPointer(vector.bytes))
    }
    core.link.send(
      TrainedReport(
        group: GroupKey(kind: .training, step: version, index: worker), consumed: consumed, loss: 0, correct: 0,
        seconds: 0))
    guard version < lastVersion else { return }
    shards.fetch(version: version + 1)
    shards.contribute(version: version, node: .leaf(worker), contribution)
  }
}

/// One process of `bench average`.
package struct AverageBenchmarkProcess: Sendable {
  package var stages: [Stage]
  package var join: String
  package var ordinal: Int
  package var elements: Int
  package var lastVersion: Int

  package init(stages: [Stage], join: String, ordinal: Int, elements: Int, lastVersion: Int) {
    self.stages = stages
    self.join = join
    self.ordinal = ordinal
    self.elements = elements
    self.lastVersion = lastVersion
  }

  /// Works until its supervisor ends it.
  package func run() async throws {
    Context.keepFreedMemory()
    let place = try ProcessPlace(context: try Context(), host: "bench", address: nil)
    let launch = StageLaunch(join: join, place: place, ordinal: String(ordinal), elements: elements)
    try await withThrowingTaskGroup(of: StageEnd.self) { group in
      for stage in stages {
        let actor: any StageActor =
          stage == .average
          ? AverageStage(launch: launch)
          : AverageBenchmarkWorker(launch: launch, worker: ordinal, elements: elements, lastVersion: lastVersion)
        group.addTask { try await actor.run() }
      }
      for try await end in group { if case .refused(let reason) = end { throw PipelineError(.refused, reason) } }
    }
  }
}
